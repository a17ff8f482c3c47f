import Exposition
import Scraping

/// What Celery's events come to: counters and histograms of tasks, and which workers there are. However many events come,
/// and whatever is in them, it stays within its limits.
struct CeleryTasks: Sendable {
    /// The labels of a task's series.
    private struct TaskLabels: Hashable, Comparable {
        var name: String
        var hostname: String
        var queue: String

        static let other = TaskLabels(name: "(other)", hostname: "(other)", queue: "(other)")

        static func < (left: TaskLabels, right: TaskLabels) -> Bool {
            (left.name, left.hostname, left.queue) < (right.name, right.hostname, right.queue)
        }
    }

    private struct TaskCounts {
        /// By the places of the kinds in ``counters``, but for what failed.
        var events = [UInt64](repeating: 0, count: CeleryTasks.counters.count)
        /// By exception.
        var failures: [String: UInt64] = [:]
        var runtime: Distribution?
        var wait: Distribution?
        /// Whether a worker has said anything under these labels; else they are a sender's.
        var isOfWorker = false
        var lastEvent: ContinuousClock.Instant
    }

    /// What is known of one task.
    private struct TaskEntry {
        var name: String?
        var queue: String?
        var sent: Double?
        var eta: Double?
        /// Whether its events need not wait for its `task-sent` any more.
        var hasWaited = false
    }

    /// Events of a task whose queue is not known yet: a worker may have the task before the sender says that it was sent.
    private struct Held {
        var events: [CeleryEvent]
        let since: ContinuousClock.Instant
    }

    private struct Worker {
        let hostname: String
        var lastSign: ContinuousClock.Instant
        var isOffline = false
        var active: Double?
        var software = ""
        /// Those that it was seen taking tasks of.
        var queues: Set<String> = []
    }

    private struct Distribution {
        var counts: [UInt64]
        var sum = 0.0

        init(_ bounds: [Double]) { counts = Array(repeating: 0, count: bounds.count + 1) }

        mutating func observe(_ value: Double, _ bounds: [Double]) {
            counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
            sum += value
        }

        func histogram(_ bounds: [Double]) -> Histogram {
            var count: UInt64 = 0
            var buckets: [Histogram.Bucket] = []
            for (bound, added) in zip(bounds, counts) {
                count += added
                buckets.append(.init(upperBound: bound, cumulativeCount: count))
            }
            return Histogram(buckets: buckets, count: count + (counts.last ?? 0), sum: sum)
        }
    }

    /// How many there may be of what.
    struct Limits: Sendable {
        /// Tasks that wait or run, of which name, queue and time are kept.
        var openTasks = 10_000
        /// Tasks that are over, since some of their events may still come.
        var endedTasks = 1_000
        /// Tasks whose events are held back for a moment.
        var heldTasks = 10_000
        /// Events of one of these.
        var heldEvents = 10
        /// Label sets of tasks, and exceptions of all of them; what is beyond has `(other)` as labels.
        var labelSets = 5_000
        /// Exceptions of one label set; what is beyond is `(other)`.
        var exceptions = 100
        /// Workers; what others say of themselves is dropped.
        var workers = 5_000
        /// Queues of one worker.
        var queues = 100
    }

    /// For how long the events of a task wait for its `task-sent`.
    private static let holdingTime = Duration.seconds(1)

    private let options: RedisQueueOptions.Celery
    private let limits: Limits
    private let runtimeBounds: [Double]
    private let waitBounds: [Double]
    private var counts: [TaskLabels: TaskCounts] = [:]
    private var exceptionCount = 0
    private var workers: [String: Worker] = [:]
    private var open: BoundedTable<TaskEntry>
    private var ended: BoundedTable<TaskEntry>
    private var held: BoundedTable<Held>
    /// Where the tasks of a name are sent; an empty name where that is to more than one queue.
    private var queues: BoundedTable<String>
    private var completed: [CeleryEvent.Kind: UInt64] = [:]
    private var received: [CeleryEvent.Kind: UInt64] = [:]
    private var others: UInt64 = 0
    private var dropped: [CeleryEvent.Drop: UInt64] = [:]
    private var lastSweep: ContinuousClock.Instant?

