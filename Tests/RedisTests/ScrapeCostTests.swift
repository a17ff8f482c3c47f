import Lab
import NIOPosix
import Testing

@testable import Redis
@testable import Scraping

/// What a scrape costs the server, as the server itself counts it.
@Suite(.startsServers, .timeLimit(.minutes(5)))
struct ScrapeCostTests {
    /// What takes longer the more there is of something that nobody bounds.
    private static let dear: Set<String> = [
        "keys", "scan", "sscan", "hscan", "zscan", "lrange", "smembers", "hgetall", "hkeys", "hvals", "sort",
        "zrange|all",
        "monitor", "debug", "flushall", "client|list", "xrange|all", "eval", "dump", "get", "object|encoding",
    ]

    private func settings(_ server: RedisServer) -> RedisSettings {
        var settings = RedisSettings(name: "test", address: .unix(path: server.socket))
        settings.keys.checkedSingle = [RedisKey(key: "jobs"), RedisKey(database: 1, key: "none")]
        settings.keys.singleStreams = [RedisKey(key: "events")]
        settings.queues.celery.names = ["celery", "mails"]
        settings.queues.rq = ["default"]
        settings.queues.sidekiq = ["default"]
        settings.queues.resque = ["default"]
        settings.queues.lists = [RedisQueueOptions.List(RedisKey(key: "jobs"))]
        settings.queues.streams = [RedisKey(key: "events")]
        return settings
    }

    private func scrape(_ target: RedisTarget) async -> ScrapeOutcome {
        let scrape = Scrape(until: Deadline(after: .seconds(10)))
        await target.run(scrape)
        scrape.finish()
        return scrape.harvest(target.collectors).outcome
    }

    /// Calls by command.
    private func calls(_ server: RedisServer) async throws -> [String: Int] {
        let lines = try await server.cli("INFO", "commandstats").split(whereSeparator: \.isNewline)
        return lines.reduce(into: [:]) { calls, line in
            guard let match = line.firstMatch(of: /cmdstat_(.+):calls=([0-9]+)/) else { return }
            calls[String(match.1)] = Int(match.2)
        }
    }

    private func field(_ name: String, _ server: RedisServer) async throws -> Int {
        let info = try await server.cli("INFO", "all")
        let line = info.split(whereSeparator: \.isNewline).first { $0.hasPrefix("\(name):") }
        return try #require(line.flatMap { Int($0.dropFirst(name.count + 1)) })
    }

    @Test func oneRoundTripNoConnectionNothingDearNoError() async throws {
        let server = try await RedisServer()
        try await server.cli("RPUSH", "jobs", "a", "b")
        try await server.cli("XADD", "events", "1-1", "a", "b")
        let target = RedisTarget(settings(server), group: MultiThreadedEventLoopGroup.singleton)
        for _ in 0..<2 { #expect(await scrape(target).isUp) }

        let before = try await calls(server)
        let reads = try await field("total_reads_processed", server)
        let connections = try await field("total_connections_received", server)
        let errors = try await field("total_error_replies", server)
        let scrapes = 5
        for _ in 0..<scrapes {
            let outcome = await scrape(target)
            #expect(outcome.isUp && outcome.collectors.allSatisfy { $0.error == nil })
        }
        let after = try await calls(server)
        let sent = after.filter { $0.value > before[$0.key, default: 0] }.keys
        #expect(Set(sent).isDisjoint(with: Self.dear), "\(sent.sorted())")
        #expect(try await field("total_error_replies", server) == errors)
        // `redis-cli` has a connection for each of its calls: three for the fields above, one for the commands.
        let own = try await field("total_connections_received", server) - connections - 4
        #expect(own <= 1)
        #expect(target.openConnections == 1)
        // Streams and keys are looked at by what they are, which takes a second and a third trip.
        let trips = Double(try await field("total_reads_processed", server) - reads) / Double(scrapes)
        #expect(trips >= 1 && trips < 5, "\(trips)")
        await target.shutdown()
    }

    @Test func withNothingNamedItIsOneRoundTrip() async throws {
        let server = try await RedisServer()
        let target = RedisTarget(
            RedisSettings(name: "test", address: .unix(path: server.socket)),
            group: MultiThreadedEventLoopGroup.singleton)
        for _ in 0..<2 { #expect(await scrape(target).isUp) }
        let first = try await field("total_reads_processed", server)
        let second = try await field("total_reads_processed", server)
        let perCall = second - first
        for _ in 0..<5 { #expect(await scrape(target).isUp) }
        #expect(try await field("total_reads_processed", server) - second == perCall + 5)
        await target.shutdown()
    }

    /// A queue that is empty is looked up at every scrape, and is a miss in the server's counters.
    @Test func ourOwnLookupsAreNotAmongTheHitsAndMisses() async throws {
        let server = try await RedisServer()
        let target = RedisTarget(settings(server), group: MultiThreadedEventLoopGroup.singleton)
        for _ in 0..<3 { #expect(await scrape(target).isUp) }
        #expect(try await field("keyspace_misses", server) > 10)
        let connection = RedisConnection(
            RedisDialer(settings(server), group: MultiThreadedEventLoopGroup.singleton))
        let missing = RedisCommand("LLEN", "none", database: 0)
        func own() async throws -> Lookups {
            try await connection.run([.info, missing], until: Deadline(after: .seconds(10))).ownLookups
        }
        func all() async throws -> Lookups {
            try #require(Lookups(Info(Array(try await server.cli("INFO", "stats").utf8))))
        }
        _ = try await own()
        let (ownBefore, before) = (try await own(), try await all())
        try await server.cli("SET", "there", "1")
        try await server.cli("GET", "there")
        try await server.cli("GET", "elsewhere")
        let (ownAfter, after) = (try await own(), try await all())
        #expect(
            after - before - (ownAfter - ownBefore)
                == (try #require(Lookups(Info(Array("keyspace_hits:1\nkeyspace_misses:1".utf8))))))
        #expect((ownAfter - ownBefore).misses == 1)
        await connection.shutDown()
        await target.shutdown()
    }
}
