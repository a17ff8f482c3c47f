import Exposition
import Scraping

/// Clients by who they are and what they are at (`SHOW CLIENTS`). Our own is among them.
struct PoolerClients: PgBouncerCollector {
    let name = "pgbouncer_clients"
    let command = "SHOW CLIENTS"

    private static let labels = ["application_name", "database", "state", "user"]
    private static let descriptor = MetricDescriptor(
        "pgbouncer_client_connections", .gauge, "Clients that are connected, by state.")

    var metrics: [CatalogueEntry] {
        [CatalogueEntry(Self.descriptor, labels: Self.labels, source: command)]
    }

    func families(from rows: borrowing QueryResult) throws(CollectorError) -> [MetricFamily] {
        var indices: [Int] = []
        for label in Self.labels {
            guard let index = rows.column(label) else {
                throw CollectorError(.internal, "\(command) has no column \(label)")
            }
            indices.append(index)
        }
        var counts: [[String]: Int] = [:]
        for row in 0..<rows.rowCount {
            var values: [String] = []
            for index in indices { values.append(rows.text(row, index) ?? "") }
            counts[values, default: 0] += 1
        }
        var family = MetricFamily(Self.descriptor)
        for (values, count) in counts.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            family.append(Double(count), Labels(zip(Self.labels, values)))
        }
        return [family]
    }
}
