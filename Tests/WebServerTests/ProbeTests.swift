import Configuration
import Logging
import Scraping
import Synchronization
import Testing

@testable import WebServer

@Suite(.timeLimit(.minutes(1)))
struct ProbeTests {
    @Test(arguments: [
        ("a=b&target=db", "target", "db"),
        ("target=first&target=second", "target", "first"),
        ("target=postgresql%3A%2F%2Fu%3Ap%2540s@db/x", "target", "postgresql://u:p%40s@db/x"),
        ("target=host%3Ddb+user%3Dx", "target", "host=db user=x"),
        ("target=100%&x", "target", "100%"), ("target=%zz%4", "target", "%zz%4"), ("target=%+1", "target", "% 1"),
        ("target=a=b", "target", "a=b"), ("t%61rget=%c3%a9", "target", "é"), ("target", "target", ""),
        ("=x", "", "x"),
    ])
    func queriesAreReadAsFormsWriteThem(query: String, name: String, value: String) {
        #expect(QueryParameters(query[...])[name] == value)
    }

    @Test func whatIsNotSaidIsAbsent() {
        #expect(QueryParameters(nil)["target"] == nil)
        #expect(QueryParameters("")["target"] == nil)
        #expect(QueryParameters("targets=x")["target"] == nil)
    }

    @Test func theAnswerIsNegotiatedAndCompressedLikeThePage() async throws {
        let gatherer = Gatherer(
            targets: [TestTarget()], log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let asked = Mutex<[String]>([])
        let limits = Mutex<[Duration?]>([])
        let probe: Probe.Answer = { probe, timeout throws(ProbeRefusal) in
            asked.withLock { $0.append("\(probe.target) \(probe.module ?? "-")") }
            limits.withLock { $0.append(timeout) }
            guard let page = await gatherer.page(of: probe.target, within: timeout) else {
                throw ProbeRefusal(.unknown, "No such target.")
            }
            return page
        }
        try await withServer(probe: probe) { server in
            let client = try server.client()
            let plain = try await client.get(
                "/probe?target=test&auth_module=", "X-Prometheus-Scrape-Timeout-Seconds: 4")
            #expect(plain.status == 200)
            #expect(plain.field("Content-Type")?.hasPrefix("text/plain; version=0.0.4") == true)
            // The target's own families, and nothing of the exporter's.
            #expect(plain.text.split(separator: "\n").filter { !$0.hasPrefix("#") } == ["test_number 42", "test_up 1"])

            let open = try await client.get(
                "/probe?target=test&auth_module=m", "Accept: application/openmetrics-text;version=1.0.0",
                "Accept-Encoding: gzip")
            #expect(open.field("Content-Encoding") == "gzip")
            let text = String(decoding: try #require(inflated(open.body)), as: UTF8.self)
            #expect(text.hasSuffix("\ntest_up 1\n# EOF\n"))
            #expect(asked.withLock { $0 } == ["test -", "test m"])
            #expect(limits.withLock { $0 } == [.milliseconds(3600), nil])
            #expect(server.requests("/probe", 200) == 2)
        }
    }

    @Test func refusalsAreOneSentence() async throws {
        let probe: Probe.Answer = { probe, _ throws(ProbeRefusal) in
            throw switch probe.target {
            case "malformed": ProbeRefusal(.malformed, "This is no target.")
            case "forbidden": ProbeRefusal(.forbidden, "This is not allowed.")
            default: ProbeRefusal(.unknown, "There is none.")
            }
        }
        try await withServer(probe: probe) { server in
            for (query, status, sentence) in [
                ("?target=malformed", 400, "This is no target.\n"),
                ("?target=forbidden", 403, "This is not allowed.\n"),
                ("?target=else", 404, "There is none.\n"),
                ("", 400, "Name what to probe: /probe?target=<name or address>.\n"),
                ("?target=", 400, "Name what to probe: /probe?target=<name or address>.\n"),
            ] {
                let answer = try await server.client().get("/probe\(query)")
                #expect(answer.status == status)
                #expect(answer.text == sentence)
            }
        }
    }

    @Test func scrapesAreProbesWithParameters() async throws {
        let asked = Mutex<[Probe]>([])
        let probe: Probe.Answer = { probe, _ throws(ProbeRefusal) in
            asked.withLock { $0.append(probe) }
            throw ProbeRefusal(.forbidden, "This is not allowed.")
        }
        try await withServer(probe: probe) { server in
            let client = try server.client()
            #expect(try await client.get("/scrape?target=a%3A1&check-keys=db1%3Dx&check-keys=y&z").status == 403)
            let scrape = try #require(asked.withLock { $0.first })
            #expect(scrape.path == .scrape)
            #expect(scrape.target == "a:1")
            #expect(scrape.parameters == ["target": "a:1", "check-keys": "db1=x", "z": ""])
            let missing = try await client.get("/scrape?target=")
            #expect(missing.status == 400)
            #expect(missing.text == "Name what to probe: /scrape?target=<name or address>.\n")
            #expect(try await client.get("/probe?target=a").status == 403)
            #expect(asked.withLock { $0.last?.path } == .probe)
            #expect(server.requests("/scrape", 403) == 1)
        }
    }

    @Test func probesThatHangKeepNobodyFromThePage() async throws {
        let release = Mutex(false)
        let hasBegun = Mutex(false)
        let probe: Probe.Answer = { _, _ throws(ProbeRefusal) in
            hasBegun.withLock { $0 = true }
            while !release.withLock({ $0 }) { try? await Task.sleep(for: .milliseconds(5)) }
            throw ProbeRefusal(.unknown, "There is none.")
        }
        try await withServer({ $0.limits.scrapes = 1 }, probe: probe) { server in
            let hanging = try server.client()
            await hanging.send("GET /probe?target=x HTTP/1.1\r\nHost: test\r\n\r\n")
            try await eventually { hasBegun.withLock { $0 } }
            #expect(try await server.client().get("/probe?target=x").status == 503)
            #expect(try await server.client().get("/metrics").status == 200)
            release.withLock { $0 = true }
            #expect(try await hanging.answer().status == 404)
        }
    }
}
