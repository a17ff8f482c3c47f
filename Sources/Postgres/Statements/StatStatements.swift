import Exposition
import Scraping
import Synchronization

/// The statements that take the most time, by role, database and query (`pg_stat_statements` 1.8+): since the server
/// began to count, and since the read before.
///
/// Entries that differ only in whether a function called the statement (`toplevel`, since 14) are added up. The text is
/// never fetched.
final class StatStatements: PostgresCollector {
    let name = "stat_statements"
    let requiredExtension: String? = "pg_stat_statements"
    private let options: PostgresOptions
    private let state: Mutex<State>

    private struct State {
        var intervals: StatementIntervals
        /// The queries that the last scrape showed.
        var shown: Set<Int64> = []
    }

    init(_ options: PostgresOptions) {
        self.options = options
        state = Mutex(State(intervals: StatementIntervals(options.statements)))
    }

    /// The ids of the queries that the last scrape showed; empty before the first.
    var shownQueries: Set<Int64> { state.withLock { $0.shown } }

    func statement(for server: ServerFacts) throws(CollectorError) -> String? {
        let (schema, version) = try server.statementsExtension
        // Who is shown for the interval is shown in full with the next read, whatever the rank since the reset.
        let wanted = state.withLock { Set($0.intervals.shown.map(\.query)) }
        return StatementRead.query(
            schema: schema, version: version, options: options.statements, wanted: wanted.sorted())
    }

    func families(from rows: borrowing QueryResult, server: ServerFacts) throws(CollectorError) -> [MetricFamily] {
        let read = try StatementRead(rows)
        let (intervals, shown) = state.withLock { state in
            state.intervals.update(with: read, at: .now)
            let shown = self.shown(of: read, besides: state.intervals.shown)
            state.shown = Set(shown.map(\.query).filter { $0 != 0 })
            return (state.intervals.families, shown)
        }
        var server = [MetricFamily(Descriptors.entries, read.entries)]
        if let capacity = read.capacity { server.append(MetricFamily(Descriptors.capacity, capacity)) }
        if let count = read.deallocations { server.append(MetricFamily(Descriptors.deallocations, count)) }
        return totals(of: shown, in: read) + intervals + server
    }

    /// The first by time since the reset, and those of the interval.
    private func shown(of read: StatementRead, besides ranked: Set<StatementKey>) -> [StatementKey] {
        let keys = read.figures.keys.sorted { (read.counts[$0]?.seconds ?? 0) > (read.counts[$1]?.seconds ?? 0) }
        let shown = Set(keys.prefix(options.statements.limit)).union(ranked.intersection(keys))
        return read.sorted(shown)
    }

    /// The families of columns.
    private func totals(of shown: [StatementKey], in read: StatementRead) -> [MetricFamily] {
        var families = StatementFigure.all.map { MetricFamily($0.descriptor) }
        var means = MetricFamily(Descriptors.mean)
        for key in shown {
            guard let values = read.figures[key] else { continue }
            let labels = read.labels(of: key)
            for (index, figure) in StatementFigure.all.enumerated() {
                families[index].append(values[index] / figure.divisor, labels)
            }
            if values[0] > 0 { means.append(values[1] / values[0], labels) }
        }
        return families + (options.hasLegacyNames ? [means] : [])
    }

    var metrics: [CatalogueEntry] {
        let descriptors = StatementFigure.all.map(\.descriptor) + (options.hasLegacyNames ? [Descriptors.mean] : [])
        return descriptors.map {
            CatalogueEntry($0, labels: ["user", "datname", "queryid"], source: "pg_stat_statements(false)")
        }
            + StatementIntervals.metrics
            + [
                CatalogueEntry(Descriptors.entries, source: "pg_stat_statements(false)"),
                CatalogueEntry(Descriptors.capacity, source: "pg_settings"),
                CatalogueEntry(Descriptors.deallocations, source: "pg_stat_statements_info", versions: "14+"),
            ]
    }

    private enum Descriptors {
        static let mean = MetricDescriptor(
            "pg_stat_statements_mean_time", .gauge,
            "Mean execution time of the statement since its entry was made or reset, in milliseconds.")
        static let entries = MetricDescriptor(
            "pg_stat_statements_entries", .gauge, "How many statements the server keeps count of.")
        static let capacity = MetricDescriptor(
            "pg_stat_statements_max_entries", .gauge,
            "How many statements the server keeps count of at most (pg_stat_statements.max).")
        static let deallocations = MetricDescriptor(
            "pg_stat_statements_dealloc_total", .counter,
            """
            How often the server forgot the least used twentieth of its statements because there were more than \
            pg_stat_statements.max (pg_stat_statements_info.dealloc).
            """)
    }
}

extension ServerFacts {
    /// The schema of `pg_stat_statements`, quoted, and its version.
    ///
    /// - Throws: Where it is missing, or is older than 1.8, which has no `total_exec_time`: the server's upgrade leaves the
    ///   extension as it was.
    var statementsExtension: (schema: String, version: [Int]) {
        get throws(CollectorError) {
            let name = "pg_stat_statements"
            let schema = try schema(of: name)
            let version = extensionVersions[name] ?? []
            guard !version.lexicographicallyPrecedes([1, 8]) else {
                throw CollectorError(
                    .unsupportedVersion, "\(name) in database \(database) is older than 1.8",
                    remedies: [.sql("ALTER EXTENSION \(name) UPDATE;", in: database)])
            }
            return (sqlIdentifier(schema), version)
        }
    }
}
