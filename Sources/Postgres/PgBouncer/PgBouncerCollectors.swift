public import Scraping

/// All collectors of PgBouncer.
public enum PgBouncerCollectors {
    /// New ones for one target, in alphabetical order.
    ///
    /// - Parameter hasLegacyNames: Whether families also appear under the names that pgbouncer_exporter gave them before
    ///   0.11.
    static func all(hasLegacyNames: Bool = false) -> [any PgBouncerCollector] {
        [
            PoolerClients(),
            ShowTable.config,
            ShowTable.databases,
            ShowTable.lists,
            ShowTable.pools,
            ShowTable.stats(hasLegacyNames: hasLegacyNames),
            PoolerVersion(),
        ]
    }

    /// The catalogue: names, families, and whether each is on where nobody said anything.
    public static var catalogue: [any Collector] { all() }
}
