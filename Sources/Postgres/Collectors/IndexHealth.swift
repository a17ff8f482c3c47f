extension TableCollector {
    /// Indexes that cost and do not serve: unused, invalid and duplicate ones, by database (`pg_index`).
    ///
    /// Sizes are those of the last vacuum or analyze, since to measure them takes a lock on each. Expressions and
    /// predicates are compared as the parser left them, less the places where they stood in the statement; `pg_get_expr`
    /// takes locks too. Of several alike the one that is used most stays, so that no query is left without.
    static let indexHealth = TableCollector(
        "index_health",
        scope: .database,
        isSlow: true,
        source: "pg_index, pg_class, pg_stat_get_numscans()",
        columns: [
            .label("datname", "current_database()")
        ]
            + problem(
                "unused",
                """
                x.indisvalid AND x.scans = 0 AND x.position = 1 AND NOT x.indisunique AND NOT x.indisexclusion \
                AND NOT x.indisreplident AND NOT x.is_constraint
                """,
                """
                indexes that no query of this server has scanned since its statistics were reset, and that keep nothing \
                unique; look at its standbys as well before one is dropped (pg_stat_user_indexes.idx_scan)
                """)
            + problem(
                "invalid", "NOT x.indisvalid AND NOT x.is_building",
                """
                indexes that no query may use but every write has to keep up, as CREATE INDEX CONCURRENTLY leaves them \
                when it fails; drop or reindex them (pg_index.indisvalid)
                """)
            + problem(
                "duplicate", "x.indisvalid AND x.position > 1",
                """
                indexes beyond the first on the same columns of a table, alike in operator classes, expressions and \
                condition; one of each is enough (pg_index)
                """),
        from: """
            (SELECT i.*, c.relpages::bigint * current_setting('block_size')::bigint AS bytes, \
            pg_stat_get_numscans(i.indexrelid) AS scans, \
            i.indexrelid IN (SELECT conindid FROM pg_constraint) AS is_constraint, \
            i.indexrelid IN (SELECT index_relid FROM pg_stat_progress_create_index WHERE index_relid IS NOT NULL) \
            AS is_building, \
            row_number() OVER (PARTITION BY i.indrelid, i.indisvalid, c.relam, i.indnkeyatts, i.indkey::text, \
            i.indclass::text, i.indcollation::text, i.indoption::text, \
            \(withoutLocations("i.indexprs")), \(withoutLocations("i.indpred")) \
            ORDER BY i.indisprimary DESC, i.indisunique DESC, pg_stat_get_numscans(i.indexrelid) DESC, \
            c.relpages DESC, c.oid) AS position \
            FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace \
            WHERE c.relkind = 'i' AND \(isUserSchema("n"))) AS x
            """
    )

    private static func problem(_ name: String, _ condition: String, _ help: String) -> [Column] {
        [
            .gauge("pg_indexes_\(name)", "count(*) FILTER (WHERE \(condition))", "Number of \(help)."),
            .gauge(
                "pg_indexes_\(name)_bytes", "coalesce(sum(x.bytes) FILTER (WHERE \(condition)), 0)",
                "Disk space, as of the last vacuum, of \(help)."),
        ]
    }

    private static func withoutLocations(_ tree: String) -> String {
        "regexp_replace(\(tree)::text, ':location -?[0-9]+', '', 'g')"
    }
}
