extension TableCollector {
    /// Connection limit of every role, built-in ones too (`pg_roles`).
    static let roles = TableCollector(
        "roles",
        source: "pg_roles",
        columns: [
            .label("rolname"),
            .gauge(
                "pg_roles_connection_limit", "rolconnlimit",
                "How many sessions the role may have at once, -1 for any number (pg_roles.rolconnlimit)."),
        ],
        from: "pg_roles ORDER BY rolname"
    )
}
