import Exposition
import Lab
import NIOPosix
import Testing

@testable import Redis
@testable import Scraping

@Suite(.startsServers, .timeLimit(.minutes(15))) struct KeyTests {
    private func keys(
        _ server: RedisServer, _ configure: (inout RedisKeyOptions) -> Void
    ) -> ObservedCollector<KeysCollector> {
        ObservedCollector(server, KeysCollector.init) { configure(&$0.keys) }
    }

    private func name(_ metric: String, _ key: String, db: Int = 0) -> String {
        "redis_key_\(metric){db=\"db\(db)\",key=\"\(key)\"}"
    }

    private func fill(_ server: RedisServer) async throws {
        let commands = """
            SET text hello
            SET number 42.5
            SET empty ""
            SETRANGE big 102399 x
            RPUSH list a b c
            SADD set a b
            ZADD zset 1 a 2 b
            HSET hash f v g w
            XADD stream * a b
            PFADD sketch a b c
            PFCOUNT sketch
            PFADD stale a b
            SET fake HYLL
            SELECT 3
            SET other 7
            """
        try await run(["redis-cli", "-s", server.socket], input: commands)
    }

    @Test func everyTypeByItsName() async throws {
        let server = try await RedisServer()
        try await fill(server)
        let names = [
            "text", "number", "empty", "big", "list", "set", "zset", "hash", "stream", "sketch", "stale", "fake",
            "none",
        ]
        let keys = keys(server) {
            $0.checkedSingle = names.map { RedisKey(key: $0) }
            $0.checked = [RedisKey(database: 3, key: "other"), RedisKey(key: "text")]
        }
        let before = try await server.errorCounts
        let series = try await keys.series()
        let sizes: [String: Double] = [
            "text": 5, "number": 4, "empty": 0, "big": 102_400, "list": 3, "set": 2, "zset": 2, "hash": 2, "stream": 1,
            "sketch": 3, "stale": 2, "fake": 4, "none": 0,
        ]
        for (key, size) in sizes { #expect(series[name("size", key)] == size, "\(key)") }
        #expect(series[name("size", "other", db: 3)] == 1)
        #expect(series[name("value", "number")] == 42.5)
        #expect(series[name("value", "other", db: 3)] == 7)
        let texts = series.keys.filter { $0.contains("as_string") }.sorted()
        #expect(
            texts == [
                "redis_key_value_as_string{db=\"db0\",key=\"fake\",val=\"HYLL\"}",
                "redis_key_value_as_string{db=\"db0\",key=\"text\",val=\"hello\"}",
            ])
        for key in names where key != "none" {
            let bytes = try #require(Double(try await server.cli("MEMORY", "USAGE", key).dropLast()))
            #expect(series[name("memory_usage_bytes", key)] == bytes, "\(key)")
        }
        #expect(series[name("memory_usage_bytes", "none")] == nil)
        // PFCOUNT has put the count into the header by now; it is the same one.
        #expect(try await keys.series()[name("size", "stale")] == 2)
        #expect(try await server.errorCounts == before)
    }

    @Test func valuesMayStayHidden() async throws {
        let server = try await RedisServer()
        try await fill(server)
        let keys = keys(server) {
            $0.checkedSingle = ["text", "number", "sketch", "stale"].map { RedisKey(key: $0) }
            $0.includesValues = false
        }
        let series = try await keys.series()
        #expect(!series.keys.contains { $0.hasPrefix("redis_key_value") })
        #expect(series[name("size", "sketch")] == 3)
        #expect(series[name("size", "stale")] == 2)
    }

    @Test func patternsStandForWhatIsFound() async throws {
        let server = try await RedisServer()
        try await run(
            ["redis-cli", "-s", server.socket],
            input: (0..<250).map { "SET user:\($0) \($0)\n" }.joined() + "SELECT 2\nSET user:x y\nLPUSH job:1 a b\n")
        let keys = keys(server) {
            $0.checked = [
                RedisKey(key: "user:*"), RedisKey(database: 2, key: "job:?"), RedisKey(key: "nothing:*"),
            ]
            $0.batchSize = 20
        }
        #expect(try await keys.series().isEmpty)
        try await keys.look()
        var series = try await keys.series()
        #expect(series.keys.filter { $0.hasPrefix("redis_key_size") }.count == 251)
        #expect(series[name("value", "user:249")] == 249)
        #expect(series[name("size", "job:1", db: 2)] == 2)

        // What is gone is gone at once, and has no size of 0; what is new is there after the next round.
        try await server.cli("DEL", "user:7")
        try await server.cli("SET", "user:new", "1")
        series = try await keys.series()
        #expect(series[name("size", "user:7")] == nil)
        #expect(series[name("size", "user:new")] == nil)
        try await keys.look()
        #expect(try await keys.series()[name("size", "user:new")] == 1)
        #expect(try await server.errorCounts == "")
    }

    @Test func patternsHaveALimit() async throws {
        let server = try await RedisServer()
        try await run(
            ["redis-cli", "-s", server.socket], input: (0..<100).map { "SET user:\($0) \($0)\n" }.joined())
        let keys = keys(server) {
            $0.checked = [RedisKey(key: "user:*"), RedisKey(key: "user:1?")]
            $0.checkedSingle = [RedisKey(key: "none")]
            $0.batchSize = 10
            $0.limit = 25
        }
        try await keys.look()
        let first = try await keys.series()
        #expect(first.keys.filter { $0.hasPrefix("redis_key_size") }.count == 26)
        try await keys.look()
        #expect(try await keys.series() == first)
    }

    @Test func aKeyThatGoesInTheMiddleOfAScrape() async throws {
        let server = try await RedisServer()
        try await fill(server)
        let keys = keys(server) { $0.checkedSingle = ["text", "list", "stale"].map { RedisKey(key: $0) } }
        let result = try await keys.result { try await server.cli("DEL", "text", "list", "stale") }
        #expect(result.error == nil)
        #expect(result.families.series[name("size", "text")] == 0)
        #expect(try await server.errorCounts == "")
    }

    @Test func namesAndValuesThatAreNoText() async throws {
        let server = try await RedisServer()
        try await server.cli("EVAL", "redis.call('SET', 'a\\255', 'b\\254') redis.call('SET', 'n\\0', '5')", "0")
        let keys = keys(server) {
            $0.checkedSingle = [RedisKey(name: [97, 255])]
            $0.checked = [RedisKey(name: [110, 42])]
        }
        try await keys.look()
        let series = try await keys.series()
        #expect(series[name("size", "a\u{FFFD}")] == 2)
        #expect(series[name("value", "n\0")] == 5)
        #expect(!series.keys.contains { $0.contains("as_string") })
    }

    @Test func mastersMayBeLeftOut() async throws {
        let server = try await RedisServer()
        try await fill(server)
        let keys = keys(server) {
            $0.checkedSingle = [RedisKey(key: "text")]
            $0.skipsMasters = true
        }
        #expect(try await keys.series().isEmpty)
        var replica = RedisFacts()
        replica.isReplica = true
        #expect(keys.collector.commands(replica).count == 3)
        #expect(keys.collector.commands(RedisFacts()).isEmpty)
    }

    @Test func aClusterNodeThatDoesNotHaveTheKey() async throws {
        let server = try await RedisServer("--cluster-enabled", "yes")
        let keys = keys(server) { $0.checkedSingle = [RedisKey(key: "text")] }
        let result = try await keys.result()
        #expect(result.families.series.isEmpty)
        #expect(result.error?.reason == .connection)
    }

    @Test func memoryThatMayNotBeAskedFor() async throws {
        let server = try await RedisServer(
            "--user", "metrics", "on", ">pw", "~*", "-@all", "+info", "+client|setname", "+command", "+type", "+llen",
            "--user", "default", "on", "nopass", "~*", "&*", "+@all")
        try await fill(server)
        let keys = ObservedCollector(server, KeysCollector.init) {
            $0.username = "metrics"
            $0.password = Secret(value: "pw")
            $0.keys.checkedSingle = [RedisKey(key: "list")]
        }
        for _ in 0..<3 {
            let result = try await keys.result()
            #expect(result.families.series == [name("size", "list"): 3])
            #expect(result.error?.reason == .permission)
        }
        #expect(try await server.errorCounts == "errorstat_NOPERM:count=1")
    }

    @Test func aScrapeTakesThreeTripsAndRaisesNoErrors() async throws {
        let server = try await RedisServer()
        try await fill(server)
        try await run(
            ["redis-cli", "-s", server.socket],
            input: "XGROUP CREATE stream readers 0\nXREADGROUP GROUP readers r COUNT 1 STREAMS stream >\n")
        var settings = RedisSettings(name: "test", address: .unix(path: server.socket))
        settings.keys.checked = [RedisKey(key: "*"), RedisKey(database: 3, key: "o*")]
        settings.keys.counted = [RedisKey(key: "s*")]
        settings.keys.streams = [RedisKey(key: "s*"), RedisKey(key: "text")]
        settings.keys.groups = [try LuaPattern("^(s)t")]
        let target = RedisTarget(settings, group: MultiThreadedEventLoopGroup.singleton)
        func series() async -> [String: Double] {
            let scrape = Scrape(until: Deadline(after: .seconds(20)))
            await target.run(scrape)
            scrape.finish()
            let (outcome, families) = scrape.harvest(target.collectors)
            #expect(outcome.isUp && outcome.error == nil)
            return families.series
        }
        let first = await series()
        #expect(first[name("size", "list")] == 3)
        #expect(first[name("size", "stale")] == 2)
        #expect(first[name("size", "other", db: 3)] == 1)
        #expect(first["redis_keys_count{db=\"db0\",key=\"s*\"}"] == 4)
        #expect(first["redis_key_group_count{db=\"db0\",key_group=\"s\"}"] == 2)
        #expect(
            first[
                "redis_stream_group_consumer_messages_pending"
                    + "{consumer=\"r\",db=\"db0\",group=\"readers\",stream=\"stream\"}"] == 1)
        let before = await series()
        let after = await series()
        func delta(_ name: String) -> Double { (after[name] ?? .nan) - (before[name] ?? .nan) }
        #expect(delta("redis_total_reads_processed") == 3)
        #expect(after["redis_total_error_replies"] == 0)
        await target.shutdown()
    }

    @Test func nothingConfiguredAsksNothing() {
        let settings = RedisSettings(name: "test", address: .unix(path: "/"))
        let server = RedisFacts()
        #expect(KeysCollector(settings).commands(server).isEmpty)
        #expect(StreamsCollector(settings).commands(server).isEmpty)
        #expect(KeyCountsCollector(settings).commands(server).isEmpty)
        #expect(KeyGroupsCollector(settings).commands(server) == [.info])
    }

    @Test func patternsAndNames() {
        #expect(["a*", "a?", "[ab]", "a]", "^a"].allSatisfy { RedisKey(key: $0).isPattern })
        #expect(!RedisKey(key: "a:b-c.{d}\\").isPattern)
    }

    @Test func headersOfHyperLogLogs() {
        let header = Array("HYLL".utf8) + [1, 0, 0, 0] + [3, 1, 0, 0, 0, 0, 0, 0]
        #expect(HyperLogLog(header, length: 40)?.cardinality == 259)
        let stale = header.dropLast() + [0x80]
        #expect(HyperLogLog(Array(stale), length: 40).map { $0.cardinality == nil } == true)
        #expect(HyperLogLog(Array(header.dropLast()), length: 15) == nil)
        var dense = header
        dense[4] = 0
        #expect(HyperLogLog(dense, length: 40) == nil)
        #expect(HyperLogLog(dense, length: 12_304)?.cardinality == 259)
        dense[4] = 2
        #expect(HyperLogLog(dense, length: 12_304) == nil)
        #expect(HyperLogLog(Array("hyll".utf8) + Array(repeating: 0, count: 12), length: 16) == nil)
    }

    @Test func aDenseHyperLogLog() async throws {
        let server = try await RedisServer()
        let script = """
            for i = 1, 20000 do redis.call('PFADD', KEYS[1], i) end
            return {redis.call('STRLEN', KEYS[1]), redis.call('PFCOUNT', KEYS[1])}
            """
        let answer = try await server.cli("EVAL", script, "1", "dense").split(separator: "\n")
        #expect(answer.first == "12304")
        let keys = keys(server) { $0.checkedSingle = [RedisKey(key: "dense")] }
        #expect(try await keys.series()[name("size", "dense")] == answer.last.flatMap { Double($0) })
    }

    @Test func keysAreCounted() async throws {
        let server = try await RedisServer()
        try await run(
            ["redis-cli", "-s", server.socket],
            input: (0..<3000).map { "SET user:\($0) \($0)\n" }.joined() + "SET x 1\nSELECT 2\nSET user:x y\n")
        let counts = ObservedCollector(server, KeyCountsCollector.init) {
            $0.keys.counted = [
                RedisKey(key: "user:*"), RedisKey(database: 2, key: "*"), RedisKey(key: "nothing*"), RedisKey(key: "x"),
            ]
        }
        #expect(try await counts.series().isEmpty)
        try await counts.look()
        let result = try await counts.result()
        #expect(
            result.families.series == [
                "redis_keys_count{db=\"db0\",key=\"user:*\"}": 3000, "redis_keys_count{db=\"db2\",key=\"*\"}": 1,
                "redis_keys_count{db=\"db0\",key=\"nothing*\"}": 0, "redis_keys_count{db=\"db0\",key=\"x\"}": 1,
            ])
        #expect(try #require(result.age) > .zero)
        #expect(try await server.errorCounts == "")
        // Another start of the server may have other keys.
        try await server.stop()
        try await server.start()
        #expect(try await eventually { (try? await counts.result())?.families.series.isEmpty == true })
        try await counts.look()
        #expect(try await counts.series()["redis_keys_count{db=\"db0\",key=\"user:*\"}"] == 0)
    }

    @Test func aCountThatIsInterruptedGoesOn() async throws {
        let server = try await RedisServer()
        try await run(
            ["redis-cli", "-s", server.socket], input: (0..<500).map { "SET user:\($0) \($0)\n" }.joined())
        let counts = ObservedCollector(server, KeyCountsCollector.init) {
            $0.keys.counted = [RedisKey(key: "user:*")]
            $0.keys.batchSize = 10
            $0.keys.searchedPerSecond = 500
        }
        let looking = Task { try await counts.look() }
        #expect(try await eventually { try await server.cli("INFO", "commandstats").contains("cmdstat_scan:calls=1") })
        looking.cancel()
        await #expect(throws: CollectorError.self) { try await looking.value }
        // Where a step was under way, the connection is closed, and not opened again at once.
        #expect(try await eventually { (try? await counts.result()) != nil })
        #expect(try await counts.series().isEmpty)
        try await counts.look()
        #expect(try await counts.series().values.first == 500)
        // At most the step under way was made twice: there are about as many as there are tens of keys.
        let stats = try await server.cli("INFO", "commandstats")
        let calls = try #require(stats.firstMatch(of: /cmdstat_scan:calls=(\d+)/).flatMap { Int($0.1) })
        #expect(calls <= 52)
    }
}
