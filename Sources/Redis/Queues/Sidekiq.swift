import Exposition
import Scraping
import Synchronization

/// Sidekiq's queues, sets and processes, under the names of Strech/sidekiq-prometheus-exporter.
///
/// Its keys have names that anybody may have given to something of their own, such as `queues` and `retry`. So nothing
/// is shown before something is there that only Sidekiq makes: a list of a queue, a process, the count of what was
/// processed.
final class SidekiqCollector: QueueCollector {
    let name = "redis_sidekiq"

    var metrics: [CatalogueEntry] { Self.own + QueueMeasurement.metrics }

    private static let own = [
        processed, failed, workers, processes, hostProcesses, hostMemory, busyWorkers, enqueued, scheduled, retrying,
        dead,
        queueLatency, queueMaximumProcessingTime, queueEnqueued, queueWorkers, queueProcesses, queueBusyWorkers,
        leaderLifetime,
    ]

    private static let processed = CatalogueEntry(
        "sidekiq_processed_jobs_total", .counter, "Jobs that were run, also those that failed", source: "stat:processed"
    )
    private static let failed = CatalogueEntry(
        "sidekiq_failed_jobs_total", .counter, "Runs of jobs that failed", source: "stat:failed")
    private static let workers = CatalogueEntry(
        "sidekiq_workers", .gauge, "Threads of all processes", source: "concurrency of the processes")
    private static let processes = CatalogueEntry(
        "sidekiq_processes", .gauge, "Processes that are alive", source: "processes")
    private static let hostProcesses = CatalogueEntry(
        "sidekiq_host_processes", .gauge, "Processes of the host, by whether they take no new jobs",
        labels: ["host", "quiet"], source: "the processes")
    private static let hostMemory = CatalogueEntry(
        "sidekiq_host_processes_memory_usage_bytes", .gauge, "Resident memory of the host's processes",
        labels: ["host"],
        source: "rss of the processes", versions: "Sidekiq 6.2+")
    private static let busyWorkers = CatalogueEntry(
        "sidekiq_busy_workers", .gauge, "Threads that run a job", source: "busy of the processes")
    private static let enqueued = CatalogueEntry(
        "sidekiq_enqueued_jobs", .gauge, "Jobs that wait in all queues", source: "LLEN")
    private static let scheduled = CatalogueEntry(
        "sidekiq_scheduled_jobs", .gauge, "Jobs that are to be run at a later time", source: "ZCARD schedule")
    private static let retrying = CatalogueEntry(
        "sidekiq_retry_jobs", .gauge, "Jobs that failed and will be tried again", source: "ZCARD retry")
    private static let dead = CatalogueEntry(
        "sidekiq_dead_jobs", .gauge, "Jobs that failed for good", source: "ZCARD dead")
    private static let queueLatency = CatalogueEntry(
        "sidekiq_queue_latency_seconds", .gauge,
        "Seconds that the oldest job of the queue has waited; 0 for an empty queue",
        labels: ["name"], source: "enqueued_at of the last job")
    private static let queueMaximumProcessingTime = CatalogueEntry(
        "sidekiq_queue_max_processing_time_seconds", .gauge, "Seconds since the queue's oldest running job was begun",
        labels: ["name"], source: "the work of the processes")
    private static let queueEnqueued = CatalogueEntry(
        "sidekiq_queue_enqueued_jobs", .gauge, "Jobs that wait in the queue", labels: ["name"], source: "LLEN")
    private static let queueWorkers = CatalogueEntry(
        "sidekiq_queue_workers", .gauge, "Threads of the processes that serve the queue", labels: ["name"],
        source: "concurrency of the processes")
    private static let queueProcesses = CatalogueEntry(
        "sidekiq_queue_processes", .gauge, "Processes that serve the queue", labels: ["name"], source: "the processes")
    private static let queueBusyWorkers = CatalogueEntry(
        "sidekiq_queue_busy_workers", .gauge,
        "Threads that run a job of any queue, of the processes that serve this queue", labels: ["name"],
        source: "busy of the processes")
    private static let leaderLifetime = CatalogueEntry(
        "sidekiq_leader_lifetime_seconds", .gauge, "Seconds since the leading process was started",
        source: "dear-leader", versions: "Sidekiq Enterprise")

    private static let processFields = ["info", "busy", "quiet", "rss", "concurrency"]
    /// A process has one entry for each of its threads at most; a hash with more than this is none of Sidekiq's.
    private static let maximumThreads: Int64 = 1000

    private struct Known {
        var queues: [Queue]
        /// `nil` where it is not known which there are.
        var processes: [Process]?
    }

