import Exposition
import Foundation
import Lab
import Logging
import Synchronization
import Testing

@testable import Postgres
@testable import Scraping

/// Collectors of single databases and slow ones, against a real server.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct RoundsTests {
    private static let here = TableCollector(
        "here", scope: .database, source: "current_database()",
        columns: [.label("datname", "current_database()"), .gauge("pg_here", "1", "Whether it was here.")],
        from: "(VALUES (1)) AS one(row)")
    /// Fails in the database `two` alone.
    private static let picky = TableCollector(
        "picky", scope: .database, source: "current_database()",
        columns: [
            .label("datname", "current_database()"),
            .gauge("pg_picky", "1 / (current_database() <> 'two')::int", "Whether it is content."),
        ],
        from: "(VALUES (1)) AS one(row)")
    private static let sizes = TableCollector(
        "sizes", scope: .database, isSlow: true, parent: "here", source: "now()",
        columns: [
            .label("datname", "current_database()"),
            .gauge("pg_sizes_read_at", "extract(epoch FROM clock_timestamp())", "When."),
        ],
        from: "(VALUES (1)) AS one(row)")
    private static let whole = TableCollector(
        "whole", isSlow: true, source: "pg_database",
        columns: [.gauge("pg_whole", "count(*)", "All databases.")], from: "pg_database")

    private func target(
        _ server: PostgresServer, _ collectors: [any PostgresCollector],
        _ change: (inout PostgresOptions) -> Void = { _ in }
    ) throws -> PostgresTarget {
        var options = PostgresOptions()
        change(&options)
        let settings = try PostgresSettings(name: "postgres", connectionString: server.connectionString())
        return PostgresTarget(settings, options: options, collectors: collectors)
    }

    private func scrape(_ target: PostgresTarget) async -> (outcome: ScrapeOutcome, lines: [String]) {
        let scraped = await Scraped(target)
        return (scraped.outcome, lines(scraped.delivered))
    }

    private func outcome(_ name: String, _ outcome: ScrapeOutcome) -> ScrapeOutcome.CollectorOutcome? {
        outcome.collectors.first { $0.name == name }
    }

    @Test func everyDatabaseThatMayBeConnectedToIsVisited() async throws {
        let server = try await PostgresServer()
        try await server.sql("CREATE DATABASE one; CREATE DATABASE two; CREATE DATABASE shut ALLOW_CONNECTIONS false;")
        try await server.sql("CREATE ROLE monitor LOGIN PASSWORD 'm' IN ROLE pg_monitor; CREATE DATABASE secret")
        try await server.sql("REVOKE CONNECT ON DATABASE secret FROM PUBLIC")
        let settings = try PostgresSettings(
            name: "postgres", connectionString: server.connectionString(user: "monitor", password: "m"))
        let target = PostgresTarget(settings, options: PostgresOptions(), collectors: [Self.here])
        let (outcome, lines) = await scrape(target)
        #expect(
            lines == [
                #"pg_here{datname="postgres"} 1.0"#, #"pg_here{datname="one"} 1.0"#, #"pg_here{datname="two"} 1.0"#,
            ])
        #expect(outcome.collectors.compactMap(\.error) == [])
        #expect(self.outcome("here", outcome)?.age != nil)
        // One that has been dropped is gone.
        try await server.sql("DROP DATABASE two")
        #expect(try await eventually { await scrape(target).lines.count == 2 })
        await target.shutdown()
    }

    @Test func namesAreFilteredByTheWholeName() async throws {
        let server = try await PostgresServer()
        try await server.sql("CREATE DATABASE app_1; CREATE DATABASE app_2; CREATE DATABASE \"o'app\\x\"")
        func databases(included: [String] = [], excluded: [String] = []) async throws -> [String] {
            let target = try target(server, [Self.here]) {
                $0.databases = .init(included: included, excluded: excluded)
            }
            return await scrape(target).lines.map { String($0.split(separator: "\"")[1]) }
        }
        #expect(try await databases(included: ["app_.*"], excluded: ["app_2"]) == ["app_1"])
        // The connection's own database too, where only what the whole server shares is read then.
        let slow = try target(server, [Self.here, Self.sizes, Self.whole]) { $0.databases = .init(included: ["app_1"]) }
        let names = await scrape(slow).lines.map { String($0.prefix { $0 != " " }) }
        #expect(names == [#"pg_here{datname="app_1"}"#, #"pg_sizes_read_at{datname="app_1"}"#, "pg_whole"])
        #expect(try await databases(excluded: ["app", "post.*", "app_[12]"]) == [#"o'app\\x"#])
        #expect(try await databases(included: [#"o'app\\x"#, "none"]) == [#"o'app\\x"#])
    }

    @Test func whatFailsInOneDatabaseLeavesTheOthers() async throws {
        let server = try await PostgresServer()
        try await server.sql("CREATE DATABASE one; CREATE DATABASE two")
        let (outcome, lines) = await scrape(try target(server, [Self.here, Self.picky]))
        #expect(lines.filter { $0.hasPrefix("pg_here") }.count == 3)
        #expect(
            lines.filter { $0.hasPrefix("pg_picky") } == [
                #"pg_picky{datname="postgres"} 1.0"#, #"pg_picky{datname="one"} 1.0"#,
            ])
        #expect(self.outcome("here", outcome)?.error == nil)
        let error = try #require(self.outcome("picky", outcome)?.error)
        #expect(error.reason == .internal)
        #expect(error.detail.hasPrefix("database two: division by zero"))
    }

    /// Where a role is admitted to one database alone, that is how it is meant, and no reason to fill the server's log.
    @Test func aDatabaseThatDoesNotHaveUsIsLeftOut() async throws {
        let server = try await PostgresServer()
        try await server.sql("CREATE DATABASE one; CREATE DATABASE two; CREATE ROLE guest LOGIN PASSWORD 'guest'")
        let rules = "data/pg_hba.conf"
        try server.directory.write(rules, "host two guest all reject\n\(server.directory.text(rules))")
        try await server.sql("SELECT pg_reload_conf()")
        let settings = try PostgresSettings(
            name: "postgres", connectionString: server.connectionString(user: "guest", password: "guest"))
        var options = PostgresOptions()
        options.slowInterval = .zero
        let target = PostgresTarget(settings, options: options, collectors: [Self.here, Self.sizes])
        for _ in 1...10 {
            let (outcome, lines) = await scrape(target)
            #expect(outcome.error == nil)
            #expect(lines.filter { $0.hasPrefix("pg_here") }.count == 2)
            #expect(outcome.omissions.map(\.name) == ["database two"])
            #expect(outcome.omissions.first?.reason.detail.contains("pg_hba.conf") == true)
        }
        await target.shutdown()
        let log = server.directory.text("log")
        // Once for each of the two that visit databases.
        #expect(log.split(separator: "\n").filter { $0.contains("pg_hba.conf rejects") }.count == 2)
    }

    @Test func whatIsSlowIsReadOnceAndSaysHowOldItIs() async throws {
        let server = try await PostgresServer()
        try await server.sql("CREATE DATABASE one")
        let target = try target(server, [Self.here, Self.sizes, Self.whole])
        let first = await scrape(target)
        #expect(first.lines.filter { $0.hasPrefix("pg_sizes") }.count == 2)
        // Of the server as a whole, once and not in every database.
        #expect(first.lines.filter { $0.hasPrefix("pg_whole") } == ["pg_whole 4.0"])
        try await Task.sleep(for: .milliseconds(50))
        let second = await scrape(target)
        #expect(second.lines.filter { $0.hasPrefix("pg_sizes") } == first.lines.filter { $0.hasPrefix("pg_sizes") })
        let age = try #require(outcome("sizes", second.outcome)?.age)
        #expect(age >= .milliseconds(50))
        // And again when its time has come.
        let hasty = try self.target(server, [Self.here, Self.sizes]) { $0.slowInterval = .zero }
        let before = await scrape(hasty).lines.filter { $0.hasPrefix("pg_sizes") }
        #expect(try await eventually { await scrape(hasty).lines.filter { $0.hasPrefix("pg_sizes") } != before })
        // Who wants nothing of tables wants no sizes either.
        let none = try self.target(server, [Self.here, Self.sizes]) { $0.collectors.chosen = ["here": false] }
        #expect(none.collectors == [])
    }

    @Test func neverMoreThanThreeConnectionsAndNoDatabaseIsHeld() async throws {
        let server = try await PostgresServer()
        for number in 1...8 { try await server.sql("CREATE DATABASE db_\(number)") }
        let target = try target(server, [Self.here, Self.sizes, Self.whole]) { $0.slowInterval = .zero }
        let gatherer = Gatherer(targets: [target], log: Logger(label: "") { _ in SwiftLogNoOpLogHandler() })
        let isOver = Mutex(false)
        async let watch = watchSessions(of: server) { isOver.withLock { $0 } }
        for number in 1...8 {
            await withTaskGroup { group in
                for _ in 0..<50 { group.addTask { _ = await gatherer.page() } }
            }
            // Nobody else holds it for longer than the server waits.
            let dropped = try await server.sql("DROP DATABASE db_\(number)")
            #expect(dropped.status == 0, "\(dropped.errors)")
        }
        isOver.withLock { $0 = true }
        let most = try await watch
        #expect(most >= 1 && most <= 3)
        await gatherer.shutdown()
        let sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'stack-exporter'"
        #expect(try await eventually { try await server.sql(sessions).output == "0\n" })
    }

    /// The most sessions of ours that the server had at one time, looked at a hundred times a second.
    private func watchSessions(of server: PostgresServer, until isOver: () -> Bool) async throws -> Int {
        let settings = try PostgresSettings(name: "watch", connectionString: server.connectionString())
        let connection = PostgresConnection(settings)
        try await connection.open(until: Deadline(after: .seconds(20)))
        let most = Mutex(0)
        let statement = """
            SELECT count(*) FROM pg_stat_activity WHERE application_name = 'stack-exporter' AND pid <> pg_backend_pid()
            """
        while !isOver() {
            try await connection.run([[statement]], until: Deadline(after: .seconds(20))) { _, outcome in
                guard case .success(let rows) = consume outcome else { return }
                let count = Int(rows.number(0, 0) ?? 0)
                most.withLock { $0 = max($0, count) }
            }
            try await Task.sleep(for: .milliseconds(2))
        }
        await connection.close()
        return most.withLock { $0 }
    }

    @Test(arguments: [
        // Nobody knows yet what each needs.
        ([nil, nil, nil, nil] as [Int?], 25),
        // What the small ones leave is the large ones'.
        ([0, 5, 1000, 2000], 47), ([0, 0, 0, 800], 100), ([10, 20, 30, nil], 40), ([25, 25, 25, 25], 100),
        ([26, 26, 26, 26], 25), ([], 100), (Array(repeating: nil, count: 500), 1),
    ])
    func aLimitIsSharedByThoseWhoNeedIt(counts: [Int?], share: Int) {
        #expect(Rounds.share(of: 100, counts: counts) == share)
    }

    @Test func rowsBeyondTheLimitAreAReasonAndTheRestGoesOn() async throws {
        struct Numbers: PostgresCollector {
            let name: String
            let count: Int
            var metrics: [CatalogueEntry] { [] }
            var rowLimit: Int? { 1000 }

            func statement(for server: ServerFacts) -> String? {
                "SELECT generate_series(1, \(count)), repeat('x', 20)"
            }

            func families(from rows: borrowing QueryResult, server: ServerFacts) -> [MetricFamily] {
                [MetricFamily(MetricDescriptor("pg_\(name)", .gauge, "Rows."), Double(rows.rowCount))]
            }
        }
        let server = try await PostgresServer()
        let (outcome, lines) = await scrape(
            try target(
                server,
                [
                    Numbers(name: "few", count: 1000), Numbers(name: "many", count: 1_000_000),
                    Numbers(name: "none", count: 0), Numbers(name: "last", count: 1),
                ]))
        #expect(lines == ["pg_few 1000.0", "pg_none 0.0", "pg_last 1.0"])
        #expect(
            self.outcome("many", outcome)?.error?.detail == "the statement returns more than 1000 rows: give it a LIMIT"
        )
    }

    @Test func whatTheRoleMayNotSeeIsSaidOnceAndIsNoError() async throws {
        let server = try await PostgresServer()
        try await server.sql("CREATE ROLE plain LOGIN PASSWORD 'plain'")
        let wal = TableCollector(
            "wal", source: "pg_ls_waldir()", needs: .listWAL,
            columns: [.gauge("pg_wal_segments", "count(*)", "Segments.")], from: "pg_ls_waldir()")
        let settings = try PostgresSettings(
            name: "postgres", connectionString: server.connectionString(user: "plain", password: "plain"))
        let target = PostgresTarget(settings, options: PostgresOptions(), collectors: [wal])
        let (outcome, _) = await scrape(target)
        #expect(outcome.collectors.isEmpty && outcome.error == nil)
        #expect(outcome.omissions.map(\.name) == ["wal"])
        #expect(outcome.omissions.first?.reason.detail.contains(#"GRANT pg_monitor TO "plain";"#) == true)
        try await server.sql("GRANT pg_monitor TO plain")
        _ = await scrape(target)
        #expect(await scrape(target).outcome.collectors.map(\.name) == ["wal"])
    }
}
