import Exposition
import Foundation
import Lab
import NIOPosix
import Testing

@testable import Redis
@testable import Scraping

/// A real server with keys as a job system leaves them, and a target that reads it.
final class QueueLab: Sendable {
    let server: RedisServer
    private let target: RedisTarget

    /// - Parameters:
    ///   - fixtures: Files of commands that make the keys. Their times are of November 2023, or of the year 2100.
    ///   - collectors: Which ones run beside those that always do.
    init(
        _ fixtures: String..., database: Int = 0, collectors: [String: Bool] = [:],
        settings change: (inout RedisSettings) -> Void = { _ in }
    ) async throws {
        server = try await RedisServer()
        for fixture in fixtures { try await server.load(try Fixture.bytes(fixture), database: database) }
        var settings = RedisSettings(name: "test", address: .unix(path: server.socket))
        settings.database = database
        change(&settings)
        target = RedisTarget(
            settings, collectors: CollectorSelection(collectors), group: MultiThreadedEventLoopGroup.singleton)
    }

    /// One scrape, with time enough for the first look around.
    func scrape() async -> (outcome: ScrapeOutcome, series: [String: Double]) {
        let scrape = Scrape(until: Deadline(after: .seconds(40)))
        await target.run(scrape)
        scrape.finish()
        let (outcome, families) = scrape.harvest(target.collectors)
        return (outcome, families.series)
    }

    /// The series of one scrape that nothing failed in, those of the queues alone.
    func series() async throws -> [String: Double] {
        let (outcome, series) = await scrape()
        #expect(outcome.isUp)
        for collector in outcome.collectors { #expect(collector.error == nil, "\(collector.name)") }
        return series.filter { !$0.key.hasPrefix("redis_") || $0.key.hasPrefix("redis_key_size") }
    }

    /// How many errors the server has counted.
    func errors() async throws -> String {
        let stats = try await server.cli("INFO", "errorstats")
        let replies = try await server.cli("INFO", "stats").split(separator: "\r\n").first {
            $0.hasPrefix("total_error_replies")
        }
        return stats + String(try #require(replies))
    }

    func shutdown() async { await target.shutdown() }
}

extension RedisServer {
    /// Runs a file of commands.
    func load(_ commands: [UInt8], database: Int = 0) async throws {
        let text = String(decoding: commands, as: UTF8.self)
        let result = try await run(["redis-cli", "-s", socket, "-n", "\(database)"], input: text)
        try #require(!result.output.contains("ERR") && !result.output.contains("WRONGTYPE"), "\(result.output)")
        try #require(result.errors.isEmpty, "\(result.errors)")
    }
}

/// What is there of `expected`, and nothing else that begins with a prefix; ages are compared with a tolerance.
func expect(
    _ series: [String: Double], has expected: [String: Double], alone prefix: String? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    for (name, value) in expected.sorted(by: { $0.key < $1.key }) {
        #expect(series[name] == value, "\(name)", sourceLocation: sourceLocation)
    }
    guard let prefix else { return }
    let others = series.keys.filter { $0.hasPrefix(prefix) && expected[$0] == nil }
    #expect(others.sorted() == [], sourceLocation: sourceLocation)
}

/// Whether an age is that of a time, as this machine's clock has it, which is the server's.
func isAge(_ age: Double?, since time: Double) -> Bool {
    guard let age else { return false }
    return abs(Date.now.timeIntervalSince1970 - time - age) < 10
}
