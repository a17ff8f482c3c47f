extension ShowTable {
    /// The pooler's limits on connections (`SHOW CONFIG`).
    static let config = ShowTable(
        name: "pgbouncer_config",
        command: "SHOW CONFIG",
        layout: .pairs(name: "key", value: "value"),
        values: [
            .gauge(
                "pgbouncer_config_max_client_connections", "max_client_conn", "How many clients may be connected."),
            .gauge(
                "pgbouncer_config_max_user_connections", "max_user_connections",
                "How many servers each user may have, 0 for any number."),
        ])
}
