extension TableCollector {
    /// What the background writer did (`pg_stat_bgwriter`). Checkpoints moved to `pg_stat_checkpointer` in 17, and what
    /// sessions had to write themselves to `pg_stat_io`.
    static let statBgwriter = TableCollector(
        "stat_bgwriter",
        source: "pg_stat_bgwriter",
        columns: [
            .counter(
                "pg_stat_bgwriter_checkpoints_timed_total", "checkpoints_timed",
                "Checkpoints because checkpoint_timeout had passed.", null: 0, versions: .before(17)),
            .counter(
                "pg_stat_bgwriter_checkpoints_req_total", "checkpoints_req",
                "Checkpoints because somebody, or max_wal_size, asked for them.", null: 0, versions: .before(17)),
            .counter(
                "pg_stat_bgwriter_checkpoint_write_time_total", "checkpoint_write_time",
                "Milliseconds that checkpoints spent writing files.", null: 0, versions: .before(17)),
            .counter(
                "pg_stat_bgwriter_checkpoint_sync_time_total", "checkpoint_sync_time",
                "Milliseconds that checkpoints spent bringing files to disk.", null: 0, versions: .before(17)),
            .counter(
                "pg_stat_bgwriter_buffers_checkpoint_total", "buffers_checkpoint",
                "Buffers that checkpoints wrote.", null: 0, versions: .before(17)),
            .counter(
                "pg_stat_bgwriter_buffers_clean_total", "buffers_clean",
                "Buffers that the background writer wrote.", null: 0),
            .counter(
                "pg_stat_bgwriter_maxwritten_clean_total", "maxwritten_clean",
                "How often the background writer stopped since it had written bgwriter_lru_maxpages.", null: 0),
            .counter(
                "pg_stat_bgwriter_buffers_backend_total", "buffers_backend",
                "Buffers that sessions had to write themselves.", null: 0, versions: .before(17)),
            .counter(
                "pg_stat_bgwriter_buffers_backend_fsync_total", "buffers_backend_fsync",
                "How often a session had to call fsync itself.", null: 0, versions: .before(17)),
            .counter("pg_stat_bgwriter_buffers_alloc_total", "buffers_alloc", "Buffers allocated.", null: 0),
            .counter(
                "pg_stat_bgwriter_stats_reset_total", "extract(epoch FROM stats_reset)",
                "When these statistics were last reset, in seconds since the epoch; no counter.", null: 0),
        ],
        from: "pg_stat_bgwriter"
    )
}
