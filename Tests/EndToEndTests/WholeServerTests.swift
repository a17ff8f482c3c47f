import Foundation
import Lab
import Testing

/// The main job: true figures of real servers in both formats, to the tools that read them.
@Suite(.sharedStack, .startsServers, .timeLimit(.minutes(15)))
struct WholeServerTests {
    @Test func everyPartIsOnThePageWithTrueValues() async throws {
        let stack = try Stack.shared
        try await stack.postgres.sql("CREATE TABLE t AS SELECT generate_series(1, 1234) AS n")
        try await stack.redisCLI("LPUSH", "celery", "a", "b", "c", "d", "e", "f", "g")
        try await stack.redisCLI("LPUSH", "celery\u{6}\u{16}3", "urgent", "more urgent")
        for _ in 0..<5 { try await stack.redisCLI("GET", "no such key") }
        for _ in 0..<3 { try await stack.redisCLI("LINDEX", "celery", "0") }

        let client = try stack.postgres.session("SET application_name = 'a client'; SELECT pg_sleep(600)")
        defer { client.stop() }

        func hits() async throws -> Double {
            let line = try await stack.redisCLI("INFO", "stats").split(separator: "\r\n")
                .first { $0.hasPrefix("keyspace_hits:") }
            return try #require(line.flatMap { Double($0.dropFirst("keyspace_hits:".count)) })
        }
        let before = try await hits()
        // PostgreSQL shows figures of a session when it has been idle for a while.
        let page = try await stack.exporter.page {
            $0.all("pg_stat_database_tup_inserted").contains {
                $0.key.labels["datname"] == "postgres" && $0.value >= 1234
            }
                && $0.all("pg_stat_activity_count").keys.contains { $0.labels["wait_event"] == "PgSleep" }
        }
        let after = try await hits()

        #expect(page["pg_up"] == 1)
        #expect(page["redis_up"] == 1)
        #expect(page["celery_queue_length", ["queue_name": "celery"]] == 9)
        let shown = try #require(page["redis_keyspace_hits_total"])
        #expect(before >= 3 && before <= shown && shown <= after)
        #expect(try #require(page["redis_keyspace_misses_total"]) >= 5)
        #expect(page["redis_db_keys", ["db": "db0"]] == 2)
        #expect(page["pg_settings_max_connections"] == 30)
        // The exporter does not count its own session.
        #expect(
            page.all("pg_stat_activity_count").contains {
                $0.key.labels["datname"] == "postgres" && $0.key.labels["application_name"] == "a client"
                    && $0.key.labels["wait_event"] == "PgSleep" && $0.key.labels["state"] == "active" && $0.value == 1
            })
        #expect(!page.all("pg_stat_activity_count").keys.contains { $0.labels["application_name"] == "stack-exporter" })
        #expect(!page.all("pg_stat_statements_calls_total").isEmpty)
        #expect(page["stack_exporter_connections", ["target": "postgres"]] == 1)
        #expect(page["stack_exporter_connections", ["target": "redis"]] == 1)
        #expect(page.duplicates == [])
    }

    @Test func everyCollectorDelivers() async throws {
        let page = try await Stack.shared.exporter.page()
        let successes = page.all("stack_exporter_collector_success")
        #expect(Set(successes.keys.compactMap { $0.labels["target"] }) == ["postgres", "redis", "containers", "host"])
        #expect(successes.count >= 12)
        #expect(successes.filter { $0.value != 1 }.isEmpty)
        #expect(page.failures == [:])
        #expect(page.all("stack_exporter_samples_dropped_total").allSatisfy { $0.value == 0 })
        #expect(page["redis_exporter_last_scrape_error", ["err": ""]] == 0)
        #expect(page["pg_exporter_last_scrape_error"] == 0)
        #expect(page["container_scrape_error"] == 0)
    }

    @Test func aContainerHasTheTimeThatItUsed() async throws {
        let exporter = try Stack.shared.exporter
        guard let cgroup = TestCgroup() else {
            // Nobody but root may make one; there is always the one at the top.
            let page = try await exporter.page()
            #expect(page.all("container_cpu_usage_seconds_total").values.contains { $0 > 0 })
            return
        }
        try await cgroup.use(seconds: 1)
        func usage(_ page: Page) -> [Double] {
            page.all("container_cpu_usage_seconds_total").filter { $0.key.labels["id"] == cgroup.id }.map(\.value)
        }
        // The kernel ends the process by the clock's ticks, which a busy machine lets it have for less than their time; and
        // the gather that a first request joins may be one from before.
        let page = try await exporter.page { usage($0).first ?? 0 > 0.3 }
        #expect(usage(page).count == 1)
        #expect(usage(page).allSatisfy { $0 < 2.5 })
        #expect(page.all("container_memory_usage_bytes").contains { $0.key.labels["id"] == cgroup.id })
    }

    @Test func noPasswordGetsOut() async throws {
        let exporter = try Stack.shared.exporter
        var places = ["log": exporter.log]
        for path in ["/metrics", "/", "/-/healthy", "/-/ready", "/nothing"] {
            places[path] = try await exporter.get(path).body
            #expect(places[path] != "")
        }
        for format in ["application/openmetrics-text;version=1.0.0", "text/plain"] {
            places[format] = try await exporter.get("/metrics", "Accept: \(format)").body
        }
        let process = "/proc/\(exporter.daemon.pid)"
        places["cmdline"] = String(decoding: try Data(contentsOf: URL(filePath: "\(process)/cmdline")), as: UTF8.self)
        #expect(places["cmdline"]?.hasPrefix(Exporter.binary) == true)
        let escaped = PostgresServer.password.addingPercentEncoding(withAllowedCharacters: .alphanumerics)
        for secret in [PostgresServer.password, try #require(escaped), Stack.redisPassword] {
            #expect(places.filter { $0.value.contains(secret) }.isEmpty)
        }
    }

    @Test func theStatusPageTellsHowTargetsAre() async throws {
        let exporter = try Stack.shared.exporter
        _ = try await exporter.page()
        let answer = try await exporter.get("/")
        #expect(answer.status == 200)
        #expect(answer.field("Content-Type") == "text/html; charset=utf-8")
        for target in ["postgres", "redis", "containers", "host"] {
            #expect(answer.body.contains("<bdi>\(target)</bdi></a></th><td class=\"good\">up</td>"))
        }
    }

    // MARK: Formats

    @Test func textIsWhatPromtoolTakes() async throws {
        let answer = try await Stack.shared.exporter.get("/metrics", "Accept: text/plain;version=0.0.4")
        #expect(answer.field("Content-Type")?.hasPrefix("text/plain; version=0.0.4; charset=utf-8") == true)
        let result = try await run(["promtool", "check", "metrics"], input: answer.body)
        #expect([0, 3].contains(result.status), "\(result.errors)")
        // 3 is for names that it would have chosen otherwise: those of the exporters replaced stay as they are.
        let dictated = #/(pg|redis|celery|container|machine|cadvisor|node)_\S+ /#
        let expected = [
            "counter metrics should have \"_total\" suffix",
            "label names should be written in 'snake_case' not 'camelCase'",
            "metric names should not contain abbreviated units",
            "metric names should be written in 'snake_case' not 'camelCase'",
            "non-counter metrics should not have \"_total\" suffix",
            "non-histogram and non-summary metrics should not have \"_count\" suffix",
            "use base unit \"seconds\" instead of \"milliseconds\"",
        ]
        let complaints = (result.output + result.errors).split(separator: "\n").filter { line in
            guard let name = line.prefixMatch(of: dictated) else { return true }
            return !expected.contains(String(line[name.range.upperBound...]))
        }
        #expect(complaints == [])
    }

    @Test func bothFormatsAreWhatPythonTakesAndHaveTheSameSeries() async throws {
        let exporter = try Stack.shared.exporter
        var text: Page?
        var open: Page?
        // Sessions come and go between the two.
        let agree = try await eventually(within: 60) {
            let textAnswer = try await exporter.get("/metrics", "Accept: text/plain")
            let openAnswer = try await exporter.get("/metrics", "Accept: application/openmetrics-text;version=1.0.0")
            #expect(
                openAnswer.field("Content-Type")?.hasPrefix(
                    "application/openmetrics-text; version=1.0.0; charset=utf-8") == true)
            let textFamilies = try await PrometheusClient.families(of: textAnswer.body, isOpenMetrics: false)
            let openFamilies = try await PrometheusClient.families(of: openAnswer.body, isOpenMetrics: true)
            text = try Page(textAnswer.body)
            open = try Page(openAnswer.body)
            #expect(text?.duplicates == [] && open?.duplicates == [])
            // OpenMetrics makes several families of a summary whose ranks are percentages, so that the series are what
            // must be the same.
            func samples(_ families: [String: PrometheusClient.Family]) -> Int {
                families.values.reduce(0) { $0 + $1.samples }
            }
            return text?.counts == open?.counts && samples(textFamilies) == samples(openFamilies)
        }
        #expect(agree)
        let difference = Set(try #require(text).counts.keys).symmetricDifference(try #require(open).counts.keys)
        #expect(difference == [])
        #expect(try #require(text).values.count > 500)
    }

    @Test func aCompressedPageHasTheSameFamilies() async throws {
        let exporter = try Stack.shared.exporter
        var compressed = try await exporter.get("/metrics", options: "--compressed")
        #expect(compressed.field("Content-Encoding") == "gzip")
        #expect(compressed.field("Vary") == "Accept, Accept-Encoding")
        let length = try #require(compressed.field("Content-Length").flatMap { Int($0) })
        #expect(length < compressed.body.utf8.count / 4)
        // Other scrapes go on, and what the server counts of itself is not there from the first.
        let agree = try await eventually(within: 60) {
            compressed = try await exporter.get("/metrics", options: "--compressed")
            let plain = try await exporter.get("/metrics")
            #expect(plain.field("Content-Encoding") == nil)
            return try Page(compressed.body).types == Page(plain.body).types
        }
        #expect(agree)
    }
}
