import Exposition
import Foundation
import Lab
import NIOPosix
import Testing

@testable import Redis
@testable import Scraping

/// Every collector on real servers of every version, as master, replica, node of a cluster and sentinel, against what
/// `Fixtures/contract-redis.txt` says.
@Suite(.serialized, .startsServers, .timeLimit(.minutes(15)))
struct EveryVersionTests {
    /// The installed server, and those beside it.
    private static let versions: [String?] = [nil] + RedisServer.versions
    private static let packaged: Set = ["redis-6.2", "redis-8", "valkey-8", "valkey-9"]
    private static let catalogue = RedisCollectors.catalogue.flatMap(\.metrics) + RedisTarget.statusMetrics

    private let contract: RedisContract

    init() throws {
        contract = try RedisContract()
    }

    @Test(.enabled(if: ProcessInfo.processInfo.environment["REDIS_VERSIONS"] != nil))
    func everyVersionIsTested() {
        #expect(Self.packaged.subtracting(RedisServer.versions) == [])
    }

    @Test func theCatalogueSaysWhatTheContractSays() {
        var entries: [String: CatalogueEntry] = [:]
        for entry in Self.catalogue { entries[entry.descriptor.name] = entry }
        for (name, lines) in Dictionary(grouping: contract.lines, by: \.family.name) {
            // The fields of the cluster are one entry.
            let entry = entries[name] ?? (name.hasPrefix("redis_cluster_") ? entries["redis_cluster_<field>"] : nil)
            #expect(entry != nil, "\(name)")
            #expect(lines.allSatisfy { $0.family.type == entry?.descriptor.type }, "\(name)")
            #expect(lines.reduce(into: []) { $0.formUnion($1.family.labels) } == Set(entry?.labels ?? []), "\(name)")
        }
        // Those of the systems of queues are in suites of their own.
        let known = Set(contract.lines.map(\.family.name) + ["redis_cluster_<field>"])
        #expect(entries.keys.filter { $0.hasPrefix("redis_") && !known.contains($0) }.sorted() == [])
    }

    @Test func aSentinelOfValkeyIsOne() {
        let info = "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.1\r\nserver_mode:sentinel\r\n"
        #expect(RedisFacts(Info(Array(info.utf8))).isSentinel)
    }

    @Test(arguments: versions)
    func everyFamilyIsThereWithItsTypeAndLabels(version: String?) async throws {
        let servers = try await BusyRedis(version: version)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (place, server) in servers.places {
                group.addTask { try await check(server, as: place, version ?? "installed") }
            }
            try await group.waitForAll()
        }
    }

    /// A server with everything looked at that there is.
    private func target(_ server: RedisServer) throws -> RedisTarget {
        var settings = RedisSettings(name: "test", address: .unix(path: server.socket))
        let names = ["number", "text", "visitors", "jobs", "members", "scores", "hash", "none"]
        settings.keys.checkedSingle = names.map { RedisKey(key: $0) }
        settings.keys.checked = [RedisKey(key: "eve*")]
        settings.keys.counted = [RedisKey(key: "key:*")]
        settings.keys.streams = [RedisKey(key: "eve*"), RedisKey(key: "jobs")]
        settings.keys.groups = [try LuaPattern("^(key):")]
        settings.queues.celery.names = ["celery"]
        settings.options.includesClientPorts = true
        settings.options.includesSentinelPeers = true
        settings.options.pings = true
        settings.options.scripts = [RedisServerOptions.Script(fileName: "a.lua", text: "return {'answer', '42'}")]
        let all = RedisCollectors.all(settings).map { ($0.name, true) }
        return RedisTarget(
            settings, collectors: CollectorSelection(Dictionary(uniqueKeysWithValues: all)),
            group: MultiThreadedEventLoopGroup.singleton)
    }

    private func check(_ server: RedisServer, as place: String, _ version: String) async throws {
        let facts = RedisFacts(Info(Array(try await server.cli("INFO").utf8)))
        let errors = try await server.errors
        #expect(!errors.isEmpty || place == "sentinel")
        let target = try target(server)
        var complaints: [String] = []
        _ = try await eventually(within: 120) {
            // Only who listens hears an event, so that they are told until they were heard.
            if place != "sentinel" { try await BusyRedis.publish(to: server) }
            complaints = self.complaints(await Scraped(target, within: .seconds(60)), place, facts)
            return complaints.isEmpty
        }
        for _ in 0..<3 { #expect(await Scraped(target).outcome.isUp) }
        #expect(complaints == [], "\(version), \(place)")
        #expect(try await server.errors == errors, "\(version), \(place)")
        await target.shutdown()
    }

    /// What is wrong with a scrape.
    private func complaints(_ scraped: Scraped, _ place: String, _ facts: RedisFacts) -> [String] {
        let lines = contract.lines.filter { $0.isFound(at: place) && $0.isKnown(to: facts) }
        let expected = Set(lines.filter { $0.activity == "always" }.map(\.family))
        let possible = Set(lines.filter { ["always", "sometimes"].contains($0.activity) }.map(\.family))
        let delivered = RedisContract.Family.all(in: scraped.families)
        var complaints = scraped.outcome.isUp ? [] : ["it is down"]
        complaints += expected.subtracting(delivered).sorted().map { "missing: \($0)" }
        complaints += delivered.subtracting(possible).sorted().map { "unexpected: \($0)" }

        let descriptors = Set(Self.catalogue.map(\.descriptor))
        var seen: Set<String> = []
        for family in scraped.families {
            let name = family.descriptor.name
            if !descriptors.contains(family.descriptor), !name.hasPrefix("redis_cluster_") {
                complaints.append("not in the catalogue: \(name)")
            }
            for sample in family.samples where !seen.insert("\(name)\(sample.labels)").inserted {
                complaints.append("twice: \(name)\(sample.labels)")
            }
        }

        for case (let name, let error?) in scraped.outcome.collectors.map({ ($0.name, $0.error) }) {
            // These were asked for by name, and there is neither a module nor a Tile38.
            let isAbsent = ["redis_search", "redis_tile38"].contains(name) && error.reason == .unsupportedVersion
            if !isAbsent { complaints.append("\(name) failed: \(error)") }
        }
        return complaints
    }
}

