public import Exposition
import Scraping

/// A statement that somebody else wrote, and what its columns are: an entry of postgres_exporter's queries.yaml.
public struct CustomQuery: Sendable, Equatable {
    /// What the names of its families begin with, before an underscore and the column's name.
    public var namespace: String
    /// One statement that returns rows.
    public var statement: String
    /// Whether it is asked only in the database that the connection string names, whatever other databases are read.
    public var isForOneDatabase = false
    /// How long its families are served again before it is asked anew; zero for every scrape.
    public var cacheDuration = Duration.zero
    /// The servers that it is for; others are left out.
    public var versions = VersionCondition.any
    /// What is known of its columns. Others become families without a type, where they are numbers.
    public var columns: [Column]

    /// A query for every server, asked at every scrape.
    public init(namespace: String, statement: String, columns: [Column]) {
        self.namespace = namespace
        self.statement = statement
        self.columns = columns
    }

    /// What one column of the result is.
    public struct Column: Sendable, Equatable {
        /// As the server names it.
        public var name: String
        /// What becomes of it.
        public var usage: Usage
        /// The family's HELP; empty where nobody wrote one.
        public var description = ""
        /// The numbers that stand for texts, of a ``Usage/mappedMetric``.
        public var mapping: [String: Double] = [:]
        /// The servers whose column is used; for others it is as if it were ``Usage/discard``.
        public var versions = VersionCondition.any

        /// A column of every server.
        public init(_ name: String, _ usage: Usage) {
            self.name = name
            self.usage = usage
        }
    }

    /// What becomes of a column, as queries.yaml writes it.
    public enum Usage: String, Sendable, CaseIterable {
        /// A label of all the row's samples.
        case label = "LABEL"
        /// A number that goes up and down: numeric types, booleans as 1 and 0, dates and times as seconds since the
        /// epoch, intervals as seconds.
        case gauge = "GAUGE"
        /// A number that only goes up.
        case counter = "COUNTER"
        /// Nothing.
        case discard = "DISCARD"
        /// A histogram's upper bounds, an array; `<name>_bucket` has the cumulative counts, an array of the same length,
        /// `<name>_sum` and `<name>_count` the rest.
        case histogram = "HISTOGRAM"
        /// The number that ``Column/mapping`` has for the text; none where it has none.
        case mappedMetric = "MAPPEDMETRIC"
        /// A duration in milliseconds, in `<namespace>_<name>_milliseconds`: an interval, text such as `1h2m3.5s`, or a
        /// number of milliseconds; -1 is none.
        case duration = "DURATION"
    }

    /// Whether a statement is of a kind that answers with rows, by its first word behind comments and parentheses.
    ///
    /// Of any other there is nothing to collect, and some (`COPY`, an empty one) answer with what ends the connection.
    public static func returnsRows(_ statement: String) -> Bool {
        var rest = statement[...]
        while let first = rest.first {
            if first.isWhitespace || first == "(" {
                rest.removeFirst()
            } else if rest.hasPrefix("--") {
                rest = rest.drop { !$0.isNewline }
            } else if rest.hasPrefix("/*") {
                // One comment may hold another.
                var depth = 0
                repeat {
                    if rest.hasPrefix("/*") || rest.hasPrefix("*/") {
                        depth += rest.hasPrefix("/*") ? 1 : -1
                        rest = rest.dropFirst(2)
                    } else {
                        rest = rest.dropFirst()
                    }
                } while depth > 0 && !rest.isEmpty
            } else {
                break
            }
        }
        return ["select", "with", "values", "table", "show"].contains(rest.prefix { $0.isLetter }.lowercased())
    }

    /// The families of its columns, with the labels that all of them have.
    var metrics: [CatalogueEntry] {
        let labels = columns.filter { $0.usage == .label }.map(\.name) + ["server"]
        return columns.compactMap { column in
            descriptor(of: column).map { CatalogueEntry($0, labels: labels, source: namespace) }
        }
    }

    /// The family of a column; `nil` where it has none.
    public func descriptor(of column: Column) -> MetricDescriptor? {
        let type: MetricType? =
            switch column.usage {
            case .label, .discard: nil
            case .gauge, .mappedMetric, .duration: .gauge
            case .counter: .counter
            case .histogram: .histogram
            }
        guard let type else { return nil }
        let help = "Column \(column.name) of the custom query \(namespace)."
        let suffix = column.usage == .duration ? "_milliseconds" : ""
        return MetricDescriptor(
            "\(namespace)_\(column.name)\(suffix)", type, column.description.isEmpty ? help : column.description)
    }
}