    var readsWhatWasNamed: Bool { !settings.queues.sidekiq.isEmpty }
    private let settings: RedisSettings
    private let known: Mutex<Known>
    private let set: (schedule: QueueKey, retry: QueueKey, dead: QueueKey, processes: QueueKey)
    private let text: (processed: QueueKey, failed: QueueKey, leader: QueueKey)

    init(_ settings: RedisSettings) {
        self.settings = settings
        known = Mutex(Known(queues: Queue.all(settings, found: []), processes: nil))
        func key(_ name: String, _ kind: QueueKey.Kind) -> QueueKey { QueueKey(settings.sidekiqKey(name), kind) }
        set = (
            key("schedule", .sortedSet), key("retry", .sortedSet), key("dead", .sortedSet), key("processes", .set)
        )
        text = (key("stat:processed", .string), key("stat:failed", .string), key("dear-leader", .string))
    }

    func look(_ server: RedisBackground) async throws(CollectorError) {
        // A cluster's node may have none of the keys, and Sidekiq does not run on one.
        guard !server.facts.isSentinel, !server.facts.isCluster else { return }
        let limit = settings.queues.limit
        let names = try await server.members(of: settings.sidekiqKey("queues"), limit: limit)
        let identities = try await server.members(of: set.processes.key, limit: limit)
        let queues = Queue.all(settings, found: names)
        let processes = union([], identities).map { Process(settings, $0) }
        let isSidekiq = try await server.isAnyThere([text.processed] + queues.map(\.jobs) + processes.map(\.state))
        known.withLock {
            $0 =
                isSidekiq
                ? Known(queues: queues, processes: processes)
                : Known(queues: Queue.all(settings, found: []), processes: readsWhatWasNamed ? [] : nil)
        }
    }

    /// A process has its own name for a key.
    func rights(_ server: RedisFacts) -> RedisRights {
        guard !server.isSentinel, !server.isCluster || readsWhatWasNamed else { return RedisRights() }
        let commands = ["TIME", "TYPE", "LLEN", "LINDEX", "ZCARD", "ZCOUNT", "GET"]
        let ofProcesses = ["SSCAN", "SISMEMBER", "HMGET", "HLEN", "HVALS"]
        return RedisRights(
            commands: Set(commands + (server.isCluster ? [] : ofProcesses)), prefixes: [settings.sidekiqKey("")])
    }

    private var queues: [Queue] { known.withLock { $0.queues } }
    private var processes: [Process] { known.withLock { $0.processes ?? [] } }

    var keys: [QueueKey] {
        let queues = queues
        let processes = processes
        guard !queues.isEmpty || !processes.isEmpty else { return [] }
        return queues.map(\.jobs) + processes.flatMap { [$0.state] + $0.work } + [
            set.schedule, set.retry, set.dead, set.processes, text.processed, text.failed, text.leader,
        ]
    }

    func reads(_ replies: RedisReplies, now: Double?) -> [RedisCommand] {
        var commands: [RedisCommand] = []
        for queue in queues where replies.isThere(queue.jobs) { commands += [queue.jobs.length, oldest(queue)] }
        for key in [set.schedule, set.retry, set.dead] where replies.isThere(key) {
            commands.append(key.length)
            if let now { commands.append(overdue(key, now)) }
        }
        for key in [text.processed, text.failed, text.leader] where replies.isThere(key) {
            commands.append(key.command("GET"))
        }
        for process in processes where replies.isThere(set.processes) && replies.isThere(process.state) {
            commands += [isMember(process), fields(process)]
            for work in process.work where replies.isThere(work) {
                commands.append(work.length)
                if let threads = try? replies.integer(work.length), threads <= Self.maximumThreads {
                    commands.append(work.command("HVALS"))
                }
            }
        }
        return commands
    }

