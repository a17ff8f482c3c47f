extension TableCollector {
    /// What the checkpointer did (`pg_stat_checkpointer`, since 17; before, `pg_stat_bgwriter` has it).
    static let statCheckpointer = TableCollector(
        "stat_checkpointer",
        source: "pg_stat_checkpointer",
        versions: .from(17),
        columns: [
            .counter(
                "pg_stat_checkpointer_num_timed_total", "num_timed",
                "Checkpoints because checkpoint_timeout had passed, those that had nothing to do included.", null: 0),
            .counter(
                "pg_stat_checkpointer_num_requested_total", "num_requested",
                "Checkpoints because somebody, or max_wal_size, asked for them.", null: 0),
            .counter(
                "pg_stat_checkpointer_num_done_total", "num_done", "Checkpoints completed.", versions: .from(18)),
            .counter(
                "pg_stat_checkpointer_restartpoints_timed_total", "restartpoints_timed",
                "Restartpoints of a standby because checkpoint_timeout had passed, or after one that failed.", null: 0),
            .counter(
                "pg_stat_checkpointer_restartpoints_req_total", "restartpoints_req",
                "Restartpoints of a standby because somebody asked for them.", null: 0),
            .counter(
                "pg_stat_checkpointer_restartpoints_done_total", "restartpoints_done",
                "Restartpoints of a standby completed.", null: 0),
            .counter(
                "pg_stat_checkpointer_write_time_total", "write_time",
                "Milliseconds that checkpoints and restartpoints spent writing files.", null: 0),
            .counter(
                "pg_stat_checkpointer_sync_time_total", "sync_time",
                "Milliseconds that checkpoints and restartpoints spent bringing files to disk.", null: 0),
            .counter(
                "pg_stat_checkpointer_buffers_written_total", "buffers_written",
                "Shared buffers that checkpoints and restartpoints wrote.", null: 0),
            .counter(
                "pg_stat_checkpointer_slru_written_total", "slru_written",
                "SLRU buffers that checkpoints and restartpoints wrote.", versions: .from(18)),
            .counter(
                "pg_stat_checkpointer_stats_reset_total", "extract(epoch FROM stats_reset)",
                "When these statistics were last reset, in seconds since the epoch; no counter.", null: 0),
        ],
        from: "pg_stat_checkpointer"
    )
}