    init(_ options: RedisQueueOptions.Celery, limits: Limits = Limits()) {
        self.options = options
        self.limits = limits
        runtimeBounds = Set(options.runtimeBuckets.filter(\.isFinite)).sorted()
        waitBounds = Set(options.waitBuckets.filter(\.isFinite)).sorted()
        open = BoundedTable(limit: limits.openTasks)
        ended = BoundedTable(limit: limits.endedTasks)
        held = BoundedTable(limit: limits.heldTasks)
        queues = BoundedTable(limit: limits.labelSets)
    }

    /// When a task was sent, in seconds since 1970 by the sender's clock; `nil` where it said nothing, or so long ago that
    /// it has been forgotten.
    func sentTime(of taskID: String) -> Double? {
        (open[taskID] ?? ended[taskID])?.sent
    }

    /// Takes in what was in one message.
    mutating func take(_ batch: CeleryEvent.Batch, at now: ContinuousClock.Instant = .now) {
        release(at: now)
        others += UInt64(batch.others)
        for (reason, count) in batch.dropped { dropped[reason, default: 0] += UInt64(count) }
        for event in batch.events {
            received[event.kind, default: 0] += 1
            if event.kind.isOfWorker {
                noteWorker(event, at: now)
            } else {
                holdOrNote(event, at: now)
            }
        }
    }

    /// Notes an event of a task, once it is known which queue it came from, or is not going to be known.
    private mutating func holdOrNote(_ event: CeleryEvent, at now: ContinuousClock.Instant) {
        let id = event.taskID
        let task = open[id] ?? ended[id]
        if event.kind == .sent {
            noteTask(event, at: now)
            guard let waiting = held[id] else { return }
            held[id] = nil
            for event in waiting.events { noteTask(event, at: now) }
        } else if task?.queue != nil || task?.hasWaited == true {
            noteTask(event, at: now)
        } else if let waiting = held[id] {
            held[id]?.events.append(event)
            if waiting.events.count + 1 >= limits.heldEvents { noteHeld(held[id], at: now) }
        } else {
            if held.isFull { noteHeld(held.removeFirst(), at: now) }
            held[id] = Held(events: [event], since: now)
        }
    }

    /// Notes what has waited for long enough.
    private mutating func release(at now: ContinuousClock.Instant) {
        while let waiting = held.removeFirst(where: { $0.since.duration(to: now) >= Self.holdingTime }) {
            noteHeld(waiting, at: now)
        }
    }

    private mutating func noteHeld(_ waiting: Held?, at now: ContinuousClock.Instant) {
        for event in waiting?.events ?? [] {
            held[event.taskID] = nil
            noteTask(event, at: now)
        }
    }

    private mutating func noteWorker(_ event: CeleryEvent, at now: ContinuousClock.Instant) {
        withWorker(event, at: now) { worker in
            worker.isOffline = event.kind == .offline
            worker.active = event.kind == .offline ? 0 : event.active ?? worker.active
            worker.software = event.software ?? worker.software
        }
    }

    /// Any event is a sign of life. The time is ours: a worker's clock may be wrong.
    private mutating func withWorker(
        _ event: CeleryEvent, at now: ContinuousClock.Instant, _ change: (inout Worker) -> Void
    ) {
        guard workers[event.sender] != nil || workers.count < limits.workers else {
            if event.kind.isOfWorker { dropped[.limit, default: 0] += 1 }
            return
        }
        var worker = workers.removeValue(forKey: event.sender) ?? Worker(hostname: event.host, lastSign: now)
        worker.lastSign = now
        change(&worker)
        workers[event.sender] = worker
    }

