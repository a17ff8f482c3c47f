import Exposition
import Scraping
import Testing

@testable import Postgres

struct TableCollectorTests {
    private let table = TableCollector(
        "sample",
        source: "pg_sample",
        columns: [
            .label("datname"),
            .label("who", "usename", null: "unknown"),
            .gauge("pg_sample_sessions", "sessions", "Sessions."),
            .counter("pg_sample_active_seconds_total", "active_time", "Active.", dividedBy: 1000, versions: .from(14)),
            .counter("pg_sample_reset", "reset", "Reset.", null: 0),
        ],
        from: "pg_sample ORDER BY 1"
    )

    @Test func theStatementHasTheColumnsOfTheVersion() throws {
        #expect(
            try table.statement(for: .server(130_014)) == """
                SELECT datname AS "datname", usename AS "who", sessions AS "pg_sample_sessions", \
                reset AS "pg_sample_reset" FROM pg_sample ORDER BY 1
                """)
        #expect(try table.statement(for: .server(140_000))?.contains("active_time AS") == true)
    }

    @Test func rowsBecomeSamples() throws {
        let columns = [
            "datname", "who", "pg_sample_sessions", "pg_sample_active_seconds_total", "pg_sample_reset", "more",
        ]
        let families = try table.families(
            from: QueryResult(
                columns: columns,
                rows: [
                    ["app", "bob", "3", "1234.5", "1795236844.25", "x"],
                    [nil, nil, nil, nil, nil, nil],
                    ["t", "f", "no number", "NaN", "t", nil],
                ]), server: .server(150_020))
        #expect(
            lines(families) == [
                #"pg_sample_sessions{datname="app",who="bob"} 3.0"#,
                #"pg_sample_active_seconds_total{datname="app",who="bob"} 1.2345"#,
                #"pg_sample_active_seconds_total{datname="t",who="f"} nan"#,
                #"pg_sample_reset{datname="app",who="bob"} 1795236844.25"#,
                #"pg_sample_reset{datname="",who="unknown"} 0.0"#,
                #"pg_sample_reset{datname="t",who="f"} 1.0"#,
            ])
    }

    @Test func aResultWithoutAColumnIsOurMistake() throws {
        let error = #expect(throws: CollectorError.self) {
            try table.families(
                from: QueryResult(columns: ["datname"], rows: []), server: .server(150_020))
        }
        #expect(error?.reason == .internal)
        #expect(error?.detail == "the result has no column who")
    }

    @Test func anExtensionIsAddressedByItsSchema() throws {
        let table = TableCollector(
            "sample", source: "sample()", requires: "sample", columns: [.gauge("pg_sample", "n", "Number.")],
            from: "%schema%.sample()")
        #expect(
            try table.statement(for: .server(150_020, extensions: ["sample": #"odd "schema"#]))
                == #"SELECT n AS "pg_sample" FROM "odd ""schema".sample()"#)
        let error = #expect(throws: CollectorError.self) { try table.statement(for: .server(150_020)) }
        #expect(error?.reason == .missingExtension)
    }

    @Test func countersStartAgainWhereAFloatLosesSteps() throws {
        var table = TableCollector(
            "sample", source: "pg_sample",
            columns: [.counter("pg_sample_total", "n", "Count."), .gauge("pg_sample_bytes", "n", "Size.")],
            from: "pg_sample")
        func all() throws -> [String] {
            let texts = ["9007199254740991", "9007199254740992", "9223372036854775807", "1e300"]
            return lines(
                try table.families(
                    from: QueryResult(columns: ["pg_sample_total", "pg_sample_bytes"], rows: texts.map { [$0, $0] }),
                    server: .server(150_020)))
        }
        let sizes = [
            "pg_sample_bytes 9007199254740991.0", "pg_sample_bytes 9007199254740992.0",
            "pg_sample_bytes 9.223372036854776e+18", "pg_sample_bytes 1e+300",
        ]
        #expect(
            try all() == [
                "pg_sample_total 9007199254740991.0", "pg_sample_total 0.0", "pg_sample_total 9007199254740991.0",
                "pg_sample_total 1e+300",
            ] + sizes)
        table.wrapsLargeCounters = false
        #expect(try all() == sizes.map { $0.replacing("_bytes", with: "_total") } + sizes)
    }

    /// One row of `pg_stat_database` as PostgreSQL 15.20 sent it.
    @Test func statDatabaseUnits() throws {
        let server = ServerFacts.server(150_020)
        let columns = TableCollector.statDatabase.columns.map(\.name)
        let row = [
            "5", "postgres", "1", "4821", "3", "1038", "84802", "70716", "24334", "17556", "580", "28", "0", "2",
            "140000",
            "0", "73.512", "1.25", nil, "8123.75",
        ]
        let families = try TableCollector.statDatabase.families(
            from: QueryResult(columns: columns, rows: [row]), server: server)
        let all = lines(families)
        // Milliseconds stay, by the names' history; active time is new enough to be in seconds.
        #expect(all.contains(#"pg_stat_database_blk_read_time{datid="5",datname="postgres"} 73.512"#))
        #expect(all.contains(#"pg_stat_database_active_time_seconds_total{datid="5",datname="postgres"} 8.12375"#))
        #expect(all.contains(#"pg_stat_database_stats_reset{datid="5",datname="postgres"} 0.0"#))
        #expect(all.count == 18)
    }
}
