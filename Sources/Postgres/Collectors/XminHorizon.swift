extension TableCollector {
    /// What keeps vacuum from removing rows, by kind: the age of the oldest transaction that each kind can still see
    /// (`pg_stat_activity`, `pg_replication_slots`, `pg_prepared_xacts`).
    ///
    /// A session's is that of its snapshot or of its own transaction; a running `VACUUM` holds nothing and is left out,
    /// as are slots that are lost and our own sessions. A standby's is there where it sends `hot_standby_feedback` without
    /// a slot; with a slot it is the slot's. `replication_slot_catalog` is what logical slots keep of system catalogs only.
    static let xminHorizon = TableCollector(
        "xmin_horizon",
        source: "pg_stat_activity, pg_replication_slots, pg_prepared_xacts",
        needs: .readAllStats,
        columns: [
            .label("holder", "holders.holder"),
            .gauge(
                "pg_xmin_horizon_age_transactions", "max(held.age)",
                """
                How many transactions ago the oldest began that this kind of holder still has in sight, 0 where there \
                is none: rows deleted since cannot be removed, and tables bloat (backend_xmin, xmin, catalog_xmin).
                """, null: 0),
        ],
        from: """
            (VALUES (1, 'session'), (2, 'standby'), (3, 'replication_slot'), (4, 'replication_slot_catalog'), \
            (5, 'prepared_transaction')) AS holders (position, holder) LEFT JOIN (\
            SELECT CASE a.backend_type WHEN 'walsender' THEN 'standby' ELSE 'session' END AS holder, \
            greatest(age(a.backend_xmin), age(a.backend_xid)) AS age FROM pg_stat_activity AS a \
            WHERE \(isOthers("a")) \
            AND a.pid NOT IN (SELECT pid FROM pg_stat_progress_vacuum WHERE pid IS NOT NULL) \
            UNION ALL SELECT 'replication_slot', age(xmin) FROM pg_replication_slots \
            WHERE wal_status IS DISTINCT FROM 'lost' \
            UNION ALL SELECT 'replication_slot_catalog', age(catalog_xmin) FROM pg_replication_slots \
            WHERE wal_status IS DISTINCT FROM 'lost' \
            UNION ALL SELECT 'prepared_transaction', age(transaction) FROM pg_prepared_xacts\
            ) AS held ON held.holder = holders.holder \
            GROUP BY holders.position, holders.holder ORDER BY holders.position
            """
    )
}
