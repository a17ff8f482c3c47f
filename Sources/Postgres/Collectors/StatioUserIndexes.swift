extension TableCollector {
    /// Blocks of the indexes of a database, read and found in memory (`pg_statio_user_indexes`).
    static func statioUserIndexes(_ relations: PostgresOptions.Relations) -> TableCollector {
        TableCollector(
            "statio_user_indexes",
            isEnabledByDefault: false,
            scope: .database,
            source: "pg_statio_user_indexes",
            columns: [
                .label("datname", "current_database()"),
                relations.schema,
                relations.label("relname"),
                relations.label("indexrelname"),
                .counter(
                    "pg_statio_user_indexes_idx_blks_read_total", "sum(idx_blks_read)",
                    "Blocks of the index read from disk or the system's cache.", null: 0),
                .counter(
                    "pg_statio_user_indexes_idx_blks_hit_total", "sum(idx_blks_hit)",
                    "Blocks of the index found in PostgreSQL's own buffers.", null: 0),
            ],
            from: relations.groups(of: "pg_statio_user_indexes", by: "indexrelid")
        )
    }
}
