import Exposition
import Scraping
import Synchronization

/// Keys and their memory by groups, which configured patterns make of the keys' names, as the last complete pass over
/// all keys of all databases found them.
final class KeyGroupsCollector: RedisCollector {
    let name = "redis_key_groups"

    var metrics: [CatalogueEntry] { [Self.count, Self.memory, Self.distinct, Self.duration] }

    private static let count = CatalogueEntry(
        "redis_key_group_count", .gauge,
        "Keys of the group, as the last complete pass over all keys found them; unclassified are those that no pattern "
            + "matches, overflow those of groups that do not stand by themselves",
        labels: ["db", "key_group"], source: "SCAN")
    private static let memory = CatalogueEntry(
        "redis_key_group_memory_usage_bytes", .gauge, "Bytes that the keys of the group take, by the same pass",
        labels: ["db", "key_group"], source: "MEMORY USAGE")
    private static let distinct = CatalogueEntry(
        "redis_number_of_distinct_key_groups", .gauge,
        "Groups that there are in the database, also those that do not stand by themselves; of more than "
            + "\(KeyGroups.limit), so many",
        labels: ["db"], source: "SCAN")
    private static let duration = CatalogueEntry(
        "redis_last_key_groups_scrape_duration_milliseconds", .gauge,
        "Milliseconds from the beginning to the end of the last complete pass; 0 where no keys are grouped",
        source: "the pass")

    private static let keyspace = RedisCommand("INFO", "KEYSPACE")

    /// A pass over all databases that is not over.
    private struct Pass {
        let runID: String
        let start: ContinuousClock.Instant
        /// The databases whose turn has not come, and the one that is under way, which is the first.
        var databases: [Int]
        var scan: KeyScan?
        var groups: [Int: KeyGroups] = [:]

        /// The database that is under way, and how far it is; `nil` where all are done.
        mutating func next(_ options: RedisKeyOptions) -> (database: Int, scan: KeyScan)? {
            guard let database = databases.first else { return nil }
            let scan = scan ?? KeyScan(RedisKey(database: database, key: "*"), options)
            self.scan = scan
            return (database, scan)
        }
    }

    private struct Result {
        let runID: String
        let start: ContinuousClock.Instant
        let end: ContinuousClock.Instant
        let groups: [Int: KeyGroups]
    }

    private struct State {
        var pass: Pass?
        var last: Result?
    }

    let readsWhatWasNamed = true
    private let options: RedisKeyOptions
    /// Asks how many databases there are; `nil` where the server has no such command.
    private let databases: RedisCommand?
    private let state = Mutex(State())

    init(_ settings: RedisSettings) {
        options = settings.keys
        databases = settings.options.configCommand.map {
            RedisCommand("CONFIG GET", called: "\($0) GET", arguments: ["databases"], isOptional: true)
        }
    }

    /// One pass over all databases that have keys, or the rest of the one before.
    func look(_ server: RedisBackground) async throws(CollectorError) {
        guard !options.groups.isEmpty, !server.facts.isSentinel else { return }
        if state.withLock({ $0.pass?.runID }) != server.facts.runID {
            let info = Info(try await server.ask([Self.keyspace]).text(Self.keyspace))
            let databases = info.lines.compactMap { $0.field.after("db").flatMap { Int($0.text) } }
            state.withLock { $0.pass = Pass(runID: server.facts.runID, start: .now, databases: databases) }
        }
        while let (database, scan) = state.withLock({ $0.pass?.next(options) }) {
            try await scan.pass(server) { keys throws(CollectorError) in
                try await self.group(keys, database, server)
                return true
            }
            state.withLock { state in
                state.pass?.databases.removeFirst()
                state.pass?.scan = nil
            }
        }
        state.withLock { state in
            guard let pass = state.pass else { return }
            state.last = Result(runID: pass.runID, start: pass.start, end: .now, groups: pass.groups)
            state.pass = nil
        }
    }

    /// Puts keys into their groups, each with its memory. A key that went away since it was found is none.
    private func group(_ keys: [[UInt8]], _ database: Int, _ server: RedisBackground) async throws(CollectorError) {
        let commands = keys.map { RedisCommand("MEMORY USAGE", $0, database: database, isOptional: true) }
        let replies = try await server.ask(Array(Set(commands)))
        var sizes: [(group: String, bytes: Int64)] = []
        for (key, command) in zip(keys, commands) {
            guard case .integer(let bytes) = try replies[command] else { continue }
            sizes.append((Self.group(of: key, options.groups), bytes))
        }
        state.withLock { state in
            for (group, bytes) in sizes {
                state.pass?.groups[database, default: KeyGroups()].add(group, bytes: Double(bytes))
            }
        }
    }

