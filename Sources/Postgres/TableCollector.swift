import Exposition
import Scraping

/// A collector that is data: what to select, and what each column is.
///
/// Built-in collectors over views are tables like this. The engine writes the statement from the columns that the server's
/// version has, and makes a sample of each value column of each row.
struct TableCollector: PostgresCollector {
    let name: String
    let isEnabledByDefault: Bool
    /// The extension that it reads, if any; `%schema%` in ``from`` and in expressions is where it is installed.
    let requiredExtension: String?
    let columns: [Column]
    /// All behind `FROM`, by the first version that it holds for, newest first.
    let from: [(version: Int, clause: String)]

    /// - Parameters:
    ///   - name: As in `--collector.<name>`.
    ///   - columns: In the order of their families on the page.
    ///   - from: All behind `FROM`, with an order that makes every scrape alike.
    init(
        _ name: String,
        isEnabledByDefault: Bool = true,
        requires requiredExtension: String? = nil,
        columns: [Column],
        from: String
    ) {
        self.name = name
        self.isEnabledByDefault = isEnabledByDefault
        self.requiredExtension = requiredExtension
        self.columns = columns
        self.from = [(0, from)]
    }

    /// What a column is.
    struct Column: Sendable {
        enum Role: Sendable {
            /// A label, and what it says for NULL.
            case label(null: String)
            /// A family, what its values are divided by, and what stands for NULL, if anything.
            case value(MetricDescriptor, divisor: Double, null: Double?)
        }

        /// The column's name in the result; a label's name.
        let name: String
        let expression: String
        let role: Role
        /// The server versions that have it, as `server_version_num`.
        let versions: Range<Int>

        static func label(
            _ name: String, _ expression: String? = nil, null: String = "", versions: Range<Int> = .all
        ) -> Column {
            Column(name: name, expression: expression ?? name, role: .label(null: null), versions: versions)
        }

        static func gauge(
            _ metric: String, _ expression: String, _ help: String, dividedBy divisor: Double = 1, null: Double? = nil,
            versions: Range<Int> = .all
        ) -> Column {
            value(MetricDescriptor(metric, .gauge, help), expression, divisor, null, versions)
        }

        static func counter(
            _ metric: String, _ expression: String, _ help: String, dividedBy divisor: Double = 1, null: Double? = nil,
            versions: Range<Int> = .all
        ) -> Column {
            value(MetricDescriptor(metric, .counter, help), expression, divisor, null, versions)
        }

        private static func value(
            _ descriptor: MetricDescriptor, _ expression: String, _ divisor: Double, _ null: Double?,
            _ versions: Range<Int>
        ) -> Column {
            Column(
                name: descriptor.name, expression: expression, role: .value(descriptor, divisor: divisor, null: null),
                versions: versions)
        }
    }

    func statement(for server: ServerFacts) throws(CollectorError) -> String? {
        var statement = "SELECT "
        var separator = ""
        for column in columns where column.versions.contains(server.version) {
            statement += "\(separator)\(column.expression) AS \"\(column.name)\""
            separator = ", "
        }
        guard let clause = from.first(where: { $0.version <= server.version })?.clause else {
            throw CollectorError(
                .unsupportedVersion,
                "PostgreSQL \(ServerFacts.shortVersion(server.version)) does not have what it reads")
        }
        statement += " FROM \(clause)"
        guard let requiredExtension else { return statement }
        guard let schema = server.extensionSchemas[requiredExtension] else {
            throw CollectorError(
                .missingExtension,
                "database \(server.database) has no \(requiredExtension): CREATE EXTENSION \(requiredExtension)")
        }
        return statement.replacing("%schema%", with: "\"\(schema.replacing("\"", with: "\"\""))\"")
    }

    func families(from rows: borrowing QueryResult, server: ServerFacts) throws(CollectorError) -> [MetricFamily] {
        var labels: [(index: Int, name: String, null: String)] = []
        var values: [(index: Int, divisor: Double, null: Double?)] = []
        var families: [MetricFamily] = []
        for column in columns where column.versions.contains(server.version) {
            guard let index = rows.column(column.name) else {
                throw CollectorError(.internal, "the result has no column \(column.name)")
            }
            switch column.role {
            case .label(let null):
                labels.append((index, column.name, null))
            case .value(let descriptor, let divisor, let null):
                values.append((index, divisor, null))
                families.append(MetricFamily(descriptor))
            }
        }
        for row in 0..<rows.rowCount {
            var pairs: [(String, String)] = []
            for label in labels { pairs.append((label.name, rows.text(row, label.index) ?? label.null)) }
            let rowLabels = Labels(pairs)
            for (family, value) in values.enumerated() {
                guard let number = rows.number(row, value.index).map({ $0 / value.divisor }) ?? value.null else {
                    continue
                }
                families[family].append(number, rowLabels)
            }
        }
        return families
    }
}

extension Range<Int> {
    /// Every server version.
    static let all = 0..<Int.max

    /// Server versions from a major one on.
    static func from(_ major: Int) -> Range<Int> { major * 10_000..<Int.max }

    /// Server versions before a major one.
    static func before(_ major: Int) -> Range<Int> { 0..<major * 10_000 }
}
