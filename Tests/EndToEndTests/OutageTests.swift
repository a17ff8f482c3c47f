import Foundation
import Lab
import Testing

/// A part that is away, hangs or refuses costs the page no more than its own metrics, and comes back by itself.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct OutageTests {
    private let timeout = 2.0
    /// Far more than the time limit, for a machine that has much else to do.
    private let patience = 8.0

    @Test func serversThatComeLaterAreFound() async throws {
        let postgres = try await PostgresServer()
        let redis = try await RedisServer()
        try await postgres.stop()
        try await redis.stop()
        let exporter = try await Exporter([
            "DATABASE_URL": postgres.connectionString(), "REDIS_ADDR": "127.0.0.1:\(redis.port)",
        ])
        let (page, seconds) = try await exporter.timedPage(within: timeout)
        #expect(seconds < patience)
        #expect(page["pg_up"] == 0)
        #expect(page["redis_up"] == 0)
        #expect(page.reasons(of: "postgres") == ["connection"])
        #expect(page.reasons(of: "redis") == ["connection"])
        #expect(page.reasons(of: "containers") == [])
        #expect(page["redis_exporter_last_scrape_error", ["err": "connection"]] == 1)

        try await postgres.start()
        try await redis.start()
        let later = try await exporter.page { $0["pg_up"] == 1 && $0["redis_up"] == 1 }
        #expect(later.failures == [:])
        #expect(later["pg_settings_max_connections"] == 30)

        // And once more, now that there were connections.
        try await postgres.stop()
        try await redis.stop()
        let gone = try await exporter.page(within: timeout)
        #expect(gone["pg_up"] == 0)
        #expect(gone["redis_up"] == 0)
        try await redis.start()
        try await postgres.start()
        #expect(try await exporter.page { $0["pg_up"] == 1 && $0["redis_up"] == 1 }.failures == [:])
    }

    @Test func refusalsHaveTheirReasonAndEndByThemselves() async throws {
        let postgres = try await PostgresServer()
        let redis = try await RedisServer("--requirepass", "the first")
        try await postgres.sql("CREATE ROLE monitor LOGIN PASSWORD 'the first'; GRANT pg_monitor TO monitor")
        let password = "the sec0nd"
        let exporter = try await Exporter([
            "DATA_SOURCE_NAME": [
                postgres.connectionString(user: "monitor", password: password),
                postgres.connectionString(database: "later"),
            ].joined(separator: ","),
            "REDIS_URL": "redis://127.0.0.1:\(redis.port)", "REDIS_PASSWORD": password,
        ])
        let (page, seconds) = try await exporter.timedPage(within: timeout)
        #expect(seconds < patience)
        #expect(page["pg_up", ["target": "postgres-1"]] == 0)
        #expect(page["pg_up", ["target": "postgres-2"]] == 0)
        #expect(page["redis_up"] == 0)
        #expect(page.reasons(of: "postgres-1") == ["authentication"])
        #expect(page.reasons(of: "postgres-2") == ["connection"])
        #expect(page.reasons(of: "redis") == ["authentication"])
        #expect(exporter.log.contains("the database does not exist"))
        #expect(try await !exporter.get("/").body.contains(password))
        #expect(!exporter.log.contains(password))

        try await postgres.sql("ALTER ROLE monitor PASSWORD '\(password)'; CREATE DATABASE later")
        try await run(
            ["redis-cli", "-s", redis.socket, "CONFIG", "SET", "requirepass", password],
            environment: .added(["REDISCLI_AUTH": "the first"]))
        let later = try await exporter.page {
            $0.all("pg_up").values.allSatisfy { $0 == 1 } && $0["redis_up"] == 1
        }
        #expect(later.failures == [:])
        #expect(later.duplicates == [])
    }

    @Test func serversThatHangCostTheTimeLimitAndNoMore() async throws {
        let postgres = try await PostgresServer()
        let redis = try await RedisServer()
        let exporter = try await Exporter([
            "DATABASE_URL": postgres.connectionString(), "REDIS_ADDR": "127.0.0.1:\(redis.port)",
        ])
        #expect(try await exporter.page()["pg_up"] == 1)

        redis.signal(SIGSTOP)
        let one = try await exporter.timedPage(within: timeout)
        #expect(one.seconds < patience)
        #expect(one.page["redis_up"] == 0)
        #expect(one.page.reasons(of: "redis") == ["timeout"])
        #expect(one.page["pg_up"] == 1)
        #expect(one.page["pg_settings_max_connections"] == 30)

        try await postgres.signalAll(SIGSTOP)
        for _ in 0..<3 {
            let (page, seconds) = try await exporter.timedPage(within: timeout)
            #expect(seconds < patience)
            #expect(page["pg_up"] == 0)
            #expect(page["redis_up"] == 0)
            #expect(page.reasons(of: "postgres") == ["timeout"])
            #expect(page.reasons(of: "redis") == ["timeout"])
            #expect(page.reasons(of: "containers") == [])
            #expect(
                page["stack_exporter_collector_success", ["target": "containers", "collector": "container_memory"]] == 1
            )
        }

        try await manyScrapes(of: exporter, postgres, redis)

        redis.signal(SIGCONT)
        try await postgres.signalAll(SIGCONT)
        // None of the attempts has left a connection behind.
        let after = try await exporter.page { $0["pg_up"] == 1 && $0["redis_connected_clients"] == 1 }
        #expect(after.failures == [:])
        let sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'stack-exporter'"
        #expect(try await eventually { try await postgres.sql(sessions).output == "1\n" })
    }

    /// Impatient scrapers do not make the exporter open more connections.
    private func manyScrapes(of exporter: Exporter, _ postgres: PostgresServer, _ redis: RedisServer) async throws {
        let watch = Task {
            var most = [0, 0]
            var before: [Set<Int>] = [[], []]
            while !Task.isCancelled {
                let now = try [postgres.port, redis.port].map { try Connections(port: $0).ofClients }
                // The table is not read in one moment; those of two readings were open together in between.
                for index in most.indices {
                    most[index] = max(most[index], now[index].intersection(before[index]).count)
                }
                before = now
                try? await Task.sleep(for: .milliseconds(20))
            }
            return most
        }
        try await withThrowingTaskGroup { group in
            for _ in 0..<30 { group.addTask { try await exporter.timedPage(within: timeout) } }
            for try await (page, seconds) in group {
                #expect(seconds < 2 * patience)
                #expect(page["pg_up"] == 0)
                #expect(page["redis_up"] == 0)
                #expect(page.duplicates == [])
            }
        }
        watch.cancel()
        #expect(try await watch.value.allSatisfy { $0 <= 1 })
    }

    @Test func aLockCostsOnlyWhatNeedsIt() async throws {
        let postgres = try await PostgresServer()
        let exporter = try await Exporter(["DATABASE_URL": postgres.connectionString()])
        #expect(try await exporter.page()["pg_up"] == 1)
        let holder = try postgres.session(
            "BEGIN; LOCK TABLE pg_database IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)")
        defer { holder.stop() }
        // The lock may be taken in the middle of a scrape, of which the first statement is this one's.
        let page = try await exporter.page { $0.failures["postgres/database"] != nil }
        #expect(page.reasons(of: "postgres") == ["locked"])
        for collector in ["settings", "static", "stat_bgwriter", "stat_user_tables", "wal"] {
            #expect(page["pg_scrape_collector_success", ["collector": collector]] == 1)
        }
        #expect(page["pg_up"] == 1)
        #expect(page["pg_settings_max_connections"] == 30)
        #expect(page.all("pg_static").count == 1)
        #expect(!page.all("container_cpu_usage_seconds_total").isEmpty)
        holder.stop()
        #expect(try await exporter.page { $0.failures.isEmpty }["pg_up"] == 1)
    }
}
