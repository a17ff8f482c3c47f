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
        for family in families where Self.isOfQueues(family.descriptor.name) { checkCatalogue(family) }
        return (outcome, families.series)
    }

    private static func isOfQueues(_ name: String) -> Bool { !name.hasPrefix("redis_") || name == "redis_key_size" }

    /// A family is what the catalogue says of it.
    private func checkCatalogue(_ family: MetricFamily) {
        let name = family.descriptor.name
        let entries = RedisCollectors.catalogue.flatMap(\.metrics).filter { $0.descriptor == family.descriptor }
        guard let entry = entries.first else {
            Issue.record("\(name) is not in the catalogue")
            return
        }
        for sample in family.samples {
            let labels = sample.labels.description.matches(of: /([a-z_]+)="/).map { String($0.1) }
            #expect(labels == entry.labels.sorted(), "\(name)")
        }
    }

    /// The series of one scrape that nothing failed in, those of the queues alone.
    func series() async throws -> [String: Double] {
        let (outcome, series) = await scrape()
        #expect(outcome.isUp)
        for collector in outcome.collectors { #expect(collector.error == nil, "\(collector.name)") }
        return series.filter { Self.isOfQueues(String($0.key.prefix { $0 != "{" })) }
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
