import Exposition
import Scraping
import Testing

@testable import Postgres

/// What becomes of rows, by the usage of their columns.
struct CustomQueryTests {
    private let server = ServerFacts.server(150_020)

    private func query(
        _ columns: [(String, CustomQuery.Usage)], change: (inout CustomQuery) -> Void = { _ in }
    ) -> CustomQuery {
        var query = CustomQuery(
            namespace: "ns", statement: "SELECT 1", columns: columns.map { CustomQuery.Column($0.0, $0.1) })
        change(&query)
        return query
    }

    private func samples(
        _ query: CustomQuery, types: [String: UInt32] = [:], _ columns: [String], _ rows: [[String?]]
    ) throws -> [String] {
        lines(
            try CustomQueryCollector(query).families(
                from: QueryResult(columns: columns, types: types, rows: rows), server: server))
    }

    /// Values as PostgreSQL 17 wrote them, by their type's oid.
    @Test(
        arguments: [
            (20, "9007199254740993", "9007199254740992.0"), (1700, "12345678901234567890", "1.2345678901234567e+19"),
            (701, "1e-07", "1e-07"), (701, "NaN", "nan"), (701, "Infinity", "inf"), (16, "t", "1.0"), (16, "f", "0.0"),
            (25, "1.5", "1.5"), (1184, "2026-11-21 13:40:01.123456+05:30", "1795248601.123456"),
            (1114, "2026-11-21 08:10:01.12", "1795248601.12"), (1082, "2026-11-21", "1795219200.0"),
            (1186, "1 day 00:00:01.5", "86401.5"),
        ] as [(UInt32, String, String)])
    func numbersOfEveryType(type: UInt32, text: String, number: String) throws {
        for usage in [CustomQuery.Usage.gauge, .counter] {
            #expect(
                try samples(query([("v", usage)]), types: ["v": type], ["v"], [[text]]) == [
                    #"ns_v{server="db:5432"} \#(number)"#
                ])
        }
    }

    @Test func labelsOfEveryType() throws {
        let query = query([
            ("name", .label), ("is_on", .label), ("is_off", .label), ("at", .label), ("nothing", .label), ("v", .gauge),
        ])
        #expect(
            try samples(
                query, types: ["is_on": 16, "is_off": 16, "at": 1184],
                ["v", "nothing", "at", "is_off", "is_on", "name"],
                [["1", nil, "2026-11-21 13:40:01.923456+05:30", "f", "t", "t"]]) == [
                    #"ns_v{at="1795248601",is_off="false",is_on="true",name="t",nothing="",server="db:5432"} 1.0"#
                ])
    }

    @Test func nullIsAbsent() throws {
        let query = query([("a", .gauge), ("b", .counter), ("c", .duration), ("d", .mappedMetric), ("h", .histogram)])
        let columns = ["a", "b", "c", "d", "h", "h_bucket", "h_sum", "h_count", "unlisted"]
        #expect(try samples(query, columns, [columns.map { _ in nil }]) == [])
    }

    @Test func mappedTexts() throws {
        let query = query([("state", .mappedMetric), ("flag", .mappedMetric)]) {
            $0.columns[0].mapping = ["up": 1, "down": 0, "5": 55]
            $0.columns[1].mapping = ["true": 10]
        }
        #expect(
            try samples(
                query, types: ["flag": 16], ["state", "flag"],
                [["up", "t"], ["sideways", "f"], ["5", nil]]) == [
                    #"ns_state{server="db:5432"} 1.0"#, #"ns_state{server="db:5432"} 55.0"#,
                    #"ns_flag{server="db:5432"} 10.0"#,
                ])
    }

    @Test(
        arguments: [
            (25, "1h2m3.5s", "3723500.0"), (25, "1500", "1500.0"), (25, "00:00:01.001", "1001.0"), (25, "-1", nil),
            (1186, "1 day 00:00:01.001", "86401001.0"), (23, "250", "250.0"), (23, "-1", nil),
        ] as [(UInt32, String, String?)])
    func durationsInMilliseconds(type: UInt32, text: String, number: String?) throws {
        #expect(
            try samples(query([("v", .duration)]), types: ["v": type], ["v"], [[text]])
                == (number.map { [#"ns_v_milliseconds{server="db:5432"} \#($0)"#] } ?? []))
    }

    @Test func histogramsOfArrays() throws {
        let query = query([("h", .histogram)])
        let families = try CustomQueryCollector(query).families(
            from: QueryResult(
                columns: ["h_count", "h_sum", "h", "h_bucket"],
                rows: [
                    ["7", "12.5", "{1,0.1,Infinity}", "{5,2,7}"], ["0", "0", "{}", "{}"], ["1", "1", nil, "{}"],
                ]),
            server: server)
        #expect(families.map(\.descriptor.type) == [.histogram])
        #expect(
            families[0].samples.map(\.value) == [
                .histogram(
                    Histogram(
                        buckets: [
                            .init(upperBound: 0.1, cumulativeCount: 2), .init(upperBound: 1, cumulativeCount: 5),
                        ], count: 7, sum: 12.5)), .histogram(Histogram(buckets: [], count: 0, sum: 0)),
            ])
    }

    @Test(arguments: [
        ("{1,2}", "{1}", "1"), ("{1,1}", "{1,1}", "1"), ("{1,2}", "{3,2}", "5"), ("{1}", "{9}", "5"),
        ("{1}", "{-1}", "5"), ("{1}", "{0.5}", "5"), ("{1}", "{1}", "-1"), ("{NaN}", "{1}", "1"),
        ("{1,NULL}", "{1,2}", "2"), ("{{1,2}}", "{1,2}", "2"), ("[2:3]={1,2}", "{1,2}", "2"), ("1", "{1}", "1"),
        ("{1,}", "{1,1}", "1"),
    ])
    func whatIsNoHistogramFails(bounds: String, counts: String, count: String) {
        let error = #expect(throws: CollectorError.self) {
            try samples(
                query([("h", .histogram)]), ["h", "h_bucket", "h_sum", "h_count"], [[bounds, counts, "1", count]])
        }
        #expect(error?.detail.hasPrefix("the query ns has what is not a") == true)
    }

    @Test func columnsThatNobodyListedAreUntypedWhereTheyAreNumbers() throws {
        let families = try CustomQueryCollector(
            query([("a", .discard), ("old", .gauge)]) { $0.columns[1].versions = VersionCondition("<14") ?? .any }
        ).families(
            from: QueryResult(
                columns: ["a", "old", "n", "text", "n", "?column?"],
                rows: [["1", "2", "3", "x", "4", "5"], ["1", "2", nil, "6", "7", "8"]]),
            server: server)
        #expect(lines(families) == [#"ns_n{server="db:5432"} 3.0"#, #"ns_text{server="db:5432"} 6.0"#])
        #expect(families.map(\.descriptor.type) == [.unknown, .unknown])
        #expect(families.map(\.descriptor.help).first == "Column n of the custom query ns, which does not list it.")
    }

    @Test(arguments: [
        (
            CustomQuery.Usage.gauge, "v", "hunter2",
            "the query ns has what is not a number in the column v: convert it in the query, or make it a LABEL or DISCARD"
        ),
        (
            .duration, "v", "hunter2",
            "the query ns has what is not a duration in the column v: convert it in the query, or make it a LABEL or DISCARD"
        ),
        (.gauge, "other", "1", "the query ns returns no column v, but other"),
        (.label, "other", "1", "the query ns returns no column v, but other"),
        (.histogram, "v", "{}", "the query ns returns no column v_bucket, but v"),
    ])
    func whatDoesNotFitFailsTheQueryWithoutTheValue(
        usage: CustomQuery.Usage, column: String, text: String, sentence: String
    ) {
        #expect(throws: CollectorError(.internal, sentence)) {
            try samples(query([("v", usage)]), [column], [[text]])
        }
        // It does not depend on there being rows.
        if column == "other" {
            #expect(throws: CollectorError(.internal, sentence)) { try samples(query([("v", usage)]), [column], []) }
        }
    }

    @Test func theColumnThatIsNoNumberIsNamed() {
        let sentence =
            "the query ns has what is not a number in the column h_sum: convert it in the query, or make it a LABEL or DISCARD"
        #expect(throws: CollectorError(.internal, sentence)) {
            try samples(query([("h", .histogram)]), ["h", "h_bucket", "h_sum", "h_count"], [["{1}", "{1}", "x", "1"]])
        }
    }

    @Test func timesAndBooleansAreNoDurations() {
        for (type, text) in [(16, "t"), (1184, "2026-11-21 08:10:01+00")] as [(UInt32, String)] {
            #expect(throws: CollectorError.self) {
                try samples(query([("v", .duration)]), types: ["v": type], ["v"], [[text]])
            }
        }
    }

    @Test func whatItDeliversIsInTheCatalogue() {
        let query = query([("who", .label), ("a", .gauge), ("b", .counter), ("c", .duration), ("d", .discard)]) {
            $0.columns[1].description = "How much."
        }
        let collector = CustomQueryCollector(query)
        #expect(collector.name == "custom_ns")
        #expect(
            collector.metrics == [
                CatalogueEntry(MetricDescriptor("ns_a", .gauge, "How much."), labels: ["who", "server"], source: "ns"),
                CatalogueEntry(
                    MetricDescriptor("ns_b", .counter, "Column b of the custom query ns."), labels: ["who", "server"],
                    source: "ns"),
                CatalogueEntry(
                    MetricDescriptor("ns_c_milliseconds", .gauge, "Column c of the custom query ns."),
                    labels: ["who", "server"], source: "ns"),
            ])
    }

    @Test func theServersVersionDecides() {
        let query = query([("v", .gauge)]) { $0.versions = VersionCondition(">=16") ?? .any }
        #expect(CustomQueryCollector(query).statement(for: .server(150_020)) == nil)
        #expect(CustomQueryCollector(query).statement(for: .server(160_000)) == "SELECT 1")
    }

    @Test func inAllDatabasesTheRowsAreToldApart() throws {
        var query = query([("v", .gauge)])
        #expect(CustomQueryCollector(query).scope == .server)
        let collector = CustomQueryCollector(query, inAllDatabases: true)
        #expect(collector.scope == .database)
        let families = try collector.families(
            from: QueryResult(columns: ["v"], rows: [["1"]]), server: server)
        #expect(lines(families) == [#"ns_v{datname="app",server="db:5432"} 1.0"#])
        query.isForOneDatabase = true
        #expect(CustomQueryCollector(query, inAllDatabases: true).scope == .server)
    }

    @Test func familiesAreServedAgainUntilTheyAreTooOld() throws {
        let collector = CustomQueryCollector(query([("v", .gauge)]) { $0.cacheDuration = .seconds(3600) })
        var other = server
        other.database = "other"
        #expect(collector.cachedFamilies(at: .now, for: server)?.count == nil)
        _ = try collector.families(from: QueryResult(columns: ["v"], rows: [["1"]]), server: server)
        _ = try collector.families(from: QueryResult(columns: ["v"], rows: [["2"]]), server: other)
        #expect(collector.cachedFamilies(at: .now, for: server).map(lines) == [#"ns_v{server="db:5432"} 1.0"#])
        #expect(collector.cachedFamilies(at: .now, for: other).map(lines) == [#"ns_v{server="db:5432"} 2.0"#])
        #expect(collector.cachedFamilies(at: .now + .seconds(3601), for: server)?.count == nil)
        // Another host that answers under the same name is asked itself.
        other.address = "standby:5432"
        #expect(collector.cachedFamilies(at: .now, for: other)?.count == nil)

        let uncached = CustomQueryCollector(query([("v", .gauge)]))
        _ = try uncached.families(from: QueryResult(columns: ["v"], rows: [["1"]]), server: server)
        #expect(uncached.cachedFamilies(at: .now, for: server)?.count == nil)
    }

    @Test(arguments: [
        ("SELECT 1", true), ("  \n select 1;", true),
        ("-- why\n/* a /* nested */ one */ ((WITH x AS (SELECT 1) TABLE x))", true),
        ("VALUES (1)", true), ("SHOW work_mem", true), ("", false), (";", false), ("-- only this", false),
        ("/* open", false),
        ("COPY t TO STDOUT", false), ("INSERT INTO t VALUES (1)", false), ("selected", false), ("DO $$ $$", false),
    ])
    func statementsThatReturnRows(text: String, isOne: Bool) {
        #expect(CustomQuery.returnsRows(text) == isOne)
    }

    @Test func theFilesThatWereLoaded() {
        #expect(
            lines([CustomQuerySource.family([CustomQuerySource(path: "/etc/q.yaml", hash: "ab12")])]) == [
                #"pg_exporter_user_queries_load_error{filename="/etc/q.yaml",hashsum="ab12"} 0.0"#
            ])
        #expect(CustomQuerySource.family([]).samples == [])
    }
}
