import Exposition
import Scraping
import Synchronization

/// Asks a custom query and makes of its rows what it says of its columns.
///
/// All families or none: a column that is missing or cannot be read fails the query, and nothing else.
final class CustomQueryCollector: PostgresCollector {
    private let query: CustomQuery
    let scope: CollectorScope
    private let cache = Mutex<[Database: (families: [MetricFamily], end: ContinuousClock.Instant)]>([:])

    /// Where an answer comes from.
    private struct Database: Hashable {
        let server: String
        let name: String
    }

    /// - Parameter inAllDatabases: Whether queries that are not for one database alone are asked in each.
    init(_ query: CustomQuery, inAllDatabases: Bool = false) {
        self.query = query
        scope = inAllDatabases && !query.isForOneDatabase ? .database : .server
    }

    /// `custom_` and the namespace, which may be a built-in collector's name.
    var name: String { "custom_\(query.namespace)" }
    var metrics: [CatalogueEntry] { query.metrics }
    let rowLimit: Int? = 10_000

    /// The query is read as its writer tried it out: NULL sets a parameter to what the role's sessions begin with. The
    /// styles are those that ``QueryResult`` reads.
    var localSettings: String? {
        """
        SELECT pg_catalog.set_config('search_path', NULL, true), pg_catalog.set_config('DateStyle', 'ISO', true), \
        pg_catalog.set_config('IntervalStyle', 'postgres', true)
        """
    }

    func statement(for server: ServerFacts) -> String? {
        query.versions.contains(server.version) ? query.statement : nil
    }

    func cachedFamilies(at now: ContinuousClock.Instant, for server: ServerFacts) -> [MetricFamily]? {
        let database = Database(server: server.address, name: server.database)
        return cache.withLock { $0[database].flatMap { now < $0.end ? $0.families : nil } }
    }

    func families(from rows: borrowing QueryResult, server: ServerFacts) throws(CollectorError) -> [MetricFamily] {
        let (labels, values) = try columns(of: rows, version: server.version)
        var families = values.map { MetricFamily($0.descriptor) }
        for row in 0..<rows.rowCount {
            var pairs = [("server", server.address)]
            for label in labels { pairs.append((label.name, rows.label(row, label.index))) }
            // Without it the databases' rows could not be told apart.
            if scope == .database { pairs.append(("datname", server.database)) }
            let rowLabels = Labels(pairs)
            for (index, value) in values.enumerated() {
                do throws(QueryResult.Unreadable) {
                    guard let sample = try value.sample(of: rows, row) else { continue }
                    families[index].samples.append(Sample(labels: rowLabels, value: sample))
                } catch {
                    // Of a column that nobody listed, what is no number is left out.
                    guard value.isListed else { continue }
                    let column = rows.name(ofColumn: error.column)
                    throw CollectorError(
                        .internal,
                        "the query \(query.namespace) has what is not \(error.expected) in the column \(column): "
                            + "convert it in the query, or make it a LABEL or DISCARD")
                }
            }
        }
        if query.cacheDuration > .zero {
            let now = ContinuousClock.now
            let database = Database(server: server.address, name: server.database)
            cache.withLock {
                $0 = $0.filter { now < $0.value.end }
                $0[database] = (families, now + query.cacheDuration)
            }
        }
        return families
    }

    /// A column that becomes a family.
    private struct Value {
        let descriptor: MetricDescriptor
        /// Whether the query says what it is.
        let isListed: Bool
        let reading: Reading

        enum Reading {
            case quantity(Int)
            case milliseconds(Int)
            case mapped(Int, [String: Double])
            case histogram(bounds: Int, counts: Int, sum: Int, count: Int)
        }

