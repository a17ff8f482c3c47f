extension TableCollector {
    /// Disk space that the tables of a database take (`pg_table_size`, `pg_indexes_size`).
    ///
    /// These functions lock what they measure, and would wait for whoever has it for himself. So a table that anybody
    /// holds or awaits ACCESS EXCLUSIVE on - on itself, an index, or what it keeps its long values in - is not measured:
    /// its sizes are absent. The rest is not measured either, which could take as long as there are tables: what its tables'
    /// last VACUUM or ANALYZE saw of them is added up.
    static func relationSizes(_ relations: PostgresOptions.Relations) -> TableCollector {
        func size(_ metric: String, _ function: String, estimate pages: String, _ help: String) -> Column {
            .gauge(
                "pg_stat_user_tables_\(metric)_bytes",
                "sum(CASE WHEN place IS NULL THEN \(pages) * current_setting('block_size')::bigint "
                    + "WHEN is_free THEN \(function)(relid) END)",
                help)
        }
        return TableCollector(
            "relation_sizes",
            scope: .database,
            isSlow: true,
            parent: "stat_user_tables",
            source: "pg_table_size(), pg_indexes_size()",
            columns: [
                .label("datname", "current_database()"),
                relations.schema,
                relations.label("relname"),
                size(
                    "index_size", "pg_indexes_size", estimate: "index_pages",
                    "Disk space of the table's indexes, in bytes (pg_indexes_size)."),
                size(
                    "table_size", "pg_table_size", estimate: "table_pages",
                    "Disk space of the table without its indexes, in bytes; long values and maps of free space and "
                        + "visibility included (pg_table_size)."),
            ],
            from: relations.groups(of: measured, by: "relid")
        )
    }

    private static let measured = """
        (SELECT t.relid, t.schemaname, t.relname, t.relid NOT IN (\(exclusivelyLocked)) AS is_free, \
        c.relpages + coalesce(long.relpages, 0) AS table_pages, (SELECT coalesce(sum(parts.relpages), 0) \
        FROM pg_index AS i JOIN pg_class AS parts ON parts.oid = i.indexrelid WHERE i.indrelid = c.oid) AS index_pages \
        FROM pg_stat_user_tables AS t JOIN pg_class AS c ON c.oid = t.relid \
        LEFT JOIN pg_class AS long ON long.oid = c.reltoastrelid)
        """

    /// The tables that a lock is on, whatever part of them is locked.
    private static let exclusivelyLocked = """
        SELECT coalesce(t.oid, i.indrelid, l.relation) FROM pg_locks AS l LEFT JOIN pg_index AS i \
        ON i.indexrelid = l.relation LEFT JOIN pg_class AS t ON t.reltoastrelid = coalesce(i.indrelid, l.relation) \
        WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' \
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        """
}
