import Exposition
import Lab
import Scraping
import Testing

@testable import Redis

@Suite(.startsServers, .timeLimit(.minutes(15))) struct KeyGroupTests {
    private func patterns(_ texts: String...) throws -> [LuaPattern] {
        try texts.map { try LuaPattern($0) }
    }

    @Test func groupsOfSeveralDatabases() async throws {
        let server = try await RedisServer("--databases", "4")
        try await run(
            ["redis-cli", "-s", server.socket],
            input: (0..<1500).map { "SET user:\($0) \($0)\n" }.joined()
                + "SET cache:a 1\nSET plain 1\nSET abc 1\nSELECT 2\nSET user:x y\n")
        let groups = try patterns("^(user):", "^(cac)(he):", "abc")
        let observed = ObservedCollector(server, KeyGroupsCollector.init) {
            $0.keys.groups = groups
            $0.keys.batchSize = 400
        }
        #expect(try await observed.series().isEmpty)
        try await observed.look()
        let result = try await observed.result()
        let series = result.families.series
        func value(_ metric: String, _ group: String, db: Int = 0) -> Double? {
            series["redis_key_group_\(metric){db=\"db\(db)\",key_group=\"\(group)\"}"]
        }
        #expect(value("count", "user") == 1500)
        #expect(value("count", "cache") == 1)
        #expect(value("count", "unclassified") == 1)
        #expect(value("count", "") == 1)
        #expect(value("count", "user", db: 2) == 1)
        let bytes = try #require(Double(try await server.cli("MEMORY", "USAGE", "cache:a").dropLast()))
        #expect(value("memory_usage_bytes", "cache") == bytes)
        let distinct = (0..<5).map { series["redis_number_of_distinct_key_groups{db=\"db\($0)\"}"] }
        #expect(distinct == [4, 0, 1, 0, nil])
        let duration = try #require(series["redis_last_key_groups_scrape_duration_milliseconds"])
        // Four steps of db0, with a pause of 40 ms behind each but the last.
        #expect(duration >= 100)
        #expect(try #require(result.age) > .zero)
        #expect(try await server.errorCounts == "")
    }

    @Test func aNearlyEmptyTableOfKeys() async throws {
        let server = try await RedisServer()
        let script = """
            for i = 1, 4096 do redis.call('SET', 'user:' .. i, i) end
            for i = 1, 3500 do redis.call('DEL', 'user:' .. i) end
            for cursor = 0, 4095 do
              if #redis.call('SCAN', cursor, 'COUNT', 1)[2] == 0 then return 'some steps find nothing' end
            end
            """
        #expect(try await server.cli("EVAL", script, "0") == "some steps find nothing\n")
        let user = try patterns("^(user)")
        let observed = ObservedCollector(server, KeyGroupsCollector.init) {
            $0.keys.groups = user
            $0.keys.batchSize = 1
            $0.keys.searchedPerSecond = 1_000_000
        }
        try await observed.look()
        #expect(try await observed.series()["redis_key_group_count{db=\"db0\",key_group=\"user\"}"] == 596)
    }

    @Test func whereNothingIsGroupedThePassTakesNoTime() async throws {
        let server = try await RedisServer()
        let observed = ObservedCollector(server, KeyGroupsCollector.init) { _ in }
        try await observed.look()
        #expect(try await observed.series() == ["redis_last_key_groups_scrape_duration_milliseconds": 0])
        #expect(try await !server.cli("INFO", "commandstats").contains("cmdstat_scan"))
    }

    @Test func theFirstPatternThatMatchesNamesTheGroup() throws {
        let groups = try patterns("^(%a+):(%d+)", "^(%a+):", "^()x")
        func group(_ key: String) -> String { KeyGroupsCollector.group(of: Array(key.utf8), groups) }
        #expect(group("user:12") == "user12")
        #expect(group("user:x") == "user")
        #expect(group("x1") == "1")
        #expect(group("12") == "unclassified")
        #expect(KeyGroupsCollector.group(of: Array("abc".utf8), try patterns("b")) == "")
        let long = KeyGroupsCollector.group(of: Array(repeating: 97, count: 5000), try patterns("^(a*)"))
        #expect(long == String(repeating: "a", count: Labels.maximumValueLength))
    }

    @Test func groupsBeyondTheLimitAreOne() {
        var groups = KeyGroups()
        for (name, bytes) in [("small", 1.0), ("large", 9), ("middle", 5), ("middle", 1), ("tiny", 0.5)] {
            groups.add(name, bytes: bytes)
        }
        func largest(_ limit: Int) -> [String] {
            groups.largest(limit).map { "\($0.name) \($0.group.count) \($0.group.bytes)" }
        }
        #expect(groups.count == 4)
        #expect(largest(2) == ["large 1 9.0", "middle 2 6.0", "overflow 2 1.5"])
        #expect(largest(4) == ["large 1 9.0", "middle 2 6.0", "small 1 1.0", "tiny 1 0.5"])
        #expect(largest(0) == ["overflow 5 16.5"])
        // A group of that name, and the others, are one series.
        groups.add("overflow", bytes: 100)
        #expect(largest(2) == ["overflow 5 107.5", "large 1 9.0"])
    }

    @Test func theirNumberIsBounded() {
        var groups = KeyGroups()
        for index in 0..<(KeyGroups.limit + 50) { groups.add("\(index)", bytes: 1) }
        groups.add("0", bytes: 1)
        #expect(groups.count == KeyGroups.limit)
        let largest = groups.largest(1)
        #expect(largest[0].name == "0" && largest[0].group.count == 2)
        #expect(largest[1].name == "overflow" && largest[1].group.count == KeyGroups.limit - 1 + 50)
    }
}
