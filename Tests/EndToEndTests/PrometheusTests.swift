import Foundation
import Lab
import Testing

extension WholeServerTests {
    /// Prometheus 2.42 always asks for OpenMetrics first, so that a proxy asks for text in its name.
    @Test func aPrometheusScrapesBothFormatsWithoutAComplaint() async throws {
        let exporter = try Stack.shared.exporter
        let prometheus = try await Prometheus(exporter: exporter)
        let jobs = [#"{job="openmetrics"}"#, #"{job="text"}"#]
        let hasScraped = try await eventually(within: 120) {
            for job in jobs {
                guard try await prometheus.value("count_over_time(up\(job)[5m])") ?? 0 >= 8 else { return false }
            }
            return true
        }
        try #require(hasScraped, "\(prometheus.log)")
        for job in jobs {
            #expect(try await prometheus.value("min_over_time(up\(job)[5m])") == 1)
            let samples = try #require(try await prometheus.value("min_over_time(scrape_samples_scraped\(job)[5m])"))
            #expect(samples > 1000)
            #expect(try await prometheus.value("pg_up\(job)") == 1)
            #expect(try await prometheus.value("redis_up\(job)") == 1)
            #expect(try await prometheus.value("count(container_cpu_usage_seconds_total\(job))") ?? 0 > 0)
            // The same series under the same name, whichever format they came in.
            #expect(try await prometheus.value("rate(redis_commands_processed_total\(job)[1m])") ?? 0 > 0)
        }
        #expect(prometheus.formats == ["application/openmetrics-text", "text/plain"])
        #expect(prometheus.log.contains("Server is ready to receive web requests"))
        #expect(!prometheus.log.contains(/level=(warn|error)/), "\(prometheus.log)")
    }
}

/// A real Prometheus that scrapes an exporter twice: itself and through a proxy that asks for text.
private final class Prometheus {
    private let directory = TemporaryDirectory("prometheus")
    private let port = freePort()
    private var daemons: [Daemon] = []

    /// Writes down the format of each answer, so that a test can see that it was what it is about.
    private static let proxy = """
        import http.server, sys, urllib.request
        class Proxy(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                fields = {k: v for k, v in self.headers.items() if k.lower().startswith("x-prometheus")}
                accept = self.headers["Accept"] if self.path == "/own" else "text/plain;version=0.0.4"
                request = urllib.request.Request(sys.argv[2], headers={**fields, "Accept": accept})
                with urllib.request.urlopen(request) as answer:
                    body, kind = answer.read(), answer.headers["Content-Type"]
                print(kind.split(";")[0], flush=True)
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            def log_message(self, *arguments):
                pass
        http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Proxy).serve_forever()
        """

    init(exporter: Exporter) async throws {
        let proxyPort = freePort()
        daemons.append(
            try Daemon(
                ["/usr/bin/python3", "-c", Self.proxy, "\(proxyPort)", "http://127.0.0.1:\(exporter.port)/metrics"],
                log: directory.path("formats")))
        let isReady = try await eventually {
            try await run(["curl", "-sf", "http://127.0.0.1:\(proxyPort)/own", "-H", "Accept: text/plain"]).status == 0
        }
        guard isReady else { throw LabError("the proxy does not start: \(formats)") }
        let file = try directory.write(
            "prometheus.yml",
            """
            global:
              scrape_interval: 2s
              scrape_timeout: 2s
            scrape_configs:
              - job_name: openmetrics
                static_configs: [{targets: ["127.0.0.1:\(exporter.port)"]}]
              - job_name: openmetrics-seen
                metrics_path: /own
                static_configs: [{targets: ["127.0.0.1:\(proxyPort)"]}]
              - job_name: text
                static_configs: [{targets: ["127.0.0.1:\(proxyPort)"]}]
            """)
        daemons.append(
            try Daemon(
                [
                    "prometheus", "--config.file=\(file)",
                    "--storage.tsdb.path=\(directory.path)/data", "--web.listen-address=127.0.0.1:\(port)",
                ], log: directory.path("log")))
    }

    deinit {
        for daemon in daemons { daemon.stop() }
    }

    var log: String { directory.text("log") }

    /// The media types of the answers that went through the proxy.
    var formats: Set<String> { Set(directory.text("formats").split(separator: "\n").map(String.init)) }

    /// What a query with one result gives; `nil` where it gives none.
    func value(_ query: String) async throws -> Double? {
        struct Answer: Decodable {
            struct Body: Decodable {
                struct Series: Decodable {
                    /// A time and a value.
                    let value: [Value]
                }
                let result: [Series]
            }
            let data: Body
        }
        enum Value: Decodable {
            case number(Double)
            case text(String)

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                self =
                    try (try? container.decode(Double.self)).map(Value.number) ?? .text(container.decode(String.self))
            }
        }
        let result = try await run([
            "curl", "-s", "-G", "http://127.0.0.1:\(port)/api/v1/query", "--data-urlencode", "query=\(query)",
        ])
        guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(result.output.utf8)),
            case .text(let text)? = answer.data.result.first?.value.last
        else { return nil }
        return Double(text)
    }
}
