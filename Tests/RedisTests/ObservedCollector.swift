import Exposition
import Lab
import NIOPosix
import Scraping
import Testing

@testable import Redis

/// A collector beside a real server, which asks and looks around at the test's own time.
struct ObservedCollector<Observed: RedisCollector> {
    let collector: Observed
    private let dialer: RedisDialer
    private let connection: RedisConnection

    init(_ server: RedisServer, _ make: (RedisSettings) -> Observed, _ configure: (inout RedisSettings) -> Void) {
        var settings = RedisSettings(name: "test", address: .unix(path: server.socket))
        configure(&settings)
        collector = make(settings)
        dialer = RedisDialer(settings, group: MultiThreadedEventLoopGroup.singleton)
        connection = RedisConnection(dialer)
    }

    /// One round between scrapes.
    func look() async throws {
        let facts = try await connection.facts(until: Deadline(after: .seconds(20)))
        try await collector.look(
            RedisBackground(facts: facts, cluster: RedisCluster(connection, dialer), dialer: dialer))
    }

    /// The trips of a scrape.
    ///
    /// - Parameter between: What happens after the first trip.
    func result(between: () async throws -> Void = {}) async throws -> CollectorResult {
        let deadline = Deadline(after: .seconds(20))
        let facts = try await connection.facts(until: deadline)
        let wanted = collector.commands(facts)
        guard !wanted.isEmpty else { return CollectorResult() }
        var replies = RedisReplies()
        replies.add(try await connection.run(Array(Set(wanted)), until: deadline))
        try await between()
        for _ in 0..<2 {
            let further = Set(collector.furtherCommands(replies, facts)).filter { !replies.has($0) }
            if !further.isEmpty { replies.add(try await connection.run(Array(further), until: deadline)) }
        }
        return collector.result(replies, facts)
    }

    /// The series of one scrape, which has no error.
    func series() async throws -> [String: Double] {
        let result = try await result()
        #expect(result.error == nil)
        for family in result.families {
            #expect(collector.metrics.contains { $0.descriptor == family.descriptor })
        }
        return result.families.series
    }
}

extension RedisServer {
    /// How many errors it has answered, by their code words.
    var errorCounts: String {
        get async throws {
            try await cli("INFO", "errorstats").split(whereSeparator: \.isNewline).dropFirst().joined(separator: " ")
        }
    }
}
