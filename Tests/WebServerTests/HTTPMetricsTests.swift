import Exposition
import NIOHTTP1
import Testing

@testable import WebServer

@Suite struct HTTPMetricsTests {
    private func page(_ metrics: HTTPMetrics) -> String {
        var page: [UInt8] = []
        ExpositionFormat.text.encode(metrics.families(), into: &page)
        return String(decoding: page, as: UTF8.self)
    }

    @Test func countsAndDurations() {
        let metrics = HTTPMetrics()
        let name = "stack_exporter_web_config_last_reload_successful"
        #expect(page(metrics).hasSuffix("# TYPE \(name) gauge\n\(name) 1\n"))
        #expect(!page(metrics).contains("http_"))
        for _ in 0..<4 { metrics.begin(handler: "/metrics") }
        metrics.end(handler: "/metrics", method: .GET, status: .ok, took: .milliseconds(1), size: 0)
        metrics.end(handler: "/metrics", method: .GET, status: .ok, took: .milliseconds(300), size: 727_000)
        metrics.end(
            handler: "/metrics", method: .RAW(value: "BREW"), status: .methodNotAllowed, took: .seconds(11),
            size: 20_000_000)
        metrics.refuse(handler: "bad_request", method: nil, status: .badRequest)
        let text = page(metrics)
        for line in [
            #"http_requests_total{handler="/metrics",method="GET",status="200"} 2"#,
            #"http_requests_total{handler="/metrics",method="other",status="405"} 1"#,
            #"http_requests_total{handler="bad_request",method="other",status="400"} 1"#,
            #"http_request_duration_seconds_bucket{handler="/metrics",le="0.001"} 1"#,
            #"http_request_duration_seconds_bucket{handler="/metrics",le="0.25"} 1"#,
            #"http_request_duration_seconds_bucket{handler="/metrics",le="0.5"} 2"#,
            #"http_request_duration_seconds_bucket{handler="/metrics",le="10"} 2"#,
            #"http_request_duration_seconds_bucket{handler="/metrics",le="+Inf"} 3"#,
            #"http_request_duration_seconds_sum{handler="/metrics"} 11.301"#,
            #"http_request_duration_seconds_count{handler="/metrics"} 3"#,
            #"http_response_size_bytes_bucket{handler="/metrics",le="100"} 1"#,
            #"http_response_size_bytes_bucket{handler="/metrics",le="100000"} 1"#,
            #"http_response_size_bytes_bucket{handler="/metrics",le="1e+06"} 2"#,
            #"http_response_size_bytes_bucket{handler="/metrics",le="+Inf"} 3"#,
            #"http_response_size_bytes_sum{handler="/metrics"} 20727000"#,
            #"http_requests_in_flight{handler="/metrics"} 1"#,
        ] {
            #expect(text.split(separator: "\n").contains { $0 == line }, "\(line)")
        }
        #expect(!text.contains(#"seconds_count{handler="bad_request""#))
        #expect(page(metrics) == text)
    }

    @Test func refusedScrapesAreCountedAsRedisExporterDoes() {
        let metrics = HTTPMetrics(showsScrapeErrors: true)
        let family = "redis_target_scrape_request_errors_total"
        #expect(page(metrics).contains("# TYPE \(family) counter\n\(family) 0\n"))
        for (handler, status) in [
            ("/scrape", 400), ("/scrape", 403), ("/scrape", 404), ("/scrape", 200), ("/scrape", 503), ("/scrape", 499),
            ("/probe", 400),
        ] {
            metrics.begin(handler: handler)
            metrics.end(
                handler: handler, method: .GET, status: HTTPResponseStatus(statusCode: status), took: .milliseconds(1),
                size: 0)
        }
        #expect(page(metrics).contains("\n\(family) 3\n"))
        #expect(!page(HTTPMetrics()).contains(family))
    }
}
