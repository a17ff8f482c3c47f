import Exposition
import Scraping

/// The lists, sorted sets and streams that somebody named as queues of jobs.
final class PlainQueuesCollector: QueueCollector {
    let name = "redis_queues"

    var metrics: [CatalogueEntry] { [Self.size] + QueueMeasurement.metrics }

    private static let size = CatalogueEntry(
        "redis_key_size", .gauge, "Elements of a configured key; 0 where there is no such key", labels: ["db", "key"],
        source: "LLEN, ZCARD, XLEN")

    let readsWhatWasNamed = true
    private let lists: [(queue: Queue, list: RedisQueueOptions.List)]
    private let sortedSets: [(queue: Queue, unitsPerSecond: Double)]
    private let streams: [Queue]
    private let heads = ObservedHeads()

    private struct Queue {
        let key: QueueKey
        let label: String
        /// Whether no other collector shows the key's size.
        let showsSize: Bool
    }

    init(_ settings: RedisSettings) {
        let shown = Set(settings.keys.checkedSingle + settings.keys.checked)
        func queue(_ key: RedisKey, _ kind: QueueKey.Kind) -> Queue {
            Queue(
                key: QueueKey(key, kind),
                label: key.database == settings.database ? key.text : "db\(key.database)=\(key.text)",
                showsSize: !shown.contains(key))
        }
        lists = settings.queues.lists.map { (queue($0.key, .list), $0) }
        sortedSets = settings.queues.sortedSets.map { (queue($0.key, .sortedSet), $0.unitsPerSecond) }
        streams = settings.queues.streams.map { queue($0, .stream) }
    }

    private var queues: [Queue] { lists.map(\.queue) + sortedSets.map(\.queue) + streams }

    var keys: [QueueKey] { queues.map(\.key) }

    func reads(_ replies: RedisReplies, now: Double?) -> [RedisCommand] {
        var commands = keys.filter(replies.isThere).map(\.length)
        for (queue, list) in lists where list.readsJobs && replies.isThere(queue.key) {
            commands += oldest(queue.key, list)
        }
        for (queue, unit) in sortedSets where replies.isThere(queue.key) {
            commands.append(first(queue.key))
            if let now { commands.append(due(queue.key, now * unit)) }
        }
        for stream in streams where replies.isThere(stream.key) {
            commands.append(groups(stream.key))
            for group in groups(stream.key, replies) {
                commands.append(pending(stream.key, group))
                if let next = next(stream.key, group) { commands.append(next) }
            }
        }
        return commands
    }

    func rights(_ server: RedisFacts) -> RedisRights {
        guard !server.isSentinel, !queues.isEmpty else { return RedisRights() }
        var commands: Set = ["TIME", "TYPE"]
        if !lists.isEmpty { commands.insert("LLEN") }
        if lists.contains(where: \.list.readsJobs) { commands.insert("LINDEX") }
        if !sortedSets.isEmpty { commands.formUnion(["ZCARD", "ZRANGE", "ZCOUNT"]) }
        if !streams.isEmpty { commands.formUnion(["XLEN", "XINFO GROUPS", "XPENDING", "XRANGE"]) }
        return RedisRights(commands: commands, keys: keys.map(\.key))
    }

    func measure(_ replies: RedisReplies, now: Double?) -> (families: [MetricFamily], queues: [QueueMeasurement]) {
        var size = MetricFamily(Self.size.descriptor)
        for queue in queues where queue.showsSize {
            guard let length = replies.length(of: queue.key) else { continue }
            size.append(length, ["db": "db\(queue.key.key.database)", "key": queue.key.key.text])
        }
        let measurements =
            lists.map { measure($0.queue, $0.list, replies, now) }
            + sortedSets.map { measure($0.queue, $0.unitsPerSecond, replies, now) }
            + streams.map { measure(stream: $0, replies, now) }
        return ([size], measurements)
    }

    func complaint(_ replies: RedisReplies) -> CollectorError? {
        let isForeign = keys.contains { key in
            (try? replies.text(key.type)) != nil && !replies.isThere(key) && !replies.isMissing(key)
        }
        return isForeign ? CollectorError(.internal, "a key that is configured as a queue is of another type") : nil
    }

    // MARK: - Lists

    private func measure(
        _ queue: Queue, _ list: RedisQueueOptions.List, _ replies: RedisReplies, _ now: Double?
    ) -> QueueMeasurement {
        var measurement = QueueMeasurement(system: "list", queue: queue.label)
        guard let length = replies.length(of: queue.key) else { return measurement }
        measurement.depths = [("waiting", length)]
        guard list.readsJobs else { return measurement }
        let oldest = oldest(queue.key, list)
        if list.timestampPath.isEmpty {
            measurement.oldestAge = heads.age(oldest, of: length, in: queue.label, replies)
        } else if let job = try? replies.textIfAny(oldest[0]) {
            let value = list.timestampPath.reduce(JSONText(job)) { value, member in value?[member] }
            measurement.oldestAge = Age.of(value.flatMap(Age.secondsSince1970), at: now).map { ($0, .exact) }
        }
        return measurement
    }

