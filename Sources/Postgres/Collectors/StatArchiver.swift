extension TableCollector {
    /// What the archiver did with the write-ahead log (`pg_stat_archiver`).
    static let statArchiver = TableCollector(
        "stat_archiver",
        source: "pg_stat_archiver",
        columns: [
            .counter("pg_stat_archiver_archived_count", "archived_count", "Files of write-ahead log archived."),
            .counter("pg_stat_archiver_failed_count", "failed_count", "Attempts to archive a file that failed."),
            .gauge(
                "pg_stat_archiver_last_archive_age", "extract(epoch FROM now() - last_archived_time)",
                "Seconds since the last file was archived; absent where none ever was."),
        ],
        from: "pg_stat_archiver"
    )
}
