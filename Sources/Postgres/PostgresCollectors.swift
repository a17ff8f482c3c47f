public import Scraping

/// All collectors.
public enum PostgresCollectors {
    /// New ones for one target, in alphabetical order: those that compare a scrape with the one before keep what they saw.
    static func all(_ options: PostgresOptions = PostgresOptions()) -> [any PostgresCollector] {
        [
            TableCollector.blockedSessions,
            TableCollector.database,
            TableCollector.indexBloat(options.relations),
            TableCollector.indexHealth,
            TableCollector.lockWaits,
            TableCollector.openTransactions,
            TableCollector.preparedTransactions,
            TableCollector.rowSecurity(options.relations),
            TableCollector.sequences(options.relations),
            TableCollector.sequencesUnreadable,
            Settings(),
            TableCollector.statActivity,
            TableCollector.statDatabase,
            TableCollector.statIO,
            TableCollector.statSLRU,
            TableCollector.statStatements,
            TableCollector.statSubscription,
            TableCollector.statSubscriptionStats,
            TableCollector.statUserIndexes(options.relations),
            TableCollector.statWAL,
            StaticInformation(),
            TableCollector.subscriptionTables,
            TableCollector.tableBloat(options.relations),
            TableCollector.tableRowSecurity(options.relations),
            TableCollector.waitEvents,
            TableCollector.wraparound,
            TableCollector.xminHorizon,
        ]
    }

    /// The catalogue: names, families, and whether each is on where nobody said anything.
    public static var catalogue: [any Collector] { all() }
}