    /// The oldest job; and where its age can only be observed, the one behind it.
    private func oldest(_ key: QueueKey, _ list: RedisQueueOptions.List) -> [RedisCommand] {
        let places = list.isOldestFirst ? [0, 1] : [-1, -2]
        return places.prefix(list.timestampPath.isEmpty ? 2 : 1).map { key.command("LINDEX", $0) }
    }

    // MARK: - Sorted sets

    private func measure(
        _ queue: Queue, _ unitsPerSecond: Double, _ replies: RedisReplies, _ now: Double?
    ) -> QueueMeasurement {
        var measurement = QueueMeasurement(system: "sorted_set", queue: queue.label)
        guard let length = replies.length(of: queue.key) else { return measurement }
        measurement.depths = [("delayed", length)]
        measurement.overdue = now.flatMap { replies.count(due(queue.key, $0 * unitsPerSecond), of: queue.key) }
        // A job that is due has waited since then; one that is not yet does not wait.
        if let now, let first = try? replies.array(first(queue.key)), let score = Self.score(of: first),
            score / unitsPerSecond <= now
        {
            measurement.oldestAge = Age.of(score / unitsPerSecond, at: now).map { ($0, .exact) }
        }
        return measurement
    }

    /// The score of the one element: behind it in RESP2, in a pair with it in RESP3.
    private static func score(of reply: [RedisReply]) -> Double? {
        reply.count == 2 ? reply[1].number : reply.first?.elements.last?.number
    }

    private func first(_ key: QueueKey) -> RedisCommand { key.command("ZRANGE", 0, 0, "WITHSCORES") }

    private func due(_ key: QueueKey, _ score: Double) -> RedisCommand { key.command("ZCOUNT", "-inf", String(score)) }

    // MARK: - Streams

    /// A group as `XINFO GROUPS` tells of it.
    private struct Group {
        let name: [UInt8]
        let pending: Double
        let lastDelivered: [UInt8]
        /// Since Redis 7, and there not always.
        let lag: Double?
    }

    private func measure(stream: Queue, _ replies: RedisReplies, _ now: Double?) -> QueueMeasurement {
        var measurement = QueueMeasurement(system: "stream", queue: stream.label)
        guard let length = replies.length(of: stream.key) else { return measurement }
        measurement.depths = [("stored", length)]
        let groups = groups(stream.key, replies)
        guard !groups.isEmpty else { return measurement }
        // Of several groups, each wants all entries: what waits is what the slowest has still to get.
        let lags = groups.compactMap(\.lag)
        if lags.count == groups.count, let lag = lags.max() { measurement.depths.append(("waiting", lag)) }
        measurement.unacked = groups.reduce(0) { $0 + $1.pending }

        let undelivered = groups.compactMap { next(stream.key, $0) }.compactMap { command in
            (try? replies.array(command))?.first?.elements.first?.text
        }
        let unacked = groups.compactMap { group -> [UInt8]? in
            guard let summary = try? replies.array(pending(stream.key, group)), summary.count > 1 else { return nil }
            return summary[1].text
        }
        measurement.oldestAge = Age.of(undelivered.compactMap(Self.time).min(), at: now).map { ($0, .exact) }
        measurement.oldestUnackedAge = Age.of(unacked.compactMap(Self.time).min(), at: now)
        return measurement
    }

    private func groups(_ key: QueueKey) -> RedisCommand { key.command("XINFO GROUPS") }

    private func groups(_ key: QueueKey, _ replies: RedisReplies) -> [Group] {
        guard let reply = try? replies.array(groups(key)) else { return [] }
        return reply.compactMap { group in
            let fields = group.fields
            guard let name = fields[Array("name".utf8)]?.text, let pending = fields[Array("pending".utf8)]?.number,
                let last = fields[Array("last-delivered-id".utf8)]?.text
            else { return nil }
            return Group(name: name, pending: pending, lastDelivered: last, lag: fields[Array("lag".utf8)]?.number)
        }
    }

    /// How many entries are unacknowledged, and the ids of the first and the last.
    private func pending(_ key: QueueKey, _ group: Group) -> RedisCommand { key.command("XPENDING", group.name) }

    /// The first entry that the group has not got yet; `nil` where it has got all. Before Redis 6.2 a range cannot
    /// begin behind an id, so that it begins with the next.
    private func next(_ key: QueueKey, _ group: Group) -> RedisCommand? {
        let parts = group.lastDelivered.split(separator: UInt8(ascii: "-"))
        guard group.lag != 0, parts.count == 2, let sequence = UInt64(String(decoding: parts[1], as: UTF8.self)),
            sequence < .max
        else { return nil }
        return key.command("XRANGE", "\(parts[0].text)-\(sequence + 1)", "+", "COUNT", 1)
    }

    /// When the entry of an id was added: ids begin with milliseconds since 1970, unless somebody gave another.
    private static func time(_ id: [UInt8]) -> Double? {
        id.prefix { $0 != UInt8(ascii: "-") }.number.map { $0 / 1000 }
    }
}
