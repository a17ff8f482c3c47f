extension TableCollector {
    /// Activity of every database since its statistics were reset (`pg_stat_database`; sessions since 14,
    /// parallel workers since 18).
    ///
    /// The row of shared objects, which belongs to no database, is left out.
    static let statDatabase = TableCollector(
        "stat_database",
        source: "pg_stat_database",
        columns: [
            .label("datid"),
            .label("datname"),
            .gauge("pg_stat_database_numbackends", "numbackends", "Sessions connected to the database."),
            .counter("pg_stat_database_xact_commit", "xact_commit", "Transactions committed."),
            .counter("pg_stat_database_xact_rollback", "xact_rollback", "Transactions rolled back."),
            .counter("pg_stat_database_blks_read", "blks_read", "Blocks read from disk or the system's cache."),
            .counter("pg_stat_database_blks_hit", "blks_hit", "Blocks found in PostgreSQL's own buffers."),
            .counter("pg_stat_database_tup_returned", "tup_returned", "Rows that scans went through."),
            .counter("pg_stat_database_tup_fetched", "tup_fetched", "Rows that index scans fetched."),
            .counter("pg_stat_database_tup_inserted", "tup_inserted", "Rows inserted."),
            .counter("pg_stat_database_tup_updated", "tup_updated", "Rows updated."),
            .counter("pg_stat_database_tup_deleted", "tup_deleted", "Rows deleted."),
            .counter(
                "pg_stat_database_conflicts", "conflicts",
                "Queries cancelled on a standby because they were in the way of recovery."),
            .counter("pg_stat_database_temp_files", "temp_files", "Temporary files that queries made."),
            .counter("pg_stat_database_temp_bytes", "temp_bytes", "Bytes that queries wrote to temporary files."),
            .counter("pg_stat_database_deadlocks", "deadlocks", "Deadlocks detected."),
            .counter(
                "pg_stat_database_blk_read_time", "blk_read_time",
                "Milliseconds spent reading blocks; 0 unless track_io_timing is on."),
            .counter(
                "pg_stat_database_blk_write_time", "blk_write_time",
                "Milliseconds spent writing blocks; 0 unless track_io_timing is on."),
            .counter(
                "pg_stat_database_stats_reset", "extract(epoch FROM stats_reset)",
                "When the statistics were last reset, in seconds since the epoch; 0 for never.", null: 0),
            .counter(
                "pg_stat_database_active_time_seconds_total", "active_time",
                "Seconds that sessions spent executing statements (pg_stat_database.active_time).", dividedBy: 1000,
                versions: .from(14)),
            .counter(
                "pg_stat_database_session_time_seconds_total", "session_time",
                "Seconds that sessions were connected, whatever they did (pg_stat_database.session_time).",
                dividedBy: 1000, versions: .from(14)),
            .counter(
                "pg_stat_database_idle_in_transaction_time_seconds_total", "idle_in_transaction_time",
                """
                Seconds that sessions spent in an open transaction without asking for anything \
                (pg_stat_database.idle_in_transaction_time).
                """, dividedBy: 1000, versions: .from(14)),
            .counter(
                "pg_stat_database_sessions_total", "sessions",
                "Sessions begun; where it grows fast, clients do without a pool (pg_stat_database.sessions).",
                versions: .from(14)),
            .counter(
                "pg_stat_database_sessions_abandoned_total", "sessions_abandoned",
                """
                Sessions whose client went without a word: it crashed, or the network was cut \
                (pg_stat_database.sessions_abandoned).
                """, versions: .from(14)),
            .counter(
                "pg_stat_database_sessions_fatal_total", "sessions_fatal",
                "Sessions that a fatal error ended (pg_stat_database.sessions_fatal).", versions: .from(14)),
            .counter(
                "pg_stat_database_sessions_killed_total", "sessions_killed",
                "Sessions that somebody ended on purpose (pg_stat_database.sessions_killed).", versions: .from(14)),
            .counter(
                "pg_stat_database_checksum_failures_total", "checksum_failures",
                """
                Pages found to be damaged: more than 0 is lost data; absent where data checksums are off \
                (pg_stat_database.checksum_failures).
                """),
            .gauge(
                "pg_stat_database_checksum_last_failure_timestamp_seconds", "extract(epoch FROM checksum_last_failure)",
                """
                When a damaged page was last found, in seconds since the epoch; absent for never \
                (pg_stat_database.checksum_last_failure).
                """),
            .counter(
                "pg_stat_database_parallel_workers_to_launch_total", "parallel_workers_to_launch",
                "Parallel workers that queries planned to have (pg_stat_database.parallel_workers_to_launch).",
                versions: .from(18)),
            .counter(
                "pg_stat_database_parallel_workers_launched_total", "parallel_workers_launched",
                """
                Parallel workers that queries got; fewer than planned where max_parallel_workers is too small \
                (pg_stat_database.parallel_workers_launched).
                """, versions: .from(18)),
        ],
        from: "pg_stat_database WHERE datname IS NOT NULL ORDER BY datid"
    )
}