/// A server of each kind, with data of every kind and something of everything going on.
private struct BusyRedis {
    let places: [(name: String, server: RedisServer)]
    /// It is known to the sentinel.
    private let secondSentinel: RedisServer

    init(version: String?) async throws {
        let master = try await RedisServer(version: version, "--appendonly", "yes", "--io-threads", "2")
        try await Self.fill(master, with: Self.data + Self.elsewhere)
        // It cannot be saved while a replica gets all data.
        try await Self.fill(master, with: Self.activities, errors: 2)
        let replica = try await RedisServer(
            version: version, "--appendonly", "yes", "--io-threads", "2", "--replicaof", "127.0.0.1", "\(master.port)")
        let node = try await RedisServer(
            version: version, "--appendonly", "yes", "--io-threads", "2", "--cluster-enabled", "yes")
        for first in stride(from: 0, to: 16384, by: 1024) {
            let slots = (first..<first + 1024).map(String.init).joined(separator: " ")
            try await Self.fill(node, with: ["CLUSTER ADDSLOTS \(slots)"])
        }
        let isComplete = try await eventually {
            try await node.cli("CLUSTER", "INFO").contains("cluster_state:ok")
        }
        try #require(isComplete)
        try await Self.fill(node, with: Self.data)
        try await Self.fill(node, with: Self.activities, errors: 2)
        let watched = ["sentinel monitor main 127.0.0.1 \(master.port) 1"]
        let sentinel = try await RedisServer(version: version, sentinel: watched, "--io-threads", "2")
        secondSentinel = try await RedisServer(version: version, sentinel: watched)
        let isLinked = try await eventually {
            try await replica.cli("INFO", "replication").contains("master_link_status:up")
        }
        try #require(isLinked)
        try await Self.fill(replica, with: Self.activities, errors: 2)
        try await Self.fill(master, with: ["CONFIG SET min-replicas-to-write 1"])
        places = [("master", master), ("replica", replica), ("cluster", node), ("sentinel", sentinel)]
    }

    private static let message = #"{"headers":{"id":"1","timestamp":1795267116}}"#
    private static let data = [
        "SET number 42.5", "SET text hello", "PFADD visitors a b c", "RPUSH jobs a b c", "SADD members a b",
        "ZADD scores 1 a 2 b", "HSET hash a 1", "XADD events * a b", "XADD events * a b", "XADD events * a b",
        "XGROUP CREATE events workers 0", "XREADGROUP GROUP workers one COUNT 2 STREAMS events >", "SET key:1 1",
        "SET key:2 1", "SET brief 1 EX 100000",
        // Celery's queues, one of them bound alone, and what a worker has taken.
        #"SADD _kombu.binding.celery "celery\x06\x16\x06\x16celery""#, #"SADD _kombu.binding.a "a\x06\x16\x06\x16a""#,
        "LPUSH celery '\(message)'", "LPUSH a '\(message)'", "HSET unacked 1 '\(message)'",
        "ZADD unacked_index 1795267116 1",
    ]
    private static let elsewhere = ["SELECT 3", "SET elsewhere 1 EX 100000", "XADD more * a b"]
    /// What a server keeps of what it was asked: a file, errors, and a command so slow that its logs have it.
    private static let activities = [
        "SAVE", "NOSUCHCOMMAND", "INCR jobs", "CONFIG SET latency-monitor-threshold 1",
        "CONFIG SET slowlog-log-slower-than 1000", "EVAL 'for i = 1, 5000000 do end' 0",
    ]

