extension TableCollector {
    /// The files of the write-ahead log (`pg_ls_waldir`).
    static let wal = TableCollector(
        "wal",
        source: "pg_ls_waldir()",
        needs: .listWAL,
        columns: [
            .gauge("pg_wal_segments", "count(*)", "Files of the write-ahead log, those kept for reuse included."),
            .gauge("pg_wal_size_bytes", "sum(size)", "Disk space of these files, in bytes."),
        ],
        from: "pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'"
    )
}
