import Foundation
import Lab
import Testing

/// The program itself, running as a process of its own with no more of the environment than it is given.
final class Exporter: Sendable {
    private let directory = TemporaryDirectory("exporter")
    let port: Int
    let daemon: Daemon

    /// The stripped release where `make test` has built it, else what was built for debugging beside the tests.
    static let binary: String =
        releaseBinary ?? URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: name).path
    static let releaseBinary = ProcessInfo.processInfo.environment["STACK_EXPORTER_BINARY"]
    private static let name = "stack-exporter"

    /// Starts it and waits until it takes requests.
    init(_ environment: [String: String], _ flags: String...) async throws {
        port = freePort()
        daemon = try Daemon(
            [Self.binary, "--web.listen-address=127.0.0.1:\(port),unix:\(directory.path("web.sock"))"] + flags,
            environment: .only(environment),
            // What a test leaves under way, nobody waits for.
            stop: "KILL", log: directory.path("log"))
        let isReady = try await eventually { try await get("/-/ready").status == 200 }
        guard isReady else {
            daemon.stop()
            throw LabError("the exporter does not start: \(log)")
        }
    }

    deinit {
        daemon.stop()
    }

    var socket: String { directory.path("web.sock") }

    /// What it has said on standard error.
    var log: String { directory.text("log") }

    /// Runs it to its end.
    static func run(_ arguments: [String], _ environment: [String: String] = [:]) async throws -> CommandResult {
        // One that takes for a server what should have been an error would serve for ever.
        try await Lab.run(["timeout", "60", binary] + arguments, environment: .only(environment))
    }

    /// Asks for a path as curl does; what is compressed is unpacked.
    ///
    /// - Returns: Status 0 where nobody answers.
    func get(_ path: String, _ fields: String..., options: String...) async throws -> Answer {
        try await get(path, fields, options)
    }

    func get(_ path: String, _ fields: String..., options: [String]) async throws -> Answer {
        try await get(path, fields, options)
    }

    private func get(_ path: String, _ fields: [String], _ options: [String]) async throws -> Answer {
        let result = try await Lab.run(
            ["curl", "-sS", "-i", "--max-time", "60", "-w", "\n%{time_total}"] + options
                + fields.flatMap { ["-H", $0] } + ["http://127.0.0.1:\(port)\(path)"],
            environment: .only([:]))
        return Answer(result)
    }

    /// The page as text, within a scraper's time limit.
    func page(within seconds: Double? = nil) async throws -> Page {
        try await timedPage(within: seconds).page
    }

    /// The page and how long it took.
    func timedPage(within seconds: Double? = nil) async throws -> (page: Page, seconds: Double) {
        let limit = seconds.map { ["X-Prometheus-Scrape-Timeout-Seconds: \($0)"] } ?? []
        let answer = try await get("/metrics", limit, [])
        try #require(answer.status == 200, "\(answer.body)")
        return (try Page(answer.body), answer.seconds)
    }

    /// Scrapes until the page is as it should be.
    func page(
        within seconds: Double = 60, until condition: (Page) -> Bool, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Page {
        var last = try await page()
        let isThere = try await eventually(within: seconds) {
            if condition(last) { return true }
            last = try await page()
            return condition(last)
        }
        #expect(isThere, "\(last.failures) \(log)", sourceLocation: sourceLocation)
        return last
    }
}

/// An HTTP answer.
struct Answer {
    let status: Int
    let head: String
    let body: String
    let seconds: Double

    /// - Parameter result: What curl printed: the head, the body and, on a line of its own, the time it took.
    init(_ result: CommandResult) {
        // Lines end with CRLF, which Swift takes for one character.
        let end = result.output.firstRange(of: "\r\n\r\n") ?? result.output.endIndex..<result.output.endIndex
        let bodyEnd = result.output.lastIndex { $0 == "\n" } ?? result.output.endIndex
        head = String(result.output[..<end.lowerBound])
        body = end.upperBound <= bodyEnd ? String(result.output[end.upperBound..<bodyEnd]) : ""
        seconds = Double(result.output[bodyEnd...].dropFirst()) ?? 0
        status = Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0
    }

    func field(_ name: String) -> String? {
        head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("\(name.lowercased()):") }
            .map { $0.drop { $0 != ":" }.dropFirst().trimmingCharacters(in: .whitespaces) }
    }
}
