import Exposition
import Foundation
import Lab
import Logging
import Testing

@testable import Postgres
@testable import Scraping

/// All collectors against a real server, and what befalls real servers.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct PostgresTargetTests {
    private func target(
        _ connectionString: String, _ chosen: [String: Bool] = [:], slowInterval: Duration = .seconds(300)
    ) throws -> PostgresTarget {
        var options = PostgresOptions()
        options.slowInterval = slowInterval
        options.collectors.chosen = chosen
        return PostgresTarget(
            try PostgresSettings(name: "postgres", connectionString: connectionString),
            options: options)
    }

    /// One scrape: how it went, and every series with its value.
    private func scrape(
        _ target: PostgresTarget, within limit: Duration = .seconds(20)
    ) async -> (outcome: ScrapeOutcome, series: [String: Double]) {
        let scraped = await Scraped(target, within: limit)
        return (scraped.outcome, scraped.series)
    }

    private func scrapeUntilUp(_ target: PostgresTarget) async throws -> [String: Double] {
        for _ in 0..<200 {
            let (outcome, series) = await scrape(target)
            if outcome.isUp { return series }
            try await Task.sleep(for: .milliseconds(50))
        }
        Issue.record("not up again within ten seconds")
        return [:]
    }

    @Test func everyCollectorTellsWhatTheServerKnows() async throws {
        let server = try await PostgresServer()
        try await server.sql(
            """
            CREATE EXTENSION pg_stat_statements;
            CREATE DATABASE app CONNECTION LIMIT 7;
            CREATE TABLE t AS SELECT generate_series(1, 1000) AS n;
            """)
        try await server.sql("SELECT count(*) FROM t")
        let holder = try server.session("BEGIN; SELECT 1; SELECT pg_sleep(60)", database: "app")
        defer { holder.stop() }
        #expect(
            try await eventually {
                try await server.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'").output
                    == "1\n"
            })
        let (outcome, series) = await scrape(try target(server.connectionString()))
        #expect(outcome.isUp)
        #expect(outcome.collectors.map(\.name) == (try await server.defaultCollectors()))
        #expect(outcome.collectors.compactMap(\.error) == [])

        #expect(series["pg_up"] == 1)
        #expect(series["pg_exporter_last_scrape_error"] == 0)
        #expect(series[#"pg_scrape_collector_success{collector="stat_database"}"#] == 1)
        #expect(series[#"pg_database_connection_limit{datname="app"}"#] == 7)
        #expect(series[#"pg_database_connection_limit{datname="template0"}"#] == -1)
        let size = try #require(Double(try await server.sql("SELECT pg_database_size('app')").output.dropLast()))
        #expect(series[#"pg_database_size_bytes{datname="app"}"#] == size)
        let version = try await server.sql("SELECT version()").output.dropLast()
        let number = try #require(Int(try await server.sql("SHOW server_version_num").output.dropLast()))
        #expect(
            series[
                #"pg_static{server="127.0.0.1:\#(server.port)",short_version="\#(number / 10_000).\#(number % 10_000).0",version="\#(version)"}"#
            ] == 1)
        #expect(series["pg_settings_max_connections"] == 30)
        #expect(series["pg_settings_shared_buffers_bytes"] == 16_777_216)

        let sleeping =
            #"application_name="psql",backend_type="client backend",datname="app",state="active",usename="postgres",wait_event="PgSleep",wait_event_type="Timeout""#
        #expect(series["pg_stat_activity_count{\(sleeping)}"] == 1)
        let age = try #require(series["pg_stat_activity_max_tx_duration{\(sleeping)}"])
        #expect(age > 0 && age < 120)
        let none =
            #"application_name="",backend_type="",datname="app",state="idle in transaction",usename="",wait_event="",wait_event_type="""#
        #expect(series["pg_stat_activity_count{\(none)}"] == 0)
        #expect(series["pg_stat_activity_max_tx_duration{\(none)}"] == 0)

        let oid = try await server.sql("SELECT oid FROM pg_database WHERE datname = 'postgres'").output.dropLast()
        let inserted = try #require(
            series[#"pg_stat_database_tup_inserted{datid="\#(oid)",datname="postgres"}"#])
        #expect(inserted >= 1000)
        #expect(series.keys.contains { $0.hasPrefix("pg_stat_statements_calls_total{datname=\"postgres\",queryid=") })
        #expect(!series.keys.contains { $0.contains(#"datname="""#) })
    }

    @Test func statementsAreLeftOutWithoutTheExtensionAndFailWhereTheyWereAskedFor() async throws {
        let server = try await PostgresServer()
        let quiet = await scrape(try target(server.connectionString()))
        #expect(!quiet.outcome.collectors.contains { $0.name == "stat_statements" })
        #expect(quiet.series["pg_exporter_last_scrape_error"] == 0)
        let asked = try target(server.connectionString(), ["stat_statements": true, "settings": false])
        let loud = await scrape(asked)
        #expect(
            loud.outcome.collectors.first { $0.name == "stat_statements" }?.error?.reason == .missingExtension)
        #expect(!loud.outcome.collectors.contains { $0.name == "settings" })
        #expect(loud.series["pg_up"] == 1)
        // It is used from the scrape after the one that saw it.
        try await server.sql("CREATE SCHEMA \"odd one\"; CREATE EXTENSION pg_stat_statements SCHEMA \"odd one\"")
        _ = await scrape(asked)
        let after = await scrape(asked)
        #expect(after.outcome.collectors.compactMap(\.error) == [])
        #expect(after.series.keys.contains { $0.hasPrefix("pg_stat_statements_seconds_total") })
    }

    /// The exporter's session has timeouts and is read only; the server is not.
    @Test func settingsAreTheServersAndNotOurSessions() async throws {
        let server = try await PostgresServer()
        let names = [
            "statement_timeout_seconds", "lock_timeout_seconds", "idle_in_transaction_session_timeout_seconds",
            "default_transaction_read_only", "transaction_read_only",
        ]
        func values() async throws -> [Double?] {
            let (outcome, series) = await scrape(try target(server.connectionString()))
            #expect(outcome.collectors.compactMap(\.error) == [])
            return names.map { series["pg_settings_\($0)"] }
        }
        #expect(try await values() == [0, 0, 0, 0, 0])
        try await server.sql(
            "ALTER ROLE postgres SET statement_timeout = '7s'; ALTER ROLE postgres SET lock_timeout = 300")
        try await server.sql("ALTER SYSTEM SET default_transaction_read_only = on")
        try await server.sql("SELECT pg_reload_conf()")
        #expect(try await eventually { try await values() == [7, 0.3, 0, 1, 1] })
    }

    @Test func aRoleWithoutRightsSeesWhatItMay() async throws {
        let server = try await PostgresServer()
        try await server.sql(
            """
            CREATE ROLE plain LOGIN PASSWORD 'plain';
            CREATE DATABASE closed; REVOKE CONNECT ON DATABASE closed FROM PUBLIC;
            """)
        let target = try target(server.connectionString(user: "plain", password: "plain"), slowInterval: .zero)
        let (outcome, series) = await scrape(target)
        #expect(outcome.isUp)
        #expect(outcome.collectors.compactMap(\.error) == [])
        #expect(series[#"pg_database_connection_limit{datname="closed"}"#] == -1)
        #expect(series[#"pg_database_size_bytes{datname="closed"}"#] == nil)
        #expect(series[#"pg_database_size_bytes{datname="postgres"}"#] != nil)
        try await server.sql("GRANT pg_monitor TO plain")
        #expect(
            try await eventually { await scrape(target).series[#"pg_database_size_bytes{datname="closed"}"#] != nil })
    }

    @Test func noneOfOurOwnSessionsIsCounted() async throws {
        let server = try await PostgresServer()
        let settings = try PostgresSettings(name: "postgres", connectionString: server.connectionString())
        // As one that visits a database while another asks.
        let visit = PostgresConnection(settings)
        try await visit.open(until: Deadline(after: .seconds(20)))
        let other = try server.session("SELECT pg_sleep(60)")
        defer { other.stop() }
        var counts: [String: Double] = [:]
        _ = try await eventually {
            let series = await scrape(try target(server.connectionString())).series
            counts = series.filter { $0.key.hasPrefix("pg_stat_activity_count{") && $0.value > 0 }
            return !counts.isEmpty
        }
        #expect(counts.count == 1)
        #expect(counts.keys.allSatisfy { $0.contains(#"application_name="psql""#) })
        await visit.close()
    }

    @Test func itRecoversFromARestart() async throws {
        let server = try await PostgresServer()
        let target = try target(server.connectionString())
        #expect(await scrape(target).outcome.isUp)
        try await server.stop()
        let (outcome, series) = await scrape(target)
        #expect(!outcome.isUp)
        #expect(outcome.error?.reason == .connection)
        #expect(outcome.collectors.allSatisfy { $0.error?.reason == .connection })
        #expect(series["pg_up"] == 0)
        #expect(series["pg_exporter_last_scrape_error"] == 1)
        #expect(series["pg_settings_max_connections"] == nil)
        try await server.start()
        let again = try await scrapeUntilUp(target)
        #expect(again["pg_settings_max_connections"] == 30)
    }

    @Test func aSessionCutBetweenScrapesIsNoOutage() async throws {
        let server = try await PostgresServer()
        let target = try target(server.connectionString())
        #expect(await scrape(target).outcome.isUp)
        try await server.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'stack-exporter'")
        let (outcome, _) = await scrape(target)
        #expect(outcome.isUp)
        #expect(outcome.collectors.compactMap(\.error) == [])
    }

    @Test func aServerThatHangsIsDownWithinTheTimeLimit() async throws {
        let server = try await PostgresServer()
        let target = try target(server.connectionString())
        #expect(await scrape(target).outcome.isUp)
        try await server.signalAll(SIGSTOP)
        let start = ContinuousClock.now
        let (outcome, series) = await scrape(target, within: .milliseconds(500))
        #expect(start.duration(to: .now) < .seconds(20))
        #expect(series["pg_up"] == 0)
        #expect(outcome.error?.reason == .timeout)
        // A new connection hangs as well.
        #expect(await scrape(target, within: .milliseconds(500)).series["pg_up"] == 0)
        try await server.signalAll(SIGCONT)
        #expect(try await scrapeUntilUp(target)["pg_up"] == 1)
    }

    @Test func aLockHeldByOthersCostsOnlyWhatNeedsIt() async throws {
        let server = try await PostgresServer()
        let target = try target(server.connectionString())
        #expect(await scrape(target).outcome.isUp)
        let holder = try server.session("BEGIN; LOCK TABLE pg_database IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(60)")
        defer { holder.stop() }
        let isCaught = try await eventually {
            let (outcome, series) = await scrape(target, within: .seconds(10))
            #expect(outcome.isUp)
            let reasons = Dictionary(uniqueKeysWithValues: outcome.collectors.map { ($0.name, $0.error?.reason) })
            // What needs it says so, and the waits together leave time for what does not.
            #expect(Set(reasons.values.compactMap(\.self)).isSubset(of: [.locked]))
            #expect(series["pg_settings_max_connections"] == 30)
            #expect(series["pg_stat_bgwriter_buffers_alloc_total"] != nil)
            return reasons["database"] == .some(.locked) && reasons["stat_activity"] == .some(.locked)
        }
        #expect(isCaught)
    }

    @Test func manyScrapersShareOneConnection() async throws {
        let server = try await PostgresServer()
        let gatherer = Gatherer(
            targets: [try target(server.connectionString())], log: Logger(label: "") { _ in SwiftLogNoOpLogHandler() })
        let ups = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    let page = await gatherer.page()
                    return page.families.contains { $0.descriptor.name == "pg_up" && $0.samples[0].value == .number(1) }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(ups == Array(repeating: true, count: 50))
        let sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'stack-exporter'"
        #expect(try await server.sql(sessions).output == "1\n")
        await gatherer.shutdown()
        #expect(try await eventually { try await server.sql(sessions).output == "0\n" })
    }
}
