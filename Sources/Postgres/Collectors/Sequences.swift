extension TableCollector {
    /// How much of each sequence is used up, the most used ones first (`pg_sequence`, `pg_sequence_last_value`).
    ///
    /// A sequence ends at its own bound or at that of the integer column that owns it, whichever comes first; one that
    /// cycles has no end. To read one takes a lock like that of `nextval`, so those are left out for the time being that
    /// somebody holds or awaits a lock on that is in its way. The locks last as long as the statement, so there are no
    /// more of them than a tenth of what the server has room for; sequences of the smallest range go first.
    static func sequences(_ relations: PostgresOptions.Relations) -> TableCollector {
        TableCollector(
            "sequences",
            scope: .database,
            isSlow: true,
            source: "pg_sequence, pg_sequence_last_value()",
            columns: [
                .label("datname", "current_database()"),
                .label("schemaname", "s.schemaname"),
                .label("sequencename", "s.sequencename"),
                .gauge(
                    "pg_sequence_used_ratio", "s.used / nullif(s.available, 0)",
                    """
                    Part of the sequence's numbers that is used up, of those that its column can hold; at 1 inserts fail. \
                    To read it needs SELECT on the sequence, which pg_read_all_data gives (pg_sequences.last_value).
                    """),
            ],
            from: """
                (WITH readable AS MATERIALIZED (\
                SELECT c.oid, n.nspname AS schemaname, c.relname AS sequencename, s.seqincrement > 0 AS rises, \
                greatest(s.seqmin, -bounds.bound - 1)::float8 AS lowest, least(s.seqmax, bounds.bound)::float8 AS highest, \
                s.seqmin::float8 AS first, s.seqmax::float8 AS last \
                FROM pg_sequence AS s JOIN pg_class AS c ON c.oid = s.seqrelid \
                JOIN pg_namespace AS n ON n.oid = c.relnamespace \
                LEFT JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0 \
                AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i') \
                LEFT JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid \
                CROSS JOIN LATERAL (SELECT CASE a.atttypid WHEN 'int2'::regtype THEN 32767 \
                WHEN 'int4'::regtype THEN 2147483647 ELSE 9223372036854775807 END AS bound) AS bounds \
                WHERE NOT s.seqcycle AND \(isUserSchema("n")) \
                AND (c.relpersistence = 'p' OR c.relpersistence = 'u' AND NOT pg_is_in_recovery()) \
                AND has_sequence_privilege(s.seqrelid, 'SELECT, USAGE') \
                AND \(relations.names.condition(on: "(n.nspname || '.' || c.relname)")) \
                AND NOT EXISTS (SELECT FROM pg_locks AS l WHERE l.locktype = 'relation' AND l.relation = c.oid \
                AND l.database = (SELECT b.oid FROM pg_database AS b WHERE b.datname = current_database()) \
                AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')) \
                ORDER BY least(s.seqmax, bounds.bound)::float8 - s.seqmin, c.oid \
                LIMIT least(%limit%, current_setting('max_connections')::int \
                * current_setting('max_locks_per_transaction')::int / 10)) \
                SELECT schemaname, sequencename, \
                CASE WHEN rises THEN highest - first + 1 ELSE last - lowest + 1 END AS available, \
                coalesce(CASE WHEN rises THEN value - first + 1 ELSE last - value + 1 END, 0) AS used \
                FROM (SELECT readable.*, pg_sequence_last_value(oid)::float8 AS value FROM readable) AS r\
                ) AS s ORDER BY 4 DESC NULLS LAST, 2, 3
                """
        )
    }

    /// Sequences that the role may not read, so that nobody takes their absence for health.
    static let sequencesUnreadable = TableCollector(
        "sequences_unreadable",
        scope: .database,
        isSlow: true,
        parent: "sequences",
        source: "pg_sequence",
        columns: [
            .label("datname", "current_database()"),
            .gauge(
                "pg_sequences_unreadable", "count(*)",
                """
                Sequences that are not watched since the role may not read them: GRANT pg_read_all_data, or SELECT on \
                each (has_sequence_privilege).
                """),
        ],
        from: """
            pg_sequence AS s JOIN pg_class AS c ON c.oid = s.seqrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace \
            WHERE c.relpersistence <> 't' AND \(isUserSchema("n")) AND NOT has_sequence_privilege(s.seqrelid, 'SELECT, USAGE')
            """
    )
}
