extension TableCollector {
    /// The small caches of transaction states, multixacts, subtransactions and the like (`pg_stat_slru`).
    ///
    /// 17 renamed them; the new names stand for the old ones.
    static let statSLRU = TableCollector(
        "stat_slru",
        source: "pg_stat_slru",
        columns: [
            .label(
                "name",
                """
                CASE name WHEN 'CommitTs' THEN 'commit_timestamp' WHEN 'MultiXactMember' THEN 'multixact_member' \
                WHEN 'MultiXactOffset' THEN 'multixact_offset' WHEN 'Notify' THEN 'notify' \
                WHEN 'Serial' THEN 'serializable' WHEN 'Subtrans' THEN 'subtransaction' WHEN 'Xact' THEN 'transaction' \
                ELSE name END
                """),
            .counter("pg_stat_slru_blks_zeroed_total", "blks_zeroed", "Blocks begun (pg_stat_slru.blks_zeroed)."),
            .counter("pg_stat_slru_blks_hit_total", "blks_hit", "Blocks found in the cache (pg_stat_slru.blks_hit)."),
            .counter(
                "pg_stat_slru_blks_read_total", "blks_read",
                """
                Blocks read from disk; where subtransaction or a multixact's grows fast, sessions wait for these caches \
                (pg_stat_slru.blks_read).
                """),
            .counter("pg_stat_slru_blks_written_total", "blks_written", "Blocks written (pg_stat_slru.blks_written)."),
            .counter(
                "pg_stat_slru_blks_exists_total", "blks_exists",
                "Blocks of which it was asked whether they are on disk (pg_stat_slru.blks_exists)."),
            .counter("pg_stat_slru_flushes_total", "flushes", "Flushes of the cache (pg_stat_slru.flushes)."),
            .counter("pg_stat_slru_truncates_total", "truncates", "Truncations (pg_stat_slru.truncates)."),
        ],
        from: "pg_stat_slru ORDER BY 1"
    )
}