    private mutating func noteTask(_ event: CeleryEvent, at now: ContinuousClock.Instant) {
        let isEnded = open[event.taskID] == nil && ended[event.taskID] != nil
        var task = open[event.taskID] ?? ended[event.taskID] ?? TaskEntry()
        task.name = event.name ?? task.name
        task.eta = event.eta ?? task.eta
        task.hasWaited = task.hasWaited || event.kind != .sent
        if event.kind == .sent {
            task.queue = event.queue ?? task.queue
            task.sent = event.time
            // A task that is sent again, to be retried, has the time of this one alone.
            task.eta = event.eta
            if let name = task.name, let queue = task.queue, queues[name] != queue {
                queues[name] = queues[name] == nil ? queue : ""
            }
        }

        let name = task.name ?? "(unknown)"
        let known = task.queue ?? queues[name].flatMap { $0.isEmpty ? nil : $0 }
        let isSent = event.kind == .sent
        let isGeneric = isSent ? options.hidesSenders : options.hidesWorkers
        let labels = TaskLabels(
            name: name, hostname: isGeneric ? "generic" : event.host, queue: known ?? options.defaultQueue)
        count(event, task, under: labels, at: now)
        if !isSent {
            withWorker(event, at: now) { [limit = limits.queues] worker in
                if let known, worker.queues.count < limit { worker.queues.insert(known) }
            }
        }

        // A task has one end, though it may have two events of it.
        let endsNow = event.isEnd
        if endsNow, !isEnded { completed[event.kind, default: 0] += 1 }
        let staysEnded = isEnded && event.kind != .received && event.kind != .started
        if endsNow || staysEnded {
            open[event.taskID] = nil
            ended[event.taskID] = task
        } else {
            ended[event.taskID] = nil
            open[event.taskID] = task
        }
    }

    private mutating func count(
        _ event: CeleryEvent, _ task: TaskEntry, under labels: TaskLabels, at now: ContinuousClock.Instant
    ) {
        let labels = admitted(labels, at: now)
        var entry = counts.removeValue(forKey: labels) ?? TaskCounts(lastEvent: now)
        entry.lastEvent = now
        if event.kind != .sent { entry.isOfWorker = true }
        switch event.kind {
        case .failed:
            var exception = event.exception ?? "UnknownException"
            if entry.failures[exception] == nil {
                if entry.failures.count >= limits.exceptions || exceptionCount >= limits.labelSets {
                    exception = "(other)"
                } else {
                    exceptionCount += 1
                }
            }
            entry.failures[exception, default: 0] += 1
        case .succeeded:
            if let runtime = event.runtime {
                entry.runtime = entry.runtime ?? Distribution(runtimeBounds)
                entry.runtime?.observe(runtime, runtimeBounds)
            }
        case .started:
            if let started = event.time, let sent = task.sent {
                entry.wait = entry.wait ?? Distribution(waitBounds)
                entry.wait?.observe(max(0, started - max(sent, task.eta ?? sent)), waitBounds)
            }
        default: break
        }
        if let index = Self.counters.firstIndex(where: { $0.kind == event.kind }) { entry.events[index] += 1 }
        counts[labels] = entry
    }

    /// The labels under which something is counted: those, where there is room for them.
    private mutating func admitted(_ labels: TaskLabels, at now: ContinuousClock.Instant) -> TaskLabels {
        guard counts[labels] == nil, counts.count >= limits.labelSets else { return labels }
        // Where hosts come and go, those of senders fill the place of others: nothing says that they have gone.
        if lastSweep.map({ $0.duration(to: now) > .seconds(10) }) ?? true {
            lastSweep = now
            if options.workerPurge > 0 {
                removeCounts { [purge = options.workerPurge] in $1.lastEvent.duration(to: now).seconds > purge }
            }
        }
        return counts.count < limits.labelSets ? labels : .other
    }

    private mutating func removeCounts(where isOver: (TaskLabels, TaskCounts) -> Bool) {
        counts = counts.filter { !isOver($0.key, $0.value) }
        exceptionCount = counts.values.reduce(0) { $0 + $1.failures.count }
    }

    /// Brings what time alone changes up to now: counts what waits no longer, and forgets workers that have not been heard
    /// of for long, with what they counted.
    mutating func advance(to now: ContinuousClock.Instant = .now) {
        release(at: now)
        guard options.workerPurge > 0 else { return }
        let purge = options.workerPurge
        func isOver(_ instant: ContinuousClock.Instant) -> Bool { instant.duration(to: now).seconds > purge }
        let gone = workers.filter { isOver($0.value.lastSign) }
        guard !gone.isEmpty else { return }
        for name in gone.keys { workers[name] = nil }
        let hosts = Set(gone.values.map(\.hostname)).subtracting(workers.values.map(\.hostname))
        removeCounts { hosts.contains($0.hostname) && isOver($1.lastEvent) }
    }

