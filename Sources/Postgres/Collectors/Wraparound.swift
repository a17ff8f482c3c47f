extension TableCollector {
    /// How much of the transaction ids is used up that the oldest row of each database leaves (`pg_database`).
    ///
    /// Databases that admit nobody are in it: one of them suffices to stop the server.
    static let wraparound = TableCollector(
        "wraparound",
        source: "pg_database",
        columns: [
            .label("datname", "d.datname"),
            .gauge(
                "pg_database_wraparound_ratio", "age(d.datfrozenxid) / 2147483648::float8",
                """
                Part of the transaction ids that is used up since the database's oldest row was frozen; shortly before 1 \
                the server accepts no more writes (pg_database.datfrozenxid).
                """),
            .gauge(
                "pg_database_freeze_max_age_ratio",
                "age(d.datfrozenxid) / current_setting('autovacuum_freeze_max_age')::float8",
                """
                The same age as part of autovacuum_freeze_max_age: at 1 autovacuum begins to freeze, whatever is set; \
                well above it, it does not get done (pg_database.datfrozenxid).
                """),
            .gauge(
                "pg_database_multixact_wraparound_ratio", "mxid_age(d.datminmxid) / 2147483648::float8",
                """
                Part of the multixact ids, which rows locked by several transactions need, that is used up; shortly \
                before 1 the server accepts no more writes (pg_database.datminmxid).
                """),
            .gauge(
                "pg_database_multixact_freeze_max_age_ratio",
                "mxid_age(d.datminmxid) / current_setting('autovacuum_multixact_freeze_max_age')::float8",
                """
                The same age as part of autovacuum_multixact_freeze_max_age, at which autovacuum begins to freeze \
                (pg_database.datminmxid).
                """),
        ],
        from: "pg_database AS d ORDER BY d.datname"
    )
}
