extension ShowTable {
    /// Connections of every pool, which is a database and a user, by what they are at (`SHOW POOLS`).
    static let pools = ShowTable(
        name: "pgbouncer_pools",
        command: "SHOW POOLS",
        layout: .rows(labels: ["database", "user"]),
        values: [
            .gauge(
                "pgbouncer_pools_client_active_connections", "cl_active",
                "Clients that have a server, or are idle and wait for none."),
            .gauge("pgbouncer_pools_client_waiting_connections", "cl_waiting", "Clients that wait for a server."),
            .gauge(
                "pgbouncer_pools_client_active_cancel_connections", "cl_active_cancel_req",
                "Clients whose cancel request is with the server."),
            .gauge(
                "pgbouncer_pools_client_waiting_cancel_connections", "cl_waiting_cancel_req",
                "Clients whose cancel request has not gone to the server yet."),
            .gauge("pgbouncer_pools_server_active_connections", "sv_active", "Servers that a client has."),
            .gauge(
                "pgbouncer_pools_server_active_cancel_connections", "sv_active_cancel",
                "Connections to servers that carry a cancel request."),
            .gauge(
                "pgbouncer_pools_server_being_canceled_connections", "sv_being_canceled",
                "Servers that nobody gets before the cancel requests for them are through."),
            .gauge("pgbouncer_pools_server_idle_connections", "sv_idle", "Servers that the next client gets at once."),
            .gauge(
                "pgbouncer_pools_server_used_connections", "sv_used",
                "Servers idle for so long that they are checked before the next client gets them (server_check_delay)."),
            .gauge(
                "pgbouncer_pools_server_testing_connections", "sv_tested",
                "Servers that are being reset or checked (server_reset_query, server_check_query)."),
            .gauge("pgbouncer_pools_server_login_connections", "sv_login", "Servers that are being logged in to."),
            .gauge(
                "pgbouncer_pools_client_maxwait_seconds",
                [Value.Term(column: "maxwait"), Value.Term(column: "maxwait_us", divisor: 1e6)],
                "How long the first client in the queue has waited for a server, in seconds; 0 where none waits."),
        ])
}
