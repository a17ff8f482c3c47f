extension TableCollector {
    /// Queries that a standby cancelled since they were in the way of recovery, by what they conflicted over
    /// (`pg_stat_database_conflicts`; logical slots since 16).
    static let statDatabaseConflicts = TableCollector(
        "stat_database_conflicts",
        source: "pg_stat_database_conflicts",
        columns: [
            .label("datid"),
            .label("datname"),
            .label("server", "%server%"),
            .counter(
                "pg_stat_database_conflicts_confl_tablespace", "confl_tablespace",
                "Queries cancelled because a tablespace was dropped."),
            .counter(
                "pg_stat_database_conflicts_confl_lock", "confl_lock",
                "Queries cancelled because they waited too long for a lock."),
            .counter(
                "pg_stat_database_conflicts_confl_snapshot", "confl_snapshot",
                "Queries cancelled because the rows that they could see were vacuumed away."),
            .counter(
                "pg_stat_database_conflicts_confl_bufferpin", "confl_bufferpin",
                "Queries cancelled because they held a buffer."),
            .counter(
                "pg_stat_database_conflicts_confl_deadlock", "confl_deadlock",
                "Queries cancelled because of a deadlock with recovery."),
            .unknown(
                "pg_stat_database_conflicts_confl_active_logicalslot", "confl_active_logicalslot",
                "Uses of logical slots cancelled because the primary removed what they need.", versions: .from(16)),
        ],
        from: "pg_stat_database_conflicts ORDER BY datid"
    )
}
