import Exposition
import Scraping

/// The depths of configured Celery queues.
///
/// Celery keeps a queue as one list for each priority step: the queue's own name for step 0, and the name, the bytes 6 and
/// 22, and the step for the others, which are 3, 6 and 9 where nothing else is configured. What waits is in all of them.
struct CeleryCollector: RedisCollector {
    let name = "redis_celery"

    var metrics: [CatalogueEntry] { [Self.length] }

    private static let length = CatalogueEntry(
        "celery_queue_length", .gauge,
        "Messages that wait in the queue, of all priorities; 0 for an empty queue, which has no key",
        labels: ["queue_name"], source: "LLEN")

    let readsWhatWasNamed = true
    private let settings: RedisSettings

    init(_ settings: RedisSettings) {
        self.settings = settings
    }

    func commands(_ server: RedisFacts) -> [RedisCommand] {
        settings.queues.celery.names.flatMap { Self.lengths(of: $0, settings) }
    }

    func families(_ replies: RedisReplies, _ server: RedisFacts) throws(CollectorError) -> [MetricFamily] {
        var length = MetricFamily(Self.length.descriptor)
        var firstError: CollectorError?
        for queue in settings.queues.celery.names {
            do throws(CollectorError) {
                var messages: Int64 = 0
                for command in Self.lengths(of: queue, settings) { messages += try replies.integer(command) }
                length.append(Double(messages), ["queue_name": queue])
            } catch {
                firstError = firstError ?? error
            }
        }
        if length.samples.isEmpty, let firstError { throw firstError }
        return [length]
    }

    private static func lengths(of queue: String, _ settings: RedisSettings) -> [RedisCommand] {
        ["", "\u{6}\u{16}3", "\u{6}\u{16}6", "\u{6}\u{16}9"].map {
            RedisCommand("LLEN", queue + $0, database: settings.database)
        }
    }
}