    /// What the first pattern that matches captures, all captures in one. A pattern without any makes one group without
    /// a name, as it does for redis_exporter.
    static func group(of key: [UInt8], _ patterns: [LuaPattern]) -> String {
        for pattern in patterns {
            guard let match = pattern.firstMatch(in: key) else { continue }
            // A label's value has no more room, and a key may have half a gigabyte.
            return String(decoding: match.captures.joined().prefix(Labels.maximumValueLength), as: UTF8.self)
        }
        return "unclassified"
    }

    func commands(_ server: RedisFacts) -> [RedisCommand] {
        if server.isSentinel { return [] }
        return options.groups.isEmpty || server.isCluster ? [.info] : [.info] + [databases].compactMap { $0 }
    }

    /// All keys are grouped, whatever they are called, in all databases.
    func rights(_ server: RedisFacts) -> RedisRights {
        guard !options.groups.isEmpty, !server.isSentinel else { return RedisRights() }
        let hasDatabases = !server.isCluster || server.isValkey(9)
        return RedisRights(of: commands(server))
            + RedisRights(
                commands: hasDatabases ? ["SCAN", "MEMORY USAGE", "SELECT"] : ["SCAN", "MEMORY USAGE"],
                patterns: [RedisKey(key: "*")])
    }

    func result(_ replies: RedisReplies, _ server: RedisFacts) -> CollectorResult {
        guard !options.groups.isEmpty else {
            return CollectorResult(families: [MetricFamily(Self.duration.descriptor, 0)])
        }
        // A server that was started anew may have other keys.
        guard let last = state.withLock(\.last), last.runID == server.runID else { return CollectorResult() }
        var count = MetricFamily(Self.count.descriptor)
        var memory = MetricFamily(Self.memory.descriptor)
        var distinct = MetricFamily(Self.distinct.descriptor)
        let withoutKeys = Set(0..<databaseCount(replies, server)).subtracting(last.groups.keys)
        for (database, groups) in last.groups.sorted(by: { $0.key < $1.key }) {
            let labels: Labels = ["db": "db\(database)"]
            for (name, group) in groups.largest(options.groupLimit) {
                let labels = labels.adding("key_group", name)
                count.append(Double(group.count), labels)
                memory.append(group.bytes, labels)
            }
            distinct.append(Double(groups.count), labels)
        }
        for database in withoutKeys.sorted() { distinct.append(0, ["db": "db\(database)"]) }
        let duration = MetricFamily(
            Self.duration.descriptor, (last.start.duration(to: last.end).seconds * 1e3).rounded(.down))
        return CollectorResult(families: [count, memory, distinct, duration], age: last.end.duration(to: .now))
    }

    /// As for `redis_db_keys`.
    private func databaseCount(_ replies: RedisReplies, _ server: RedisFacts) -> Int {
        if server.isCluster { return 1 }
        let value = databases.flatMap { try? replies.parameter("databases", of: $0) }
        return min(max(value.flatMap { Int($0[...].text) } ?? 16, 0), 1000)
    }
}

/// The groups of one database.
struct KeyGroups: Sendable {
    struct Group: Sendable {
        var count = 0
        var bytes = 0.0

        mutating func add(_ other: Group) {
            count += other.count
            bytes += other.bytes
        }
    }

    /// How many are told apart; a pattern that captures what differs in every key would make as many as there are keys.
    static let limit = 10_000

    private static let overflowName = "overflow"

    private var groups: [String: Group] = [:]
    /// Keys of groups that came when there was no room left.
    private var rest = Group()

    /// How many there are; where they are too many, how many are told apart.
    var count: Int { groups.count }

    /// Adds a key.
    mutating func add(_ name: String, bytes: Double) {
        let key = Group(count: 1, bytes: bytes)
        if groups[name] != nil || groups.count < Self.limit {
            groups[name, default: Group()].add(key)
        } else {
            rest.add(key)
        }
    }

    /// Those with the most memory, and behind them all the others as one, where there are others.
    func largest(_ limit: Int) -> [(name: String, group: Group)] {
        let sorted = groups.map { (name: $0.key, group: $0.value) }.sorted { left, right in
            if left.group.bytes != right.group.bytes { return left.group.bytes > right.group.bytes }
            if left.group.count != right.group.count { return left.group.count < right.group.count }
            return left.name < right.name
        }
        var largest = Array(sorted.prefix(max(limit, 0)))
        var others = rest
        for (_, group) in sorted.dropFirst(largest.count) { others.add(group) }
        guard others.count > 0 else { return largest }
        if let index = largest.firstIndex(where: { $0.name == Self.overflowName }) {
            largest[index].group.add(others)
        } else {
            largest.append((Self.overflowName, others))
        }
        return largest
    }
}
