extension TableCollector {
    /// Transactions prepared for two-phase commit and not yet ended (`pg_prepared_xacts`).
    static let preparedTransactions = TableCollector(
        "prepared_transactions",
        source: "pg_prepared_xacts",
        columns: [
            .label("datname", "d.datname"),
            .gauge(
                "pg_prepared_transactions", "count(p.gid)",
                """
                Prepared transactions; they keep their locks, over restarts too, until somebody commits or rolls them \
                back (pg_prepared_xacts).
                """),
            .gauge(
                "pg_prepared_transactions_oldest_seconds",
                "extract(epoch FROM max(clock_timestamp() - p.prepared))",
                "How long ago the oldest was prepared, 0 for none; many minutes mean that it was forgotten "
                    + "(pg_prepared_xacts.prepared).", null: 0),
        ],
        from: """
            pg_database AS d LEFT JOIN pg_prepared_xacts AS p ON p.database = d.datname WHERE d.datallowconn \
            GROUP BY d.datname ORDER BY d.datname
            """
    )
}
