extension TableCollector {
    /// Locks held and awaited, by database and mode (`pg_locks`).
    ///
    /// A lock counts for the database of its session, since the locks on rows that sessions wait for
    /// (`transactionid`, `tuple`) and those on shared objects name none; those of a prepared transaction for their own.
    /// That every transaction holds one on itself says nothing and is left out, as is our own session.
    static let lockWaits = TableCollector(
        "lock_waits",
        source: "pg_locks",
        columns: [
            .label("datname", "d.datname"),
            .label("mode", "modes.mode"),
            .gauge(
                "pg_locks_granted", "count(*) FILTER (WHERE l.granted)",
                "Locks that sessions of the database hold in this mode (pg_locks.granted)."),
            .gauge(
                "pg_locks_waiting", "count(*) FILTER (WHERE NOT l.granted)",
                """
                Locks that sessions of the database wait for in this mode; sharelock is mostly one row's, held by a \
                transaction that has changed it (pg_locks.granted).
                """),
        ],
        from: """
            pg_database AS d CROSS JOIN \(lockModes) LEFT JOIN (\
            SELECT coalesce(a.datid, nullif(l.database, 0)) AS database, lower(l.mode) AS mode, l.granted \
            FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid \
            WHERE l.pid IS DISTINCT FROM pg_backend_pid() \
            AND NOT (l.granted AND l.locktype IN ('virtualxid', 'transactionid'))\
            ) AS l ON l.database = d.oid AND l.mode = modes.mode WHERE d.datallowconn \
            GROUP BY d.datname, modes.position, modes.mode ORDER BY d.datname, modes.position
            """
    )
}
