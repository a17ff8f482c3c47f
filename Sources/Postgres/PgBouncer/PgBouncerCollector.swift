import Exposition
import Scraping

/// A collector that asks PgBouncer's console one command.
protocol PgBouncerCollector: Collector {
    /// As the console takes it: `SHOW POOLS`.
    var command: String { get }

    /// What the rows say. A column that the pooler's version does not have makes no family.
    func families(from rows: borrowing QueryResult) throws(CollectorError) -> [MetricFamily]
}
