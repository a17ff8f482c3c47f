extension TableCollector {
    /// How much of each B-tree is air, estimated, the most first (`pg_index`, `pg_class`, `pg_stats`).
    ///
    /// As for tables: the entries that the last analyze counted, each as wide as its columns were on average, would fill so
    /// many leaf pages at the index's fillfactor. Equal keys are stored once since 13, which the estimate does not know: it
    /// is too low for an index of few different keys, and 0 for most of these. An index that the statistics do not tell all
    /// columns of, or whose table the role may not read, is left out, and so is one of less than a megabyte.
    static func indexBloat(_ relations: PostgresOptions.Relations) -> TableCollector {
        TableCollector(
            "index_bloat",
            isEnabledByDefault: false,
            scope: .database,
            isSlow: true,
            source: "pg_index, pg_class, pg_stats",
            columns: [
                .label("datname", "current_database()"),
                .label("schemaname", "b.schemaname"),
                .label("relname", "b.relname"),
                .label("indexrelname", "b.indexrelname"),
                .gauge(
                    "pg_index_bloat_bytes", "greatest(b.relpages - b.needed, 0) * b.block",
                    """
                    Estimate, good to some ten percent where keys are distinct and too low where they are not, of what \
                    the index takes beyond what its entries need (pg_class, pg_stats).
                    """),
                .gauge(
                    "pg_index_bloat_ratio", "greatest(b.relpages - b.needed, 0) / b.relpages",
                    "The same as part of the index; REINDEX CONCURRENTLY gives it back (pg_class, pg_stats)."),
            ],
            from: """
                (SELECT e.*, 2 + ceil(e.reltuples / greatest(floor((e.block - 40) * e.fillfactor / 100 \
                / (4 + 8 * ceil((e.header + e.width) / 8))), 1)) AS needed FROM (\
                SELECT n.nspname AS schemaname, t.relname, x.relname AS indexrelname, x.reltuples::float8, \
                x.relpages::float8, current_setting('block_size')::float8 AS block, \
                coalesce((SELECT option_value FROM pg_options_to_table(x.reloptions) \
                WHERE option_name = 'fillfactor'), '90')::float8 AS fillfactor, \
                CASE WHEN bool_or(s.null_frac > 0) THEN 16 ELSE 8 END AS header, \
                sum((1 - s.null_frac) * s.avg_width)::float8 AS width \
                FROM pg_index AS i JOIN pg_class AS x ON x.oid = i.indexrelid JOIN pg_class AS t ON t.oid = i.indrelid \
                JOIN pg_namespace AS n ON n.oid = x.relnamespace JOIN pg_am AS m ON m.oid = x.relam \
                JOIN pg_attribute AS k ON k.attrelid = x.oid AND k.attnum > 0 \
                LEFT JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = i.indkey[k.attnum - 1] \
                LEFT JOIN pg_stats AS s ON s.schemaname = n.nspname AND NOT s.inherited \
                AND s.tablename = CASE WHEN a.attname IS NULL THEN x.relname ELSE t.relname END \
                AND s.attname = coalesce(a.attname, k.attname) \
                WHERE m.amname = 'btree' AND x.relkind = 'i' AND x.reltuples > 0 AND \(isUserSchema("n")) \
                AND x.relpages * current_setting('block_size')::bigint >= 1048576 \
                AND \(relations.names.condition(on: "(n.nspname || '.' || t.relname)")) \
                GROUP BY n.nspname, t.relname, x.oid, x.relname, x.reltuples, x.relpages, x.reloptions \
                HAVING count(*) = count(s.avg_width)\
                ) AS e) AS b ORDER BY 5 DESC, 2, 3, 4 LIMIT %limit%
                """
        )
    }
}
