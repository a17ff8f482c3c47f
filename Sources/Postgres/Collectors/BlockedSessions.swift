extension TableCollector {
    /// Who waits for whom: sessions that wait for a lock, and those at the root of the queue (`pg_locks`,
    /// `pg_blocking_pids`, `pg_stat_activity`).
    ///
    /// `pg_blocking_pids` stops the lock manager for a moment, so it is called for sessions that wait and for no other.
    static let blockedSessions = TableCollector(
        "blocked_sessions",
        source: "pg_locks, pg_blocking_pids(), pg_stat_activity",
        columns: [
            .label("datname", "d.datname"),
            .gauge(
                "pg_blocked_sessions", "count(s.pid)",
                "Sessions that wait for a lock that others hold or await before them (pg_locks.granted)."),
            .gauge(
                "pg_blocked_sessions_longest_wait_seconds",
                "extract(epoch FROM max(clock_timestamp() - s.waitstart))",
                """
                How long the session that waits longest has waited for its lock, 0 where none waits \
                (pg_locks.waitstart).
                """, null: 0, versions: .from(14)),
            .gauge(
                "pg_blocked_sessions_by_prepared_transaction", "count(*) FILTER (WHERE 0 = ANY (s.blockers))",
                """
                Sessions that wait for a prepared transaction: they go on when it is committed or rolled back by its \
                name, no session can be ended instead (pg_blocking_pids).
                """),
            .gauge(
                "pg_root_blockers", "count(s.session) FILTER (WHERE s.pid IS NULL)",
                """
                Sessions that others wait for and that wait for nobody: to end these sets the queue free \
                (pg_blocking_pids).
                """),
        ],
        from: """
            pg_database AS d LEFT JOIN (\
            WITH waiting AS MATERIALIZED \
            (SELECT l.*, pg_blocking_pids(l.pid) AS blockers FROM pg_locks AS l WHERE NOT l.granted) \
            SELECT a.datid, a.pid AS session, w.* FROM pg_stat_activity AS a LEFT JOIN waiting AS w ON w.pid = a.pid \
            WHERE w.pid IS NOT NULL OR a.pid IN (SELECT unnest(blockers) FROM waiting)\
            ) AS s ON s.datid = d.oid WHERE d.datallowconn GROUP BY d.datname ORDER BY d.datname
            """
    )
}
