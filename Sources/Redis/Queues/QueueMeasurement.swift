import Exposition
import Scraping

/// What is known of one queue at one moment, whatever system it belongs to: the uniform metrics are made of it.
struct QueueMeasurement {
    /// How the age of the oldest job is known.
    enum AgeKind: String {
        /// The job, or its system, says when it was put there.
        case exact
        /// An event said when it was sent.
        case event
        /// It has been the oldest for at least so long: it may be older.
        case observed
    }

    /// `celery`, `rq`, `sidekiq`, `bullmq`, `resque`, `list`, `sorted_set`, `stream`
    let system: String
    /// As its system calls it.
    let queue: String
    /// How many jobs are in which state: `waiting`, `delayed`, `active`, `failed`, ... as far as the system has them.
    var depths: [(state: String, count: Double)] = []
    /// The age of the oldest waiting job in seconds; `nil` where nothing waits, or it is not known.
    var oldestAge: (seconds: Double, kind: AgeKind)?
    /// How many delayed jobs should have been run already, or unacknowledged ones given to somebody else.
    var overdue: Double?
    /// How many jobs somebody has taken and not acknowledged.
    var unacked: Double?
    /// How long ago the oldest of them was taken, in seconds.
    var oldestUnackedAge: Double?
}

extension QueueMeasurement {
    private static let depth = CatalogueEntry(
        "queue_depth", .gauge, "Jobs in the queue, by their state; 0 for an empty queue that was named",
        labels: ["system", "queue", "state"], source: "the lengths of the queue's keys")
    private static let oldestAge = CatalogueEntry(
        "queue_oldest_age_seconds", .gauge,
        "Seconds that the oldest waiting job has been waiting: exact, by an event, or observed, which is at least so long",
        labels: ["system", "queue", "kind"], source: "the oldest job")
    private static let overdue = CatalogueEntry(
        "queue_overdue", .gauge,
        "Jobs whose time has come and that have not moved: delayed ones, or for Celery, unacknowledged ones to give anew",
        labels: ["system", "queue"], source: "ZCOUNT")
    private static let unacked = CatalogueEntry(
        "queue_unacked", .gauge,
        "Jobs that somebody has taken and not acknowledged; Celery's stand together, as those of the queue (all)",
        labels: ["system", "queue"], source: "the system's list of them")
    private static let oldestUnackedAge = CatalogueEntry(
        "queue_oldest_unacked_age_seconds", .gauge, "Seconds since the oldest unacknowledged job was taken",
        labels: ["system", "queue"], source: "the system's list of them")

    /// What the catalogue tells; each collector of queues has it beside its own.
    static let metrics = [depth, oldestAge, overdue, unacked, oldestUnackedAge]

    /// The uniform families of some queues.
    static func families(_ queues: [QueueMeasurement]) -> [MetricFamily] {
        var depth = MetricFamily(depth.descriptor)
        var age = MetricFamily(oldestAge.descriptor)
        var overdue = MetricFamily(overdue.descriptor)
        var unacked = MetricFamily(unacked.descriptor)
        var unackedAge = MetricFamily(oldestUnackedAge.descriptor)
        for queue in queues {
            let labels: Labels = ["system": queue.system, "queue": queue.queue]
            for (state, count) in queue.depths { depth.append(count, labels.adding("state", state)) }
            if let oldest = queue.oldestAge { age.append(oldest.seconds, labels.adding("kind", oldest.kind.rawValue)) }
            if let count = queue.overdue { overdue.append(count, labels) }
            if let count = queue.unacked { unacked.append(count, labels) }
            if let seconds = queue.oldestUnackedAge { unackedAge.append(seconds, labels) }
        }
        return [depth, age, overdue, unacked, unackedAge]
    }
}
