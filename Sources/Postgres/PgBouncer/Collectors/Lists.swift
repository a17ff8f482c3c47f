extension ShowTable {
    /// How many things of each kind the pooler has (`SHOW LISTS`).
    static let lists = ShowTable(
        name: "pgbouncer_lists",
        command: "SHOW LISTS",
        layout: .pairs(name: "list", value: "items"),
        values: [
            .gauge("pgbouncer_databases", "databases", "Databases that the pooler knows."),
            .gauge("pgbouncer_users", "users", "Users that the pooler knows."),
            .gauge("pgbouncer_pools", "pools", "Pools, one for each database and user."),
            .gauge("pgbouncer_free_clients", "free_clients", "Places for clients that are allocated and not in use."),
            .gauge("pgbouncer_used_clients", "used_clients", "Clients that are connected."),
            .gauge("pgbouncer_login_clients", "login_clients", "Clients that are logging in."),
            .gauge("pgbouncer_free_servers", "free_servers", "Places for servers that are allocated and not in use."),
            .gauge("pgbouncer_used_servers", "used_servers", "Servers that are connected."),
            .gauge("pgbouncer_cached_dns_names", "dns_names", "Host names in the pooler's cache."),
            .gauge("pgbouncer_cached_dns_zones", "dns_zones", "DNS zones in the pooler's cache."),
            .gauge("pgbouncer_in_flight_dns_queries", "dns_queries", "DNS queries that wait for an answer."),
        ])
}
