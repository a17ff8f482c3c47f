import Foundation
import Lab
import Testing

/// Whatever others do, a scrape is answered in time and memory stays where it is.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct HostileClientTests {
    private static let crowds: [(HostileClients.Kind, Int)] = [(.slow, 700), (.idle, 10_000)]

    @Test(.serialized, arguments: crowds)
    func aCrowdKeepsNobodyOut(kind: HostileClients.Kind, count: Int) async throws {
        let exporter = try await Exporter([:])
        for _ in 0..<3 { _ = try await exporter.page() }
        let before = try exporter.peakMemory
        let clients = try await HostileClients(kind, count: count, port: exporter.port)
        for _ in 0..<10 {
            let answer = try await exporter.get("/metrics", "X-Prometheus-Scrape-Timeout-Seconds: 10")
            #expect(answer.status == 200)
            // The scrape's own time, and more for a machine that does much else.
            #expect(answer.seconds < 30)
        }
        // 512 connections take 7 MB.
        #expect(try exporter.peakMemory - before < 14 * 1024)
        withExtendedLifetime(clients) {}
    }

    /// A page that no socket's buffers hold, so that its bytes stay with the server until they are read.
    @Test func nobodyHasToReadALargePage() async throws {
        let postgres = try await PostgresServer()
        let queries = (1...4).map { number in
            """
            large\(number):
              query: SELECT repeat('x', 1000) || n AS name, n FROM generate_series(1, 2500) AS n
              metrics: [{name: {usage: LABEL}}, {n: {usage: GAUGE}}]

            """
        }
        let file = try postgres.directory.write("queries.yaml", queries.joined())
        let exporter = try await Exporter(
            ["DATABASE_URL": postgres.connectionString()], "--extend.query-path=\(file)")
        let page = try await exporter.get("/metrics")
        let failures = try Page(page.body).failures
        try #require(page.body.utf8.count > 8_000_000, "\(failures)")
        let before = try exporter.peakMemory
        let clients = try await HostileClients(.deaf, count: 200, port: exporter.port)
        for _ in 0..<10 {
            let isServed = try await eventually(within: 60) {
                // More than forty at once are turned away, which those who do not read come back from.
                try await exporter.get("/metrics", options: "--compressed").status == 200
            }
            #expect(isServed)
        }
        // Of a page of 10 MB, 60 MB: the few that were made before the slowest clients were cut, and a piece for each.
        #expect(try exporter.peakMemory - before < 120 * 1024)
        withExtendedLifetime(clients) {}
    }

    @Test func fortyScrapesAtOnceAreAnsweredAndNotOneMore() async throws {
        // It takes connections in and never says a word.
        let (silent, port) = boundSocket()
        defer { close(silent) }
        try #require(listen(silent, 8) == 0)
        let exporter = try await Exporter(
            ["DATABASE_URL": "postgresql://nobody@127.0.0.1:\(port)/none"], "--scrape.timeout=20s")
        let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
            for _ in 0..<41 {
                group.addTask { try await exporter.get("/metrics", "X-Prometheus-Scrape-Timeout-Seconds: 20") }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.filter { $0.status == 200 }.count == 40)
        let refused = answers.filter { $0.status == 503 }
        #expect(refused.map(\.body) == ["More than 40 scrapes at once; try again later.\n"])
        #expect(try await exporter.get("/-/ready").status == 200)
    }

    @Test func aHundredPipelinedRequestsAreAnsweredInTheirOrder() async throws {
        let exporter = try await Exporter([:])
        let paths = (0..<100).map { ["/-/healthy", "/-/ready", "/targets", "/nothing"][$0 * 7 % 4] }
        let requests = paths.enumerated().map { index, path in
            "GET \(path) HTTP/1.1\r\nHost: a\r\n\(index == 99 ? "Connection: close\r\n" : "")\r\n"
        }
        let answer = try await RawAnswer(to: requests.joined(), port: exporter.port)
        #expect(answer.statuses == paths.map { $0 == "/nothing" ? 404 : 200 })
        let bodies = answer.text.matches(of: #/(Healthy|Ready)\.|\[\{|There is nothing/#).map { String($0.0) }
        let expected = [
            "/-/healthy": "Healthy.", "/-/ready": "Ready.", "/targets": "[{", "/nothing": "There is nothing",
        ]
        #expect(bodies == paths.map { expected[$0] })
    }

    /// A client that will say no more is taken for one that has gone away, as by nginx: a scrape that nobody waits for any
    /// more is not finished.
    @Test(arguments: ["GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "GET /metrics HTTP/1.1\r\nHo", ""])
    func whoHasClosedItsHalfHasGone(bytes: String) async throws {
        let exporter = try await Exporter([:])
        let answer = try await RawAnswer(to: bytes, port: exporter.port, closesItsHalf: true)
        #expect([[], [200], [400]].contains(answer.statuses))
        #expect(try await exporter.get("/metrics").status == 200)
    }
}

extension Exporter {
    /// The most that was ever resident, in KiB.
    fileprivate var peakMemory: Int {
        get throws {
            let status = try String(contentsOfFile: "/proc/\(daemon.pid)/status", encoding: .utf8)
            let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
            return try #require(Int(line.filter(\.isNumber)))
        }
    }
}
