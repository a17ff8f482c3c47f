import Exposition
import Scraping
import Synchronization

/// The queues and workers of RQ 1.16 to 3.0, under the names of rq-exporter.
///
/// A queue is a list of job ids, and a sorted set for each other state that a job may be in. A job is a hash that says
/// when it was enqueued.
final class RQCollector: QueueCollector {
    let name = "redis_rq"

    var metrics: [CatalogueEntry] {
        [Self.jobs, Self.workers, Self.successes, Self.failures, Self.workingTime] + QueueMeasurement.metrics
    }

    private static let jobs = CatalogueEntry(
        "rq_jobs", .gauge, "Jobs of the queue, by their status", labels: ["queue", "status"],
        source: "the lengths of rq:queue:<queue> and of the queue's registries")
    private static let workers = CatalogueEntry(
        "rq_workers", .gauge, "1 for each worker that is alive, with its state and its queues",
        labels: ["name", "state", "queues"], source: "rq:worker:<name>")
    private static let successes = CatalogueEntry(
        "rq_workers_success_total", .counter, "Jobs that the worker has done", labels: ["name", "queues"],
        source: "successful_job_count of rq:worker:<name>")
    private static let failures = CatalogueEntry(
        "rq_workers_failed_total", .counter, "Jobs that failed with the worker", labels: ["name", "queues"],
        source: "failed_job_count of rq:worker:<name>")
    private static let workingTime = CatalogueEntry(
        "rq_workers_working_time_total", .counter, "Seconds that the worker has spent on jobs",
        labels: ["name", "queues"], source: "total_working_time of rq:worker:<name>")

    /// Where the jobs of a state are: our word for it, RQ's own where rq-exporter shows it, and the key around the name
    /// of the queue. The first is what waits.
    private static let states: [(state: String, status: String?, kind: QueueKey.Kind, before: String, behind: String)] =
        [
            ("waiting", "queued", .list, "queue:", ""),
            ("active", "started", .sortedSet, "wip:", ""),
            ("completed", "finished", .sortedSet, "finished:", ""),
            ("failed", "failed", .sortedSet, "failed:", ""),
            ("deferred", "deferred", .sortedSet, "deferred:", ""),
            ("delayed", "scheduled", .sortedSet, "scheduled:", ""),
            ("canceled", nil, .sortedSet, "canceled:", ""),
            // Between two places for a moment; a job that stays there was lost by who moved it.
            ("ready", nil, .sortedSet, "ready:", ""),
            ("intermediate", nil, .list, "queue:", ":intermediate"),
        ]

    private static let workerFields = [
        "state", "queues", "successful_job_count", "failed_job_count", "total_working_time", "death",
    ]

    private struct Known {
        var queues: [Queue]
        var workers: [Worker]
    }

    var readsWhatWasNamed: Bool { !settings.queues.rq.isEmpty }
    private let settings: RedisSettings
    private let known: Mutex<Known>

    init(_ settings: RedisSettings) {
        self.settings = settings
        known = Mutex(Known(queues: Queue.all(settings, found: []), workers: []))
    }

    func look(_ server: RedisBackground) async throws(CollectorError) {
        // A cluster's node may have none of the keys, and RQ does not run on one.
        guard !server.facts.isSentinel, !server.facts.isCluster else { return }
        let limit = settings.queues.limit
        let prefix = settings.queues.rqPrefix
        let queues = try await server.members(of: settings.rqKey("queues"), limit: limit)
        let workers = try await server.members(of: settings.rqKey("workers"), limit: limit)
        let known = Known(
            queues: Queue.all(settings, found: Set(queues.compactMap { $0.after(prefix + "queue:") })),
            workers: union([], Set(workers.compactMap { $0.after(prefix + "worker:") })).map { name in
                Worker(label: name.label, key: QueueKey(settings.rqKey("worker:", name), .hash))
            })
        self.known.withLock { $0 = known }
    }

    /// Which workers and jobs there are is not known before.
    func rights(_ server: RedisFacts) -> RedisRights {
        guard !server.isSentinel, !server.isCluster || readsWhatWasNamed else { return RedisRights() }
        let commands = ["TIME", "TYPE", "LLEN", "ZCARD", "LINDEX", "ZCOUNT", "HMGET"]
        return RedisRights(
            commands: Set(commands + (server.isCluster ? [] : ["SSCAN"])), prefixes: [settings.rqKey("")])
    }

    private var queues: [Queue] { known.withLock { $0.queues } }
    private var workers: [Worker] { known.withLock { $0.workers } }

    var keys: [QueueKey] { queues.flatMap(\.keys) + workers.map(\.key) }

