extension ShowTable {
    /// What went through the pooler, by database of its own, since it started (`SHOW STATS_TOTALS`, which unlike `SHOW STATS`
    /// does not work out averages). Assignments came with 1.23, prepared statements with 1.24.
    ///
    /// - Parameter hasLegacyNames: Whether the families also appear as `pgbouncer_stats_...`, as pgbouncer_exporter had
    ///   them before 0.11.
    static func stats(hasLegacyNames: Bool) -> ShowTable {
        ShowTable(
            name: "pgbouncer_stats",
            command: "SHOW STATS_TOTALS",
            layout: .rows(labels: ["database"]),
            values: values(prefix: "pgbouncer_stats_totals") + (hasLegacyNames ? values(prefix: "pgbouncer_stats") : [])
        )
    }

    private static func values(prefix: String) -> [Value] {
        [
            .counter("\(prefix)_queries_pooled_total", "query_count", "Statements that went through the pooler."),
            .counter(
                "\(prefix)_queries_duration_seconds_total", "query_time",
                "Seconds that servers spent on statements.", dividedBy: 1e6),
            .counter(
                "\(prefix)_sql_transactions_pooled_total", "xact_count", "Transactions that went through the pooler."),
            .counter(
                "\(prefix)_server_in_transaction_seconds_total", "xact_time",
                "Seconds that servers were in a transaction, also where they waited for its next statement.",
                dividedBy: 1e6),
            .counter(
                "\(prefix)_client_wait_seconds_total", "wait_time", "Seconds that clients waited for a server.",
                dividedBy: 1e6),
            .counter("\(prefix)_received_bytes_total", "bytes_received", "Bytes received from clients."),
            .counter("\(prefix)_sent_bytes_total", "bytes_sent", "Bytes sent to clients."),
            .counter(
                "\(prefix)_server_assignments_total", "server_assignment_count",
                "How often a client was given a server.", versions: "1.23+"),
            .counter(
                "\(prefix)_client_parses_total", "client_parse_count",
                "Prepared statements that clients asked for (Parse messages).", versions: "1.24+"),
            .counter(
                "\(prefix)_server_parses_total", "server_parse_count",
                "Prepared statements that the pooler made in servers (Parse messages).", versions: "1.24+"),
            .counter(
                "\(prefix)_binds_total", "bind_count",
                "Prepared statements that clients got ready to run (Bind messages).", versions: "1.24+"),
        ]
    }
}
