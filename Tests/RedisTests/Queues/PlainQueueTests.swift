import Foundation
import Lab
import Testing

@testable import Redis
@testable import Scraping

@Suite(.startsServers, .timeLimit(.minutes(15))) struct PlainQueueTests {
    private func age(_ queue: String, _ system: String, _ kind: String = "exact") -> String {
        "queue_oldest_age_seconds{kind=\"\(kind)\",queue=\"\(queue)\",system=\"\(system)\"}"
    }

    private func depth(_ queue: String, _ system: String, _ state: String = "waiting") -> String {
        "queue_depth{queue=\"\(queue)\",state=\"\(state)\",system=\"\(system)\"}"
    }

    @Test func lists() async throws {
        let lab = try await QueueLab(database: 3) {
            $0.queues.lists = [
                .init(RedisKey(database: 3, key: "jobs"), timestampPath: ["meta", "sent"]),
                .init(RedisKey(database: 1, key: "jobs"), isOldestFirst: true, timestampPath: ["at"]),
                .init(RedisKey(database: 3, key: "plain")),
                .init(RedisKey(database: 3, key: "alike")),
                .init(RedisKey(database: 3, key: "closed"), readsJobs: false, timestampPath: ["at"]),
                .init(RedisKey(database: 3, key: "none"), timestampPath: ["at"]),
                .init(RedisKey(database: 3, key: "odd"), timestampPath: ["at"]),
            ]
            $0.keys.checkedSingle = [RedisKey(database: 3, key: "plain")]
        }
        let before = try await lab.errors()
        try await lab.server.cli(
            "-n", "3", "LPUSH", "jobs", #"{"meta":{"sent":1700000000.5}}"#, #"{"meta":{"sent":1}}"#)
        try await lab.server.cli(
            "-n", "1", "RPUSH", "jobs", #"{"at":"2023-11-14T22:13:20.250Z"}"#, #"{"at":"2020-01-01T00:00:00Z"}"#)
        try await lab.server.cli("-n", "3", "LPUSH", "plain", "a", "b", "c")
        try await lab.server.cli("-n", "3", "LPUSH", "alike", "a", "a")
        try await lab.server.cli("-n", "3", "LPUSH", "closed", #"{"at":1700000000}"#)
        try await lab.server.cli("-n", "3", "LPUSH", "odd", "no JSON {")
        let series = try await lab.series()
        expect(
            series,
            has: [
                depth("jobs", "list"): 2, depth("db1=jobs", "list"): 2, depth("plain", "list"): 3,
                depth("alike", "list"): 2, depth("closed", "list"): 1, depth("none", "list"): 0,
                depth("odd", "list"): 1,
            ], alone: "queue_depth")
        expect(
            series,
            has: [
                "redis_key_size{db=\"db3\",key=\"jobs\"}": 2, "redis_key_size{db=\"db1\",key=\"jobs\"}": 2,
                "redis_key_size{db=\"db3\",key=\"alike\"}": 2, "redis_key_size{db=\"db3\",key=\"closed\"}": 1,
                "redis_key_size{db=\"db3\",key=\"none\"}": 0, "redis_key_size{db=\"db3\",key=\"odd\"}": 1,
                // From the collector of keys.
                "redis_key_size{db=\"db3\",key=\"plain\"}": 3,
            ], alone: "redis_key_size")
        #expect(isAge(series[age("jobs", "list")], since: 1_700_000_000.5))
        #expect(isAge(series[age("db1=jobs", "list")], since: 1_700_000_000.25))
        #expect(series[age("plain", "list", "observed")] == 0)
        #expect(series.keys.count { $0.hasPrefix("queue_oldest_age") } == 3)

        #expect(try #require(try await lab.series()[age("plain", "list", "observed")]) > 0)
        try await lab.server.cli("-n", "3", "RPOP", "plain")
        #expect(try await lab.series()[age("plain", "list", "observed")] == 0)
        try await lab.server.cli("-n", "3", "DEL", "plain")
        #expect(try await lab.series()[age("plain", "list", "observed")] == nil)
        #expect(try await lab.errors() == before)
        await lab.shutdown()
    }

    @Test func sortedSets() async throws {
        let lab = try await QueueLab {
            $0.queues.sortedSets = [
                .init(RedisKey(key: "seconds")), .init(RedisKey(key: "milliseconds"), unitsPerSecond: 1000),
                .init(RedisKey(key: "future"), unitsPerSecond: 1e6), .init(RedisKey(key: "none")),
                .init(RedisKey(key: "infinite")),
            ]
        }
        let before = try await lab.errors()
        try await lab.server.cli("ZADD", "seconds", "1700000000.5", "a", "1700000001", "b", "4102444800", "c")
        try await lab.server.cli("ZADD", "milliseconds", "1700000002250", "a", "4102444800000", "b")
        try await lab.server.cli("ZADD", "future", "4102444800000000", "a")
        try await lab.server.cli("ZADD", "infinite", "-inf", "a")
        let series = try await lab.series()
        func overdue(_ queue: String) -> String { "queue_overdue{queue=\"\(queue)\",system=\"sorted_set\"}" }
        expect(
            series,
            has: [
                depth("seconds", "sorted_set", "delayed"): 3, depth("milliseconds", "sorted_set", "delayed"): 2,
                depth("future", "sorted_set", "delayed"): 1, depth("none", "sorted_set", "delayed"): 0,
                depth("infinite", "sorted_set", "delayed"): 1,
            ], alone: "queue_depth")
        expect(
            series,
            has: [
                overdue("seconds"): 2, overdue("milliseconds"): 1, overdue("future"): 0, overdue("none"): 0,
                overdue("infinite"): 1,
            ], alone: "queue_overdue")
        #expect(isAge(series[age("seconds", "sorted_set")], since: 1_700_000_000.5))
        #expect(isAge(series[age("milliseconds", "sorted_set")], since: 1_700_000_002.25))
        #expect(series.keys.count { $0.hasPrefix("queue_oldest_age") } == 2)
        #expect(series["redis_key_size{db=\"db0\",key=\"seconds\"}"] == 3)
        #expect(try await lab.errors() == before)
        await lab.shutdown()
    }

    @Test func streams() async throws {
        let lab = try await QueueLab {
            $0.queues.streams = ["events", "idle", "none", "bare"].map { RedisKey(key: $0) }
        }
        func cli(_ words: [String]) async throws -> String {
            try await run(["redis-cli", "-s", lab.server.socket] + words).output
        }
        let before = try await lab.errors()
        for time in [1_700_000_000_250, 1_700_000_001_000, 1_700_000_002_000, 1_700_000_003_000] {
            _ = try await cli(["XADD", "events", "\(time)-5", "a", "b"])
        }
        _ = try await cli(["XGROUP", "CREATE", "events", "fast", "0"])
        _ = try await cli(["XGROUP", "CREATE", "events", "slow", "0"])
        _ = try await cli(["XREADGROUP", "GROUP", "fast", "c", "COUNT", "4", "STREAMS", "events", ">"])
        _ = try await cli(["XREADGROUP", "GROUP", "slow", "c", "COUNT", "2", "STREAMS", "events", ">"])
        _ = try await cli(["XACK", "events", "fast", "1700000000250-5", "1700000001000-5"])
        _ = try await cli(["XACK", "events", "slow", "1700000000250-5"])
        _ = try await cli(["XADD", "idle", "1700000000000-0", "a", "b"])
        _ = try await cli(["XGROUP", "CREATE", "idle", "all", "$"])
        _ = try await cli(["XADD", "bare", "*", "a", "b"])
        let series = try await lab.series()
        func unacked(_ queue: String) -> String { "queue_unacked{queue=\"\(queue)\",system=\"stream\"}" }
        expect(
            series,
            has: [
                depth("events", "stream", "stored"): 4, depth("events", "stream", "waiting"): 2,
                depth("idle", "stream", "stored"): 1, depth("none", "stream", "stored"): 0,
                depth("bare", "stream", "stored"): 1, unacked("events"): 3, unacked("idle"): 0,
                "redis_key_size{db=\"db0\",key=\"events\"}": 4,
            ])
        #expect(isAge(series[age("events", "stream")], since: 1_700_000_002))
        let unackedAge = "queue_oldest_unacked_age_seconds{queue=\"events\",system=\"stream\"}"
        #expect(isAge(series[unackedAge], since: 1_700_000_001))
        #expect(series.keys.count { $0.hasPrefix("queue_oldest") } == 2)

        // Where an entry is deleted that a group has not got, the server cannot tell how many are left.
        _ = try await cli(["XDEL", "events", "1700000002000-5"])
        let after = try await lab.series()
        #expect(after[depth("events", "stream", "waiting")] == nil)
        #expect(isAge(after[age("events", "stream")], since: 1_700_000_003))
        #expect(try await lab.errors() == before)
        await lab.shutdown()
    }

    /// What nobody can read is absent, and said to be so, without an error on the server.
    @Test func aKeyOfAnotherType() async throws {
        let lab = try await QueueLab {
            $0.queues.lists = [.init(RedisKey(key: "hash")), .init(RedisKey(key: "good"))]
            $0.queues.sortedSets = [.init(RedisKey(key: "hash"))]
            $0.queues.streams = [RedisKey(key: "hash")]
        }
        try await lab.server.cli("HSET", "hash", "a", "b")
        try await lab.server.cli("RPUSH", "good", "a")
        let before = try await lab.errors()
        let (outcome, series) = await lab.scrape()
        #expect(outcome.collectors.first { $0.name == "redis_queues" }?.error?.reason == .internal)
        #expect(series.keys.filter { $0.hasPrefix("queue_depth") } == [depth("good", "list")])
        #expect(series.keys.filter { $0.hasPrefix("redis_key_size") } == ["redis_key_size{db=\"db0\",key=\"good\"}"])
        #expect(try await lab.errors() == before)
        await lab.shutdown()
    }

    /// A job that is longer than we take is still one that waits.
    @Test func aJobThatIsTooLong() {
        var settings = RedisSettings(name: "test", address: .unix(path: "/"))
        settings.queues.lists = [.init(RedisKey(key: "jobs"), timestampPath: ["at"])]
        let collector = PlainQueuesCollector(settings)
        let server = RedisFacts()
        var replies = RedisReplies([.time: .array([.string(Array("1700000000".utf8)), .string(Array("500000".utf8))])])
        replies.add(.string(Array("list".utf8)), to: RedisCommand("TYPE", "jobs", database: 0))
        replies.add(.integer(2), to: RedisCommand("LLEN", "jobs", database: 0))
        let oldest = RedisCommand("LINDEX", "jobs", -1, database: 0)
        replies.add(.error(Array("TOOLONG the reply is too long".utf8)), to: oldest)
        let result = collector.result(replies, server)
        #expect(result.error == nil)
        #expect(
            result.families.series == [
                "redis_key_size{db=\"db0\",key=\"jobs\"}": 2, depth("jobs", "list"): 2,
            ])
        replies.add(.string(Array(#"{"at":1699999990}"#.utf8)), to: oldest)
        #expect(collector.result(replies, server).families.series[age("jobs", "list")] == 10.5)
    }

    @Test(
        arguments: [
            ("1700000000", 1_700_000_000), ("1700000000.25", 1_700_000_000.25), ("1700000000250", 1_700_000_000.25),
            ("1700000000250000", 1_700_000_000.25), ("1700000000000000000", 1_700_000_000),
            (#""1700000000250""#, 1_700_000_000.25), (#""2023-11-14T22:13:20.25Z""#, 1_700_000_000.25),
            (#""soon""#, nil), ("-1", nil), ("null", nil), ("1e999", nil), (#""nan""#, nil), ("{}", nil),
        ] as [(String, Double?)])
    func times(_ text: String, _ seconds: Double?) throws {
        #expect(Age.secondsSince1970(try #require(JSONText(Array(text.utf8)))) == seconds)
    }
}