    private func isUp(_ worker: Worker, at now: ContinuousClock.Instant) -> Bool {
        guard !worker.isOffline else { return false }
        return options.workerTimeout <= 0 || worker.lastSign.duration(to: now).seconds <= options.workerTimeout
    }
}

extension CeleryEvent {
    /// Whether the task is over with it.
    fileprivate var isEnd: Bool {
        switch kind {
        case .succeeded, .revoked: true
        // That a task was rejected comes after its failure, which says so too.
        case .failed: !isRejection
        case .rejected: !isRequeued
        default: false
        }
    }
}

// MARK: - What is told of it

extension CeleryTasks {
    fileprivate static let counters: [(kind: CeleryEvent.Kind, entry: CatalogueEntry)] = [
        counter(.sent, "Tasks that were sent; the senders have to have task_send_sent_event"),
        counter(.received, "Tasks that workers took from their queues, also those that wait there for their time"),
        counter(.started, "Tasks that workers began to run"),
        counter(.succeeded, "Tasks that ended well"),
        counter(.failed, "Tasks that ended with an exception; 0 without one, before any has", labels: ["exception"]),
        counter(.rejected, "Tasks that workers gave back unrun, to their queue or to nowhere"),
        counter(.revoked, "Tasks that were called off, or came too late"),
        counter(.retried, "Tasks that failed and will be run again"),
    ]

    private static func counter(
        _ kind: CeleryEvent.Kind, _ meaning: String, labels: [String] = []
    ) -> (CeleryEvent.Kind, CatalogueEntry) {
        let verb = kind.rawValue.dropFirst("task-".count)
        return (
            kind,
            CatalogueEntry(
                "celery_task_\(verb)_total", .counter, meaning, labels: taskLabels + labels,
                source: "event \(kind.rawValue)")
        )
    }

    private static let taskLabels = ["name", "hostname", "queue_name"]

    private static let completedTotal = CatalogueEntry(
        "celery_task_completed_total", .counter,
        "Tasks that are over, by how they ended; one that failed and was rejected is one task",
        labels: ["status"], source: "events task-succeeded, task-failed, task-rejected, task-revoked")
    private static let runtime = CatalogueEntry(
        "celery_task_runtime", .histogram, "Seconds that tasks ran which ended well", labels: taskLabels,
        source: "event task-succeeded")
    private static let waitTime = CatalogueEntry(
        "celery_task_queue_wait_time", .histogram,
        "Seconds from when a task was sent, or could be run at the earliest, to its start, by the clocks of both hosts",
        labels: taskLabels, source: "events task-sent, task-started")
    private static let workerUp = CatalogueEntry(
        "celery_worker_up", .gauge, "Whether a worker on the host has been heard of lately and has not said goodbye",
        labels: ["hostname"], source: "any event of a worker")
    private static let tasksActive = CatalogueEntry(
        "celery_worker_tasks_active", .gauge, "Tasks that the workers on the host have in hand, all workers together",
        labels: ["hostname"], source: "event worker-heartbeat")
    private static let workerInfo = CatalogueEntry(
        "celery_worker_info", .gauge, "1 for each worker that is up, with its whole name and its software",
        labels: ["worker", "hostname", "software"], source: "events of workers")
    private static let activeWorkers = CatalogueEntry(
        "celery_active_worker_count", .gauge,
        "Workers that are up and were seen taking a task of the queue; one that has had none to take is not counted",
        labels: ["queue_name"], source: "events of tasks whose task-sent said their queue")
    private static let eventsTotal = CatalogueEntry(
        "stack_exporter_celery_events_total", .counter,
        "Events that came, by their type; other for those that an application made up",
        labels: ["type"], source: "the exchange of Celery's events")
    private static let droppedTotal = CatalogueEntry(
        "stack_exporter_celery_events_dropped_total", .counter,
        "Messages and events that were dropped: of more than 1 MiB (size), of another serializer than JSON, malformed, or of"
            + " more workers than are kept apart (limit)",
        labels: ["reason"], source: "the exchange of Celery's events")

