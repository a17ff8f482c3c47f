extension ShowTable {
    /// Limits and connections of every database that the pooler knows (`SHOW DATABASES`). The reserve was renamed in 1.24.
    static let databases = ShowTable(
        name: "pgbouncer_databases",
        command: "SHOW DATABASES",
        layout: .rows(labels: ["name", "host", "port", "database", "force_user", "pool_mode"]),
        values: [
            .gauge(
                "pgbouncer_databases_pool_size", "pool_size", "How many servers each pool of the database may have."),
            .gauge(
                "pgbouncer_databases_reserve_pool",
                [Value.Term(column: "reserve_pool"), Value.Term(column: "reserve_pool_size")],
                "How many more servers each pool may have where clients wait for long (reserve_pool_timeout)."),
            .gauge(
                "pgbouncer_databases_max_connections", "max_connections",
                "How many servers all pools of the database may have together, 0 for any number."),
            .gauge(
                "pgbouncer_databases_current_connections", "current_connections",
                "How many servers all pools of the database have together."),
            .gauge("pgbouncer_databases_paused", "paused", "Whether the database is paused (PAUSE): 1 or 0."),
            .gauge("pgbouncer_databases_disabled", "disabled", "Whether the database is disabled (DISABLE): 1 or 0."),
        ])
}
