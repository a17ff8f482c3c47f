extension TableCollector {
    /// Size of every database, templates too (`pg_database_size`). It asks the file system about every file of theirs.
    ///
    /// The size of a database that the role may neither connect to nor read the statistics of is absent.
    static func databaseSize(_ filter: PostgresOptions.NameFilter) -> TableCollector {
        TableCollector(
            "database_size",
            isSlow: true,
            parent: "database",
            source: "pg_database_size()",
            columns: [
                .label("datname"),
                .gauge(
                    "pg_database_size_bytes",
                    """
                    CASE WHEN pg_has_role('pg_read_all_stats', 'USAGE') OR has_database_privilege(oid, 'CONNECT') \
                    THEN pg_database_size(oid) END
                    """,
                    "Disk space that the database takes, in bytes (pg_database_size)."),
            ],
            from: databases(notExcludedBy: filter)
        )
    }
}
