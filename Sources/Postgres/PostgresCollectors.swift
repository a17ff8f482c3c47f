public import Scraping

/// All collectors.
public enum PostgresCollectors {
    /// New ones for one target, in alphabetical order: those that compare a scrape with the one before keep what they saw.
    static func all(_ options: PostgresOptions = PostgresOptions()) -> [any PostgresCollector] {
        let statements = StatStatements(options)
        let collectors: [any PostgresCollector] = [
            TableCollector.buffercacheSummary,
            TableCollector.database,
            TableCollector.databaseSize,
            TableCollector.databaseWraparound,
            TableCollector.locks,
            TableCollector.longRunningTransactions,
            TableCollector.postmaster,
            ProcessIdle(),
            TableCollector.relationSizes(options.relations),
            TableCollector.replication,
            TableCollector.replicationSlots,
            TableCollector.roles,
            Settings(),
            TableCollector.statActivity,
            TableCollector.statActivityAutovacuum,
            TableCollector.statArchiver,
            TableCollector.statBgwriter,
            TableCollector.statCheckpointer,
            TableCollector.statDatabase,
            TableCollector.statDatabaseConflicts,
            TableCollector.statProgressVacuum,
            TableCollector.statReplication,
            statements,
            StatStatementsText(of: statements, options),
            TableCollector.statUserTables(options.relations),
            TableCollector.statWalReceiver,
            StaticInformation(),
            TableCollector.statioUserIndexes(options.relations),
            TableCollector.statioUserTables(options.relations),
            TableCollector.wal,
            TableCollector.xlogLocation,
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
