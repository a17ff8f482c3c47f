extension TableCollector {
    /// What was written to the write-ahead log (`pg_stat_wal`, since 14).
    ///
    /// 18 moved the writing and syncing itself to `pg_stat_io`, from where it is added up.
    static let statWAL = TableCollector(
        "stat_wal",
        source: "pg_stat_wal",
        versions: .from(14),
        columns: [
            .counter("pg_stat_wal_records_total", "wal_records", "Records generated (pg_stat_wal.wal_records)."),
            .counter(
                "pg_stat_wal_fpi_total", "wal_fpi",
                "Whole pages logged, at the first change after each checkpoint (pg_stat_wal.wal_fpi)."),
            .counter(
                "pg_stat_wal_bytes_total", "wal_bytes",
                "Bytes generated; archive and standbys have to follow at this rate (pg_stat_wal.wal_bytes)."),
            .counter(
                "pg_stat_wal_buffers_full_total", "wal_buffers_full",
                """
                Writes that had to be made at once because wal_buffers was full; where it grows, wal_buffers is too small \
                (pg_stat_wal.wal_buffers_full).
                """),
        ]
            + io("write", "wal_write", "sum(writes)", "Writes of the log to disk")
            + io("sync", "wal_sync", "sum(fsyncs)", "Syncs of the log to disk, which commits wait for")
            + io(
                "write_seconds", "wal_write_time", "sum(write_time)",
                "Seconds that writing the log took; 0 unless track_wal_io_timing is on", dividedBy: 1000)
            + io(
                "sync_seconds", "wal_sync_time", "sum(fsync_time)",
                "Seconds that syncing the log took; 0 unless track_wal_io_timing is on", dividedBy: 1000),
        from: "pg_stat_wal"
    )

    private static func io(
        _ name: String, _ column: String, _ sum: String, _ help: String, dividedBy divisor: Double = 1
    ) -> [Column] {
        let metric = "pg_stat_wal_\(name)_total"
        let help = "\(help) (pg_stat_wal.\(column); pg_stat_io since 18)."
        let fromIO = "(SELECT \(sum) FROM pg_stat_io WHERE \(isOwnWAL))"
        return [
            .counter(metric, column, help, dividedBy: divisor, versions: .before(18)),
            .counter(metric, fromIO, help, dividedBy: divisor, versions: .from(18)),
        ]
    }

    /// What the view counted before 18: neither new segments nor what a standby receives.
    private static let isOwnWAL = "object = 'wal' AND context = 'normal' AND backend_type <> 'walreceiver'"
}
