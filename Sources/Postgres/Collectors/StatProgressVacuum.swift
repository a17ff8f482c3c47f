extension TableCollector {
    /// How far the vacuums of a database are (`pg_stat_progress_vacuum`). Rows are there while one runs.
    ///
    /// A table has its name as a session of that database would write it: without its schema where that is `public`.
    /// Since 17 dead rows are kept in bytes, not by number: the two families named after tuples are in bytes there, so that
    /// their ratio still tells how full the memory is, and there are three whose names say what they are.
    static let statProgressVacuum = TableCollector(
        "stat_progress_vacuum",
        scope: .database,
        source: "pg_stat_progress_vacuum",
        needs: .readAllStats,
        columns: [
            .label("datname", "v.datname", null: "unknown"),
            .label(
                "relname",
                """
                coalesce(CASE WHEN n.nspname IN ('public', 'pg_catalog') THEN '' ELSE quote_ident(n.nspname) || '.' END \
                || quote_ident(c.relname), v.relid::text)
                """, null: "unknown"),
            .label("phase", "phases.phase"),
            .gauge(
                "pg_stat_progress_vacuum_phase", "(phases.phase = v.phase)::int",
                "Whether the vacuum is in this phase: 1 or 0.", null: 0),
            once("pg_stat_progress_vacuum_heap_blks", "heap_blks_total", "Blocks that the table had at the beginning."),
            once("pg_stat_progress_vacuum_heap_blks_scanned", "heap_blks_scanned", "Blocks scanned or skipped so far."),
            once("pg_stat_progress_vacuum_heap_blks_vacuumed", "heap_blks_vacuumed", "Blocks vacuumed so far."),
            once("pg_stat_progress_vacuum_index_vacuums", "index_vacuum_count", "Passes over the indexes so far."),
            once(
                "pg_stat_progress_vacuum_max_dead_tuples", "max_dead_tuples",
                "Dead rows that fit in memory before the indexes are vacuumed; since 17, that memory in bytes.",
                versions: .before(17)),
            once(
                "pg_stat_progress_vacuum_max_dead_tuples", "max_dead_tuple_bytes",
                "Dead rows that fit in memory before the indexes are vacuumed; since 17, that memory in bytes.",
                versions: .from(17)),
            once(
                "pg_stat_progress_vacuum_num_dead_tuples", "num_dead_tuples",
                "Dead rows collected since the last pass over the indexes; since 17, the bytes that they take.",
                versions: .before(17)),
            once(
                "pg_stat_progress_vacuum_num_dead_tuples", "dead_tuple_bytes",
                "Dead rows collected since the last pass over the indexes; since 17, the bytes that they take.",
                versions: .from(17)),
            once(
                "pg_stat_progress_vacuum_max_dead_tuple_bytes", "max_dead_tuple_bytes",
                "Memory for dead rows that may be filled before the indexes are vacuumed, in bytes.",
                versions: .from(17)),
            once(
                "pg_stat_progress_vacuum_dead_tuple_bytes", "dead_tuple_bytes",
                "Memory that the dead rows collected since the last pass over the indexes take, in bytes.",
                versions: .from(17)),
            once(
                "pg_stat_progress_vacuum_num_dead_item_ids", "num_dead_item_ids",
                "Dead rows collected since the last pass over the indexes.", versions: .from(17)),
        ],
        from: """
            pg_stat_progress_vacuum AS v LEFT JOIN pg_class AS c ON c.oid = v.relid \
            LEFT JOIN pg_namespace AS n ON n.oid = c.relnamespace CROSS JOIN (VALUES (1, 'initializing'), \
            (2, 'scanning heap'), (3, 'vacuuming indexes'), (4, 'vacuuming heap'), (5, 'cleaning up indexes'), \
            (6, 'truncating heap'), (7, 'performing final cleanup')) AS phases (position, phase) \
            WHERE v.datname = current_database() ORDER BY v.relid, phases.position
            """
    )

    /// A vacuum has a row for each phase; what is the same in all of them is taken from the first.
    private static func once(_ metric: String, _ column: String, _ help: String, versions: Range<Int> = .all) -> Column
    {
        .gauge(
            metric, "CASE WHEN phases.position = 1 THEN coalesce(v.\(column), 0) END", help,
            labels: ["datname", "relname"], versions: versions)
    }
}