        /// The row's value; `nil` where there is none.
        func sample(of rows: borrowing QueryResult, _ row: Int) throws(QueryResult.Unreadable) -> Sample.Value? {
            switch reading {
            case .quantity(let column):
                guard let number = try rows.quantity(row, column) else { return nil }
                return .number(number)
            case .milliseconds(let column):
                guard let number = try rows.milliseconds(row, column) else { return nil }
                return .number(number)
            case .mapped(let column, let mapping):
                guard rows.text(row, column) != nil, let number = mapping[rows.label(row, column)] else { return nil }
                return .number(number)
            case .histogram(let column, let countsColumn, let sumColumn, let countColumn):
                guard let bounds = try rows.numbers(row, column), let counts = try rows.numbers(row, countsColumn),
                    let sum = try rows.quantity(row, sumColumn), let count = try rows.quantity(row, countColumn)
                else { return nil }
                guard let histogram = Histogram(bounds: bounds, counts: counts, sum: sum, count: count) else {
                    throw QueryResult.Unreadable(
                        column: column, expected: "a histogram's bounds, with a cumulative count for each")
                }
                return .histogram(histogram)
            }
        }
    }

    /// Where the labels and values are in the result.
    ///
    /// - Throws: Where a column is missing.
    private func columns(
        of rows: borrowing QueryResult, version: Int
    ) throws(CollectorError) -> (labels: [(name: String, index: Int)], values: [Value]) {
        var indices: [String: Int] = [:]
        var names: [String] = []
        for index in 0..<rows.columnCount where indices[rows.name(ofColumn: index)] == nil {
            indices[rows.name(ofColumn: index)] = index
            names.append(rows.name(ofColumn: index))
        }
        func index(_ name: String) throws(CollectorError) -> Int {
            if let index = indices[name] { return index }
            let others = names.prefix(20).joined(separator: ", ")
            throw CollectorError(.internal, "the query \(query.namespace) returns no column \(name), but \(others)")
        }

        var labels: [(name: String, index: Int)] = []
        var values: [Value] = []
        var listed: Set<String> = []
        for column in query.columns {
            listed.insert(column.name)
            if column.usage == .histogram { listed.formUnion(["_bucket", "_sum", "_count"].map { column.name + $0 }) }
            guard column.versions.contains(version) else { continue }
            if column.usage == .label { labels.append((column.name, try index(column.name))) }
            guard let descriptor = query.descriptor(of: column) else { continue }
            let place = try index(column.name)
            let reading: Value.Reading =
                switch column.usage {
                case .duration: .milliseconds(place)
                case .mappedMetric: .mapped(place, column.mapping)
                case .histogram:
                    .histogram(
                        bounds: place, counts: try index("\(column.name)_bucket"), sum: try index("\(column.name)_sum"),
                        count: try index("\(column.name)_count"))
                default: .quantity(place)
                }
            values.append(Value(descriptor: descriptor, isListed: true, reading: reading))
        }
        for name in names where !listed.contains(name) {
            let help = "Column \(name) of the custom query \(query.namespace), which does not list it."
            let descriptor = MetricDescriptor("\(query.namespace)_\(name)", .unknown, help)
            guard descriptor.isLegal, let index = indices[name] else { continue }
            values.append(Value(descriptor: descriptor, isListed: false, reading: .quantity(index)))
        }
        return (labels, values)
    }
}

extension Histogram {
    /// - Parameters:
    ///   - bounds: In any order; one that is infinite says no more than `count`.
    ///   - counts: Cumulative, of each bound.
    /// - Returns: `nil` where they do not belong together.
    fileprivate init?(bounds: [Double], counts: [Double], sum: Double, count: Double) {
        guard bounds.count == counts.count, let total = UInt64(exactly: count) else { return nil }
        var buckets: [Bucket] = []
        for (bound, count) in zip(bounds, counts).sorted(by: { $0.0 < $1.0 }) where bound != .infinity {
            guard let count = UInt64(exactly: count), bound > buckets.last?.upperBound ?? -.infinity,
                count >= buckets.last?.cumulativeCount ?? 0, count <= total
            else { return nil }
            buckets.append(Bucket(upperBound: bound, cumulativeCount: count))
        }
        self.init(buckets: buckets, count: total, sum: sum)
    }
}