    func reads(_ replies: RedisReplies, now: Double?) -> [RedisCommand] {
        var commands: [RedisCommand] = []
        for queue in queues {
            for key in queue.keys where replies.isThere(key) { commands.append(key.length) }
            if replies.isThere(queue.waiting) { commands.append(oldest(queue)) }
            if let now, replies.isThere(queue.delayed) { commands.append(overdue(queue, now)) }
            if let times = oldestTimes(queue, replies) { commands.append(times) }
        }
        for worker in workers where replies.isThere(worker.key) { commands.append(fields(worker)) }
        return commands
    }

    func measure(_ replies: RedisReplies, now: Double?) -> (families: [MetricFamily], queues: [QueueMeasurement]) {
        var jobs = MetricFamily(Self.jobs.descriptor)
        var measurements: [QueueMeasurement] = []
        for queue in queues {
            var measurement = QueueMeasurement(system: "rq", queue: queue.label)
            for (state, key) in zip(Self.states, queue.keys) {
                guard let length = replies.length(of: key) else { continue }
                measurement.depths.append((state.state, length))
                if let status = state.status { jobs.append(length, ["queue": queue.label, "status": status]) }
            }
            if let times = oldestTimes(queue, replies), let reply = try? replies.array(times) {
                let time = reply.lazy.compactMap(\.text).compactMap { TimeText.secondsSince1970($0[...]) }.first
                measurement.oldestAge = Age.of(time, at: now).map { ($0, .exact) }
            }
            measurement.overdue = now.flatMap { replies.count(overdue(queue, $0), of: queue.delayed) }
            measurements.append(measurement)
        }
        return ([jobs] + workerFamilies(replies), measurements)
    }

    private func workerFamilies(_ replies: RedisReplies) -> [MetricFamily] {
        var alive = MetricFamily(Self.workers.descriptor)
        var successes = MetricFamily(Self.successes.descriptor)
        var failures = MetricFamily(Self.failures.descriptor)
        var workingTime = MetricFamily(Self.workingTime.descriptor)
        for worker in workers where replies.isThere(worker.key) {
            guard let reply = try? replies.array(fields(worker)), reply.count == Self.workerFields.count,
                // It is kept for a minute after its end.
                reply[5] == .null, reply.contains(where: { $0 != .null })
            else { continue }
            let labels: Labels = ["name": worker.label, "queues": reply[1].text?.label ?? ""]
            alive.append(1, labels.adding("state", reply[0].text?.label ?? "?"))
            // A count that is not there has not begun.
            if let count = reply[2].numberOrZero { successes.append(count, labels) }
            if let count = reply[3].numberOrZero { failures.append(count, labels) }
            if let seconds = reply[4].numberOrZero { workingTime.append(seconds, labels) }
        }
        return [alive, successes, failures, workingTime]
    }

    // MARK: - Keys

    private struct Queue {
        let label: String
        /// As in ``states``.
        let keys: [QueueKey]

        var waiting: QueueKey { keys[0] }
        var delayed: QueueKey { keys[5] }

        /// Those that somebody named, and those that were found.
        static func all(_ settings: RedisSettings, found: Set<[UInt8]>) -> [Queue] {
            union(settings.queues.rq, found).map { name in
                Queue(
                    label: name.label,
                    keys: states.map { QueueKey(settings.rqKey($0.before, name, $0.behind), $0.kind) })
            }
        }
    }

    private struct Worker {
        let label: String
        let key: QueueKey
    }

    // MARK: - Commands

    private func oldest(_ queue: Queue) -> RedisCommand { queue.waiting.command("LINDEX", 0) }

    private func overdue(_ queue: Queue, _ now: Double) -> RedisCommand {
        queue.delayed.command("ZCOUNT", "-inf", String(now))
    }

    /// What asks the oldest waiting job for its times, the better one first.
    private func oldestTimes(_ queue: Queue, _ replies: RedisReplies) -> RedisCommand? {
        guard let id = try? replies.textIfAny(oldest(queue)) else { return nil }
        return QueueKey(settings.rqKey("job:", id), .hash).command("HMGET", "enqueued_at", "created_at")
    }

    private func fields(_ worker: Worker) -> RedisCommand {
        worker.key.command("HMGET", arguments: Self.workerFields)
    }
}

extension RedisSettings {
    fileprivate func rqKey(_ before: String, _ name: [UInt8] = [], _ behind: String = "") -> RedisKey {
        RedisKey(database: database, name: Array((queues.rqPrefix + before).utf8) + name + Array(behind.utf8))
    }
}

extension RedisReply {
    /// The number; 0 where there is nothing, `nil` where there is no number in what is there.
    var numberOrZero: Double? { self == .null ? 0 : number }
}
