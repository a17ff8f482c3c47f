import Exposition
import Foundation
import Lab
import Scraping
import Testing

@testable import Configuration
@testable import Postgres

@Suite(.timeLimit(.minutes(2)))
struct QueriesFileTests {
    private func load(_ text: String, _ chosen: [String: Bool] = [:]) throws(ConfigurationError) -> QueriesFile {
        try ConfigurationTests.load(text, as: "q.yaml") { path throws(ConfigurationError) in
            try QueriesFile.load(paths: [path], collectors: CollectorSelection(chosen))[0]
        }
    }

    @Test func everyField() throws {
        let file = try load(
            """
            # as in the wild
            my_lag:
              query: "SELECT EXTRACT(EPOCH FROM (now() - pg_last_xact_replay_timestamp())) as lag"
              master: true
              cache_seconds: 30
              runonserver: ">=10.0.0 <15.0.0"
              metrics:
                - lag:
                    usage: "GAUGE"
                    description: "Replication lag behind master in seconds"
            pg_database:
              query: |
                -- every usage
                SELECT *
                FROM odd
              metrics:
                - who: {usage: LABEL}
                - old: {usage: COUNTER, pg_version: "<10"}
                  pair_in_one_item: {usage: GAUGE}
                - anything at all: {usage: DISCARD}
                - took: {usage: HISTOGRAM, description: "How long it took."}
                - state: {usage: MAPPEDMETRIC, metric_mapping: {"on": 1, off: 0, odd: -1.5}}
                - age: {usage: DURATION}
            """)
        #expect(file.source.hash.count == 64)
        #expect(file.queries.map(\.namespace) == ["my_lag", "pg_database"])
        let lag = file.queries[0]
        #expect(lag.isForOneDatabase)
        #expect(lag.cacheDuration == .seconds(30))
        #expect(lag.versions == VersionCondition(">=10.0.0 <15.0.0"))
        #expect(lag.columns[0].description == "Replication lag behind master in seconds")

        let all = file.queries[1]
        #expect(all.statement == "-- every usage\nSELECT *\nFROM odd\n")
        #expect(!all.isForOneDatabase)
        #expect(all.cacheDuration == .zero)
        #expect(all.versions == .any)
        #expect(
            all.columns.map { "\($0.usage.rawValue) \($0.name)" } == [
                "LABEL who", "COUNTER old", "GAUGE pair_in_one_item", "DISCARD anything at all", "HISTOGRAM took",
                "MAPPEDMETRIC state", "DURATION age",
            ])
        #expect(all.columns[1].versions == VersionCondition("<10"))
        #expect(all.columns[5].mapping == ["on": 1, "off": 0, "odd": -1.5])
        #expect(
            all.metrics.map { "\($0.descriptor.type) \($0.descriptor.name)" } == [
                "counter pg_database_old", "gauge pg_database_pair_in_one_item", "histogram pg_database_took",
                "gauge pg_database_state", "gauge pg_database_age_milliseconds",
            ])
    }

    @Test func theHashIsOfTheWholeContent() throws {
        #expect(try load("").source.hash == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(try load("").queries.count == 0)
        #expect(try load("# nothing yet\n").queries.count == 0)
    }

    /// Each in the place of a whole file, of a query's fields, or of its columns.
    @Test(arguments: [
        ("- a\n", "1:1: this should be a mapping, with key: value in each line"),
        ("a b: {}", #"1:1: "a b" cannot begin a metric's name: take letters, digits and underscores, no digit first"#),
        ("1a: {}", #"1:1: "1a" cannot begin a metric's name: take letters, digits and underscores, no digit first"#),
        ("ns: text", "1:5: this should be a mapping, with key: value in each line"),
        ("ns:\n", "1:4: this should be a mapping, with key: value in each line"),
        ("ns: {query: SELECT 1}", "1:5: a query needs the key metrics"),
        ("ns: {metrics: [{a: {usage: GAUGE}}]}", "1:5: a query needs the key query"),
        ("ns: {query: , metrics: [{a: {usage: GAUGE}}]}", "1:13: a query needs the key query"),
        (
            "ns:\n  query: SELECT 1\n  metric:\n  - a: {usage: GAUGE}",
            #"3:3: "metric" is no key of a query; did you mean metrics?"#
        ),
        ("ns: {query: SELECT 1, metrics: []}", "1:32: ns needs a column in its metrics: - column: {usage: GAUGE}"),
        ("ns: {query: SELECT 1, metrics: [{}]}", "1:32: ns needs a column in its metrics: - column: {usage: GAUGE}"),
        ("ns: {query: SELECT 1, metrics: {a: {usage: GAUGE}}}", "1:32: this should be a list"),
        ("ns: {query: SELECT 1, metrics: [a]}", "1:33: this should be a mapping, with key: value in each line"),
        (
            "ns: {query: SELECT 1, metrics: [{a: GAUGE}]}",
            "1:37: this should be a mapping, with key: value in each line"
        ),
        (
            "ns: {query: DELETE FROM t, metrics: [{a: {usage: GAUGE}}]}",
            "1:13: this returns no rows; write one statement that begins with SELECT or WITH"
        ),
    ])
    func badFiles(text: String, sentence: String) {
        #expect(throws: ConfigurationError("q.yaml:\(sentence)")) { try load(text) }
    }

    @Test(arguments: [
        ("master: perhaps", "4:13: this should be true or false"),
        ("cache_seconds: -1", "4:20: this should be a whole number from 0 to 31536000"),
        ("cache_seconds: 1m", "4:20: this should be a whole number from 0 to 31536000"),
        ("runonserver: ten", #"4:18: this should be server versions such as ">=10.0.0 <15.0.0""#),
        ("runonserver: [10]", "4:18: this should be text"),
        (
            "timeout: 5",
            #"4:5: "timeout" is no key of a query; there are query, metrics, master, cache_seconds, runonserver"#
        ),
        ("runOnServer: 5", #"4:5: "runOnServer" is no key of a query; did you mean runonserver?"#),
        ("query: SELECT 2", #"4:5: the key "query" stands in line 2 already; take one of the two away"#),
    ])
    func badFieldsOfAQuery(line: String, sentence: String) {
        let text = "ns:\n    query: SELECT 1\n    metrics: [{a: {usage: GAUGE}}]\n    \(line)\n"
        #expect(throws: ConfigurationError("q.yaml:\(sentence)")) { try load(text) }
    }

    @Test(arguments: [
        ("a: {usage: GUAGE}", #"4:16: "GUAGE" is no usage; did you mean GAUGE?"#),
        ("a: {usage: gauge}", #"4:16: "gauge" is no usage; did you mean GAUGE?"#),
        (
            "a: {usage: METER}",
            #"4:16: "METER" is no usage; there are LABEL, GAUGE, COUNTER, DISCARD, HISTOGRAM, MAPPEDMETRIC, DURATION"#
        ),
        ("a: {description: text}", "4:8: a column needs the key usage"),
        (
            "a: {usage: GAUGE, descripton: text}",
            #"4:23: "descripton" is no key of a column; did you mean description?"#
        ),
        ("a: {usage: GAUGE, pg_version: new}", #"4:35: this should be server versions such as ">=10.0.0 <15.0.0""#),
        (
            "a: {usage: GAUGE, metric_mapping: {up: 1}}",
            "4:39: metric_mapping, the number for each text, belongs to the usage MAPPEDMETRIC and to no other"
        ),
        (
            "a: {usage: MAPPEDMETRIC}",
            "4:8: metric_mapping, the number for each text, belongs to the usage MAPPEDMETRIC and to no other"
        ),
        ("a: {usage: MAPPEDMETRIC, metric_mapping: {up: high}}", "4:51: this should be a number"),
        (
            "a-b: {usage: GAUGE}",
            #"4:5: "ns_a-b" cannot be a metric's name; name the column in the query: AS another_name"#
        ),
        ("a b: {usage: LABEL}", #"4:5: "a b" cannot be a label's name; name the column in the query: AS another_name"#),
        ("a:b: {usage: LABEL}", #"4:5: "a:b" cannot be a label's name; name the column in the query: AS another_name"#),
        ("__a: {usage: LABEL}", #"4:5: "__a" cannot be a label's name; name the column in the query: AS another_name"#),
        (
            "server: {usage: LABEL}",
            "4:5: all samples have a label server of their own; name the column in the query: AS another_name"
        ),
        (
            "le: {usage: LABEL}\n  - h: {usage: HISTOGRAM}",
            "4:5: all samples have a label le of their own; name the column in the query: AS another_name"
        ),
        (
            "a: {usage: GAUGE}\n  - a: {usage: LABEL}",
            #"5:5: the column "a" is listed already; take one of the two away"#
        ),
        (
            "a: {usage: DURATION}\n  - a_milliseconds: {usage: GAUGE}",
            "5:5: ns_a_milliseconds is a metric of the query ns; name the query or the column differently"
        ),
        (
            "h: {usage: HISTOGRAM}\n  - h_sum: {usage: GAUGE}",
            "5:5: ns_h_sum is a metric of the query ns; name the query or the column differently"
        ),
    ])
    func badColumns(column: String, sentence: String) {
        let text = "ns:\n  query: SELECT 1\n  metrics:\n  - \(column)\n"
        #expect(throws: ConfigurationError("q.yaml:\(sentence)")) { try load(text) }
    }

    @Test func noMetricIsSomebodyElses() throws {
        func query(_ namespace: String, _ column: String) -> String {
            "\(namespace): {query: SELECT 1, metrics: [{\(column): {usage: GAUGE}}]}\n"
        }
        // The name of a built-in collector's family may be that of a query's beginning.
        #expect(throws: Never.self) { try load(query("pg_database", "age")) }
        let taken = query("pg_database", "size_bytes")
        let place = "q.yaml:1:\("pg_database: {query: SELECT 1, metrics: [{".count + 1): "
        #expect(
            throws: ConfigurationError(
                place + "pg_database_size_bytes is a metric of the collector database_size, which "
                    + "--no-collector.database_size switches off; name the query or the column differently")
        ) { try load(taken) }
        #expect(try load(taken, ["database_size": false]).queries.count == 1)

        let setting = query("pg_settings", "work_mem_bytes")
        #expect(throws: ConfigurationError.self) { try load(setting) }
        #expect(try load(setting, ["settings": false]).queries.count == 1)
        for own in [query("pg", "up"), query("pg_exporter", "scrapes_total"), query("stack_exporter", "x")] {
            let error = #expect(throws: ConfigurationError.self) { try load(own) }
            #expect(error?.description.contains(" is a metric of the exporter itself; ") == true)
        }
        let error = #expect(throws: ConfigurationError.self) { try load(query("a", "b_c") + query("a_b", "c")) }
        #expect(error?.description.contains("a_b_c is a metric of the query a; ") == true)
    }

    @Test func theDocumentedExampleHasEveryUsage() throws {
        let file = try load(try Repository.example(in: "docs/queries.md"))
        #expect(Set(file.queries.flatMap(\.columns).map(\.usage)) == Set(CustomQuery.Usage.allCases))
        let document = try Repository.text("docs/queries.md")
        for usage in CustomQuery.Usage.allCases { #expect(document.contains("`\(usage.rawValue)`")) }
    }

    @Test func aDamagedFileIsRefusedAndNoCrash() {
        let text = "ns: {query: 'SELECT 1', metrics: [{a: {usage: GAUGE, pg_version: '>=10', metric_mapping: {a: 1}}}]}"
        for end in text.indices { _ = try? load(String(text[..<end])) }
        for index in text.indices {
            for sign in ["[", "}", ":", "'", "\n", "&"] {
                _ = try? load(text.replacingCharacters(in: index...index, with: sign))
            }
        }
    }
}
