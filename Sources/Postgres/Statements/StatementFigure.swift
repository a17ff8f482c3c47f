import Exposition

/// A column of `pg_stat_statements` that has a family of its own.
struct StatementFigure: Sendable {
    let descriptor: MetricDescriptor
    private let column: String
    /// Its name before version 1.11 of the extension.
    private let formerColumn: String
    /// What brings its values to base units.
    let divisor: Double
    /// Whether it is the greatest of something, and no sum.
    private let isMaximum: Bool

    private init(
        _ metric: String, _ column: String, before formerColumn: String? = nil, dividedBy divisor: Double = 1,
        isMaximum: Bool = false, _ help: String
    ) {
        descriptor = MetricDescriptor("pg_stat_statements_\(metric)", isMaximum ? .gauge : .counter, help)
        self.column = column
        self.formerColumn = formerColumn ?? column
        self.divisor = divisor
        self.isMaximum = isMaximum
    }

    /// What two entries of a statement have together.
    func merge(_ one: Double, _ other: Double) -> Double {
        isMaximum ? max(one, other) : one + other
    }

    /// The column's name in a version of the extension.
    func column(in version: [Int]) -> String {
        version.lexicographicallyPrecedes([1, 11]) ? formerColumn : column
    }

    /// The first two are read of every statement.
    static let all = [
        StatementFigure("calls_total", "calls", "How often the statement ran."),
        StatementFigure(
            "seconds_total", "total_exec_time", dividedBy: 1000,
            "Seconds spent executing the statement (pg_stat_statements.total_exec_time)."),
        StatementFigure("rows_total", "rows", "Rows that it returned or changed."),
        StatementFigure(
            "block_read_seconds_total", "shared_blk_read_time", before: "blk_read_time", dividedBy: 1000,
            "Seconds that it spent on block reads; 0 unless track_io_timing is on."),
        StatementFigure(
            "block_write_seconds_total", "shared_blk_write_time", before: "blk_write_time", dividedBy: 1000,
            "Seconds that it spent on block writes; 0 unless track_io_timing is on."),
        StatementFigure(
            "max_exec_seconds", "max_exec_time", dividedBy: 1000, isMaximum: true,
            "The longest single execution since the statement's entry was made or reset (max_exec_time)."),
        StatementFigure(
            "shared_blocks_hit_total", "shared_blks_hit", "Blocks that it found in PostgreSQL's own buffers."),
        StatementFigure(
            "shared_blocks_read_total", "shared_blks_read", "Blocks that it read from disk or the system's cache."),
        StatementFigure(
            "temp_blocks_read_total", "temp_blks_read",
            "Blocks of temporary files that it read, as what does not fit into work_mem goes there."),
        StatementFigure(
            "temp_blocks_written_total", "temp_blks_written",
            "Blocks of temporary files that it wrote, as what does not fit into work_mem goes there."),
        StatementFigure("wal_bytes_total", "wal_bytes", "Bytes of write-ahead log that it made."),
        StatementFigure(
            "plans_total", "plans",
            "How often the statement was planned; 0 unless pg_stat_statements.track_planning is on."),
        StatementFigure(
            "plan_seconds_total", "total_plan_time", dividedBy: 1000,
            "Seconds spent planning the statement; 0 unless pg_stat_statements.track_planning is on."),
    ]
}
