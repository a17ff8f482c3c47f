extension TableCollector {
    /// The end of the write-ahead log of servers before 10; later ones tell it with their receivers and slots.
    static let xlogLocation = TableCollector(
        "xlog_location",
        isEnabledByDefault: false,
        source: "pg_current_xlog_location()",
        versions: .before(10),
        columns: [
            .gauge(
                "pg_xlog_location_bytes", "(location - '0/0') % 4503599627370496",
                "End of the write-ahead log that was written, or received by a standby, in bytes.")
        ],
        from: """
            (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_xlog_receive_location() \
            ELSE pg_current_xlog_location() END AS location) AS xlog
            """
    )
}
