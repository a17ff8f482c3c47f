public import Scraping

/// All collectors.
public enum PostgresCollectors {
    /// New ones for one target, in alphabetical order: those that compare a scrape with the one before keep what they saw.
    static func all(_ options: PostgresOptions = PostgresOptions()) -> [any PostgresCollector] {
        let collectors: [any PostgresCollector] = [
            TableCollector.database,
            Settings(),
            TableCollector.statActivity,
            TableCollector.statDatabase,
            TableCollector.statStatements,
            StaticInformation(),
        ]
        return collectors.map { collector in
            guard var table = collector as? TableCollector else { return collector }
            table.wrapsLargeCounters = options.wrapsLargeCounters
            return table
        }
    }

    /// The catalogue: names, families, and whether each is on where nobody said anything.
    public static var catalogue: [any Collector] { all() }
}