    static let metrics: [CatalogueEntry] =
        counters.map(\.entry) + [
            completedTotal, runtime, waitTime, workerUp, tasksActive, workerInfo, activeWorkers, eventsTotal,
            droppedTotal,
        ]

    /// All families as of now.
    func families(at now: ContinuousClock.Instant = .now) -> [MetricFamily] {
        let tasks = counts.sorted { $0.key < $1.key }.map { key, counts in
            let labels: Labels = ["name": key.name, "hostname": key.hostname, "queue_name": key.queue]
            return (labels, counts)
        }
        var families: [MetricFamily] = []
        for (index, counter) in Self.counters.enumerated() {
            var family = MetricFamily(counter.entry.descriptor)
            for (labels, counts) in tasks {
                switch counter.kind {
                case .sent:
                    if counts.events[index] > 0 { family.append(Double(counts.events[index]), labels) }
                case .failed where counts.isOfWorker:
                    family.append(0, labels.adding("exception", ""))
                    for (exception, count) in counts.failures.sorted(by: { $0.key < $1.key }) {
                        family.append(Double(count), labels.adding("exception", exception))
                    }
                default:
                    if counts.isOfWorker { family.append(Double(counts.events[index]), labels) }
                }
            }
            families.append(family)
        }

        var completed = MetricFamily(Self.completedTotal.descriptor)
        for kind in [CeleryEvent.Kind.succeeded, .failed, .rejected, .revoked] {
            let status = String(kind.rawValue.dropFirst("task-".count))
            completed.append(Double(self.completed[kind] ?? 0), ["status": status])
        }
        var runtime = MetricFamily(Self.runtime.descriptor)
        var wait = MetricFamily(Self.waitTime.descriptor)
        for (labels, counts) in tasks {
            if let distribution = counts.runtime { runtime.append(distribution.histogram(runtimeBounds), labels) }
            if let distribution = counts.wait { wait.append(distribution.histogram(waitBounds), labels) }
        }
        return families + [completed, runtime, wait] + workerFamilies(at: now) + ownFamilies
    }

    private func workerFamilies(at now: ContinuousClock.Instant) -> [MetricFamily] {
        var up: [String: Bool] = [:]
        var active: [String: Double] = [:]
        var queues: [String: Int] = [:]
        var info = MetricFamily(Self.workerInfo.descriptor)
        for (name, worker) in workers.sorted(by: { $0.key < $1.key }) {
            let isUp = isUp(worker, at: now)
            up[worker.hostname] = isUp || (up[worker.hostname] ?? false)
            if let count = worker.active { active[worker.hostname, default: 0] += isUp ? count : 0 }
            for queue in worker.queues { queues[queue, default: 0] += isUp ? 1 : 0 }
            if isUp {
                info.append(1, ["worker": name, "hostname": worker.hostname, "software": worker.software])
            }
        }
        return [
            Self.family(Self.workerUp, up.mapValues { $0 ? 1 : 0 }, by: "hostname"),
            Self.family(Self.tasksActive, active, by: "hostname"),
            info,
            Self.family(Self.activeWorkers, queues.mapValues(Double.init), by: "queue_name"),
        ]
    }

    private var ownFamilies: [MetricFamily] {
        var events: [String: Double] = ["other": Double(others)]
        for kind in CeleryEvent.Kind.allCases { events[kind.rawValue] = Double(received[kind] ?? 0) }
        let drops = CeleryEvent.Drop.allCases.map { ($0.rawValue, Double(dropped[$0] ?? 0)) }
        return [
            Self.family(Self.eventsTotal, events, by: "type"),
            Self.family(Self.droppedTotal, Dictionary(uniqueKeysWithValues: drops), by: "reason"),
        ]
    }

    private static func family(_ entry: CatalogueEntry, _ values: [String: Double], by label: String) -> MetricFamily {
        var family = MetricFamily(entry.descriptor)
        for (value, number) in values.sorted(by: { $0.key < $1.key }) { family.append(number, [label: value]) }
        return family
    }
}
