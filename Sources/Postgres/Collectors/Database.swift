extension TableCollector {
    /// Connection limit of every database, templates too (`pg_database`).
    static let database = TableCollector(
        "database",
        source: "pg_database",
        columns: [
            .label("datname"),
            .gauge(
                "pg_database_connection_limit", "datconnlimit",
                "How many sessions the database admits at once, -1 for any number (pg_database.datconnlimit).", null: 0),
        ],
        from: "pg_database ORDER BY datname"
    )
}
