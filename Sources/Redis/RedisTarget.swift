public import Exposition
public import NIOCore
public import Scraping
import Synchronization

/// A Redis or Valkey server.
public final class RedisTarget: Target {
    /// `redis`
    public static let kind = "redis"

    /// As in ``RedisSettings/name``.
    public var name: String { settings.name }
    /// Of those asked for, the ones that there are.
    public let collectors: [String]

    private let settings: RedisSettings
    private let enabled: [any RedisCollector]
    /// What a scrape sends: what the collectors want, each command once.
    private let commands: [RedisCommand]
    private let connection: RedisConnection
    private let scrapes = Mutex(Scrapes())

    private struct Scrapes {
        var started = 0
        var ended: UInt64 = 0
        var duration = Duration.zero
    }

    /// - Parameters:
    ///   - selection: Which collectors run.
    ///   - group: Where the connection lives; it must outlast the target.
    public init(
        _ settings: RedisSettings, collectors selection: CollectorSelection = CollectorSelection(),
        group: any EventLoopGroup
    ) {
        self.settings = settings
        enabled = RedisCollectors.all.filter(selection.isEnabled)
        self.collectors = enabled.map(\.name)
        // INFO is what tells that the server is up, whatever else is asked for.
        var commands: [RedisCommand] = []
        var known: Set<RedisCommand> = []
        for command in [.info] + enabled.flatMap({ $0.commands(settings) }) where known.insert(command).inserted {
            commands.append(command)
        }
        self.commands = commands
        connection = RedisConnection(settings, group: group)
    }

    /// 1 or 0; there is never more than one connection.
    public var openConnections: Int? { connection.isOpen ? 1 : 0 }

    /// Sends the commands of all collectors in one piece and delivers what comes back.
    public func run(_ scrape: Scrape) async {
        let start = ContinuousClock.now
        scrapes.withLock { $0.started += 1 }
        defer {
            let duration = start.duration(to: .now)
            scrapes.withLock { scrapes in
                scrapes.ended += 1
                scrapes.duration += duration
            }
        }
        do {
            let replies = try await connection.run(commands, until: scrape.deadline)
            for collector in enabled {
                scrape.deliver(collector.name) { () throws(CollectorError) in try collector.families(replies, settings)
                }
            }
            _ = try replies.text(.info)
            scrape.targetAnswered()
        } catch {
            scrape.targetFailed(error)
        }
    }

    /// Whether the server answered, and the exporter's own figures, as redis_exporter has them.
    public func status(of outcome: ScrapeOutcome) -> [MetricFamily] {
        let scrapes = scrapes.withLock { $0 }
        let error = outcome.isUp ? nil : outcome.error?.reason ?? .internal
        return [
            MetricFamily(Self.up.descriptor, outcome.isUp ? 1 : 0),
            MetricFamily(Self.scrapesTotal.descriptor, Double(scrapes.started)),
            {
                var family = MetricFamily(Self.scrapeDuration.descriptor)
                family.append(Summary(quantiles: [], count: scrapes.ended, sum: scrapes.duration.seconds))
                return family
            }(),
            MetricFamily(Self.lastScrapeDuration.descriptor, outcome.duration.seconds),
            MetricFamily(Self.lastConnectDuration.descriptor, connection.connectDuration.seconds),
            MetricFamily(Self.lastScrapeError.descriptor, error == nil ? 0 : 1, ["err": error?.rawValue ?? ""]),
        ]
    }

    /// Closes the connection. Scrapes fail from now on.
    public func shutdown() async {
        await connection.shutDown()
    }

    private static let up = entry(
        "redis_up", .gauge, "Whether the server answered INFO in this scrape, by its deadline.")
    private static let scrapesTotal = entry(
        "redis_exporter_scrapes_total", .counter, "Scrapes of the server that were begun.")
    private static let scrapeDuration = entry(
        "redis_exporter_scrape_duration_seconds", .summary, "Seconds that scrapes of the server took.")
    private static let lastScrapeDuration = entry(
        "redis_exporter_last_scrape_duration_seconds", .gauge, "Seconds that this scrape of the server took.")
    private static let lastConnectDuration = entry(
        "redis_exporter_last_scrape_connect_time_seconds", .gauge,
        "Seconds that this scrape waited for a connection; 0 where the one from before was still open.")
    private static let lastScrapeError = entry(
        "redis_exporter_last_scrape_error", .gauge,
        "Whether this scrape failed as a whole, with the reason as err; a failure of one collector is not one.",
        labels: ["err"])

    /// `redis_up` and the exporter's own families, as redis_exporter has them.
    public static let statusMetrics = [
        up, scrapesTotal, scrapeDuration, lastScrapeDuration, lastConnectDuration, lastScrapeError,
    ]

    private static func entry(
        _ name: String, _ type: MetricType, _ help: String, labels: [String] = []
    ) -> CatalogueEntry {
        CatalogueEntry(MetricDescriptor(name, type, help), labels: labels, source: "the scrape")
    }
}
