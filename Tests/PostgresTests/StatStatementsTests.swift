import Exposition
import Lab
import Scraping
import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(2)))
struct StatStatementsTests {
    private func facts(_ version: Int, extension extensionVersion: [Int]) -> ServerFacts {
        var server = ServerFacts.server(version, extensions: ["pg_stat_statements": "public"])
        server.extensionVersions = ["pg_stat_statements": extensionVersion]
        return server
    }

    private static let columns = [
        "started", "sees_all", "reset", "dealloc", "entries", "capacity", "userid", "rolname", "dbid", "datname",
        "lines",
    ]

    // MARK: The statement

    @Test func columnsFollowTheVersionOfTheExtensionAndNotTheServers() throws {
        let statements = StatStatements(PostgresOptions())
        let old = try #require(try statements.statement(for: facts(170_004, extension: [1, 10])))
        #expect(old.contains(", blk_read_time, blk_write_time,"))
        #expect(old.contains("pg_stat_statements_info"))
        let new = try #require(try statements.statement(for: facts(170_004, extension: [1, 11])))
        #expect(new.contains(", shared_blk_read_time, shared_blk_write_time,"))
        let first = try #require(try statements.statement(for: facts(130_014, extension: [1, 8])))
        #expect(!first.contains("pg_stat_statements_info"))
        let error = #expect(throws: CollectorError.self) {
            try statements.statement(for: facts(150_020, extension: [1, 7]))
        }
        #expect(error?.reason == .unsupportedVersion)
        #expect(error?.detail.hasSuffix("ALTER EXTENSION pg_stat_statements UPDATE;") == true)
    }

    // MARK: Rows

    /// Rows as PostgreSQL 15.20 sends them: milliseconds, two entries of one statement, and a role that is gone.
    @Test func linesBecomeFamilies() throws {
        var options = PostgresOptions()
        options.hasLegacyNames = true
        let server = ["1795236844.25", "t", "1795236844.3", "2", "4", "5000"]
        let rows = try QueryResult(
            columns: Self.columns,
            rows: [
                server + [
                    "10", "postgres", "5", "app",
                    """
                    -123 4 10.5 40 1.5 0.25 7.25 100 20 3 2 8192 1 0.5
                    -123 1 2 10 0 0.5 8 10 0 0 1 100 1 0.25
                    77 9 0.5
                    """,
                ],
                server + [nil, nil, "5", "app", "5 1 1000 1 0 0 1000 0 0 0 0 0 0 0"],
            ])
        let all = lines(try StatStatements(options).families(from: rows, server: facts(150_020, extension: [1, 10])))
        func expect(_ metric: String, _ value: String) {
            let line = "pg_stat_statements_\(metric){datname=\"app\",queryid=\"-123\",user=\"postgres\"} \(value)"
            #expect(all.contains(line), "\(line)")
        }
        expect("calls_total", "5.0")
        expect("seconds_total", "0.0125")
        expect("rows_total", "50.0")
        expect("block_read_seconds_total", "0.0015")
        expect("block_write_seconds_total", "0.00075")
        expect("max_exec_seconds", "0.008")
        expect("shared_blocks_hit_total", "110.0")
        expect("shared_blocks_read_total", "20.0")
        expect("temp_blocks_read_total", "3.0")
        expect("temp_blocks_written_total", "3.0")
        expect("wal_bytes_total", "8292.0")
        expect("plans_total", "2.0")
        expect("plan_seconds_total", "0.00075")
        expect("mean_time", "2.5")
        #expect(all.contains(#"pg_stat_statements_seconds_total{datname="app",queryid="5",user="unknown"} 1.0"#))
        #expect(!all.contains { $0.contains("queryid=\"77\"") })
        #expect(all.contains("pg_stat_statements_entries 4.0"))
        #expect(all.contains("pg_stat_statements_max_entries 5000.0"))
        #expect(all.contains("pg_stat_statements_dealloc_total 2.0"))
    }

    /// The server sends a query in full for every role that it was asked for; the bound is on what is shown.
    @Test func noMoreThanTheLimitAreShownInFull() throws {
        var options = PostgresOptions()
        options.statements.limit = 2
        let rows = try QueryResult(
            columns: Self.columns,
            rows: (1...4).map { number in
                [
                    "1795236844.25", "t", nil, nil, "4", nil, "\(number)", "role\(number)", "5", "app",
                    "9 1 \(number) 0 0 0 0 0 0 0 0 0 0 0",
                ]
            })
        let all = lines(try StatStatements(options).families(from: rows, server: facts(130_014, extension: [1, 8])))
        #expect(
            all.filter { $0.hasPrefix("pg_stat_statements_seconds_total") } == [
                #"pg_stat_statements_seconds_total{datname="app",queryid="9",user="role3"} 0.003"#,
                #"pg_stat_statements_seconds_total{datname="app",queryid="9",user="role4"} 0.004"#,
            ])
        #expect(!all.contains { $0.hasPrefix("pg_stat_statements_dealloc_total") })
    }

    @Test(arguments: ["1 2", "x 1 2", "1 2 x", "1 2 3 4"])
    func aLineOfAnotherFormIsOurMistake(line: String) throws {
        let rows = try QueryResult(
            columns: Self.columns, rows: [["1", "t", nil, nil, "1", nil, "10", "postgres", "5", "app", line]])
        let error = #expect(throws: CollectorError.self) {
            try StatStatements(PostgresOptions()).families(from: rows, server: facts(150_020, extension: [1, 10]))
        }
        #expect(error?.reason == .internal)
    }
}
