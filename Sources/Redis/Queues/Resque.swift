import Exposition
import Scraping
import Synchronization

/// Resque's queues and workers, under the names of discourse/prometheus_exporter, and what resque-scheduler delays.
///
/// A job says nothing of its age, so that only the time is known for which it has been seen as the oldest.
final class ResqueCollector: QueueCollector {
    let name = "redis_resque"

    var metrics: [CatalogueEntry] {
        [
            Self.processed, Self.failed, Self.pending, Self.queueCount, Self.workerCount, Self.working,
            Self.delayedTimestamps,
        ] + QueueMeasurement.metrics
    }

    private static let processed = CatalogueEntry(
        "resque_processed_jobs", .gauge, "Jobs that were run, also those that failed", source: "stat:processed")
    private static let failed = CatalogueEntry(
        "resque_failed_jobs", .gauge, "Jobs that failed, since the count was begun", source: "stat:failed")
    private static let pending = CatalogueEntry(
        "resque_pending_jobs", .gauge, "Jobs that wait in all queues", source: "LLEN")
    private static let queueCount = CatalogueEntry("resque_queues", .gauge, "Queues", source: "SCARD queues")
    private static let workerCount = CatalogueEntry("resque_workers", .gauge, "Workers", source: "SCARD workers")
    private static let working = CatalogueEntry(
        "resque_working", .gauge, "Workers that run a job", source: "worker:<worker>")
    private static let delayedTimestamps = CatalogueEntry(
        "resque_delayed_timestamps", .gauge, "Times for which jobs are delayed", source: "ZCARD delayed_queue_schedule",
        versions: "resque-scheduler")

    /// For how many times the delayed jobs are counted; where there are more, their number is not known.
    private static let maximumTimestamps = 1000

    private struct Known {
        var queues: [Queue]
        /// `nil` where it is not known which there are.
        var workers: [Worker]?
    }

    var readsWhatWasNamed: Bool { !settings.queues.resque.isEmpty }
    private let settings: RedisSettings
    private let heads = ObservedHeads()
    private let known: Mutex<Known>
    private let set: (queues: QueueKey, workers: QueueKey)
    private let text: (processed: QueueKey, failed: QueueKey)
    private let failures: QueueKey
    private let schedule: QueueKey

    init(_ settings: RedisSettings) {
        self.settings = settings
        known = Mutex(Known(queues: Queue.all(settings, found: []), workers: nil))
        func key(_ name: String, _ kind: QueueKey.Kind) -> QueueKey { QueueKey(settings.resqueKey(name), kind) }
        set = (key("queues", .set), key("workers", .set))
        text = (key("stat:processed", .string), key("stat:failed", .string))
        failures = key("failed", .list)
        schedule = key("delayed_queue_schedule", .sortedSet)
    }

    func look(_ server: RedisBackground) async throws(CollectorError) {
        // A cluster's node may have none of the keys, and Resque does not run on one.
        guard !server.facts.isSentinel, !server.facts.isCluster else { return }
        let limit = settings.queues.limit
        let queues = try await server.members(of: set.queues.key, limit: limit)
        let workers = try await server.members(of: set.workers.key, limit: limit)
        let known = Known(
            queues: Queue.all(settings, found: queues),
            workers: union([], workers).map { id in
                Worker(id: id, job: QueueKey(settings.resqueKey("worker:", id), .string))
            })
        self.known.withLock { $0 = known }
        heads.keep(Set(known.queues.map(\.label)))
    }

    func rights(_ server: RedisFacts) -> RedisRights {
        guard !server.isSentinel, !server.isCluster || !settings.queues.resque.isEmpty else { return RedisRights() }
        let commands = ["TIME", "TYPE", "LLEN", "SCARD", "ZCARD", "LINDEX", "GET", "ZRANGE"]
        let ofWorkers = ["SSCAN", "SISMEMBER", "EXISTS"]
        return RedisRights(
            commands: Set(commands + (server.isCluster ? [] : ofWorkers)), prefixes: [settings.resqueKey("")])
    }

    private var queues: [Queue] { known.withLock { $0.queues } }
    private var workers: [Worker] { known.withLock { $0.workers ?? [] } }

    var keys: [QueueKey] {
        let queues = queues
        guard !queues.isEmpty || !workers.isEmpty else { return [] }
        return queues.map(\.jobs) + [set.queues, set.workers, text.processed, text.failed, failures, schedule]
    }

    func reads(_ replies: RedisReplies, now: Double?) -> [RedisCommand] {
        var commands: [RedisCommand] = []
        for queue in queues where replies.isThere(queue.jobs) { commands += [queue.jobs.length] + oldest(queue.jobs) }
        for key in [set.queues, set.workers, failures, schedule] where replies.isThere(key) {
            commands.append(key.length)
        }
        for key in [text.processed, text.failed] where replies.isThere(key) { commands.append(key.command("GET")) }
        if replies.isThere(set.workers) {
            // EXISTS takes keys of any type.
            for worker in workers { commands += [set.workers.command("SISMEMBER", worker.id), isWorking(worker)] }
        }
        if replies.isThere(schedule) { commands.append(timestamps) }
        return commands + (delayed(replies) ?? []).map(\.jobs.length)
    }

