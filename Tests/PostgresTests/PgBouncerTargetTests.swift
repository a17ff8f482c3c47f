import Exposition
import Foundation
import Lab
import Synchronization
import Testing

@testable import Postgres
@testable import Scraping

/// PgBouncer's console, and what befalls real poolers.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct PgBouncerTargetTests {
    private func target(_ connectionString: String, _ chosen: [String: Bool] = [:]) throws -> PgBouncerTarget {
        PgBouncerTarget(
            try PostgresSettings(name: "pgbouncer", connectionString: connectionString),
            collectors: CollectorSelection(chosen))
    }

    /// A target whose database is not the console's, which it asks all the same.
    private func target(_ pooler: PgBouncerServer) throws -> PgBouncerTarget {
        try target(pooler.connectionString(user: "stats", database: "postgres"))
    }

    /// One scrape: how it went, and every series with its value.
    private func scrape(
        _ target: PgBouncerTarget, within limit: Duration = .seconds(20)
    ) async -> (outcome: ScrapeOutcome, series: [String: Double]) {
        let scraped = await Scraped(target, within: limit)
        return (scraped.outcome, scraped.series)
    }

    @Test func figuresAreWhatWasDone() async throws {
        let server = try await PostgresServer()
        let pooler = try await PgBouncerServer(
            before: server, settings: ["pool_mode = transaction", "default_pool_size = 3", "max_client_conn = 77"])
        for _ in 0..<5 {
            let work = ["-c", "BEGIN; SELECT 1; COMMIT", "-c", "BEGIN", "-c", "SELECT pg_sleep(0.1)", "-c", "COMMIT"]
            let done = try await run(["psql", "-X", "-q", "-d", pooler.connectionString()] + work)
            #expect(done.status == 0)
        }
        let target = try target(pooler)
        let (outcome, series) = await scrape(target)
        #expect(outcome.isUp)
        #expect(outcome.collectors.compactMap(\.error) == [])
        #expect(outcome.collectors.map(\.name) == PgBouncerCollectors.all().map(\.name))
        #expect(series["pgbouncer_up"] == 1)

        let stats = "pgbouncer_stats_totals"
        let database = #"{database="postgres"}"#
        #expect(series["\(stats)_sql_transactions_pooled_total\(database)"] == 10)
        #expect(series["\(stats)_queries_pooled_total\(database)"] == 20)
        let spent = try #require(series["\(stats)_queries_duration_seconds_total\(database)"])
        #expect(spent >= 0.5 && spent < 60)
        let open = try #require(series["\(stats)_server_in_transaction_seconds_total\(database)"])
        #expect(open >= spent && open < 60)
        let console = try await pooler.console("SHOW STATS_TOTALS")
        let row = try #require(console.split(separator: "\n").first { $0.hasPrefix("postgres|") })
        let received = try #require(series["\(stats)_received_bytes_total\(database)"])
        let sent = try #require(series["\(stats)_sent_bytes_total\(database)"])
        #expect(row.contains("|\(Int(received))|\(Int(sent))|"))

        let pool = #"{database="postgres",user="postgres"}"#
        #expect(series["pgbouncer_pools_server_idle_connections\(pool)"] == 1)
        #expect(series["pgbouncer_pools_server_active_connections\(pool)"] == 0)
        #expect(series["pgbouncer_pools_client_maxwait_seconds\(pool)"] == 0)
        let entry =
            #"{database="postgres",force_user="postgres",host="127.0.0.1",name="postgres",pool_mode="",port="\#(server.port)"}"#
        #expect(series["pgbouncer_databases_pool_size\(entry)"] == 3)
        #expect(series["pgbouncer_databases_reserve_pool\(entry)"] == 0)
        #expect(series["pgbouncer_databases_current_connections\(entry)"] == 1)
        #expect(series["pgbouncer_databases"] == 2)
        #expect(series["pgbouncer_used_servers"] == 1)
        #expect(series["pgbouncer_config_max_client_connections"] == 77)
        let version = try await pooler.console("SHOW VERSION").dropLast()
        #expect(series[#"pgbouncer_version_info{version="\#(version)"}"#] == 1)
    }

    @Test func whoeverWaitsIsSeen() async throws {
        let server = try await PostgresServer()
        let pooler = try await PgBouncerServer(
            before: server, settings: ["pool_mode = transaction", "default_pool_size = 1"])
        let log = server.directory.path("clients")
        let client = ["psql", "-X", "-q", "-d", pooler.connectionString(), "-c", "SELECT pg_sleep(60)"]
        let clients = try (0..<3).map { _ in try Daemon(client, stop: "KILL", log: log) }
        defer { for client in clients { client.stop() } }
        let target = try target(pooler)
        let pool = #"{database="postgres",user="postgres"}"#
        let waiting = #"{application_name="psql",database="postgres",state="waiting",user="app"}"#
        // Two wait as well while the pooler connects to the server, for which the first of them waits; and a client may
        // come between the pooler's answers.
        let expected = [
            "pgbouncer_pools_client_waiting_connections\(pool)": 2.0,
            "pgbouncer_pools_client_active_connections\(pool)": 1,
            "pgbouncer_pools_server_active_connections\(pool)": 1,
            "pgbouncer_client_connections\(waiting)": 2,
        ]
        var found: [String: Double] = [:]
        _ = try await eventually {
            found = await scrape(target).series.filter { expected.keys.contains($0.key) }
            return found == expected
        }
        #expect(found == expected)
        let first = await scrape(target).series["pgbouncer_pools_client_maxwait_seconds\(pool)"] ?? 0
        let second = await scrape(target).series["pgbouncer_pools_client_maxwait_seconds\(pool)"] ?? 0
        #expect(first > 0 && second > first && second < 120)
    }

    /// A pooler that is asked to end waits for its clients to go.
    @Test func noConnectionOutlivesItsScrape() async throws {
        let server = try await PostgresServer()
        let pooler = try await PgBouncerServer(before: server)
        let target = try target(pooler)
        let ours = #"pgbouncer_client_connections{application_name="stack-exporter",database="pgbouncer",state="#
        for _ in 0..<3 {
            let series = await scrape(target).series
            #expect(series.filter { $0.key.hasPrefix(ours) }.map(\.value) == [1])
            #expect(target.openConnections == 0)
            #expect(try await eventually { try await !pooler.console("SHOW CLIENTS").contains("stack-exporter") })
        }
    }

    @Test(arguments: [
        ("stats", "sesame", FailureReason.authentication, "the password is wrong"),
        ("nobody", "sesame", .authentication, "the password is wrong"),
        ("app", PgBouncerServer.password, .authentication, "stats_users"),
    ])
    func refusalsHaveTheirReason(user: String, password: String, reason: FailureReason, word: String) async throws {
        let server = try await PostgresServer()
        let pooler = try await PgBouncerServer(before: server)
        let (outcome, series) = await scrape(
            try target(pooler.connectionString(user: user, password: password, database: "pgbouncer")))
        #expect(series == ["pgbouncer_up": 0])
        #expect(outcome.error?.reason == reason)
        #expect(outcome.collectors.allSatisfy { $0.error?.reason == reason })
        #expect(outcome.error?.detail.contains(word) == true)
        #expect(outcome.error?.detail.contains("127.0.0.1:\(pooler.port)") == true)
        #expect(outcome.error?.detail.contains(password) == false)
    }

    @Test func aPoolerThatHangsIsDownWithinTheTimeLimit() async throws {
        let server = try await PostgresServer()
        let pooler = try await PgBouncerServer(before: server)
        let target = try target(pooler)
        #expect(await scrape(target).outcome.isUp)
        pooler.signal(SIGSTOP)
        let start = ContinuousClock.now
        let (outcome, series) = await scrape(target, within: .milliseconds(500))
        #expect(start.duration(to: .now) < .seconds(20))
        #expect(series == ["pgbouncer_up": 0])
        #expect(outcome.error?.reason == .timeout)
        pooler.signal(SIGCONT)
        #expect(try await eventually { await scrape(target).outcome.isUp })
    }

    @Test func itRecoversFromARestart() async throws {
        let server = try await PostgresServer()
        let pooler = try await PgBouncerServer(before: server)
        let target = try target(pooler)
        #expect(await scrape(target).outcome.isUp)
        try await pooler.stop()
        let (outcome, series) = await scrape(target)
        #expect(series == ["pgbouncer_up": 0])
        #expect(outcome.error?.reason == .connection)
        try await pooler.start()
        #expect(try await eventually { await scrape(target).outcome.isUp })
    }

    /// PostgreSQL's failure is none of the pooler's.
    @Test func itIsUpWithoutTheServerBehindIt() async throws {
        let server = try await PostgresServer()
        let pooler = try await PgBouncerServer(before: server)
        try await server.stop()
        let (outcome, series) = await scrape(try target(pooler))
        #expect(series["pgbouncer_up"] == 1)
        #expect(outcome.collectors.compactMap(\.error) == [])
    }

    @Test func aCommandThatFailsLeavesTheOthersAlone() async throws {
        let server = try await PostgresServer()
        let pooler = try await PgBouncerServer(before: server)
        let connection = PostgresConnection(
            try PostgresSettings(name: "test", connectionString: pooler.connectionString(user: "stats")),
            database: "pgbouncer", queries: .simple)
        let deadline = Deadline(after: .seconds(20))
        try await connection.open(until: deadline)
        let outcomes = Mutex<[String]>([])
        let commands = ["SHOW VERSION", "SHOW NONSENSE", "RELOAD", "SELECT 1", "SHOW LISTS"]
        try await connection.runSimple(commands, until: deadline) { index, outcome in
            let text: String
            switch consume outcome {
            case .success(let rows): text = rows.name(ofColumn: 0)
            case .failure(let error): text = error.reason.rawValue
            }
            outcomes.withLock { $0.append("\(index) \(text)") }
        }
        #expect(
            outcomes.withLock { $0 } == [
                "0 version", "1 unsupported_version", "2 permission", "3 unsupported_version", "4 list",
            ])
        #expect(connection.openConnections == 1)
    }

    @Test func aPoolerThatStopsBetweenCommandsCostsTheConnection() async throws {
        let server = try await PostgresServer()
        let pooler = try await PgBouncerServer(before: server)
        let connection = PostgresConnection(
            try PostgresSettings(name: "test", connectionString: pooler.connectionString(user: "stats")),
            database: "pgbouncer", queries: .simple)
        try await connection.open(until: Deadline(after: .seconds(20)))
        pooler.signal(SIGSTOP)
        defer { pooler.signal(SIGCONT) }
        let start = ContinuousClock.now
        let error = await #expect(throws: CollectorError.self) {
            try await connection.runSimple(["SHOW LISTS"], until: Deadline(after: .milliseconds(300))) { _, _ in }
        }
        #expect(error?.reason == .timeout)
        #expect(start.duration(to: .now) < .seconds(10))
        #expect(await connection.isClosed)
    }

    @Test func collectorsCanBeSwitchedOff() async throws {
        let server = try await PostgresServer()
        let pooler = try await PgBouncerServer(before: server)
        let some = try target(
            pooler.connectionString(user: "stats"), ["pgbouncer_clients": false, "pgbouncer_stats": false])
        let (outcome, series) = await scrape(some)
        #expect(outcome.collectors.map(\.name) == some.collectors)
        #expect(!series.keys.contains { $0.hasPrefix("pgbouncer_client_") || $0.hasPrefix("pgbouncer_stats_") })
        #expect(series.keys.contains { $0.hasPrefix("pgbouncer_pools_") })
    }
}
