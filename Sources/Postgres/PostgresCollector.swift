import Exposition
import Scraping

/// A collector that asks one statement, of the server as a whole or of each database.
protocol PostgresCollector: Collector {
    /// What the statement is asked of.
    var scope: CollectorScope { get }
    /// Whether it is asked in the background, every few minutes, since it is dear: what takes locks on relations, and what
    /// reads files or whole catalogues.
    var isSlow: Bool { get }
    /// The collector that has to be enabled for this one to run: whoever switches `stat_user_tables` off wants no sizes
    /// of tables either.
    var parent: String? { get }
    /// The extension that it reads, if any.
    var requiredExtension: String? { get }
    /// How many rows the statement may return, beyond which it has failed; `nil` where the statement bounds itself.
    var rowLimit: Int? { get }
    /// A statement that goes before, in the same transaction, to set what its statement needs set and nobody else.
    var localSettings: String? { get }
    /// What is delivered without asking the server, from an answer that is recent enough; `nil` where there is none.
    func cachedFamilies(at now: ContinuousClock.Instant, for server: ServerFacts) -> [MetricFamily]?
    /// The statement for this server.
    ///
    /// - Returns: `nil` where the server has nothing for this collector, which is then left out of the scrape.
    /// - Throws: Why it cannot run, and the statement that mends it. It is an error where the collector was asked for by
    ///   name; else the collector is left out, and the log says so once.
    func statement(for server: ServerFacts) throws(CollectorError) -> String?

    /// What the rows say.
    func families(from rows: borrowing QueryResult, server: ServerFacts) throws(CollectorError) -> [MetricFamily]
}

extension PostgresCollector {
    var scope: CollectorScope { .server }
    var isSlow: Bool { false }
    var parent: String? { nil }
    var requiredExtension: String? { nil }
    var rowLimit: Int? { nil }
    var localSettings: String? { nil }
    func cachedFamilies(at now: ContinuousClock.Instant, for server: ServerFacts) -> [MetricFamily]? { nil }
}

/// What a collector's statement is asked of.
enum CollectorScope {
    /// Once, in the database that the connection string names: what the whole server shares.
    case server
    /// In every database that the role may connect to: what a session sees of its own database alone.
    case database
}
