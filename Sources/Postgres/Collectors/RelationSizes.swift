extension TableCollector {
    /// Disk space that the tables of a database take (`pg_table_size`, `pg_indexes_size`).
    ///
    /// These functions lock what they measure, and would wait for whoever has it for himself. So a table that anybody
    /// holds or awaits ACCESS EXCLUSIVE on - on itself, an index, or what it keeps its long values in - is not measured:
    /// its sizes are absent, as are those of the rest where it is among it.
    static func relationSizes(_ relations: PostgresOptions.Relations) -> TableCollector {
        func size(_ column: String, _ help: String) -> Column {
            .gauge(
                "pg_stat_user_tables_\(column)_bytes", "CASE WHEN bool_and(is_free) THEN sum(\(column)) END", help)
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
                size("index_size", "Disk space of the table's indexes, in bytes (pg_indexes_size)."),
                size(
                    "table_size",
                    "Disk space of the table without its indexes, in bytes; long values and maps of free space and "
                        + "visibility included (pg_table_size)."),
            ],
            from: relations.groups(of: measured, by: "relid")
        )
    }

    private static let measured = """
        (SELECT relid, schemaname, relname, is_free, CASE WHEN is_free THEN pg_table_size(relid) END AS table_size, \
        CASE WHEN is_free THEN pg_indexes_size(relid) END AS index_size \
        FROM (SELECT relid, schemaname, relname, relid NOT IN (\(exclusivelyLocked)) AS is_free \
        FROM pg_stat_user_tables) AS tables)
        """

    /// The tables that a lock is on, whatever part of them is locked.
    private static let exclusivelyLocked = """
        SELECT coalesce(t.oid, i.indrelid, l.relation) FROM pg_locks AS l LEFT JOIN pg_index AS i \
        ON i.indexrelid = l.relation LEFT JOIN pg_class AS t ON t.reltoastrelid = coalesce(i.indrelid, l.relation) \
        WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' \
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        """
}
