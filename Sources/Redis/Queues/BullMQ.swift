import Exposition
import Scraping
import Synchronization

/// The queues of BullMQ 4 to 6 and of Bull 3 and 4, under the names of BullMQ's own export and of
/// UpHabit/bull_exporter.
///
/// No key tells which queues there are: they are named, or else the whole keyspace is searched for them, which is why
/// this is off where nobody named a queue. Where queues are named, only they are shown, and nothing is searched.
final class BullMQCollector: QueueCollector {
    let name = "redis_bullmq"
    var isEnabledByDefault: Bool { readsWhatWasNamed }
    var readsWhatWasNamed: Bool { !settings.queues.bullmq.isEmpty }

    var metrics: [CatalogueEntry] {
        [Self.jobs, Self.completed, Self.failed, Self.added, Self.isPaused] + Self.bull.map(\.entry)
            + QueueMeasurement.metrics
    }

    private static let jobs = CatalogueEntry(
        "bullmq_job_count", .gauge, "Jobs of the queue, by their state", labels: ["queue", "state"],
        source: "the lengths of the queue's keys")
    private static let completed = CatalogueEntry(
        "bullmq_job_completed_total", .counter, "Jobs that were done", labels: ["queue"], source: "metrics:completed",
        versions: "where workers keep metrics")
    private static let failed = CatalogueEntry(
        "bullmq_job_failed_total", .counter, "Jobs that failed for good", labels: ["queue"], source: "metrics:failed",
        versions: "where workers keep metrics")
    private static let added = CatalogueEntry(
        "bullmq_job_added_total", .counter, "Jobs that were ever added to the queue", labels: ["queue"], source: "id")
    private static let isPaused = CatalogueEntry(
        "bullmq_queue_paused", .gauge, "Whether the queue is paused", labels: ["queue"], source: "meta, meta-paused")

    /// What bull_exporter calls a state.
    private static let bull = ["waiting", "active", "delayed", "completed", "failed"].map { state in
        (
            state: state,
            entry: CatalogueEntry(
                "bull_queue_\(state)", .gauge, "Jobs of the queue that are \(state)", labels: ["queue", "prefix"],
                source: state == "waiting" ? "LLEN wait" : state == "active" ? "LLEN active" : "ZCARD \(state)")
        )
    }

    /// Where the jobs of a state are. Bull has no prioritized jobs: all of them are in `wait`, too.
    private static let states: [(state: String, key: String, kind: QueueKey.Kind)] = [
        ("waiting", "wait", .list), ("paused", "paused", .list), ("active", "active", .list),
        ("prioritized", "prioritized", .sortedSet), ("delayed", "delayed", .sortedSet),
        ("waiting-children", "waiting-children", .sortedSet), ("completed", "completed", .sortedSet),
        ("failed", "failed", .sortedSet),
    ]

    private struct Known {
        var queues: [Queue]
        /// What the pass under way has found up to now.
        var pass: Set<Name> = []
        var hasWholePass = false
    }

    private let settings: RedisSettings
    private let scans: [(prefix: String, scan: KeyScan)]
    private let known: Mutex<Known>

    init(_ settings: RedisSettings) {
        self.settings = settings
        known = Mutex(Known(queues: Queue.all(settings, found: [])))
        // One pass finds both `meta` and `id`, with a little else that is sorted out afterwards.
        scans = settings.queues.bullmqPrefixes.map { prefix in
            let pattern = Self.escaped(prefix) + Array(":*:[im][de]*".utf8)
            return (prefix, KeyScan(RedisKey(database: settings.database, name: pattern), settings.keys))
        }
    }

    func look(_ server: RedisBackground) async throws(CollectorError) {
        guard !server.facts.isSentinel, !readsWhatWasNamed else { return }
        if scans.allSatisfy(\.scan.isAtStart) { known.withLock { $0.pass = [] } }
        for (prefix, scan) in scans {
            try await scan.pass(server) { keys in
                let names = keys.compactMap { Self.queue(of: $0, prefix).map { Name(prefix: prefix, queue: $0) } }
                return known.withLock { known in
                    let before = known.pass.count
                    for name in names where known.pass.count < settings.queues.limit { known.pass.insert(name) }
                    // The first pass shows what it has up to now, however long it takes.
                    if !known.hasWholePass, known.pass.count > before {
                        known.queues = Queue.all(settings, found: known.pass)
                    }
                    return known.pass.count < settings.queues.limit
                }
            }
        }
        known.withLock { known in
            known.queues = Queue.all(settings, found: known.pass)
            known.hasWholePass = true
        }
    }

