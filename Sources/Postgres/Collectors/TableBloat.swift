extension TableCollector {
    /// How much of each table is air, estimated, the most first (`pg_class`, `pg_stats`).
    ///
    /// The rows that the last analyze counted, each as wide as its columns were on average with header and alignment,
    /// would fill so many pages at the table's fillfactor; what the table has beyond these is bloat. It is off by some
    /// percent, by more for rows that differ much in width, and says nothing of what is stored out of line (TOAST). A table
    /// that was never analyzed, or that the role may not read, is left out, and so is one of less than a megabyte.
    static func tableBloat(_ relations: PostgresOptions.Relations) -> TableCollector {
        TableCollector(
            "table_bloat",
            isEnabledByDefault: false,
            scope: .database,
            isSlow: true,
            source: "pg_class, pg_stats",
            columns: [
                .label("datname", "current_database()"),
                .label("schemaname", "t.schemaname"),
                .label("relname", "t.relname"),
                .gauge(
                    "pg_table_bloat_bytes", "greatest(t.relpages - t.needed, 0) * t.block",
                    """
                    Estimate, good to some ten percent, of what the table takes beyond what its rows need: space that \
                    new rows can use, but that every scan reads (pg_class, pg_stats).
                    """),
                .gauge(
                    "pg_table_bloat_ratio", "greatest(t.relpages - t.needed, 0) / t.relpages",
                    """
                    The same as part of the table; beyond 0.5 look at autovacuum, and at what keeps it from removing rows \
                    (pg_class, pg_stats).
                    """),
            ],
            from: """
                (SELECT r.*, ceil(r.reltuples / greatest(floor((r.block - 24) * r.fillfactor / 100 \
                / (4 + r.header + 8 * ceil(r.width / 8))), 1)) AS needed FROM (\
                SELECT n.nspname AS schemaname, c.relname, c.reltuples::float8, c.relpages::float8, \
                current_setting('block_size')::float8 AS block, \
                coalesce((SELECT option_value FROM pg_options_to_table(c.reloptions) \
                WHERE option_name = 'fillfactor'), '100')::float8 AS fillfactor, \
                8 * ceil((23 + CASE WHEN w.has_nulls THEN ceil(c.relnatts / 8.0) ELSE 0 END) / 8.0)::float8 AS header, \
                w.width FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
                JOIN (\(rowWidths)) AS w ON w.attrelid = c.oid \
                WHERE c.relkind IN ('r', 'm') AND c.reltuples > 0 AND \(isUserSchema("n")) \
                AND \(relations.names.condition(on: "(n.nspname || '.' || c.relname)"))\
                ) AS r) AS t ORDER BY 4 DESC, 2, 3 LIMIT %limit%
                """
        )
    }

    /// How wide the rows of each table are whose columns all have statistics: every column reaches to where the next one
    /// may begin.
    private static let rowWidths = """
        SELECT attrelid, sum((1 - null_frac) * CASE next_align WHEN 'd' THEN 8 * ceil(avg_width / 8.0) \
        WHEN 'i' THEN 4 * ceil(avg_width / 4.0) WHEN 's' THEN 2 * ceil(avg_width / 2.0) ELSE avg_width END)::float8 \
        AS width, bool_or(null_frac > 0) AS has_nulls FROM (\
        SELECT a.attrelid, s.null_frac, s.avg_width, \
        lead(a.attalign) OVER (PARTITION BY a.attrelid ORDER BY a.attnum) AS next_align \
        FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace \
        LEFT JOIN pg_stats AS s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname \
        AND NOT s.inherited WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'm') \
        AND c.relpages * current_setting('block_size')::bigint >= 1048576 AND \(isUserSchema("n"))) AS columns \
        GROUP BY attrelid HAVING count(*) = count(avg_width)
        """
}