    func measure(_ replies: RedisReplies, now: Double?) -> (families: [MetricFamily], queues: [QueueMeasurement]) {
        var latency = MetricFamily(Self.queueLatency.descriptor)
        var lengths = MetricFamily(Self.queueEnqueued.descriptor)
        var total: Double? = 0
        var measurements: [QueueMeasurement] = []
        let alive = alive(replies)
        let work = alive.flatMap { self.work($0, replies) }
        for queue in queues {
            var measurement = QueueMeasurement(system: "sidekiq", queue: queue.label)
            if let length = replies.length(of: queue.jobs) {
                measurement.depths.append(("waiting", length))
                lengths.append(length, ["name": queue.label])
                total = total.map { $0 + length }
                if length == 0 { latency.append(0, ["name": queue.label]) }
            } else {
                total = nil
            }
            if measurement.depths.first?.count != 0, let job = try? replies.textIfAny(oldest(queue)),
                let age = Age.of(Self.enqueuedAt(job), at: now)
            {
                measurement.oldestAge = (age, .exact)
                latency.append(age, ["name": queue.label])
            }
            if let work { measurement.depths.append(("active", Double(work.count { $0.queue == queue.label }))) }
            measurements.append(measurement)
        }
        for (key, queue, state) in [(set.schedule, "schedule", "delayed"), (set.retry, "retry", "delayed")] {
            var measurement = QueueMeasurement(system: "sidekiq", queue: queue)
            measurement.depths = replies.length(of: key).map { [(state, $0)] } ?? []
            measurement.overdue = now.flatMap { replies.count(overdue(key, $0), of: key) }
            measurements.append(measurement)
        }
        var dead = QueueMeasurement(system: "sidekiq", queue: "dead")
        dead.depths = replies.length(of: set.dead).map { [("dead", $0)] } ?? []
        measurements.append(dead)

        let families = [
            MetricFamily(Self.processed, ifKnown: replies.count(text.processed.command("GET"), of: text.processed)),
            MetricFamily(Self.failed, ifKnown: replies.count(text.failed.command("GET"), of: text.failed)),
            MetricFamily(Self.enqueued, ifKnown: total),
            MetricFamily(Self.scheduled, ifKnown: replies.length(of: set.schedule)),
            MetricFamily(Self.retrying, ifKnown: replies.length(of: set.retry)),
            MetricFamily(Self.dead, ifKnown: replies.length(of: set.dead)),
            lengths, latency, processingTimes(work ?? [], now),
        ]
        return (families + processFamilies(alive ?? [], isKnown: alive != nil, replies, now), measurements)
    }

    /// When a job was put into its queue: since Sidekiq 8 in milliseconds, before that in seconds.
    private static func enqueuedAt(_ job: [UInt8]) -> Double? {
        guard let job = JSONText(job) else { return nil }
        return (job["enqueued_at"] ?? job["created_at"]).flatMap(Age.secondsSince1970)
    }

    // MARK: - Processes

    /// What a process says of itself.
    private struct Alive {
        let process: Process
        let host: String?
        let queues: [String]
        let startedAt: Double?
        let threads: Double
        let busy: Double
        let quiet: String
        /// In bytes.
        let memory: Double?
    }

    /// The processes that are alive; `nil` where it is not known which there are. A process that has ended is no member
    /// of the set any more, or, where it was killed, has no hash.
    private func alive(_ replies: RedisReplies) -> [Alive]? {
        guard let processes = known.withLock({ $0.processes }) else { return nil }
        if replies.isMissing(set.processes) { return [] }
        guard replies.isThere(set.processes) else { return nil }
        var alive: [Alive] = []
        for process in processes where replies.isThere(process.state) {
            guard let isMember = try? replies.integer(isMember(process)),
                let fields = try? replies.array(fields(process)),
                fields.count == Self.processFields.count
            else { return nil }
            guard isMember == 1, let info = fields[0].text.flatMap({ JSONText($0) }) else { continue }
            var queues: [String] = []
            for queue in info["queues"]?.elements ?? [] {
                // One that has a weight may be there as often.
                if let queue = queue.string, !queues.contains(queue) { queues.append(queue) }
            }
            alive.append(
                Alive(
                    process: process, host: info["hostname"]?.string, queues: queues,
                    startedAt: info["started_at"]?.number,
                    threads: fields[4].number ?? info["concurrency"]?.number ?? 0, busy: fields[1].number ?? 0,
                    quiet: fields[2].text?.label ?? "", memory: fields[3].number.map { $0 * 1024 }))
        }
        return alive
    }

    /// The jobs that run: their queues, and since when; `nil` where not all are known.
    private func work(_ alive: [Alive], _ replies: RedisReplies) -> [(queue: String, since: Double?)]? {
        var work: [(queue: String, since: Double?)] = []
        for key in alive.flatMap(\.process.work) where !replies.isMissing(key) {
            guard let entries = try? replies.array(key.command("HVALS")) else { return nil }
            for entry in entries {
                guard let entry = entry.text.flatMap({ JSONText($0) }), let queue = entry["queue"]?.string else {
                    return nil
                }
                work.append((queue, entry["run_at"].flatMap(Age.secondsSince1970)))
            }
        }
        return work
    }

