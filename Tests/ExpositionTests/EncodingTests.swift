import Testing

@testable import Exposition

struct EncodingTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let families: [MetricFamily]
        let text: String
        let openMetrics: String
    }

    @Test(arguments: [
        Case(
            testDescription: "no families",
            families: [], text: "", openMetrics: "# EOF\n"),
        Case(
            testDescription: "a family without samples is left out",
            families: [MetricFamily(MetricDescriptor("a", .gauge, "A."))], text: "", openMetrics: "# EOF\n"),
        Case(
            testDescription: "a counter's family loses _total in OpenMetrics",
            families: [
                MetricFamily(MetricDescriptor("http_requests_total", .counter, "Requests."), 3, ["code": "200"])
            ],
            text: """
                # HELP http_requests_total Requests.
                # TYPE http_requests_total counter
                http_requests_total{code="200"} 3

                """,
            openMetrics: """
                # HELP http_requests Requests.
                # TYPE http_requests counter
                http_requests_total{code="200"} 3
                # EOF

                """),
        Case(
            testDescription: "a counter without _total is unknown in OpenMetrics",
            families: [MetricFamily(MetricDescriptor("pg_stat_database_deadlocks", .counter, "Deadlocks."), 0)],
            text: """
                # HELP pg_stat_database_deadlocks Deadlocks.
                # TYPE pg_stat_database_deadlocks counter
                pg_stat_database_deadlocks 0

                """,
            openMetrics: """
                # HELP pg_stat_database_deadlocks Deadlocks.
                # TYPE pg_stat_database_deadlocks unknown
                pg_stat_database_deadlocks 0
                # EOF

                """),
        Case(
            testDescription: "a counter keeps its name where another family has the short one",
            families: [
                MetricFamily(MetricDescriptor("jobs", .gauge, "Now."), 1),
                MetricFamily(MetricDescriptor("jobs_total", .counter, "Ever."), 2),
            ],
            text: """
                # HELP jobs Now.
                # TYPE jobs gauge
                jobs 1
                # HELP jobs_total Ever.
                # TYPE jobs_total counter
                jobs_total 2

                """,
            openMetrics: """
                # HELP jobs Now.
                # TYPE jobs gauge
                jobs 1
                # HELP jobs_total Ever.
                # TYPE jobs_total unknown
                jobs_total 2
                # EOF

                """),
        Case(
            testDescription: "units, and untyped against unknown",
            families: [
                MetricFamily(MetricDescriptor("up_seconds", .gauge, "Up."), 1.5),
                MetricFamily(MetricDescriptor("sent_bytes_total", .counter, "Sent."), 1024),
                MetricFamily(MetricDescriptor("pg_static", .unknown, "Static."), 1),
                MetricFamily(MetricDescriptor("blk_read_time", .gauge, "Not the name's end.", unit: .seconds), 1),
            ],
            text: """
                # HELP up_seconds Up.
                # TYPE up_seconds gauge
                up_seconds 1.5
                # HELP sent_bytes_total Sent.
                # TYPE sent_bytes_total counter
                sent_bytes_total 1024
                # HELP pg_static Static.
                # TYPE pg_static untyped
                pg_static 1
                # HELP blk_read_time Not the name's end.
                # TYPE blk_read_time gauge
                blk_read_time 1

                """,
            openMetrics: """
                # HELP up_seconds Up.
                # TYPE up_seconds gauge
                # UNIT up_seconds seconds
                up_seconds 1.5
                # HELP sent_bytes Sent.
                # TYPE sent_bytes counter
                # UNIT sent_bytes bytes
                sent_bytes_total 1024
                # HELP pg_static Static.
                # TYPE pg_static unknown
                pg_static 1
                # HELP blk_read_time Not the name's end.
                # TYPE blk_read_time gauge
                blk_read_time 1
                # EOF

                """),
        Case(
            testDescription: "help escapes backslash and newline, and in OpenMetrics quotes",
            families: [MetricFamily(MetricDescriptor("a", .gauge, "one\\two\nthree \"four\""), 1)],
            text: """
                # HELP a one\\\\two\\nthree "four"
                # TYPE a gauge
                a 1

                """,
            openMetrics: """
                # HELP a one\\\\two\\nthree \\"four\\"
                # TYPE a gauge
                a 1
                # EOF

                """),
        Case(
            testDescription: "a histogram",
            families: [
                histogram(
                    Histogram(
                        buckets: [
                            .init(upperBound: 0.5, cumulativeCount: 1), .init(upperBound: 1, cumulativeCount: 3),
                            .init(upperBound: 1e6, cumulativeCount: 4),
                        ], count: 5, sum: 12.25), ["state": "idle"])
            ],
            text: """
                # HELP h_seconds H.
                # TYPE h_seconds histogram
                h_seconds_bucket{state="idle",le="0.5"} 1
                h_seconds_bucket{state="idle",le="1"} 3
                h_seconds_bucket{state="idle",le="1e+06"} 4
                h_seconds_bucket{state="idle",le="+Inf"} 5
                h_seconds_sum{state="idle"} 12.25
                h_seconds_count{state="idle"} 5

                """,
            openMetrics: """
                # HELP h_seconds H.
                # TYPE h_seconds histogram
                # UNIT h_seconds seconds
                h_seconds_bucket{state="idle",le="0.5"} 1
                h_seconds_bucket{state="idle",le="1.0"} 3
                h_seconds_bucket{state="idle",le="1e+06"} 4
                h_seconds_bucket{state="idle",le="+Inf"} 5
                h_seconds_sum{state="idle"} 12.25
                h_seconds_count{state="idle"} 5
                # EOF

                """),
        Case(
            testDescription: "a summary",
            families: [
                summary(Summary(quantiles: [.init(rank: 0.5, value: 1), .init(rank: 1, value: 7)], count: 2, sum: 8))
            ],
            text: """
                # HELP s S.
                # TYPE s summary
                s{quantile="0.5"} 1
                s{quantile="1"} 7
                s_sum 8
                s_count 2

                """,
            openMetrics: """
                # HELP s S.
                # TYPE s summary
                s{quantile="0.5"} 1
                s{quantile="1.0"} 7
                s_sum 8
                s_count 2
                # EOF

                """),
        Case(
            testDescription: "a summary with percent ranks is three families in OpenMetrics",
            families: [
                summary(Summary(quantiles: [.init(rank: 50, value: 1), .init(rank: 99.9, value: 7)], count: 2, sum: 8))
            ],
            text: """
                # HELP s S.
                # TYPE s summary
                s{quantile="50"} 1
                s{quantile="99.9"} 7
                s_sum 8
                s_count 2

                """,
            openMetrics: """
                # HELP s S.
                # TYPE s unknown
                s{quantile="50"} 1
                s{quantile="99.9"} 7
                # HELP s_sum S.
                # TYPE s_sum unknown
                s_sum 8
                # HELP s_count S.
                # TYPE s_count unknown
                s_count 2
                # EOF

                """),
    ])
    func families(case: Case) {
        for (format, expected) in [(ExpositionFormat.text, `case`.text), (.openMetrics, `case`.openMetrics)] {
            var page: [UInt8] = []
            format.encode(`case`.families, into: &page)
            #expect(String(decoding: page, as: UTF8.self) == expected)
            // What is reserved for a page holds it, and not much more.
            let size = format.approximateSize(of: `case`.families)
            #expect(size >= page.count && size < 3 * page.count + 200)
        }
    }

    @Test func aPageIsWrittenBehindWhatIsThere() {
        var page = Array("before\n".utf8)
        ExpositionFormat.text.encode([MetricFamily(MetricDescriptor("a", .gauge, "A."), 1)], into: &page)
        #expect(String(decoding: page, as: UTF8.self) == "before\n# HELP a A.\n# TYPE a gauge\na 1\n")
    }

    @Test(arguments: [
        ("a", true), ("a_b:c9", true), ("_a", true), (":a", true), ("9a", false), ("", false), ("a-b", false),
        ("a b", false), ("é", false), ("a{", false),
    ])
    func namesAreLegalOrNot(name: String, isLegal: Bool) {
        #expect(MetricDescriptor(name, .gauge, "").isLegal == isLegal)
    }
}

private func histogram(_ value: Histogram, _ labels: Labels) -> MetricFamily {
    var family = MetricFamily(MetricDescriptor("h_seconds", .histogram, "H."))
    family.append(value, labels)
    return family
}

private func summary(_ value: Summary) -> MetricFamily {
    var family = MetricFamily(MetricDescriptor("s", .summary, "S."))
    family.append(value)
    return family
}
