public import Scraping

/// All collectors.
public enum PostgresCollectors {
    /// New ones for one target, in alphabetical order: those that compare a scrape with the one before keep what they saw.
    static func all(_ options: PostgresOptions = PostgresOptions()) -> [any PostgresCollector] {
        let statements = StatStatements(options)
        let collectors: [any PostgresCollector] = [
            TableCollector.blockedSessions,
            TableCollector.buffercacheSummary,
            TableCollector.database(options.databases),
            TableCollector.databaseSize(options.databases),
            TableCollector.databaseWraparound,
            TableCollector.indexBloat(options.relations),
            TableCollector.indexHealth,
            TableCollector.lockWaits,
            TableCollector.locks,
            TableCollector.longRunningTransactions,
            TableCollector.openTransactions,
            TableCollector.postmaster,
            TableCollector.preparedTransactions,
            ProcessIdle(),
            TableCollector.relationSizes(options.relations),
            TableCollector.replication,
            TableCollector.replicationSlots,
            TableCollector.roles,
            TableCollector.rowSecurity(options.relations),
            TableCollector.sequences(options.relations),
            TableCollector.sequencesUnreadable,
            Settings(),
            TableCollector.statActivity,
            TableCollector.statActivityAutovacuum,
            TableCollector.statArchiver,
            TableCollector.statBgwriter,
            TableCollector.statCheckpointer,
            TableCollector.statDatabase,
            TableCollector.statDatabaseConflicts,
            TableCollector.statIO,
            TableCollector.statProgressVacuum,
            TableCollector.statReplication,
            TableCollector.statSLRU,
            statements,
            StatStatementsText(of: statements, options),
            TableCollector.statSubscription,
            TableCollector.statSubscriptionStats,
            TableCollector.statUserIndexes(options.relations),
            TableCollector.statUserTables(options.relations),
            TableCollector.statWAL,
            TableCollector.statWALReceiver,
            StaticInformation(),
            TableCollector.statioUserIndexes(options.relations),
            TableCollector.statioUserTables(options.relations),
            TableCollector.subscriptionTables,
            TableCollector.tableBloat(options.relations),
            TableCollector.tableRowSecurity(options.relations),
            TableCollector.waitEvents,
            TableCollector.wal,
            TableCollector.wraparound,
            TableCollector.xlogLocation,
            TableCollector.xminHorizon,
        ]
        return collectors.map { collector in
            guard var table = collector as? TableCollector else { return collector }
            table.wrapsLargeCounters = options.wrapsLargeCounters
            return table
        } + options.customQueries.map { CustomQueryCollector($0, inAllDatabases: options.customQueriesInAllDatabases) }
    }

    /// The catalogue: names, families, and whether each is on where nobody said anything.
    public static var catalogue: [any Collector] { all() }
}
