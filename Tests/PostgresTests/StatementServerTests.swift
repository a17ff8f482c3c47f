import Exposition
import Lab
import Testing

@testable import Postgres
@testable import Scraping

/// Statements as a real server counts them.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct StatementServerTests {
    private func target(
        _ server: PostgresServer, user: String = "postgres", password: String = PostgresServer.password,
        _ change: (inout PostgresOptions) -> Void = { _ in }
    ) throws -> PostgresTarget {
        var options = PostgresOptions()
        for collector in PostgresCollectors.all() { options.collectors.chosen[collector.name] = false }
        options.collectors.chosen["stat_statements"] = true
        options.statements.shortestInterval = .zero
        change(&options)
        let settings = try PostgresSettings(
            name: "postgres", connectionString: server.connectionString(user: user, password: password))
        return PostgresTarget(settings, options: options)
    }

    /// Every series of one scrape.
    private func scrape(_ target: PostgresTarget) async -> [String: Double] {
        let scraped = await Scraped(target)
        #expect(scraped.outcome.isUp)
        #expect(scraped.outcome.collectors.compactMap(\.error) == [])
        var seen: Set<String> = []
        let names = lines(scraped.delivered).map { line in String(line[..<(line.lastIndex(of: " ") ?? line.endIndex)]) }
        #expect(names.filter { !seen.insert($0).inserted } == [])
        return scraped.series
    }

    /// The labels of the one statement of `postgres` whose text is like a pattern.
    private func labels(
        of pattern: String, in server: PostgresServer, database: String = "postgres"
    ) async throws
        -> String
    {
        let id = try await server.sql("SELECT DISTINCT queryid FROM pg_stat_statements WHERE query LIKE '\(pattern)'")
        return #"{datname="\#(database)",queryid="\#(id.output.dropLast())",user="postgres"}"#
    }

    @Test func anIntervalIsWhatRanBetweenTwoScrapes() async throws {
        let server = try await PostgresServer()
        try await server.sql("CREATE EXTENSION pg_stat_statements; CREATE TABLE t AS SELECT generate_series(1, 9) AS n")
        try await server.sql("SELECT pg_sleep(0.15); SELECT pg_sleep(0.15); SELECT sum(n) FROM t")
        let target = try target(server) { $0.hasLegacyNames = true }
        let sleep = try await labels(of: "SELECT pg_sleep%", in: server)
        let sum = try await labels(of: "SELECT sum(n)%", in: server)
        let first = await scrape(target)
        #expect(first["pg_stat_statements_calls_total\(sleep)"] == 2)
        #expect(first["pg_stat_statements_rows_total\(sleep)"] == 2)
        let total = try #require(first["pg_stat_statements_seconds_total\(sleep)"])
        #expect((0.3..<30).contains(total))
        #expect(first["pg_stat_statements_mean_time\(sleep)"] == total * 1000 / 2)
        let longest = try #require(first["pg_stat_statements_max_exec_seconds\(sleep)"])
        #expect(longest >= 0.15 && longest < total)
        #expect(first["pg_stat_statements_shared_blocks_hit_total\(sum)"] == 1)
        #expect((first["pg_stat_statements_wal_bytes_total\(sum)"]) == 0)
        #expect(first.count { $0.key.contains("interval") } == 0)
        #expect(first[#"pg_slow_statement_calls_total{datname="postgres",threshold="0.1"}"#] == 0)

        try await server.sql("SELECT pg_sleep(0.12); SELECT sum(n) FROM t; SELECT sum(n) FROM t")
        let second = await scrape(target)
        #expect(second["pg_stat_statements_interval_calls\(sleep)"] == 1)
        #expect(second["pg_stat_statements_interval_calls\(sum)"] == 2)
        let mean = try #require(second["pg_stat_statements_interval_mean_exec_seconds\(sleep)"])
        #expect(mean >= 0.12)
        #expect(second["pg_stat_statements_interval_seconds\(sleep)"] == mean)
        #expect(try #require(second["pg_stat_statements_interval_duration_seconds"]) > mean)
        #expect(second[#"pg_slow_statements{datname="postgres",threshold="0.1"}"#] == 1)
        #expect(second[#"pg_slow_statement_calls_total{datname="postgres",threshold="0.1"}"#] == 1)

        try await server.sql("SELECT pg_stat_statements_reset(); SELECT pg_sleep(0.01)")
        let third = await scrape(target)
        #expect(third["pg_stat_statements_calls_total\(sleep)"] == 1)
        #expect(third["pg_stat_statements_interval_calls\(sleep)"] == 1)
        #expect(third["pg_stat_statements_interval_calls\(sum)"] == nil)
        #expect(third.filter { $0.value < 0 }.isEmpty)
        #expect(third[#"pg_slow_statement_calls_total{datname="postgres",threshold="0.1"}"#] == 1)
    }

    @Test func entriesThatAreForgottenAreCounted() async throws {
        let server = try await PostgresServer(settings: ["pg_stat_statements.max = 100"])
        try await server.sql("CREATE EXTENSION pg_stat_statements")
        let target = try target(server)
        let before = await scrape(target)
        #expect(before["pg_stat_statements_max_entries"] == 100)
        #expect(before["pg_stat_statements_dealloc_total"] == 0)
        try await server.sql(
            (1...150).map { "SELECT 1 AS c\($0), \(Array(repeating: "2", count: $0).joined(separator: ","));" }.joined()
        )
        let after = await scrape(target)
        #expect(try #require(after["pg_stat_statements_entries"]) <= 100)
        #expect(try #require(after["pg_stat_statements_dealloc_total"]) >= 1)
        #expect(after.filter { $0.value < 0 }.isEmpty)
    }

    /// As an upgrade of the server leaves it behind; it is 13's.
    @Test func anOldVersionOfTheExtensionWillDo() async throws {
        let server = try await PostgresServer()
        try await server.sql("CREATE EXTENSION pg_stat_statements VERSION '1.8'; SELECT pg_sleep(0.01)")
        let target = try target(server)
        let labels = try await labels(of: "SELECT pg_sleep%", in: server)
        let first = await scrape(target)
        #expect(first["pg_stat_statements_calls_total\(labels)"] == 1)
        #expect(try #require(first["pg_stat_statements_entries"]) > 1)
        #expect(first["pg_stat_statements_dealloc_total"] == nil)
        try await server.sql("SELECT pg_sleep(0.01)")
        #expect(await scrape(target)["pg_stat_statements_interval_calls\(labels)"] == 1)
    }

    @Test func whatFunctionsRanIsAddedToWhatWasRunDirectly() async throws {
        let server = try await PostgresServer(settings: ["pg_stat_statements.track = all"])
        try await server.sql(
            """
            CREATE EXTENSION pg_stat_statements; CREATE TABLE t AS SELECT 1 AS n;
            CREATE FUNCTION f() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT sum(n) FROM t); END';
            DO $$ BEGIN PERFORM sum(n) FROM t; END $$;
            """)
        try await server.sql("SELECT sum(n) FROM t")
        let series = await scrape(try target(server))
        let sum = try await labels(of: "SELECT sum(n) FROM t", in: server)
        #expect(series["pg_stat_statements_calls_total\(sum)"] == 2)
    }

    @Test func excludedDatabasesAndRolesAreLeftOut() async throws {
        let server = try await PostgresServer()
        try await server.sql("CREATE EXTENSION pg_stat_statements; CREATE DATABASE other; CREATE ROLE \"o'b\"")
        try await server.sql("SELECT 1", database: "other")
        try await server.sql("SET ROLE \"o'b\"; SELECT 1, 2, 3")
        let all = await scrape(try target(server))
        #expect(all.keys.contains { $0.contains(#"datname="other""#) })
        #expect(all.keys.contains { $0.contains(#"user="o'b""#) })
        let some = try target(server) {
            $0.statements.excludedDatabases = ["other", "template1"]
            $0.statements.excludedUsers = ["o'b"]
        }
        let rest = await scrape(some)
        #expect(!rest.keys.contains { $0.contains(#"datname="other""#) || $0.contains(#"user="o'b""#) })
        #expect(rest.keys.contains { $0.contains(#"datname="postgres""#) })
        #expect(try #require(rest["pg_stat_statements_entries"]) >= all["pg_stat_statements_entries"] ?? .infinity)
    }

    @Test func whatIsGoneIsUnknown() async throws {
        let server = try await PostgresServer()
        try await server.sql("CREATE EXTENSION pg_stat_statements; CREATE ROLE a; CREATE ROLE b; CREATE DATABASE other")
        try await server.sql("SET ROLE a; SELECT 1, 2, 3; SELECT 1, 2, 3; SET ROLE b; SELECT 1, 2, 3")
        try await server.sql("SELECT 1, 2, 3, 4", database: "other")
        try await server.sql("DROP ROLE a; DROP ROLE b")
        try await server.sql("DROP DATABASE other")
        let series = await scrape(try target(server))
        let calls = series.filter { $0.key.hasPrefix("pg_stat_statements_calls_total") }
        // One statement of two roles that are gone.
        #expect(calls.filter { $0.key.contains(#"user="unknown""#) && $0.value == 3 }.count == 1)
        #expect(calls.contains { $0.key.contains(#"datname="unknown""#) })
    }

    /// Whoever may not read all statistics sees others' numbers without ids.
    @Test func hiddenStatementsAreOneByRoleAndDatabase() async throws {
        let server = try await PostgresServer()
        try await server.sql("CREATE EXTENSION pg_stat_statements; CREATE ROLE plain LOGIN PASSWORD 'plain'")
        let target = try target(server, user: "plain", password: "plain")
        let hidden = #"{datname="postgres",queryid="unknown",user="postgres"}"#
        let first = await scrape(target)
        let calls = try #require(first["pg_stat_statements_calls_total\(hidden)"])
        #expect(calls >= 2)
        try await server.sql("SELECT pg_sleep(0.11); SELECT 1")
        let second = await scrape(target)
        #expect(second["pg_stat_statements_calls_total\(hidden)"] == calls + 2)
        #expect(second["pg_stat_statements_interval_calls\(hidden)"] == 2)
        #expect(second[#"pg_slow_statements{datname="postgres",threshold="0.1"}"#] == 0)
        // Their ids appear with all that they ever counted, which is no interval.
        try await server.sql("GRANT pg_read_all_stats TO plain")
        let third = await scrape(target)
        #expect(third["pg_stat_statements_calls_total\(hidden)"] == nil)
        #expect(third.count { $0.key.contains("interval") } == 0)
        #expect(await scrape(target).keys.contains("pg_stat_statements_interval_duration_seconds"))
    }

    @Test func textsAreShownWithoutSecretsForWhatIsShown() async throws {
        let server = try await PostgresServer()
        try await server.sql("CREATE EXTENSION pg_stat_statements")
        try await server.sql(
            """
            CREATE ROLE bob PASSWORD 'hidden-1';
            ALTER ROLE bob PASSWORD $$hidden-2$$;
            SET app.token = hidden3;
            SELECT pg_sleep(0.1),
                'hidden-4' /* user 'hidden-5' */;
            DO $$ BEGIN PERFORM 'hidden-6'; END $$;
            """)
        let target = try target(server) {
            $0.collectors.chosen["stat_statements_text"] = nil
            $0.statements.includesText = true
            $0.statements.textLength = 30
        }
        func texts() async -> [String] {
            await scrape(target).keys.filter { $0.hasPrefix("pg_stat_statements_query_id") }
                .compactMap { $0.split(separator: "query=\"").last?.split(separator: "\"").first.map(String.init) }
        }
        var shown: [String] = []
        #expect(
            try await eventually {
                shown = await texts()
                return shown.contains("SELECT pg_sleep($1), $2")
            })
        #expect(shown.contains("CREATE ROLE bob PASSWORD '?'"))
        #expect(shown.contains("ALTER ROLE bob PASSWORD '?'"))
        #expect(shown.contains("SET app.token = ?"))
        #expect(!shown.contains { $0.contains("hidden") })
        #expect(shown.allSatisfy { $0.count <= 30 })
        let without = try self.target(server) { $0.collectors.chosen["stat_statements_text"] = nil }
        #expect(!without.collectors.contains("stat_statements_text"))
    }
}
