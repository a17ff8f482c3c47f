extension TableCollector {
    /// What every process that is at work waits for, or that it is on a CPU (`pg_stat_activity`).
    ///
    /// Clients count while they execute something; background processes while they do not wait for work, which is what
    /// events of type `Activity` are.
    static let waitEvents = TableCollector(
        "wait_events",
        source: "pg_stat_activity",
        needs: .readAllStats,
        columns: [
            .label("datname", "a.datname"),
            .label("backend_type", "a.backend_type"),
            .label("wait_event_type", "a.wait_event_type", null: "CPU"),
            .label("wait_event", "a.wait_event", null: "CPU"),
            .gauge(
                "pg_wait_events_backends", "count(*)",
                """
                Processes at work, by what they wait for; CPU where they wait for nothing. Many on one event of type \
                Lock, LWLock or IO show what holds the server up (pg_stat_activity.wait_event).
                """),
        ],
        from: """
            pg_stat_activity AS a WHERE \(isOthers("a")) AND a.backend_type IS NOT NULL \
            AND coalesce(a.state, 'active') IN ('active', 'fastpath function call') \
            AND a.wait_event_type IS DISTINCT FROM 'Activity' \
            GROUP BY a.datname, a.backend_type, a.wait_event_type, a.wait_event \
            ORDER BY a.datname, a.backend_type, a.wait_event_type, a.wait_event
            """
    )
}
