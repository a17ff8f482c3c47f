extension TableCollector {
    /// Replication slots and the write-ahead log that they keep (`pg_replication_slots`), of primaries and standbys.
    static let replicationSlots = TableCollector(
        "replication_slots",
        source: "pg_replication_slots",
        columns: [
            .label("slot_name"),
            .label("database"),
            .label("slot_type"),
            .label("wal_status"),
            .gauge(
                "pg_replication_slots_active", "active", "Whether somebody is connected to the slot: 1 or 0.",
                labels: ["slot_name", "database"]),
            .gauge(
                "pg_replication_slots_pg_wal_lsn_diff", "pg_wal_lsn_diff(position, restart_lsn)",
                "Bytes of write-ahead log from what the slot may still need to the end (restart_lsn).",
                labels: ["slot_name", "database"]),
            .gauge(
                "pg_replication_slots_slot_current_wal_lsn", "position - '0/0'",
                "End of the write-ahead log that was written, or received by a standby, as a number of bytes.",
                labels: ["slot_name", "slot_type"]),
            .gauge(
                "pg_replication_slots_slot_confirmed_flush_lsn",
                "CASE WHEN active THEN coalesce(confirmed_flush_lsn - '0/0', 0) END",
                """
                Up to where the consumer of an active logical slot has confirmed, as a number of bytes; 0 for a physical \
                slot (confirmed_flush_lsn).
                """,
                labels: ["slot_name", "slot_type"]),
            .gauge(
                "pg_replication_slots_slot_is_active", "active",
                "Whether somebody is connected to the slot: 1 or 0.", labels: ["slot_name", "slot_type"]),
            .gauge(
                "pg_replication_slots_safe_wal_size_bytes", "safe_wal_size",
                """
                Bytes that can still be written before the slot is in danger to lose what it needs; absent where \
                max_slot_wal_keep_size sets no limit (safe_wal_size).
                """,
                labels: ["slot_name", "slot_type"]),
            .gauge(
                "pg_replication_slots_wal_status", "CASE WHEN wal_status IS NOT NULL THEN 1 END",
                "Always 1; the label tells whether the log that the slot needs is there: reserved, extended, "
                    + "unreserved, lost.",
                labels: ["slot_name", "slot_type", "wal_status"]),
        ],
        from: "pg_replication_slots CROSS JOIN (SELECT \(walPosition) AS position) AS wal ORDER BY slot_name"
    )
}
