extension TableCollector {
    /// How the shared buffers are used (`pg_buffercache_summary()` of the extension pg_buffercache, since 16).
    static let buffercacheSummary = TableCollector(
        "buffercache_summary",
        isEnabledByDefault: false,
        source: "pg_buffercache_summary()",
        versions: .from(16),
        requires: "pg_buffercache",
        columns: [
            .gauge("pg_buffercache_summary_buffers_used", "buffers_used", "Shared buffers in use.", null: 0),
            .gauge("pg_buffercache_summary_buffers_unused", "buffers_unused", "Shared buffers not in use.", null: 0),
            .gauge(
                "pg_buffercache_summary_buffers_dirty", "buffers_dirty",
                "Shared buffers with changes that are not yet written.", null: 0),
            .gauge(
                "pg_buffercache_summary_buffers_pinned", "buffers_pinned",
                "Shared buffers that a session holds at the moment.", null: 0),
            .gauge(
                "pg_buffercache_summary_usagecount_avg", "usagecount_avg",
                "Mean usage count of the shared buffers in use, 0 to 5: the higher, the longer they stay.", null: 0),
        ],
        from: "%schema%.pg_buffercache_summary()"
    )
}
