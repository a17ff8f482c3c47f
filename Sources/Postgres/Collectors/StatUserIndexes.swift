extension TableCollector {
    /// How much each index is used (`pg_stat_user_indexes`; `last_idx_scan` since 16).
    ///
    /// The largest indexes of each database stand by themselves; all others are added up in one more.
    static func statUserIndexes(_ relations: PostgresOptions.Relations) -> TableCollector {
        TableCollector(
            "stat_user_indexes",
            isEnabledByDefault: false,
            scope: .database,
            source: "pg_stat_user_indexes, pg_class",
            columns: [
                .label("datname", "current_database()"),
                relations.schema,
                relations.label("relname"),
                relations.label("indexrelname"),
                .counter(
                    "pg_stat_user_indexes_idx_scan_total", "sum(idx_scan)",
                    "Scans of the index (pg_stat_user_indexes.idx_scan)."),
                .counter(
                    "pg_stat_user_indexes_idx_tup_read_total", "sum(idx_tup_read)",
                    "Entries that its scans returned (pg_stat_user_indexes.idx_tup_read)."),
                .counter(
                    "pg_stat_user_indexes_idx_tup_fetch_total", "sum(idx_tup_fetch)",
                    "Live rows that its plain scans fetched (pg_stat_user_indexes.idx_tup_fetch)."),
                .gauge(
                    "pg_stat_user_indexes_last_idx_scan_timestamp_seconds",
                    relations.single("extract(epoch FROM max(last_idx_scan))"),
                    """
                    When it was last scanned, in seconds since the epoch; absent for never \
                    (pg_stat_user_indexes.last_idx_scan).
                    """, versions: .from(16)),
                .gauge(
                    "pg_stat_user_indexes_size_bytes",
                    "sum(bytes)",
                    "Size of the index when it was last vacuumed or analyzed (pg_class.relpages)."),
            ],
            from: relations.groups(of: withSizes, by: "indexrelid")
        )
    }

    private static let withSizes = """
        (SELECT i.*, c.relpages::bigint * current_setting('block_size')::bigint AS bytes \
        FROM pg_stat_user_indexes AS i JOIN pg_class AS c ON c.oid = i.indexrelid)
        """
}
