import Lab
import Testing

/// A file of custom queries on servers of every version: what each usage makes, and what bad queries cost.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct CustomQueriesTests {
    private static let queries = """
        shop_orders:
          query: SELECT state, waiting, paid, oldest, urgent, first FROM shop.orders
          metrics:
            - state: {usage: LABEL}
            - waiting: {usage: GAUGE, description: "Orders that wait."}
            - paid: {usage: COUNTER}
            - oldest: {usage: DURATION}
            - urgent: {usage: MAPPEDMETRIC, metric_mapping: {high: 2, low: 1}}
            - first: {usage: DISCARD}
        shop_times:
          query: >
            SELECT '{0.1,1}'::numeric[] AS seconds, '{3,5}'::int[] AS seconds_bucket, 2.5 AS seconds_sum,
            6 AS seconds_count, 42 AS unlisted
          metrics:
            - seconds: {usage: HISTOGRAM}
        shop_new:
          query: SELECT 1 AS v
          runonserver: ">=16.0.0"
          metrics: [{v: {usage: GAUGE}}]
        shop_columns:
          query: SELECT 1 AS old, 2 AS new
          metrics: [{old: {usage: GAUGE, pg_version: "<15.0.0"}}, {new: {usage: GAUGE, pg_version: ">=15.0.0"}}]
        shop_hidden:
          query: SELECT n FROM shop.hidden
          metrics: [{n: {usage: GAUGE}}]
        shop_missing:
          query: SELECT 1 AS other
          metrics: [{n: {usage: GAUGE}}]
        shop_text:
          query: SELECT 'many' AS n
          metrics: [{n: {usage: GAUGE}}]
        shop_million:
          query: SELECT n FROM generate_series(1, 1000000) AS n
          metrics: [{n: {usage: GAUGE}}]
        shop_writes:
          query: SELECT count(nextval('shop.numbers')) AS n
          metrics: [{n: {usage: GAUGE}}]
        shop_last:
          query: SELECT 'x' AS name, 7 AS n
          metrics: [{name: {usage: LABEL}}, {n: {usage: COUNTER}}]
        """

    private static let versions = PostgresServer.versions.filter { $0 >= 13 }

    @Test(arguments: versions)
    func everyVersionAnswersThem(version: Int) async throws {
        let primary = try await PostgresServer(version: version)
        try await primary.makeRoles()
        try await primary.sql(
            """
            CREATE SCHEMA shop; CREATE SEQUENCE shop.numbers; GRANT USAGE ON SCHEMA shop TO PUBLIC;
            CREATE TABLE shop.orders AS SELECT 'open' AS state, 3 AS waiting, 12::bigint AS paid,
            interval '1 hour 2 minutes' AS oldest, 'high' AS urgent, now() AS first;
            CREATE TABLE shop.hidden AS SELECT 5 AS n; GRANT SELECT ON shop.orders TO PUBLIC;
            GRANT SELECT ON shop.hidden TO monitor; GRANT ALL ON shop.numbers TO PUBLIC;
            """)
        let standby = try await PostgresServer(standbyOf: primary, slot: "standby")
        let file = try primary.directory.write("queries.yaml", Self.queries)
        for server in [primary, standby] {
            for role in ["monitor", "plain"] { try await check(server, version, role, file) }
        }
    }

    private func check(_ server: PostgresServer, _ version: Int, _ role: String, _ file: String) async throws {
        let here: Comment = "PostgreSQL \(version), \(role)"
        let result = try await Exporter.run(
            ["scrape", "--extend.query-path=\(file)"], ["DATABASE_URL": server.connectionString(user: role)])
        let page = try Page(result.output)
        let address = "127.0.0.1:\(server.port)"
        var expected: [String: Double] = [
            "shop_orders_waiting gauge state": 3, "shop_orders_paid counter state": 12,
            "shop_orders_oldest_milliseconds gauge state": 3_720_000, "shop_orders_urgent gauge state": 2,
            "shop_times_seconds_count histogram": 6, "shop_times_seconds_sum histogram": 2.5,
            "shop_times_seconds_bucket histogram le": 14, "shop_times_unlisted untyped": 42,
            "shop_last_n counter name": 7,
        ]
        if version >= 16 { expected["shop_new_v gauge"] = 1 }
        expected[version < 15 ? "shop_columns_old gauge" : "shop_columns_new gauge"] = version < 15 ? 1 : 2
        if role == "monitor" { expected["shop_hidden_n gauge"] = 5 }
        var found: [String: Double] = [:]
        for (series, value) in page.values where series.name.hasPrefix("shop_") {
            #expect(series.labels["server"] == address, here)
            let type = page.types[series.name] ?? page.types["shop_times_seconds"] ?? ""
            let labels = series.labels.keys.filter { $0 != "server" }.sorted()
            found[([series.name, type] + labels).joined(separator: " "), default: 0] += value
        }
        #expect(found == expected, here)
        let failures = page.failures.filter { $0.key.hasPrefix("postgres/custom_") }
        var reasons = [
            "postgres/custom_shop_missing": "internal", "postgres/custom_shop_text": "internal",
            "postgres/custom_shop_million": "internal", "postgres/custom_shop_writes": "internal",
        ]
        if role == "plain" { reasons["postgres/custom_shop_hidden"] = "permission" }
        #expect(failures == reasons, here)
        #expect(page["pg_up"] == 1 && page["pg_settings_max_connections"] == 30, here)
        #expect(page["pg_exporter_user_queries_load_error"] == nil)
        #expect(page.all("pg_exporter_user_queries_load_error").values.map(\.self) == [0], here)
    }

    /// What fails in one database leaves the others.
    @Test func inEveryDatabaseWhereThatIsAskedFor() async throws {
        let server = try await PostgresServer()
        try await server.sql("CREATE DATABASE one; CREATE DATABASE two")
        for database in ["postgres", "one"] {
            try await server.sql("CREATE TABLE jobs AS SELECT 4 AS n", database: database)
        }
        let file = try server.directory.write(
            "queries.yaml",
            """
            jobs: {query: SELECT n FROM jobs, metrics: [{n: {usage: GAUGE}}]}
            once: {query: SELECT 1 AS n, master: true, metrics: [{n: {usage: GAUGE}}]}
            """)
        let result = try await Exporter.run(
            ["scrape"],
            [
                "DATABASE_URL": server.connectionString(), "PG_EXPORTER_EXTEND_QUERY_PATH": file,
                "PG_EXPORTER_AUTO_DISCOVER_DATABASES": "true",
            ])
        let page = try Page(result.output)
        #expect(Set(page.all("jobs_n").keys.compactMap { $0.labels["datname"] }) == ["postgres", "one"])
        #expect(page.all("once_n").count == 1)
        #expect(page.failures.filter { $0.key.contains("custom_") } == ["postgres/custom_jobs": "internal"])
        #expect(result.errors.contains("database two"))
    }
}
