import Exposition
public import Scraping

/// A collector that asks a server one statement.
protocol PostgresCollector: Collector {
    /// The statement for this server.
    ///
    /// - Returns: `nil` where the server has nothing for this collector, which is then left out of the scrape.
    /// - Throws: Why it cannot run, said only where the collector was asked for by name; else it is left out too.
    func statement(for server: ServerFacts) throws(CollectorError) -> String?

    /// What the rows say.
    func families(from rows: borrowing QueryResult, server: ServerFacts) throws(CollectorError) -> [MetricFamily]
}

/// All collectors, in alphabetical order.
public enum PostgresCollectors {
    static let all: [any PostgresCollector] = [
        TableCollector.database,
        Settings(),
        TableCollector.statActivity,
        TableCollector.statDatabase,
        TableCollector.statStatements,
        StaticInformation(),
    ]

    /// The catalogue's names, and whether each is on where nobody said anything.
    public static var catalogue: [any Collector] { all }
}
