extension TableCollector {
    /// Size and connection limit of every database, templates too (`pg_database`).
    ///
    /// The size of a database that the role may neither connect to nor read the statistics of is absent.
    static let database = TableCollector(
        "database",
        source: "pg_database",
        columns: [
            .label("datname", "d.datname"),
            .gauge(
                "pg_database_size_bytes",
                """
                CASE WHEN pg_has_role('pg_read_all_stats', 'USAGE') OR has_database_privilege(d.oid, 'CONNECT') \
                THEN pg_database_size(d.oid) END
                """,
                "Disk space that the database takes, in bytes (pg_database_size)."),
            .gauge(
                "pg_database_connection_limit", "d.datconnlimit",
                "How many sessions the database admits at once, -1 for any number (pg_database.datconnlimit)."),
        ],
        from: "pg_database AS d ORDER BY d.datname"
    )
}