    /// A job's key has its number behind the queue's.
    func rights(_ server: RedisFacts) -> RedisRights {
        guard !server.isSentinel else { return RedisRights() }
        let commands = ["TIME", "TYPE", "LLEN", "ZCARD", "LINDEX", "ZCOUNT", "HGET", "GET"]
        let prefixes = settings.queues.bullmqPrefixes.map { RedisKey(database: settings.database, key: $0 + ":") }
        return RedisRights(commands: Set(commands + (readsWhatWasNamed ? [] : ["SCAN"])), prefixes: prefixes)
    }

    private var queues: [Queue] { known.withLock { $0.queues } }

    /// The queue whose `meta` or `id` a key is; `nil` of other keys.
    private static func queue(of key: [UInt8], _ prefix: String) -> [UInt8]? {
        guard let rest = key.after(prefix + ":") else { return nil }
        for end in [":meta", ":id"]
        where rest.count > end.utf8.count && rest.suffix(end.utf8.count).elementsEqual(end.utf8) {
            return rest.dropLast(end.utf8.count)
        }
        return nil
    }

    /// A text as a glob pattern that matches it alone.
    private static func escaped(_ text: String) -> [UInt8] {
        text.utf8.flatMap { "*?[]^\\".utf8.contains($0) ? [UInt8(ascii: "\\"), $0] : [$0] }
    }

    var keys: [QueueKey] { queues.flatMap { $0.states + [$0.meta, $0.pauseFlag, $0.id] + $0.counts } }

    func reads(_ replies: RedisReplies, now: Double?) -> [RedisCommand] {
        var commands: [RedisCommand] = []
        for queue in queues where isQueue(queue, replies) {
            for key in queue.states where replies.isThere(key) { commands.append(key.length) }
            for key in [queue.waiting, queue.paused] where replies.isThere(key) { commands += oldest(key) }
            if let now, replies.isThere(queue.delayed) { commands.append(overdue(queue, now)) }
            if replies.isThere(queue.meta) { commands.append(pauseField(queue)) }
            if replies.isThere(queue.id) { commands.append(queue.id.command("GET")) }
            for key in queue.counts where replies.isThere(key) { commands.append(key.command("HGET", "count")) }
            commands += oldestJobs(queue, replies)
        }
        return commands
    }

    func measure(_ replies: RedisReplies, now: Double?) -> (families: [MetricFamily], queues: [QueueMeasurement]) {
        var jobs = MetricFamily(Self.jobs.descriptor)
        var bull = Self.bull.map { MetricFamily($0.entry.descriptor) }
        var counts = [Self.completed, Self.failed].map { MetricFamily($0.descriptor) }
        var added = MetricFamily(Self.added.descriptor)
        var isPaused = MetricFamily(Self.isPaused.descriptor)
        var measurements: [QueueMeasurement] = []
        for queue in queues where isQueue(queue, replies) {
            let labels: Labels = ["queue": queue.label]
            var measurement = QueueMeasurement(system: "bullmq", queue: queue.label)
            for (index, (state, key)) in zip(Self.states, queue.states).enumerated() {
                guard var count = replies.length(of: key) else { continue }
                if index < 2, hasMarker(key, replies) { count -= 1 }
                measurement.depths.append((state.state, count))
                jobs.append(count, labels.adding("state", state.state))
                if let place = Self.bull.firstIndex(where: { $0.state == state.state }) {
                    bull[place].append(count, ["queue": queue.queue, "prefix": queue.prefix])
                }
            }
            let times = oldestJobs(queue, replies).compactMap { (try? replies[$0])?.number.map { $0 / 1000 } }
            measurement.oldestAge = Age.of(times.min(), at: now).map { ($0, .exact) }
            measurement.overdue = now.flatMap { replies.count(overdue(queue, $0), of: queue.delayed) }
            measurements.append(measurement)

            for (place, key) in queue.counts.enumerated() {
                if let count = (try? replies[key.command("HGET", "count")])?.number {
                    counts[place].append(count, labels)
                }
            }
            if let count = (try? replies[queue.id.command("GET")])?.number { added.append(count, labels) }
            if let flag = pauseFlag(queue, replies) { isPaused.append(flag ? 1 : 0, labels) }
        }
        return ([jobs, added, isPaused] + counts + bull, measurements)
    }

