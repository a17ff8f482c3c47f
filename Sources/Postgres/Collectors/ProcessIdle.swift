import Exposition
import Scraping

/// How long idle sessions have been idle, as a histogram by state and application (`pg_stat_activity.state_change`).
struct ProcessIdle: PostgresCollector {
    let name = "process_idle"
    let isEnabledByDefault = false

    private static let descriptor = MetricDescriptor(
        "pg_process_idle_seconds", .histogram,
        "Idle sessions by how many seconds they have been idle, in a transaction or not (pg_stat_activity).")
    private static let upperBounds: [Double] = [1, 2, 5, 15, 30, 60, 90, 120, 300]

    var metrics: [CatalogueEntry] {
        [CatalogueEntry(Self.descriptor, labels: ["state", "application_name"], source: "pg_stat_activity")]
    }

    func statement(for server: ServerFacts) throws(CollectorError) -> String? {
        try server.require(.readAllStats)
        let buckets = Self.upperBounds.map { "count(*) FILTER (WHERE idle <= \($0))" }.joined(separator: ", ")
        // A session may have become idle after our transaction began.
        return """
            SELECT coalesce(state, 'unknown'), coalesce(application_name, 'unknown'), count(*), sum(idle), \(buckets) \
            FROM (SELECT state, application_name, greatest(extract(epoch FROM now() - state_change), 0) AS idle \
            FROM pg_stat_activity AS a WHERE state LIKE 'idle%' AND \(isOthers("a"))) AS sessions \
            GROUP BY 1, 2 ORDER BY 1, 2
            """
    }

    func families(from rows: borrowing QueryResult, server: ServerFacts) throws(CollectorError) -> [MetricFamily] {
        var family = MetricFamily(Self.descriptor)
        for row in 0..<rows.rowCount {
            var numbers: [Double] = []
            for column in 2..<rows.columnCount {
                guard let number = rows.number(row, column) else { break }
                numbers.append(number)
            }
            guard numbers.count == 2 + Self.upperBounds.count, let state = rows.text(row, 0),
                let application = rows.text(row, 1)
            else { throw CollectorError(.internal, "the idle sessions are not counted by \(Self.upperBounds)") }
            let buckets = zip(Self.upperBounds, numbers[2...]).map {
                Histogram.Bucket(upperBound: $0, cumulativeCount: UInt64($1))
            }
            family.append(
                Histogram(buckets: buckets, count: UInt64(numbers[0]), sum: numbers[1]),
                ["state": state, "application_name": application])
        }
        return [family]
    }
}
