public import Exposition
public import Scraping
import Synchronization

/// A PgBouncer, by its console: one connection for each scrape, on which all collectors ask one after the other.
///
/// The connection is not kept, since PgBouncer, told to end by SIGTERM, waits for all clients to go first (since 1.23).
public final class PgBouncerTarget: Target {
    /// `pgbouncer`
    public static let kind = "pgbouncer"

    let settings: PostgresSettings
    private let enabled: [any PgBouncerCollector]
    let connection: PostgresConnection

    /// A pooler, without connecting yet.
    ///
    /// - Parameters:
    ///   - settings: The pooler's address, and a user among its `stats_users`. The database is always its console.
    ///   - hasLegacyNames: Whether families also appear under the names that pgbouncer_exporter gave them before 0.11.
    public init(
        _ settings: PostgresSettings, collectors: CollectorSelection = CollectorSelection(),
        hasLegacyNames: Bool = false
    ) {
        self.settings = settings
        enabled = PgBouncerCollectors.all(hasLegacyNames: hasLegacyNames).filter(collectors.isEnabled)
        connection = PostgresConnection(settings, database: "pgbouncer", queries: .simple)
    }

    /// As configured.
    public var name: String { settings.name }
    /// The names of the collectors that are enabled.
    public var collectors: [String] { enabled.map(\.name) }
    /// 1 while it is scraped, else 0.
    public var openConnections: Int? { connection.openConnections }

    /// Connects, runs all collectors, and closes the connection.
    public func run(_ scrape: Scrape) async {
        do throws(CollectorError) {
            try await connection.open(until: scrape.deadline)
            scrape.targetAnswered()
            try await collect(scrape)
        } catch {
            scrape.targetFailed(error)
        }
        await connection.close()
    }

    private func collect(_ scrape: Scrape) async throws(CollectorError) {
        let lastEnd = Mutex(ContinuousClock.now)
        try await connection.runSimple(enabled.map(\.command), until: scrape.deadline) { [enabled] index, outcome in
            let start = lastEnd.withLock { $0 }
            defer { lastEnd.withLock { $0 = .now } }
            let families: Result<[MetricFamily], CollectorError>
            do throws(CollectorError) {
                switch consume outcome {
                case .success(let rows): families = .success(try enabled[index].families(from: rows))
                case .failure(let error): throw error
                }
            } catch {
                families = .failure(error)
            }
            scrape.deliver(enabled[index].name, took: start.duration(to: .now), families)
        }
    }

    /// `pgbouncer_up`.
    public func status(of outcome: ScrapeOutcome) -> [MetricFamily] {
        [MetricFamily(Self.up, outcome.isUp ? 1 : 0)]
    }

    /// `pgbouncer_up`.
    public static let statusMetrics = [CatalogueEntry(up, source: "the scrape")]

    private static let up = MetricDescriptor(
        "pgbouncer_up", .gauge, "Whether the pooler answered this scrape within its time limit: 1 or 0.")

    /// Closes the connection.
    public func shutdown() async {
        await connection.close()
    }
}
