extension TableCollector {
    /// The hundred statements that took the most time, by role, database and query (`pg_stat_statements`).
    ///
    /// Statements that differ only in whether a function called them (`toplevel`, since 14) are added up. The text is
    /// never fetched. The block times of shared buffers were renamed in 17.
    static let statStatements = TableCollector(
        "stat_statements",
        source: "pg_stat_statements(false)",
        requires: "pg_stat_statements",
        columns: [
            .label("user", "r.rolname", null: "unknown"),
            .label("datname", "d.datname", null: "unknown"),
            .label("queryid", "s.queryid", null: "unknown"),
            .counter("pg_stat_statements_calls_total", "sum(s.calls)", "How often the statement ran."),
            .counter(
                "pg_stat_statements_seconds_total", "sum(s.total_exec_time)",
                "Seconds spent executing the statement (pg_stat_statements.total_exec_time).", dividedBy: 1000),
            .counter("pg_stat_statements_rows_total", "sum(s.rows)", "Rows that it returned or changed."),
            blockSeconds("read", versions: .before(17), column: "blk_read_time"),
            blockSeconds("read", versions: .from(17), column: "shared_blk_read_time"),
            blockSeconds("write", versions: .before(17), column: "blk_write_time"),
            blockSeconds("write", versions: .from(17), column: "shared_blk_write_time"),
        ],
        from: """
            %schema%.pg_stat_statements(false) AS s LEFT JOIN pg_roles AS r ON r.oid = s.userid \
            LEFT JOIN pg_database AS d ON d.oid = s.dbid GROUP BY r.rolname, d.datname, s.queryid \
            ORDER BY sum(s.total_exec_time) DESC, r.rolname, d.datname, s.queryid LIMIT 100
            """
    )

    private static func blockSeconds(_ direction: String, versions: Range<Int>, column: String) -> Column {
        .counter(
            "pg_stat_statements_block_\(direction)_seconds_total", "sum(s.\(column))",
            "Seconds that it spent on block \(direction)s; 0 unless track_io_timing is on.", dividedBy: 1000,
            versions: versions)
    }
}
