extension TableCollector {
    /// When the server started.
    static let postmaster = TableCollector(
        "postmaster",
        source: "pg_postmaster_start_time()",
        columns: [
            .gauge(
                "pg_postmaster_start_time_seconds", "extract(epoch FROM started)",
                "When the server started, in seconds since the epoch (pg_postmaster_start_time).")
        ],
        from: "pg_postmaster_start_time() AS started"
    )
}
