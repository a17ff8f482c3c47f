extension TableCollector {
    /// Blocks of the tables of a database, read and found in memory (`pg_statio_user_tables`).
    static func statioUserTables(_ relations: PostgresOptions.Relations) -> TableCollector {
        let parts = [
            ("heap", "the table itself"), ("idx", "the table's indexes"), ("toast", "the table's long values"),
            ("tidx", "the indexes of the table's long values"),
        ]
        let blocks = parts.flatMap { part, what -> [Column] in
            [
                .counter(
                    "pg_statio_user_tables_\(part)_blocks_read", "sum(\(part)_blks_read)",
                    "Blocks of \(what) read from disk or the system's cache.", null: 0),
                .counter(
                    "pg_statio_user_tables_\(part)_blocks_hit", "sum(\(part)_blks_hit)",
                    "Blocks of \(what) found in PostgreSQL's own buffers.", null: 0),
            ]
        }
        return TableCollector(
            "statio_user_tables",
            scope: .database,
            source: "pg_statio_user_tables",
            columns: [
                .label("datname", "current_database()"), relations.schema, relations.label("relname"),
            ] + blocks,
            from: relations.groups(of: "pg_statio_user_tables", by: "relid")
        )
    }
}
