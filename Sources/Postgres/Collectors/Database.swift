extension TableCollector {
    /// Connection limit of every database, templates too (`pg_database`).
    static func database(_ filter: PostgresOptions.NameFilter) -> TableCollector {
        TableCollector(
            "database",
            source: "pg_database",
            columns: [
                .label("datname"),
                .gauge(
                    "pg_database_connection_limit", "datconnlimit",
                    "How many sessions the database admits at once, -1 for any number (pg_database.datconnlimit).",
                    null: 0),
            ],
            from: databases(notExcludedBy: filter)
        )
    }

    /// Those that cannot be looked into are listed all the same, and those that are to be left out are left out.
    static func databases(notExcludedBy filter: PostgresOptions.NameFilter) -> String {
        let condition = PostgresOptions.NameFilter(excluded: filter.excluded).condition(on: "datname")
        return "pg_database WHERE \(condition) ORDER BY datname"
    }
}
