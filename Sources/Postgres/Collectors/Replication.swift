extension TableCollector {
    /// Whether the server is a standby, and how far it is behind.
    ///
    /// A standby that has replayed all it received is not behind as long as it receives; without a WAL receiver nobody
    /// knows what the primary has written since, so there the lag grows. A standby that has replayed no transaction yet
    /// cannot tell when the last was.
    static let replication = TableCollector(
        "replication",
        source: "pg_last_xact_replay_timestamp()",
        columns: [
            .gauge(
                "pg_replication_lag_seconds",
                """
                CASE WHEN NOT standby THEN 0 WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() \
                AND EXISTS (SELECT FROM pg_stat_wal_receiver) THEN 0 ELSE age END
                """,
                """
                Seconds that a standby is behind: 0 on a primary and where all that was received is replayed and the WAL \
                receiver runs, else the age of the last transaction replayed.
                """),
            .gauge(
                "pg_replication_is_replica", "standby",
                "Whether the server is a standby: 1 or 0 (pg_is_in_recovery)."),
            .gauge(
                "pg_replication_last_replay_seconds", "CASE WHEN standby THEN age ELSE 0 END",
                "Age of the last transaction that a standby has replayed, in seconds; 0 on a primary."),
        ],
        from: """
            (SELECT pg_is_in_recovery() AS standby, CASE WHEN replayed > now() THEN 0 \
            ELSE extract(epoch FROM now() - replayed) END AS age FROM pg_last_xact_replay_timestamp() AS replayed) AS r
            """
    )
}
