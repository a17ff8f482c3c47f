import Exposition
import Scraping

/// A collector that is data: what to select, and what each column is.
///
/// Built-in collectors over views are tables like this. The engine writes the statement from the columns that the server's
/// version has, and makes a sample of each value column of each row.
///
/// In the statement, `%schema%` stands for where the required extension is installed, `%server%` for the server's address
/// as a constant, and `%limit%` for how many tables or indexes may stand by themselves.
struct TableCollector: PostgresCollector {
    let name: String
    let isEnabledByDefault: Bool
    let scope: CollectorScope
    let isSlow: Bool
    let parent: String?
    /// The views and functions behind it, for the catalogue.
    let source: String
    /// The server versions that have what it reads.
    let versions: Range<Int>
    /// What the role must have, if anything.
    let requiredRight: ServerFacts.Right?
    /// The extension that it reads, if any.
    let requiredExtension: String?
    let columns: [Column]
    /// Whether counters start again from 0 at 2^53.
    var wrapsLargeCounters = true
    /// All behind `FROM`.
    let from: String

    /// - Parameters:
    ///   - name: As in `--collector.<name>`.
    ///   - source: The views and functions behind it, for the catalogue.
    ///   - versions: Those that have what it reads; others are left out.
    ///   - columns: In the order of their families on the page. Those of one name must be of different versions.
    ///   - from: All behind `FROM`, with an order that makes every scrape alike.
    init(
        _ name: String,
        isEnabledByDefault: Bool = true,
        scope: CollectorScope = .server,
        isSlow: Bool = false,
        parent: String? = nil,
        source: String,
        versions: Range<Int> = .all,
        needs requiredRight: ServerFacts.Right? = nil,
        requires requiredExtension: String? = nil,
        columns: [Column],
        from: String
    ) {
        self.name = name
        self.isEnabledByDefault = isEnabledByDefault
        self.scope = scope
        self.isSlow = isSlow
        self.parent = parent
        self.source = source
        self.versions = versions
        self.requiredRight = requiredRight
        self.requiredExtension = requiredExtension
        self.columns = columns
        self.from = from
    }

    /// What a column is.
    struct Column: Sendable {
        enum Role: Sendable {
            /// A label, and what it says for NULL.
            case label(null: String)
            /// A family, what its values are divided by, what stands for NULL, if anything, and the labels that it has,
            /// where these are not all.
            case value(MetricDescriptor, divisor: Double, null: Double?, labels: [String]?)
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
            labels: [String]? = nil, versions: Range<Int> = .all
        ) -> Column {
            value(MetricDescriptor(metric, .gauge, help), expression, divisor, null, labels, versions)
        }

        static func counter(
            _ metric: String, _ expression: String, _ help: String, dividedBy divisor: Double = 1, null: Double? = nil,
            versions: Range<Int> = .all
        ) -> Column {
            value(MetricDescriptor(metric, .counter, help), expression, divisor, null, nil, versions)
        }

        /// A family of no type, as the replaced exporter has some.
        static func unknown(
            _ metric: String, _ expression: String, _ help: String, null: Double? = nil, versions: Range<Int> = .all
        ) -> Column {
            value(MetricDescriptor(metric, .unknown, help), expression, 1, null, nil, versions)
        }

        private static func value(
            _ descriptor: MetricDescriptor, _ expression: String, _ divisor: Double, _ null: Double?,
            _ labels: [String]?, _ versions: Range<Int>
        ) -> Column {
            Column(
                name: descriptor.name, expression: expression,
                role: .value(descriptor, divisor: divisor, null: null, labels: labels), versions: versions)
        }
    }

    /// What the catalogue tells, from the columns.
    var metrics: [CatalogueEntry] {
        var labels: [String] = []
        var entries: [CatalogueEntry] = []
        for column in columns {
            guard case .label = column.role, !labels.contains(column.name) else { continue }
            labels.append(column.name)
        }
        for column in columns {
            guard case .value(let descriptor, _, _, let own) = column.role else { continue }
            // A column that a version renamed is there once for each name.
            let all = columns.filter { $0.name == column.name }.map { $0.versions.clamped(to: versions) }
            let range = (all.map(\.lowerBound).min() ?? 0)..<(all.map(\.upperBound).max() ?? .max)
            let entry = CatalogueEntry(
                descriptor, labels: own ?? labels, source: source, versions: range.versionText)
            if !entries.contains(where: { $0.descriptor.name == descriptor.name }) { entries.append(entry) }
        }
        return entries
    }

    func statement(for server: ServerFacts) throws(CollectorError) -> String? {
        guard versions.contains(server.version) else {
            throw CollectorError(
                .unsupportedVersion,
                "PostgreSQL \(ServerFacts.shortVersion(server.version)) does not have what it reads, which is of "
                    + "version \(versions.versionText ?? "any")")
        }
        if let requiredRight { try server.require(requiredRight) }
        var statement = "SELECT "
        var separator = ""
        for column in columns where column.versions.contains(server.version) {
            statement += "\(separator)\(column.expression) AS \"\(column.name)\""
            separator = ", "
        }
        statement += " FROM \(from)"
        statement = statement.replacing("%server%", with: sqlLiteral(server.address))
        statement = statement.replacing("%limit%", with: "\(server.relationLimit)")
        guard let requiredExtension else { return statement }
        let schema = try server.schema(of: requiredExtension)
        return statement.replacing("%schema%", with: sqlIdentifier(schema))
    }

    func families(from rows: borrowing QueryResult, server: ServerFacts) throws(CollectorError) -> [MetricFamily] {
        var labels: [(index: Int, name: String, null: String)] = []
        var values: [(index: Int, wraps: Bool, divisor: Double, null: Double?, labelSet: Int)] = []
        // What the families of a row are told apart by is mostly the same for all; each set of labels is made once a row.
        var labelSets: [[String]?] = []
        var families: [MetricFamily] = []
        for column in columns where column.versions.contains(server.version) {
            guard let index = rows.column(column.name) else {
                throw CollectorError(.internal, "the result has no column \(column.name)")
            }
            switch column.role {
            case .label(let null):
                labels.append((index, column.name, null))
            case .value(let descriptor, let divisor, let null, let own):
                let labelSet = labelSets.firstIndex(of: own) ?? labelSets.endIndex
                if labelSet == labelSets.endIndex { labelSets.append(own) }
                let wraps = wrapsLargeCounters && descriptor.type == .counter
                values.append((index, wraps, divisor, null, labelSet))
                families.append(MetricFamily(descriptor))
            }
        }
        for row in 0..<rows.rowCount {
            var pairs: [(name: String, value: String)] = []
            for label in labels { pairs.append((label.name, rows.text(row, label.index) ?? label.null)) }
            let rowLabels = labelSets.map { own in
                Labels(pairs.filter { own?.contains($0.name) ?? true }.map { ($0.name, $0.value) })
            }
            for (family, value) in values.enumerated() {
                let number = value.wraps ? rows.count(row, value.index) : rows.number(row, value.index)
                guard let number = number.map({ $0 / value.divisor }) ?? value.null else { continue }
                families[family].append(number, rowLabels[value.labelSet])
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

    /// `14+`, `before 17`, `14 to 16`, by major version; `nil` for every one.
    var versionText: String? {
        switch (lowerBound / 10_000, upperBound / 10_000) {
        case (0, Int.max / 10_000): nil
        case (let first, Int.max / 10_000): "\(first)+"
        case (0, let end): "before \(end)"
        case (let first, let end) where end - first == 1: "\(first)"
        case (let first, let end): "\(first) to \(end - 1)"
        }
    }
}