    func measure(_ replies: RedisReplies, now: Double?) -> (families: [MetricFamily], queues: [QueueMeasurement]) {
        var measurements: [QueueMeasurement] = []
        var pending: Double? = 0
        for queue in queues {
            var measurement = QueueMeasurement(system: "resque", queue: queue.label)
            if let length = replies.length(of: queue.jobs) {
                measurement.depths.append(("waiting", length))
                pending = pending.map { $0 + length }
                measurement.oldestAge = heads.age(oldest(queue.jobs), of: length, in: queue.label, replies)
            } else {
                pending = nil
            }
            measurements.append(measurement)
        }
        var failed = QueueMeasurement(system: "resque", queue: "failed")
        failed.depths = replies.length(of: failures).map { [("failed", $0)] } ?? []
        measurements.append(failed)
        if let delayed = delayedJobs(replies, now) { measurements.append(delayed) }

        let families = [
            MetricFamily(Self.processed, ifKnown: replies.count(text.processed.command("GET"), of: text.processed)),
            MetricFamily(Self.failed, ifKnown: replies.count(text.failed.command("GET"), of: text.failed)),
            MetricFamily(Self.pending, ifKnown: pending),
            MetricFamily(Self.queueCount, ifKnown: replies.length(of: set.queues)),
            MetricFamily(Self.workerCount, ifKnown: replies.length(of: set.workers)),
            MetricFamily(Self.working, ifKnown: workingCount(replies)),
            MetricFamily(
                Self.delayedTimestamps, ifKnown: replies.isThere(schedule) ? replies.length(of: schedule) : nil),
        ]
        return (families, measurements)
    }

    private func workingCount(_ replies: RedisReplies) -> Double? {
        guard let workers = known.withLock({ $0.workers }) else { return nil }
        if replies.isMissing(set.workers) { return 0 }
        var count = 0.0
        for worker in workers {
            guard let isMember = try? replies.integer(set.workers.command("SISMEMBER", worker.id)),
                let isWorking = try? replies.integer(isWorking(worker))
            else { return nil }
            if isMember == 1, isWorking == 1 { count += 1 }
        }
        return count
    }

    private func delayedJobs(_ replies: RedisReplies, _ now: Double?) -> QueueMeasurement? {
        guard let delayed = delayed(replies) else { return nil }
        var measurement = QueueMeasurement(system: "resque", queue: "delayed")
        var jobs = 0.0
        var overdue = 0.0
        for (time, key) in delayed {
            guard let length = try? replies.integer(key.length) else { return nil }
            jobs += Double(length)
            if let now, time <= now { overdue += Double(length) }
        }
        measurement.depths = [("delayed", jobs)]
        measurement.overdue = now.map { _ in overdue }
        return measurement
    }

    // MARK: - Keys

    private struct Queue {
        let label: String
        let jobs: QueueKey

        /// Those that somebody named, and those that were found.
        static func all(_ settings: RedisSettings, found: Set<[UInt8]>) -> [Queue] {
            union(settings.queues.resque, found).map { name in
                Queue(label: name.label, jobs: QueueKey(settings.resqueKey("queue:", name), .list))
            }
        }
    }

    private struct Worker {
        let id: [UInt8]
        let job: QueueKey
    }

    /// The lists of delayed jobs with their times; `nil` where there are none, or too many.
    private func delayed(_ replies: RedisReplies) -> [(time: Double, jobs: QueueKey)]? {
        guard let times = try? replies.array(timestamps), times.count <= Self.maximumTimestamps else { return nil }
        return times.compactMap { time in
            guard let text = time.text, let seconds = text[...].number else { return nil }
            return (seconds, QueueKey(settings.resqueKey("delayed:", text), .list))
        }
    }

    // MARK: - Commands

    private func oldest(_ jobs: QueueKey) -> [RedisCommand] { [jobs.command("LINDEX", 0), jobs.command("LINDEX", 1)] }

    private func isWorking(_ worker: Worker) -> RedisCommand { worker.job.command("EXISTS") }

    private var timestamps: RedisCommand { schedule.command("ZRANGE", 0, Self.maximumTimestamps) }
}

extension RedisSettings {
    fileprivate func resqueKey(_ before: String, _ name: [UInt8] = []) -> RedisKey {
        RedisKey(database: database, name: Array((queues.resquePrefix + before).utf8) + name)
    }
}

extension ObservedHeads {
    /// The age of a list's oldest job as far as it was seen; `nil` of an empty list, and where the next job looks the
    /// same, so that nobody can tell whether the oldest has gone.
    ///
    /// - Parameter oldest: What asks for the oldest job and for the one behind it.
    func age(
        _ oldest: [RedisCommand], of length: Double, in queue: String, _ replies: RedisReplies
    ) -> (seconds: Double, kind: QueueMeasurement.AgeKind)? {
        guard length > 0, let job = try? replies.textIfAny(oldest[0]), let next = try? replies[oldest[1]],
            next != .string(job)
        else {
            _ = age(of: nil, in: queue)
            return nil
        }
        return age(of: job, in: queue).map { ($0, .observed) }
    }
}
