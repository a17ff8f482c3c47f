extension TableCollector {
    /// Locks by database and mode, held and awaited ones together (`pg_locks`).
    ///
    /// Every database has a series for each mode, 0 where nobody has such a lock. Locks on what belongs to no database are
    /// left out.
    static let locks = TableCollector(
        "locks",
        source: "pg_locks",
        columns: [
            .label("datname", "d.datname"),
            .label("mode", "modes.mode"),
            .gauge("pg_locks_count", "l.count", "Locks of this mode, held or awaited (pg_locks).", null: 0),
        ],
        from: """
            pg_database AS d CROSS JOIN \(lockModes) \
            LEFT JOIN (SELECT database, lower(mode) AS mode, count(*) AS count FROM pg_locks GROUP BY 1, 2) AS l \
            ON l.database = d.oid AND l.mode = modes.mode ORDER BY d.datname, modes.position
            """
    )

    /// The modes in the order of their strength, for `FROM`; there is one more for what serializable transactions have read.
    static let lockModes = """
        (VALUES (1, 'accesssharelock'), (2, 'rowsharelock'), (3, 'rowexclusivelock'), (4, 'shareupdateexclusivelock'), \
        (5, 'sharelock'), (6, 'sharerowexclusivelock'), (7, 'exclusivelock'), (8, 'accessexclusivelock'), \
        (9, 'sireadlock')) AS modes (position, mode)
        """
}