    /// Whether there is such a queue, or somebody named it: a key whose name ends in `:id` may be anything.
    private func isQueue(_ queue: Queue, _ replies: RedisReplies) -> Bool {
        readsWhatWasNamed || replies.isThere(queue.meta) || replies.isThere(queue.id)
    }

    /// BullMQ has a field for it, Bull a key.
    private func pauseFlag(_ queue: Queue, _ replies: RedisReplies) -> Bool? {
        if replies.isThere(queue.pauseFlag) { return true }
        if replies.isThere(queue.meta) { return (try? replies[pauseField(queue)]).map { $0 != .null } }
        return replies.isMissing(queue.meta) && replies.isMissing(queue.pauseFlag) ? false : nil
    }

    /// Whether the end of a list is no job: BullMQ before 5 wakes workers by an entry `0:...` in it.
    private func hasMarker(_ key: QueueKey, _ replies: RedisReplies) -> Bool {
        (try? replies.textIfAny(oldest(key)[0])).map(Self.isMarker) ?? false
    }

    private static func isMarker(_ entry: [UInt8]) -> Bool { entry.starts(with: "0:".utf8) }

    // MARK: - Keys

    private struct Name: Hashable {
        let prefix: String
        let queue: [UInt8]
    }

    private struct Queue {
        let prefix: String
        let queue: String
        /// The queue, with its prefix where there are several.
        let label: String
        /// What stands before the ids of its jobs.
        let base: [UInt8]
        /// As in ``BullMQCollector/states``.
        let states: [QueueKey]
        let meta: QueueKey
        let pauseFlag: QueueKey
        let id: QueueKey
        /// Of completed and of failed jobs.
        let counts: [QueueKey]

        var waiting: QueueKey { states[0] }
        var paused: QueueKey { states[1] }
        var delayed: QueueKey { states[4] }

        /// Those that somebody named, with each prefix, and those that were found.
        static func all(_ settings: RedisSettings, found: Set<Name>) -> [Queue] {
            let prefixes = settings.queues.bullmqPrefixes
            return prefixes.flatMap { prefix in
                let names = Set(found.lazy.filter { $0.prefix == prefix }.map(\.queue))
                return union(settings.queues.bullmq, names).map { name in
                    Queue(settings, Name(prefix: prefix, queue: name), showsPrefix: prefixes.count > 1)
                }
            }
        }

        private init(_ settings: RedisSettings, _ name: Name, showsPrefix: Bool) {
            let base = Array((name.prefix + ":").utf8) + name.queue + Array(":".utf8)
            func key(_ suffix: String, _ kind: QueueKey.Kind) -> QueueKey {
                QueueKey(RedisKey(database: settings.database, name: base + Array(suffix.utf8)), kind)
            }
            self.base = base
            prefix = name.prefix
            queue = name.queue.label
            label = showsPrefix ? "\(prefix):\(queue)" : queue
            states = BullMQCollector.states.map { key($0.key, $0.kind) }
            meta = key("meta", .hash)
            pauseFlag = key("meta-paused", .string)
            id = key("id", .string)
            counts = [key("metrics:completed", .hash), key("metrics:failed", .hash)]
        }
    }

    // MARK: - Commands

    /// The last entry of a list and the one before, which is the oldest job where the last is a marker.
    private func oldest(_ list: QueueKey) -> [RedisCommand] {
        [list.command("LINDEX", -1), list.command("LINDEX", -2)]
    }

    /// What asks the oldest jobs that wait, paused or not, for their times.
    private func oldestJobs(_ queue: Queue, _ replies: RedisReplies) -> [RedisCommand] {
        [queue.waiting, queue.paused].compactMap { list in
            let entries = oldest(list).compactMap { try? replies.textIfAny($0) }
            guard let id = entries.first(where: { !Self.isMarker($0) }) else { return nil }
            return QueueKey(RedisKey(database: settings.database, name: queue.base + id), .hash)
                .command("HGET", "timestamp")
        }
    }

    /// A score is the time in milliseconds, shifted by 12 bits for a number that keeps those of one moment apart.
    private func overdue(_ queue: Queue, _ now: Double) -> RedisCommand {
        queue.delayed.command("ZCOUNT", "-inf", Int(now * 1000) << 12 | 0xfff)
    }

    private func pauseField(_ queue: Queue) -> RedisCommand { queue.meta.command("HGET", "paused") }
}