    /// Runs commands, by a mode in which `redis-cli` does not ask for documentation, which raises an error on old servers.
    private static func fill(_ server: RedisServer, with commands: [String], errors: Int = 0) async throws {
        let input = commands.map { "\($0)\n" }.joined()
        let output = try await run(["redis-cli", "-s", server.socket, "--pipe"], input: input).output
        try #require(output.contains("errors: \(errors), replies: \(commands.count)"), "\(output)")
    }

    /// Tells all that Celery tells but that its worker ends.
    static func publish(to server: RedisServer) async throws {
        let payloads = try RecordedEvents.payloads().dropLast().map { String(decoding: $0, as: UTF8.self) }
        try await fill(server, with: payloads.map { "PUBLISH /0.celeryev/task.multi '\($0)'" })
    }
}

extension RedisServer {
    /// How many errors it has answered with, by their code words and all together.
    fileprivate var errors: [String] {
        get async throws {
            let lines = try await cli("INFO", "all").split(whereSeparator: \.isNewline).map(String.init)
            return lines.filter { $0.hasPrefix("errorstat_") || $0.hasPrefix("total_error_replies") }
        }
    }
}

/// What `Fixtures/contract-redis.txt` says, which also says what its columns mean.
private struct RedisContract {
    /// A family as dashboards know it.
    struct Family: Hashable, Comparable, CustomStringConvertible {
        let name: String
        let type: MetricType
        let labels: Set<String>

        var description: String { "\(name) \(type) \(labels.isEmpty ? "-" : labels.sorted().joined(separator: ","))" }

        static func < (one: Family, other: Family) -> Bool { one.description < other.description }

        /// The families that have samples, each with its labels.
        static func all(in families: [MetricFamily]) -> Set<Family> {
            var all: Set<Family> = []
            for family in families {
                for sample in family.samples {
                    let labels = sample.labels.description.matches(of: /(\w+)="(?:[^"\\]|\\.)*"/).map { String($0.1) }
                    all.insert(
                        Family(name: family.descriptor.name, type: family.descriptor.type, labels: Set(labels)))
                }
            }
            return all
        }
    }

    struct Line {
        let family: Family
        /// Alternatives.
        let versions: [Substring]
        let places: Set<String>
        let activity: String

        func isFound(at place: String) -> Bool { places.contains(place) }

        func isKnown(to server: RedisFacts) -> Bool {
            versions.contains { Self.holds($0, for: server) }
        }

        private static func holds(_ condition: Substring, for server: RedisFacts) -> Bool {
            if condition == "any" { return true }
            guard let match = condition.wholeMatch(of: /(redis|valkey)?(?:(<|>=)([0-9.]+))?/) else { return false }
            if match.1 == "redis", server.valkeyVersion != nil { return false }
            if match.1 == "valkey", server.valkeyVersion == nil { return false }
            guard let sign = match.2, let number = match.3 else { return true }
            let wanted = number.split(separator: ".").compactMap { Int($0) }
            let version = (match.1 == "valkey" ? server.valkeyVersion : nil) ?? server.redisVersion
            return version.lexicographicallyPrecedes(wanted) == (sign == "<")
        }
    }

    let lines: [Line]

    init() throws {
        let text = String(decoding: try Fixture.bytes("contract-redis"), as: UTF8.self)
        lines = try text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
            let words = line.split(separator: " ")
            try #require(words.count == 6, "\(line)")
            let types: [Substring: MetricType] = [
                "counter": .counter, "gauge": .gauge, "histogram": .histogram, "summary": .summary,
            ]
            let labels = words[5] == "-" ? [] : words[5].split(separator: ",").map(String.init)
            let data: Set = ["master", "replica", "cluster"]
            let places: Set =
                switch words[3] {
                case "all": data.union(["sentinel"])
                case "data": data
                default: Set(words[3].split(separator: ",").map(String.init))
                }
            return Line(
                family: Family(name: String(words[0]), type: try #require(types[words[1]]), labels: Set(labels)),
                versions: words[2].split(separator: "|"), places: places, activity: String(words[4]))
        }
    }
}
