import Exposition
import Scraping

/// What the server is: `pg_static`, always 1, with the version in its labels.
struct StaticInformation: PostgresCollector {
    let name = "static"

    var metrics: [CatalogueEntry] {
        [CatalogueEntry(Self.descriptor, labels: ["server", "short_version", "version"], source: "version()")]
    }

    private static let descriptor = MetricDescriptor(
        "pg_static", .unknown, "Always 1; the labels tell the server's version, in short and in full (version()).")

    func statement(for server: ServerFacts) -> String? {
        "SELECT version(), current_setting('server_version_num')::int AS number"
    }

    func families(from rows: borrowing QueryResult, server: ServerFacts) throws(CollectorError) -> [MetricFamily] {
        guard rows.rowCount == 1, let text = rows.text(0, 0), let number = rows.number(0, 1) else {
            throw CollectorError(.internal, "the server does not tell its version")
        }
        let labels: Labels = [
            "server": server.address, "short_version": ServerFacts.shortVersion(Int(number)), "version": text,
        ]
        return [MetricFamily(Self.descriptor, 1, labels)]
    }
}
