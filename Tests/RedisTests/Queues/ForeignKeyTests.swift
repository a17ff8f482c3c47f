import Lab
import Scraping
import Testing

@testable import Redis

/// Keys of the well-known names that are something else, and users who may not look: the server must not count an
/// error.
@Suite(.startsServers, .timeLimit(.minutes(15))) struct ForeignKeyTests {
    /// Every name that a system gives to a key, those of a queue `q` and a worker `w`.
    private static let names =
        ["rq:queues", "rq:workers", "rq:worker:w", "rq:queue:q", "rq:queue:q:intermediate"]
        + ["wip", "finished", "failed", "deferred", "scheduled", "canceled", "ready"].map { "rq:\($0):q" }
        + [
            "queues", "processes", "queue:q", "schedule", "retry", "dead", "stat:processed", "stat:failed",
            "dear-leader",
        ]
        + ["w", "w:work", "w:workers"]
        + [
            "wait", "paused", "active", "prioritized", "delayed", "waiting-children", "completed", "failed", "meta",
            "id",
            "meta-paused", "metrics:completed", "metrics:failed",
        ].map { "bull:q:\($0)" }
        + [
            "queues", "queue:q", "workers", "worker:w", "failed", "stat:processed", "stat:failed",
            "delayed_queue_schedule",
        ].map { "resque:\($0)" }
        + ["list", "zset", "stream"]

    private static let writers = [
        "string": ["SET", "KEY", "x"], "list": ["RPUSH", "KEY", "x"], "set": ["SADD", "KEY", "x"],
        "hash": ["HSET", "KEY", "x", "y"], "zset": ["ZADD", "KEY", "1", "x"], "stream": ["XADD", "KEY", "*", "x", "y"],
    ]

    @Test(arguments: writers.keys.sorted(), [true, false]) func aKeyOfEachType(
        _ type: String, namesQueues: Bool
    ) async throws {
        let lab = try await QueueLab(collectors: ["redis_bullmq": true]) {
            guard namesQueues else { return }
            $0.queues.rq = ["q"]
            $0.queues.sidekiq = ["q"]
            $0.queues.bullmq = ["q"]
            $0.queues.resque = ["q"]
            $0.queues.lists = [.init(RedisKey(key: "list"))]
            $0.queues.sortedSets = [.init(RedisKey(key: "zset"))]
            $0.queues.streams = [RedisKey(key: "stream")]
        }
        let writer = try #require(Self.writers[type])
        var names = Self.names
        if !namesQueues {
            // What is searched for is there, and leads to keys of another type.
            names.removeAll {
                ["rq:queues", "rq:workers", "queues", "processes", "resque:queues", "resque:workers"].contains($0)
            }
            try await lab.server.cli("SADD", "rq:queues", "rq:queue:q")
            try await lab.server.cli("SADD", "rq:workers", "rq:worker:w")
            for name in ["queues", "resque:queues"] { try await lab.server.cli("SADD", name, "q") }
            for name in ["processes", "resque:workers"] { try await lab.server.cli("SADD", name, "w") }
        }
        let commands = names.map { name in writer.map { $0 == "KEY" ? name : $0 }.joined(separator: " ") }
        try await lab.server.load(Array(commands.joined(separator: "\n").utf8))
        let before = try await lab.errors()
        for _ in 0..<2 { #expect(await lab.scrape().outcome.isUp) }
        #expect(try await lab.errors() == before)
        await lab.shutdown()
    }

    /// What is refused once is not asked again, neither in a scrape nor in a look around.
    @Test func aUserWhoMayNotLook() async throws {
        let lab = try await QueueLab("sidekiq-8", "resque") {
            $0.username = "metrics"
            $0.password = .init(value: "pw")
        }
        try await lab.server.cli("ACL", "SETUSER", "metrics", "on", ">pw", "~*", "-@all", "+info", "+select")
        let (outcome, series) = await lab.scrape()
        #expect(outcome.isUp)
        #expect(outcome.collectors.allSatisfy { $0.error == nil })
        #expect(!series.keys.contains { $0.hasPrefix("queue_") })
        let before = try await lab.errors()
        #expect(await lab.scrape().outcome.isUp)
        #expect(try await lab.errors() == before)
        await lab.shutdown()
    }
}
