extension TableCollector {
    /// Standbys and other receivers of the write-ahead log (`pg_stat_replication`).
    ///
    /// Receivers that cannot be told apart by their labels have one series: that of the one that is the farthest behind.
    /// The times are NULL, and their series absent, once a receiver has confirmed everything and nothing new is written.
    static let statReplication = TableCollector(
        "stat_replication",
        source: "pg_stat_replication, pg_replication_slots",
        needs: .readAllStats,
        columns: [
            .label("application_name", "r.application_name"),
            .label("client_addr", "r.client_addr::text"),
            .label("state", "r.state"),
            .label("slot_name", "s.slot_name"),
            .gauge(
                "pg_stat_replication_pg_current_wal_lsn_bytes", "max(wal.position - '0/0')",
                "End of the write-ahead log that was written, or received by a standby, as a number of bytes."),
            .gauge(
                "pg_stat_replication_pg_wal_lsn_diff", "max(pg_wal_lsn_diff(wal.position, r.replay_lsn))",
                "Bytes of write-ahead log that the receiver has not yet replayed (replay_lsn)."),
            behind("sent", "that were not yet sent to it"),
            behind("write", "that the receiver has not yet written"),
            behind("flush", "that the receiver has not yet brought to disk"),
            late("write", "had written it"),
            late("flush", "had brought it to disk"),
            late("replay", "had replayed it"),
        ],
        from: """
            pg_stat_replication AS r LEFT JOIN pg_replication_slots AS s ON s.active_pid = r.pid \
            CROSS JOIN (SELECT \(walPosition) AS position) AS wal \
            GROUP BY r.application_name, r.client_addr, r.state, s.slot_name ORDER BY 1, 2, 3, 4
            """
    )

    private static func behind(_ step: String, _ what: String) -> Column {
        .gauge(
            "pg_stat_replication_\(step)_lag_bytes",
            "max(greatest(pg_wal_lsn_diff(wal.position, r.\(step)_lsn), 0)) FILTER (WHERE r.\(step)_lsn IS NOT NULL)",
            "Bytes of write-ahead log \(what) (\(step)_lsn).")
    }

    private static func late(_ step: String, _ what: String) -> Column {
        .gauge(
            "pg_stat_replication_\(step)_lag_seconds", "extract(epoch FROM max(r.\(step)_lag))",
            "Seconds from when recent log was written here until it was known that the receiver \(what) (\(step)_lag).")
    }
}
