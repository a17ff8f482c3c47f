extension TableCollector {
    /// Logical replication as its subscriber sees it, by subscription (`pg_stat_subscription`).
    ///
    /// 13 tells only superusers which database a subscription is of and whether it is enabled, so there it tells neither.
    static let statSubscription = TableCollector(
        "stat_subscription",
        source: "pg_stat_subscription, pg_subscription",
        columns: [
            .label(
                "datname",
                """
                (SELECT d.datname FROM pg_subscription AS p JOIN pg_database AS d ON d.oid = p.subdbid \
                WHERE p.oid = s.subid)
                """, versions: .from(14)),
            .label("subname", "s.subname"),
            .gauge(
                "pg_stat_subscription_enabled", "(SELECT p.subenabled FROM pg_subscription AS p WHERE p.oid = s.subid)",
                """
                Whether the subscription is to replicate: 1 or 0; a failure disables it where disable_on_error is set \
                (pg_subscription.subenabled).
                """, versions: .from(14)),
            .gauge(
                "pg_stat_subscription_worker_up", "bool_or(s.pid IS NOT NULL AND s.relid IS NULL)",
                """
                Whether a worker applies changes: 1 or 0; 0 of an enabled subscription means that it fails again and \
                again, and the publisher keeps its log meanwhile (pg_stat_subscription.pid).
                """),
            .gauge(
                "pg_stat_subscription_table_sync_workers", "count(s.relid)",
                "Workers that copy tables for the first time (pg_stat_subscription.relid)."),
            .gauge(
                "pg_stat_subscription_received_lsn_bytes", "max(pg_wal_lsn_diff(s.received_lsn, '0/0')) \(isApplying)",
                """
                Position in the publisher's log up to which it was received; the publisher's own position less this one \
                is the lag (pg_stat_subscription.received_lsn).
                """),
            .gauge(
                "pg_stat_subscription_latest_end_lsn_bytes",
                "max(pg_wal_lsn_diff(s.latest_end_lsn, '0/0')) \(isApplying)",
                "Position up to which it was reported back to the publisher (pg_stat_subscription.latest_end_lsn)."),
            .gauge(
                "pg_stat_subscription_last_message_age_seconds",
                "extract(epoch FROM clock_timestamp() - max(s.last_msg_receipt_time) \(isApplying))",
                """
                Time since the publisher was last heard of; it sends something every half wal_sender_timeout at least \
                (pg_stat_subscription.last_msg_receipt_time).
                """),
            .gauge(
                "pg_stat_subscription_latest_end_age_seconds",
                "extract(epoch FROM clock_timestamp() - max(s.latest_end_time) \(isApplying))",
                "Time since something was last reported back to the publisher (pg_stat_subscription.latest_end_time)."),
        ],
        from: "pg_stat_subscription AS s GROUP BY s.subid, s.subname ORDER BY s.subname, s.subid"
    )

    private static let isApplying = "FILTER (WHERE s.relid IS NULL)"

    /// What went wrong in logical replication, by subscription (`pg_stat_subscription_stats`, since 15; conflicts since
    /// 18).
    static let statSubscriptionStats = TableCollector(
        "stat_subscription_stats",
        source: "pg_stat_subscription_stats",
        versions: .from(15),
        columns: [
            .label("datname", "d.datname"),
            .label("subname", "s.subname"),
            .counter(
                "pg_stat_subscription_apply_errors_total", "s.apply_error_count",
                """
                Errors in applying changes; it starts again at the same change each time, so that what grows here stands \
                still (pg_stat_subscription_stats.apply_error_count).
                """),
            .counter(
                "pg_stat_subscription_sync_errors_total", "s.sync_error_count",
                "Errors in copying tables for the first time (pg_stat_subscription_stats.sync_error_count)."),
            conflict("insert_exists", "Rows inserted whose key was there already; each stops the subscription"),
            conflict("update_origin_differs", "Rows updated that somebody else had changed last"),
            conflict("update_exists", "Rows updated to a key that was there already; each stops the subscription"),
            conflict("update_missing", "Updates of rows that are not there, left out"),
            conflict("delete_origin_differs", "Rows deleted that somebody else had changed last"),
            conflict("delete_missing", "Deletions of rows that are not there, left out"),
            conflict(
                "multiple_unique_conflicts", "Rows that broke several unique keys at once; each stops the subscription"),
        ],
        from: """
            pg_stat_subscription_stats AS s JOIN pg_subscription AS p ON p.oid = s.subid \
            JOIN pg_database AS d ON d.oid = p.subdbid ORDER BY d.datname, s.subname
            """
    )

    private static func conflict(_ name: String, _ help: String) -> Column {
        .counter(
            "pg_stat_subscription_conflicts_\(name)_total", "s.confl_\(name)",
            "\(help) (pg_stat_subscription_stats.confl_\(name)).", versions: .from(18))
    }

    /// How far the tables of each subscription are copied (`pg_subscription_rel`, which superusers alone can tell the
    /// subscription of before 14).
    static let subscriptionTables = TableCollector(
        "subscription_tables",
        scope: .database,
        source: "pg_subscription_rel",
        versions: .from(14),
        columns: [
            .label("datname", "current_database()"),
            .label("subname", "p.subname"),
            .label("state", "states.state"),
            .gauge(
                "pg_subscription_tables", "count(r.srrelid)",
                """
                Tables of the subscription in this state; all but ready are not yet replicated as a whole \
                (pg_subscription_rel.srsubstate).
                """),
        ],
        from: """
            pg_subscription AS p JOIN pg_database AS d ON d.oid = p.subdbid AND d.datname = current_database() \
            CROSS JOIN (VALUES (1, 'i', 'initializing'), (2, 'd', 'copying'), (3, 'f', 'copied'), \
            (4, 's', 'synchronized'), (5, 'r', 'ready')) AS states (position, code, state) \
            LEFT JOIN pg_subscription_rel AS r ON r.srsubid = p.oid AND r.srsubstate = states.code::"char" \
            GROUP BY p.subname, states.position, states.state ORDER BY p.subname, states.position
            """
    )
}
