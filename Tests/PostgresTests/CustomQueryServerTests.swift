import Exposition
import Lab
import Synchronization
import Testing

@testable import Postgres
@testable import Scraping

/// Custom queries on a real server, whose styles and search path are none that we would choose.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct CustomQueryServerTests {
    private func column(_ name: String, _ usage: CustomQuery.Usage) -> CustomQuery.Column {
        CustomQuery.Column(name, usage)
    }

    private func scrape(
        _ server: PostgresServer, _ queries: [CustomQuery]
    ) async throws -> (outcome: ScrapeOutcome, lines: [String]) {
        var options = PostgresOptions()
        options.customQueries = queries
        for collector in PostgresCollectors.catalogue { options.collectors.chosen[collector.name] = false }
        let target = PostgresTarget(
            try PostgresSettings(name: "postgres", connectionString: server.connectionString()), options: options)
        let scraped = await Scraped(target)
        await target.shutdown()
        return (scraped.outcome, lines(scraped.delivered))
    }

    private func errors(_ outcome: ScrapeOutcome) -> [String] {
        outcome.collectors.compactMap { collector in collector.error.map { "\(collector.name): \($0.detail)" } }
    }

    @Test func everyTypeIsReadAsTheServerMeansIt() async throws {
        let server = try await PostgresServer(settings: [
            "timezone = 'Asia/Kolkata'", "datestyle = 'German, DMY'", "intervalstyle = 'sql_standard'",
        ])
        try await server.sql(
            """
            CREATE SCHEMA odd; CREATE TABLE odd.facts AS SELECT timestamptz '2026-11-21 08:10:01.5+00' AS zoned,
            timestamp '2026-11-21 08:10:01.25' AS plain, date '2026-11-21' AS day, interval '1 day 2.5 s' AS age,
            true AS flag, 42::bigint AS whole, 0.1::numeric AS exact, 1e-7::float8 AS tiny, '17'::text AS digits,
            'x'::text AS name, 'up'::text AS state, NULL::int AS nothing,
            ARRAY[0.1, 1, 'Infinity']::float8[] AS took, ARRAY[1, 3, 4]::bigint[] AS took_bucket,
            5.5::float8 AS took_sum, 4::bigint AS took_count;
            ALTER ROLE postgres SET search_path = odd;
            """)
        let gauges = ["zoned", "plain", "day", "age", "flag", "whole", "exact", "tiny", "digits", "nothing"]
        var query = CustomQuery(
            namespace: "pg_facts",
            statement:
                "SELECT *, age AS later, 5 AS unlisted, 'no number' AS remark, zoned AS since FROM facts; -- all",
            columns: [column("name", .label), column("since", .label)] + gauges.map { column($0, .gauge) }
                + [column("took", .histogram), column("later", .duration), column("state", .mappedMetric)])
        query.columns[query.columns.count - 1].mapping = ["up": 1, "down": 0]
        let (outcome, lines) = try await scrape(server, [query])
        #expect(errors(outcome) == [])
        let labels = #"{name="x",server="127.0.0.1:\#(server.port)",since="1795248601"}"#
        #expect(
            lines == [
                "pg_facts_zoned\(labels) 1795248601.5", "pg_facts_plain\(labels) 1795248601.25",
                "pg_facts_day\(labels) 1795219200.0", "pg_facts_age\(labels) 86402.5", "pg_facts_flag\(labels) 1.0",
                "pg_facts_whole\(labels) 42.0", "pg_facts_exact\(labels) 0.1", "pg_facts_tiny\(labels) 1e-07",
                "pg_facts_digits\(labels) 17.0", "", "pg_facts_later_milliseconds\(labels) 86402500.0",
                "pg_facts_state\(labels) 1.0", "pg_facts_unlisted\(labels) 5.0",
            ])
    }

    @Test func whatFailsLeavesTheOthersAlone() async throws {
        let server = try await PostgresServer()
        try await server.sql("CREATE TABLE t ()")
        func query(_ namespace: String, _ statement: String) -> CustomQuery {
            CustomQuery(namespace: namespace, statement: statement, columns: [column("v", .gauge)])
        }
        var newer = query("newer", "SELECT 1 AS v")
        newer.versions = try #require(VersionCondition(">=99"))
        let (outcome, lines) = try await scrape(
            server,
            [
                query("good", "SELECT 1 AS v"), query("two", "SELECT 1 AS v; SELECT 2 AS v"),
                query("text", "SELECT 'secret' AS v"), query("missing", "SELECT 1 AS w"), query("typo", "SELEC 1"),
                query("writes", "WITH x AS (INSERT INTO t DEFAULT VALUES RETURNING 1) SELECT 1 AS v"),
                query("copies", "SELECT 1 AS v INTO copy_of_it"), newer, query("last", "(VALUES (3)) ORDER BY 1;"),
                query("best", "SELECT 4 AS v ;"),
            ])
        #expect(outcome.isUp)
        #expect(
            errors(outcome) == [
                "custom_two: cannot insert multiple commands into a prepared statement (42601)",
                "custom_text: the query text has what is not a number in the column v: convert it in the query, or make it a "
                    + "LABEL or DISCARD",
                "custom_missing: the query missing returns no column v, but w",
                "custom_typo: syntax error at or near \"SELEC\" (42601)",
                "custom_writes: cannot execute SELECT in a read-only transaction (25006)",
                "custom_copies: cannot execute SELECT INTO in a read-only transaction (25006)",
                "custom_last: the query last returns no column v, but column1",
            ])
        #expect(!outcome.collectors.contains { $0.name == "custom_newer" })
        let labels = #"{server="127.0.0.1:\#(server.port)"}"#
        #expect(lines == ["good_v\(labels) 1.0", "best_v\(labels) 4.0"])
    }

    /// In a session of its own and behind a pooler, where all settings are the transaction's.
    @Test(arguments: [false, true])
    func itsSettingsEndWithItsTransaction(isPooled: Bool) async throws {
        let server = try await PostgresServer(settings: [
            "datestyle = 'German, DMY'", "intervalstyle = 'sql_standard'", "search_path = 'odd'",
        ])
        let settings = try PostgresSettings(name: "postgres", connectionString: server.connectionString())
        let connection = PostgresConnection(settings)
        let deadline = Deadline(after: .seconds(20))
        try await connection.open(until: deadline)
        let query = CustomQuery(namespace: "q", statement: "SELECT 1", columns: [])
        let all = SessionSettings.scrape(until: deadline, statements: 5).statement(isLocal: isPooled)
        let own = try #require(CustomQueryCollector(query).localSettings)
        let show = """
            SELECT concat_ws(' ', current_setting('datestyle'), current_setting('intervalstyle'),
            current_setting('search_path'))
            """
        let outcomes = Mutex<[String]>([])
        try await connection.run(
            isPooled ? [[all, own, show], [all, show]] : [[all], [own, show], [show]], until: deadline
        ) { _, outcome in
            if case .success(let rows) = consume outcome { outcomes.withLock { $0.append(rows.text(0, 0) ?? "") } }
        }
        #expect(outcomes.withLock { $0.suffix(2) } == ["ISO, DMY postgres odd", "German, DMY sql_standard pg_catalog"])
        await connection.close()
    }
}
