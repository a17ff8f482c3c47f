extension TableCollector {
    /// Open transactions that are not autovacuum's, and the age of the oldest (`pg_stat_activity`).
    ///
    /// Our own sessions are not counted, nor are sessions that call themselves idle.
    static let longRunningTransactions = TableCollector(
        "long_running_transactions",
        source: "pg_stat_activity",
        needs: .readAllStats,
        columns: [
            .gauge("pg_long_running_transactions", "count(*)", "Transactions open at the moment, however young."),
            .gauge(
                "pg_long_running_transactions_oldest_timestamp_seconds",
                "extract(epoch FROM max(now() - xact_start))",
                "Age of the oldest open transaction in seconds, no timestamp; 0 where there is none.", null: 0),
        ],
        from: """
            pg_stat_activity AS a WHERE state IS DISTINCT FROM 'idle' AND query NOT LIKE 'autovacuum:%' \
            AND xact_start IS NOT NULL AND \(isOthers("a"))
            """
    )
}
