extension TableCollector {
    /// Sessions by database and state, and the age of the oldest transaction among them (`pg_stat_activity`).
    ///
    /// Every database has a series for each state, 0 where no session is in it, so that alerts see a zero and not a gap.
    /// Our own sessions are not counted.
    static let statActivity = TableCollector(
        "stat_activity",
        source: "pg_stat_activity",
        columns: [
            .label("datname", "d.datname"),
            .label("state", "states.state"),
            .label("usename", "a.usename"),
            .label("application_name", "a.application_name"),
            .label("backend_type", "a.backend_type"),
            .label("wait_event_type", "a.wait_event_type"),
            .label("wait_event", "a.wait_event"),
            .gauge(
                "pg_stat_activity_count", "count(a.pid)",
                "Sessions in this state (pg_stat_activity)."),
            .gauge(
                "pg_stat_activity_max_tx_duration", "extract(epoch FROM max(now() - a.xact_start))",
                "Age of the oldest open transaction among these sessions, in seconds (pg_stat_activity.xact_start).",
                null: 0),
        ],
        from: """
            pg_database AS d CROSS JOIN (VALUES (1, 'active'), (2, 'idle'), (3, 'idle in transaction'), \
            (4, 'idle in transaction (aborted)'), (5, 'fastpath function call'), (6, 'disabled')) \
            AS states (position, state) LEFT JOIN pg_stat_activity AS a \
            ON a.datid = d.oid AND a.state = states.state AND \(isOthers("a")) \
            GROUP BY d.datname, states.position, states.state, a.usename, a.application_name, a.backend_type, \
            a.wait_event_type, a.wait_event \
            ORDER BY d.datname, states.position, a.usename, a.application_name, a.backend_type, a.wait_event_type, \
            a.wait_event
            """
    )
}
