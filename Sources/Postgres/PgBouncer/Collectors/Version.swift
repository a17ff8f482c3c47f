import Exposition
import Scraping

/// What the pooler is: `pgbouncer_version_info`, always 1, with the version in its label (`SHOW VERSION`).
struct PoolerVersion: PgBouncerCollector {
    let name = "pgbouncer_version"
    let command = "SHOW VERSION"

    private static let descriptor = MetricDescriptor(
        "pgbouncer_version_info", .gauge, "Always 1; the label tells the pooler's version.")

    var metrics: [CatalogueEntry] {
        [CatalogueEntry(Self.descriptor, labels: ["version"], source: command)]
    }

    func families(from rows: borrowing QueryResult) throws(CollectorError) -> [MetricFamily] {
        guard rows.rowCount == 1, let column = rows.column("version"), let version = rows.text(0, column) else {
            throw CollectorError(.internal, "the pooler does not tell its version")
        }
        return [MetricFamily(Self.descriptor, 1, ["version": version])]
    }
}
