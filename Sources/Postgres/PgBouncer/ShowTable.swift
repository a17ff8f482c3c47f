import Exposition
import Scraping

/// A collector that is data: what to ask PgBouncer's console, and what each column of the answer is.
///
/// The console selects nothing, so a table takes from the answer what it knows: what an older version does not have is
/// absent, and what a newer one has besides is left where it is.
struct ShowTable: PgBouncerCollector {
    let name: String
    let command: String
    let layout: Layout
    /// In the order of their families on the page.
    let values: [Value]

    /// How the answer is laid out.
    enum Layout {
        /// A row for each thing, which these columns tell from the others.
        case rows(labels: [String])
        /// A row for each value, with its name in one column and the value in another.
        case pairs(name: String, value: String)
    }

    /// A family and the columns that it is made of.
    struct Value: Sendable {
        let descriptor: MetricDescriptor
        /// Of these columns those that the version has are divided and added up: a renamed column is there under one of its
        /// names, and a time may be in two parts.
        let terms: [Term]
        /// The versions of PgBouncer that have it, where not all have since 1.18.
        let versions: String?

        struct Term: Sendable {
            let column: String
            var divisor = 1.0
        }

        static func gauge(_ metric: String, _ column: String, _ help: String) -> Value {
            gauge(metric, [Term(column: column)], help)
        }

        static func gauge(_ metric: String, _ terms: [Term], _ help: String) -> Value {
            Value(descriptor: MetricDescriptor(metric, .gauge, help), terms: terms, versions: nil)
        }

        static func counter(
            _ metric: String, _ column: String, _ help: String, dividedBy divisor: Double = 1, versions: String? = nil
        ) -> Value {
            Value(
                descriptor: MetricDescriptor(metric, .counter, help), terms: [Term(column: column, divisor: divisor)],
                versions: versions)
        }
    }

    var metrics: [CatalogueEntry] {
        let labels: [String]
        switch layout {
        case .rows(let names): labels = names
        case .pairs: labels = []
        }
        return values.map {
            CatalogueEntry($0.descriptor, labels: labels, source: command, versions: $0.versions)
        }
    }

    func families(from rows: borrowing QueryResult) throws(CollectorError) -> [MetricFamily] {
        switch layout {
        case .rows(let labels): try families(ofRowsIn: rows, labels: labels)
        case .pairs(let name, let value): try families(ofPairsIn: rows, name: name, value: value)
        }
    }

    private func families(
        ofRowsIn rows: borrowing QueryResult, labels: [String]
    ) throws(CollectorError) -> [MetricFamily] {
        var rowLabels: [Labels] = []
        let indices = try labels.map { label throws(CollectorError) in try index(of: label, in: rows) }
        for row in 0..<rows.rowCount {
            var pairs: [(String, String)] = []
            for (label, index) in zip(labels, indices) { pairs.append((label, rows.text(row, index) ?? "")) }
            rowLabels.append(Labels(pairs))
        }
        var families: [MetricFamily] = []
        for value in values {
            var terms: [(index: Int, divisor: Double)] = []
            for term in value.terms {
                if let index = rows.column(term.column) { terms.append((index, term.divisor)) }
            }
            if terms.isEmpty { continue }
            var family = MetricFamily(value.descriptor)
            for row in 0..<rows.rowCount {
                // NULL in one of the columns, and the value is not known.
                var sum: Double? = 0
                for term in terms {
                    guard let before = sum, let number = rows.number(row, term.index) else { sum = nil; break }
                    sum = before + number / term.divisor
                }
                if let sum { family.append(sum, rowLabels[row]) }
            }
            families.append(family)
        }
        return families
    }

    private func families(
        ofPairsIn rows: borrowing QueryResult, name: String, value: String
    ) throws(CollectorError) -> [MetricFamily] {
        let (nameIndex, valueIndex) = (try index(of: name, in: rows), try index(of: value, in: rows))
        var numbers: [String: Double] = [:]
        for row in 0..<rows.rowCount {
            if let name = rows.text(row, nameIndex) { numbers[name] = rows.number(row, valueIndex) }
        }
        return values.compactMap { value in
            let terms = value.terms.compactMap { term in numbers[term.column].map { $0 / term.divisor } }
            return terms.isEmpty ? nil : MetricFamily(value.descriptor, terms.reduce(0, +))
        }
    }

    private func index(of column: String, in rows: borrowing QueryResult) throws(CollectorError) -> Int {
        guard let index = rows.column(column) else {
            throw CollectorError(.internal, "\(command) has no column \(column)")
        }
        return index
    }
}
