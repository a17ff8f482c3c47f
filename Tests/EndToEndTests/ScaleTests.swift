import Foundation
import Lab
import Synchronization
import Testing

/// A server of a platform team: 200 databases, 10,000 tables, 5,000 statements.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct ScaleTests {
    private static let databases = 200
    private static let tablesEach = 25
    private static let tablesOfBig = 5000

    private func server() async throws -> PostgresServer {
        let server = try await PostgresServer(settings: [
            "max_connections = 60", "max_locks_per_transaction = 512", "shared_buffers = 128MB", "autovacuum = off",
            "pg_stat_statements.track = 'all'",
        ])
        func makeTables(_ range: ClosedRange<Int>, in database: String) async throws {
            let made = try await server.sql(
                """
                DO $$ BEGIN FOR i IN \(range.lowerBound)..\(range.upperBound) LOOP
                EXECUTE format('CREATE TABLE t_%s (id int PRIMARY KEY, text text)', i);
                EXECUTE format('INSERT INTO t_%s VALUES (1)', i); END LOOP; END $$
                """, database: database)
            #expect(made.status == 0, "\(made.errors)")
        }
        try await server.sql("CREATE EXTENSION pg_stat_statements; CREATE DATABASE model; CREATE DATABASE big;")
        try await makeTables(1...Self.tablesEach, in: "model")
        // One of them is there: `model`.
        let copies = (1..<Self.databases).map { "CREATE DATABASE db_\($0) TEMPLATE model;" }
        let copied = try await server.sql(copies.joined(separator: "\n"))
        #expect(copied.status == 0, "\(copied.errors)")
        for first in stride(from: 1, to: Self.tablesOfBig, by: 1000) {
            try await makeTables(first...first + 999, in: "big")
            // Each is another statement, and each is in the statistics.
            let read = try await server.sql(
                """
                DO $$ DECLARE n int; BEGIN FOR i IN \(first)..\(first + 999) LOOP
                EXECUTE format('SELECT count(*) FROM t_%s', i) INTO n; END LOOP; END $$
                """, database: "big")
            #expect(read.status == 0, "\(read.errors)")
        }
        return server
    }

    @Test func scrapesHoldTheirDeadlineOnThreeConnectionsAndLittleMemory() async throws {
        let server = try await server()
        let exporter = try await Exporter(["DATABASE_URL": server.connectionString()])
        let isOver = Mutex(false)
        async let most = mostSessions(of: server) { isOver.withLock { $0 } }
        for _ in 1...3 {
            let answers = try await withThrowingTaskGroup(of: (status: Int, seconds: Double).self) { group in
                for _ in 0..<50 {
                    group.addTask {
                        let answer = try await exporter.get("/metrics", "X-Prometheus-Scrape-Timeout-Seconds: 10")
                        return (answer.status, answer.seconds)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.allSatisfy { $0.seconds < 10 }, "\(answers)")
            // More than forty at once are turned away.
            #expect(answers.filter { $0.status == 200 }.count >= 40, "\(answers)")
        }
        // One visit after the other comes to every database.
        let page = try await exporter.page(within: 120) { page in
            names(of: "pg_stat_user_tables_seq_scan", on: page).count == Self.databases + 1
        }
        isOver.withLock { $0 = true }
        let count = try await most
        #expect(count >= 1 && count <= 3)

        // A database of thousands of tables shows the largest ones, and the sum of the others.
        let big = page.all("pg_stat_user_tables_n_tup_ins").filter { $0.key.labels["datname"] == "big" }
        #expect(big.count < Self.tablesOfBig / 2)
        #expect(big.values.reduce(0, +) == Double(Self.tablesOfBig))
        #expect(big.contains { $0.key.labels["relname"] == "(other)" })
        #expect(page["pg_stat_statements_entries"] ?? 0 > 4000)
        #expect(page.duplicates.isEmpty && page["pg_up"] == 1)
        #expect(page["stack_exporter_samples_dropped_total", ["reason": "budget"]] == 0)

        guard Exporter.releaseBinary != nil else { return }
        let status = try String(contentsOfFile: "/proc/\(exporter.daemon.pid)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        let kilobytes = try #require(Int(line.filter(\.isNumber)))
        #expect(kilobytes < 40 * 1024)
    }

    private func names(of metric: String, on page: Page) -> Set<String> {
        Set(page.all(metric).keys.compactMap { $0.labels["datname"] })
    }

    /// The most sessions of ours that the server had at one time.
    private func mostSessions(of server: PostgresServer, until isOver: () -> Bool) async throws -> Int {
        let statement = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'stack-exporter'"
        // Many looks by one psql, since its start takes longer than a visit to a database.
        let looks = Array(repeating: "\(statement);\nSELECT pg_sleep(0.002) \\g /dev/null\n", count: 500).joined()
        var most = 0
        while !isOver() {
            let counts = try await server.sql(looks).output.split(separator: "\n").compactMap { Int($0) }
            most = max(most, counts.max() ?? 0)
        }
        return most
    }
}
