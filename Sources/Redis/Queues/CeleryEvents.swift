import Exposition
import Scraping
import Synchronization

/// What Celery's workers and senders say in their events, which they publish whether or not anybody listens.
///
/// Only who listens at that moment hears an event: what happened while there was no connection is not counted. Nothing is
/// written to the broker; what celery-exporter asks the workers (`celery_active_process_count`, queues without tasks) is
/// therefore not known here.
final class CeleryEventsCollector: RedisCollector {
    let name = "redis_celery_events"
    let isEnabledByDefault = false
    let metrics = CeleryTasks.metrics + [interruptionsTotal]
    let readsWhatWasNamed = true

    private static let interruptionsTotal = CatalogueEntry(
        "stack_exporter_celery_events_interruptions_total", .counter,
        "Times that the connection for events broke; those that were published until it was there again are not counted",
        source: "the connection")

    private let tasks: Tasks
    private let subscription: Subscription
    private let subscriptionRights: RedisRights

    /// What the connection's event loop fills and scrapes read.
    private final class Tasks: Sendable {
        let state: Mutex<CeleryTasks>

        init(_ options: RedisQueueOptions.Celery) { state = Mutex(CeleryTasks(options)) }

        func take(_ message: Subscription.Message) {
            let batch =
                switch message {
                case .payload(let bytes): CeleryEvent.decode(bytes)
                case .oversized: CeleryEvent.Batch.dropped(.size)
                }
            state.withLock { $0.take(batch) }
        }
    }

    init(_ settings: RedisSettings) {
        let tasks = Tasks(settings.queues.celery)
        self.tasks = tasks
        let events = settings.queues.celery.events(database: settings.database)
        subscription = Subscription(events.command) { tasks.take($0) }
        subscriptionRights = RedisRights(commands: [events.command.name, "PING"], channels: [events.channels])
    }

    /// When a task was sent, in seconds since 1970 by the sender's clock; `nil` where that is not known.
    func sentTime(of taskID: String) -> Double? {
        tasks.state.withLock { $0.sentTime(of: taskID) }
    }

    /// It has its own connection. What all ask for anyway makes it run.
    func commands(_ server: RedisFacts) -> [RedisCommand] {
        server.isSentinel ? [] : [.info]
    }

    func rights(_ server: RedisFacts) -> RedisRights { server.isSentinel ? RedisRights() : subscriptionRights }

    func result(_ replies: RedisReplies, _ server: RedisFacts) -> CollectorResult {
        let failure = subscription.failure
        // Taken out, so that events need not wait until a page is made of it.
        let snapshot = tasks.state.withLock { tasks in
            tasks.advance()
            return tasks
        }
        let interruptions = MetricFamily(Self.interruptionsTotal.descriptor, Double(subscription.interruptions))
        return CollectorResult(families: snapshot.families() + [interruptions], error: failure)
    }

    func look(_ server: RedisBackground) async {
        if !server.facts.isSentinel { await subscription.listen(by: server.dialer) }
    }

    var openConnections: Int { subscription.isOpen ? 1 : 0 }

    func shutdown() async { await subscription.shutdown() }
}

extension RedisQueueOptions.Celery {
    /// What subscribes to the exchange of events, and what an ACL has to have behind its `&` for it: `/0.celeryev/*`.
    func events(database: Int) -> (command: RedisCommand, channels: String) {
        let channel = keyPrefix + Self.rendered(fanoutPrefix, database: database) + eventExchange
        let literal = channel.map { #"*?[]\"#.contains($0) ? "\\\($0)" : "\($0)" }.joined()
        if fanoutPatterns { return (RedisCommand("PSUBSCRIBE", literal + "/*"), literal + "/*") }
        return (RedisCommand("SUBSCRIBE", channel), literal)
    }

    /// As Python's `format` does it: `{db}` is the database, a doubled brace is one.
    private static func rendered(_ prefix: String, database: Int) -> String {
        var result = ""
        var rest = prefix[...]
        while !rest.isEmpty {
            if rest.hasPrefix("{{") || rest.hasPrefix("}}") {
                result.append(rest.removeFirst())
                rest.removeFirst()
            } else if rest.hasPrefix("{db}") {
                result += String(database)
                rest.removeFirst("{db}".count)
            } else {
                result.append(rest.removeFirst())
            }
        }
        return result
    }
}
