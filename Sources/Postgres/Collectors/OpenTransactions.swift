extension TableCollector {
    /// The longest that clients have been in a query, in a transaction, and idle in one (`pg_stat_activity`).
    ///
    /// Every database has its series, 0 where nothing is open. Our own sessions do not count.
    static let openTransactions = TableCollector(
        "open_transactions",
        source: "pg_stat_activity",
        needs: .readAllStats,
        columns: [
            .label("datname", "d.datname"),
            .gauge(
                "pg_idle_in_transaction_sessions", "count(*) FILTER (WHERE \(isIdleInTransaction))",
                """
                Clients that have opened a transaction and now ask for nothing, while it keeps its locks and keeps \
                vacuum from removing rows (pg_stat_activity.state).
                """),
            .gauge(
                "pg_idle_in_transaction_longest_seconds",
                "extract(epoch FROM max(clock_timestamp() - a.state_change) FILTER (WHERE \(isIdleInTransaction)))",
                "How long the longest of them has asked for nothing, 0 for none (pg_stat_activity.state_change).",
                null: 0),
            .gauge(
                "pg_oldest_transaction_seconds", "extract(epoch FROM max(clock_timestamp() - a.xact_start))",
                """
                Age of the oldest transaction of a client, whatever it does, 0 for none \
                (pg_stat_activity.xact_start).
                """, null: 0),
            .gauge(
                "pg_longest_query_seconds",
                "extract(epoch FROM max(clock_timestamp() - a.query_start) FILTER (WHERE a.state = 'active'))",
                "How long the query that runs longest has been running, 0 for none (pg_stat_activity.query_start).",
                null: 0),
        ],
        from: """
            pg_database AS d LEFT JOIN pg_stat_activity AS a ON a.datid = d.oid AND \(isOthers("a")) \
            AND a.backend_type = 'client backend' WHERE d.datallowconn GROUP BY d.datname ORDER BY d.datname
            """
    )

    private static let isIdleInTransaction =
        "a.state IN ('idle in transaction', 'idle in transaction (aborted)')"
}
