import Exposition
import Lab
import Scraping
import Testing

@testable import Redis

@Suite(.startsServers, .timeLimit(.minutes(15))) struct StreamTests {
    private func streams(
        _ server: RedisServer, _ configure: (inout RedisKeyOptions) -> Void
    ) -> ObservedCollector<StreamsCollector> {
        ObservedCollector(server, StreamsCollector.init) { configure(&$0.keys) }
    }

    private func ask(_ server: RedisServer, _ commands: String) async throws {
        try await run(["redis-cli", "-s", server.socket], input: commands)
    }

    /// Three entries with IDs of January 2024, a group that has two of them, and one more group.
    private let orders = """
        XADD orders 1704067200000-0 a 1
        XADD orders 1704067201000-0 a 2
        XADD orders 1704067202000-5 a 3
        XGROUP CREATE orders billing 0
        XGROUP CREATE orders idle $
        XREADGROUP GROUP billing alice COUNT 1 STREAMS orders >
        XREADGROUP GROUP billing bob COUNT 1 STREAMS orders >

        """

    @Test func aStreamWithGroupsAndConsumers() async throws {
        let server = try await RedisServer()
        try await ask(server, orders)
        let streams = streams(server) { $0.singleStreams = [RedisKey(key: "orders")] }
        try await Task.sleep(for: .milliseconds(300))
        let series = try await streams.series()
        func value(_ metric: String, _ labels: String = "") -> Double? {
            series["redis_stream_\(metric){\(labels)stream=\"orders\"}"]
        }
        #expect(value("length", "db=\"db0\",") == 3)
        #expect(value("groups", "db=\"db0\",") == 2)
        #expect(value("radix_tree_keys", "db=\"db0\",") == 1)
        #expect(value("radix_tree_nodes", "db=\"db0\",") == 2)
        #expect(value("entries_added_total", "db=\"db0\",") == 3)
        #expect(value("last_generated_id", "db=\"db0\",") == 1_704_067_202_000)
        #expect(value("max_deleted_entry_id", "db=\"db0\",") == 0)
        #expect(value("first_entry_id", "db=\"db0\",") == 1_704_067_200_000)
        #expect(value("last_entry_id", "db=\"db0\",") == 1_704_067_202_000)
        let billing = "db=\"db0\",group=\"billing\","
        #expect(value("group_consumers", billing) == 2)
        #expect(value("group_messages_pending", billing) == 2)
        #expect(value("group_entries_read", billing) == 2)
        #expect(value("group_lag", billing) == 1)
        #expect(value("group_last_delivered_id", billing) == 1_704_067_201_000)
        #expect(value("group_consumers", "db=\"db0\",group=\"idle\",") == 0)
        let alice = "consumer=\"alice\"," + billing
        #expect(value("group_consumer_messages_pending", alice) == 1)
        // Milliseconds that the server says are seconds here.
        let idle = try #require(value("group_consumer_idle_seconds", alice))
        #expect(idle >= 0.3 && idle < 20)
        // 2024-01-01 by the server's clock.
        let now = try #require(try await server.cli("TIME").split(separator: "\n").first.flatMap { Double($0) })
        let age = try #require(value("group_oldest_pending_age_seconds", billing))
        #expect(abs(age - (now - 1_704_067_200)) <= 20)
        #expect(value("group_oldest_pending_age_seconds", "db=\"db0\",group=\"idle\",") == nil)
        #expect(try await server.errorCounts == "")
    }

    @Test func whatTheServerDoesNotKnowIsAbsent() async throws {
        let server = try await RedisServer()
        // A group that begins in the middle, and an entry before it that was deleted: nobody can tell the lag.
        try await ask(server, orders)
        try await ask(server, "XDEL orders 1704067201000-0\nXGROUP CREATE orders middle 1704067200000-0\n")
        try await ask(server, "XADD gone * a 1\nXTRIM gone MAXLEN 0\n")
        let streams = streams(server) { $0.singleStreams = ["orders", "gone"].map { RedisKey(key: $0) } }
        #expect(try await server.cli("XINFO", "GROUPS", "orders").contains("entries-read\n\nlag\n\n"))
        let series = try await streams.series()
        #expect(series["redis_stream_group_lag{db=\"db0\",group=\"middle\",stream=\"orders\"}"] == nil)
        #expect(series["redis_stream_group_entries_read{db=\"db0\",group=\"middle\",stream=\"orders\"}"] == nil)
        #expect(series["redis_stream_group_messages_pending{db=\"db0\",group=\"middle\",stream=\"orders\"}"] == 0)
        #expect(
            series["redis_stream_max_deleted_entry_id{db=\"db0\",stream=\"orders\"}"] == 1_704_067_201_000)
        #expect(series["redis_stream_first_entry_id{db=\"db0\",stream=\"gone\"}"] == 0)
        #expect(series["redis_stream_last_entry_id{db=\"db0\",stream=\"gone\"}"] == 0)
        #expect(series["redis_stream_length{db=\"db0\",stream=\"gone\"}"] == 0)
    }

    @Test func oldServersSayLess() throws {
        var settings = RedisSettings(name: "test", address: .unix(path: "/"))
        settings.keys.singleStreams = [RedisKey(key: "s")]
        let collector = StreamsCollector(settings)
        let server = RedisFacts()
        func text(_ text: String) -> RedisReply { .string(Array(text.utf8)) }
        // As Redis 6.2 has it.
        var replies = RedisReplies([
            RedisCommand("TYPE", "s", database: 0): text("stream"),
            RedisCommand("XINFO STREAM", "s", database: 0): .array([
                text("length"), .integer(1), text("radix-tree-keys"), .integer(1), text("radix-tree-nodes"),
                .integer(2),
                text("last-generated-id"), text("5-1"), text("groups"), .integer(1), text("first-entry"),
                .array([text("5-1"), .array([text("a"), text("b")])]), text("last-entry"),
                .array([text("5-1"), .array([text("a"), text("b")])]),
            ]),
            RedisCommand("XINFO GROUPS", "s", database: 0): .array([
                .array([
                    text("name"), text("g"), text("consumers"), .integer(0), text("pending"), .integer(1),
                    text("last-delivered-id"), text("5-1"),
                ])
            ]),
        ])
        let further = collector.furtherCommands(replies, server).suffix(2)
        #expect(further.map(\.name) == ["XINFO CONSUMERS", "XPENDING"])
        replies.add(.array([]), to: RedisCommand("XINFO CONSUMERS", "s", "g", database: 0))
        replies.add(
            .array([.integer(1), text("5-1"), text("5-1"), .array([])]),
            to: RedisCommand("XPENDING", "s", "g", database: 0))
        replies.add(.array([text("1704067200"), text("5")]), to: RedisCommand("TIME"))
        let result = collector.result(replies, server)
        #expect(result.error == nil)
        #expect(
            result.families.series == [
                "redis_stream_length{db=\"db0\",stream=\"s\"}": 1,
                "redis_stream_radix_tree_keys{db=\"db0\",stream=\"s\"}": 1,
                "redis_stream_radix_tree_nodes{db=\"db0\",stream=\"s\"}": 2,
                "redis_stream_groups{db=\"db0\",stream=\"s\"}": 1,
                "redis_stream_last_generated_id{db=\"db0\",stream=\"s\"}": 5,
                "redis_stream_first_entry_id{db=\"db0\",stream=\"s\"}": 5,
                "redis_stream_last_entry_id{db=\"db0\",stream=\"s\"}": 5,
                "redis_stream_group_consumers{db=\"db0\",group=\"g\",stream=\"s\"}": 0,
                "redis_stream_group_messages_pending{db=\"db0\",group=\"g\",stream=\"s\"}": 1,
                "redis_stream_group_last_delivered_id{db=\"db0\",group=\"g\",stream=\"s\"}": 5,
            ])
    }

    @Test func onlyStreamsAreAsked() async throws {
        let server = try await RedisServer()
        try await ask(server, orders)
        try await ask(server, "SET order:text 1\nSELECT 1\nXADD order:1 * a b\n")
        let streams = streams(server) {
            $0.singleStreams = [RedisKey(key: "order:text"), RedisKey(key: "none")]
            $0.streams = [RedisKey(key: "order*"), RedisKey(database: 1, key: "order:*"), RedisKey(key: "orders")]
        }
        #expect(try await streams.series()["redis_stream_length{db=\"db1\",stream=\"order:1\"}"] == nil)
        try await streams.look()
        let lengths = try await streams.series().filter { $0.key.hasPrefix("redis_stream_length") }
        #expect(
            lengths == [
                "redis_stream_length{db=\"db0\",stream=\"orders\"}": 3,
                "redis_stream_length{db=\"db1\",stream=\"order:1\"}": 1,
            ])
        // The pattern found the streams alone; the others are asked for their type at every scrape.
        #expect(try await server.errorCounts == "")
    }

    @Test func aThousandConsumers() async throws {
        let server = try await RedisServer()
        try await ask(server, orders)
        try await ask(
            server, (0..<1000).map { "XGROUP CREATECONSUMER orders idle worker-\($0)\n" }.joined())
        let all = streams(server) { $0.singleStreams = [RedisKey(key: "orders")] }
        let start = ContinuousClock.now
        let series = try await all.series()
        #expect(start.duration(to: .now) < .seconds(20))
        #expect(series.keys.filter { $0.contains("consumer_idle_seconds") }.count == 1002)
        let few = streams(server) {
            $0.singleStreams = [RedisKey(key: "orders")]
            $0.includesConsumers = false
        }
        let others = try await few.series()
        #expect(!others.keys.contains { $0.contains("group_consumer_") })
        #expect(others["redis_stream_group_consumers{db=\"db0\",group=\"idle\",stream=\"orders\"}"] == 1000)
    }
}
