extension TableCollector {
    /// What a standby receives, and from where (`pg_stat_wal_receiver`). Without a receiver there is nothing.
    ///
    /// Positions in the log are in bytes modulo 2^52, where a float still tells every one of them apart.
    static let statWALReceiver = TableCollector(
        "stat_wal_receiver",
        isEnabledByDefault: false,
        source: "pg_stat_wal_receiver",
        needs: .readAllStats,
        columns: [
            .label("upstream_host", "sender_host"),
            .label("slot_name"),
            .label("status"),
            .counter(
                "pg_stat_wal_receiver_receive_start_lsn", position("receive_start_lsn"),
                "Where in the log the receiver began, in bytes."),
            .counter(
                "pg_stat_wal_receiver_flushed_lsn", position("flushed_lsn"),
                "Up to where the log was received and brought to disk, in bytes."),
            .gauge(
                "pg_stat_wal_receiver_receive_start_tli", "receive_start_tli",
                "Timeline on which the receiver began."),
            .gauge(
                "pg_stat_wal_receiver_received_tli", "received_tli", "Timeline of what was last brought to disk."),
            .counter(
                "pg_stat_wal_receiver_last_msg_send_time", "extract(epoch FROM last_msg_send_time)",
                "When the last message was sent, by the sender's clock, in seconds since the epoch."),
            .counter(
                "pg_stat_wal_receiver_last_msg_receipt_time", "extract(epoch FROM last_msg_receipt_time)",
                "When the last message was received, in seconds since the epoch."),
            .counter(
                "pg_stat_wal_receiver_latest_end_lsn", position("latest_end_lsn"),
                "End of the log that was last reported to the sender, in bytes."),
            .counter(
                "pg_stat_wal_receiver_latest_end_time", "extract(epoch FROM latest_end_time)",
                "When the end of the log was last reported to the sender, in seconds since the epoch."),
            .gauge(
                "pg_stat_wal_receiver_upstream_node", "substring(slot_name FROM '^repmgr_slot_([0-9]+)$')",
                "Number of the sender's node where repmgr named the slot after it."),
        ],
        from: "pg_stat_wal_receiver"
    )

    private static func position(_ column: String) -> String { "(\(column) - '0/0') % 4503599627370496" }
}