    private func processingTimes(_ work: [(queue: String, since: Double?)], _ now: Double?) -> MetricFamily {
        var longest: [String: Double] = [:]
        for (queue, since) in work {
            if let age = Age.of(since, at: now) { longest[queue] = max(longest[queue] ?? 0, age) }
        }
        var family = MetricFamily(Self.queueMaximumProcessingTime.descriptor)
        for (queue, age) in longest.sorted(by: { $0.key < $1.key }) { family.append(age, ["name": queue]) }
        return family
    }

    private func processFamilies(
        _ alive: [Alive], isKnown: Bool, _ replies: RedisReplies, _ now: Double?
    ) -> [MetricFamily] {
        guard isKnown else { return [] }
        var hosts: [[String]: Double] = [:]
        var memory: [String: Double] = [:]
        var queues: [String: (processes: Double, threads: Double, busy: Double)] = [:]
        for process in alive {
            if let host = process.host {
                hosts[[host, process.quiet], default: 0] += 1
                if let bytes = process.memory { memory[host, default: 0] += bytes }
            }
            for queue in process.queues {
                var sum = queues[queue] ?? (0, 0, 0)
                sum.processes += 1
                sum.threads += process.threads
                sum.busy += process.busy
                queues[queue] = sum
            }
        }
        var hostProcesses = MetricFamily(Self.hostProcesses.descriptor)
        for (labels, count) in hosts.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            hostProcesses.append(count, ["host": labels[0], "quiet": labels[1]])
        }
        var hostMemory = MetricFamily(Self.hostMemory.descriptor)
        for (host, bytes) in memory.sorted(by: { $0.key < $1.key }) { hostMemory.append(bytes, ["host": host]) }
        var queueProcesses = MetricFamily(Self.queueProcesses.descriptor)
        var queueWorkers = MetricFamily(Self.queueWorkers.descriptor)
        var queueBusyWorkers = MetricFamily(Self.queueBusyWorkers.descriptor)
        for (queue, sum) in queues.sorted(by: { $0.key < $1.key }) {
            queueProcesses.append(sum.processes, ["name": queue])
            queueWorkers.append(sum.threads, ["name": queue])
            queueBusyWorkers.append(sum.busy, ["name": queue])
        }
        let leader = (try? replies.textIfAny(text.leader.command("GET"))).flatMap { identity in
            alive.first { $0.process.identity == identity }
        }
        return [
            MetricFamily(Self.processes.descriptor, Double(alive.count)),
            MetricFamily(Self.workers.descriptor, alive.reduce(0) { $0 + $1.threads }),
            MetricFamily(Self.busyWorkers.descriptor, alive.reduce(0) { $0 + $1.busy }),
            hostProcesses, hostMemory, queueProcesses, queueWorkers, queueBusyWorkers,
            MetricFamily(Self.leaderLifetime, ifKnown: Age.of(leader?.startedAt, at: now)),
        ]
    }

    // MARK: - Keys

    private struct Queue {
        let label: String
        let jobs: QueueKey

        /// Those that somebody named, and those that were found.
        static func all(_ settings: RedisSettings, found: Set<[UInt8]>) -> [Queue] {
            union(settings.queues.sidekiq, found).map { name in
                Queue(label: name.label, jobs: QueueKey(settings.sidekiqKey("queue:", name), .list))
            }
        }
    }

    private struct Process {
        let identity: [UInt8]
        let state: QueueKey
        /// What it runs; the second is that of Sidekiq before 6.5.
        let work: [QueueKey]

        init(_ settings: RedisSettings, _ identity: [UInt8]) {
            self.identity = identity
            state = QueueKey(settings.sidekiqKey("", identity), .hash)
            work = [":work", ":workers"].map { QueueKey(settings.sidekiqKey("", identity, $0), .hash) }
        }
    }

    // MARK: - Commands

    private func oldest(_ queue: Queue) -> RedisCommand { queue.jobs.command("LINDEX", -1) }

    private func overdue(_ key: QueueKey, _ now: Double) -> RedisCommand { key.command("ZCOUNT", "-inf", String(now)) }

    private func isMember(_ process: Process) -> RedisCommand { set.processes.command("SISMEMBER", process.identity) }

    private func fields(_ process: Process) -> RedisCommand {
        process.state.command("HMGET", arguments: Self.processFields)
    }
}

extension RedisSettings {
    fileprivate func sidekiqKey(_ before: String, _ name: [UInt8] = [], _ behind: String = "") -> RedisKey {
        RedisKey(database: database, name: Array((queues.sidekiqPrefix + before).utf8) + name + Array(behind.utf8))
    }
}
