extension TableCollector {
    /// Since when autovacuum has been at a table (`pg_stat_activity.query` of its workers).
    ///
    /// Tables of one name, of several schemas or databases, have one series: that of the oldest run.
    static let statActivityAutovacuum = TableCollector(
        "stat_activity_autovacuum",
        isEnabledByDefault: false,
        source: "pg_stat_activity",
        needs: .readAllStats,
        columns: [
            // The worker names its table without quotes, behind what it does and before why.
            .label(
                "relname",
                #"""
                regexp_replace(query, \#
                '^autovacuum: (BRIN summarize [^.]*\.(.*?)( [0-9]+)?|[^.]*\.(.*?)( \(to prevent wraparound\))?)$', \#
                '\2\4')
                """#),
            .gauge(
                "pg_stat_activity_autovacuum_timestamp_seconds", "extract(epoch FROM min(xact_start))",
                "When autovacuum began with the table, in seconds since the epoch (pg_stat_activity.xact_start)."),
        ],
        from: "pg_stat_activity WHERE query LIKE 'autovacuum:%' GROUP BY 1 ORDER BY 1"
    )
}
