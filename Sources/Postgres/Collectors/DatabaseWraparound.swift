extension TableCollector {
    /// How far every database that admits sessions is from its last freeze (`pg_database`).
    ///
    /// The names say seconds, by their history; the values are numbers of transactions.
    static let databaseWraparound = TableCollector(
        "database_wraparound",
        isEnabledByDefault: false,
        source: "pg_database",
        columns: [
            .label("datname"),
            .gauge(
                "pg_database_wraparound_age_datfrozenxid_seconds", "age(datfrozenxid)",
                """
                Transactions, not seconds, since the oldest one that is not frozen in the database; the server stops \
                taking new ones at about 2^31 (pg_database.datfrozenxid).
                """),
            .gauge(
                "pg_database_wraparound_age_datminmxid_seconds", "mxid_age(datminmxid)",
                "Multixacts, not seconds, since the oldest one that the database still needs (pg_database.datminmxid)."),
        ],
        from: "pg_database WHERE datallowconn ORDER BY datname"
    )
}
