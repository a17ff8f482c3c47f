extension TableCollector {
    /// Reads, writes and their like by who did them, to what and why (`pg_stat_io`, since 16; the log's too since 18).
    ///
    /// Before 18 every operation is of one block and the bytes follow from that. What nobody has ever done is left out,
    /// which is most, and so is what the cluster's making did.
    static let statIO = TableCollector(
        "stat_io",
        source: "pg_stat_io",
        versions: .from(16),
        columns: [
            .label("backend_type"),
            .label("object"),
            .label("context"),
            .counter("pg_stat_io_reads_total", "reads", "Read operations (pg_stat_io.reads)."),
            seconds("read", "Seconds that reading took"),
            .counter("pg_stat_io_writes_total", "writes", "Write operations (pg_stat_io.writes)."),
            seconds("write", "Seconds that writing took; a client's are time that it waited for room in the buffers"),
            .counter(
                "pg_stat_io_writebacks_total", "writebacks",
                "Blocks that the kernel was asked to write to disk (pg_stat_io.writebacks)."),
            seconds("writeback", "Seconds that it took to ask the kernel to write"),
            .counter(
                "pg_stat_io_extends_total", "extends",
                "Operations that made a relation longer (pg_stat_io.extends)."),
            seconds("extend", "Seconds that it took to make relations longer"),
            .counter(
                "pg_stat_io_hits_total", "hits", "Blocks found in PostgreSQL's own buffers (pg_stat_io.hits)."),
            .counter(
                "pg_stat_io_evictions_total", "evictions",
                "Blocks thrown out of a buffer for another one (pg_stat_io.evictions)."),
            .counter(
                "pg_stat_io_reuses_total", "reuses",
                "Buffers of a bulk operation's small ring that it used again (pg_stat_io.reuses)."),
            .counter(
                "pg_stat_io_fsyncs_total", "fsyncs",
                "Calls of fsync; the checkpointer does them, and others only where it cannot follow "
                    + "(pg_stat_io.fsyncs)."),
            seconds("fsync", "Seconds that fsync took"),
        ]
            + bytes("read", "reads", "Bytes read from disk or the system's cache")
            + bytes("write", "writes", "Bytes written out")
            + bytes("extend", "extends", "Bytes by which relations were made longer"),
        from: """
            pg_stat_io WHERE backend_type <> 'standalone backend' \
            AND greatest(reads, writes, writebacks, extends, hits, evictions, reuses, fsyncs) > 0 \
            ORDER BY backend_type, object, context
            """
    )

    private static func bytes(_ operation: String, _ count: String, _ help: String) -> [Column] {
        let metric = "pg_stat_io_\(operation)_bytes_total"
        let help = "\(help) (pg_stat_io.\(operation)_bytes; \(count) times op_bytes before 18)."
        return [
            .counter(metric, "\(count) * op_bytes", help, versions: .before(18)),
            .counter(metric, "\(operation)_bytes", help, versions: .from(18)),
        ]
    }

    private static func seconds(_ operation: String, _ help: String) -> Column {
        .counter(
            "pg_stat_io_\(operation)_seconds_total", "\(operation)_time",
            "\(help); 0 unless track_io_timing is on (pg_stat_io.\(operation)_time).", dividedBy: 1000)
    }
}
