import Exposition
import Scraping
import Synchronization

/// The texts of the statements that ``StatStatements`` shows, one for each query.
///
/// Reading any text the server reads the file of all, so it is seldom done, and only for texts that are not known yet: a
/// statement that is new on the page gets its text within one slow interval.
final class StatStatementsText: PostgresCollector {
    let name = "stat_statements_text"
    let requiredExtension: String? = "pg_stat_statements"
    let parent: String? = "stat_statements"
    let isSlow = true
    let isEnabledByDefault: Bool
    private let options: PostgresOptions.Statements
    private let statements: StatStatements
    /// Those of the queries that are shown, and no others.
    private let known = Mutex<[Int64: String]>([:])

    init(of statements: StatStatements, _ options: PostgresOptions) {
        self.statements = statements
        self.options = options.statements
        isEnabledByDefault = options.statements.includesText
    }

    func statement(for server: ServerFacts) throws(CollectorError) -> String? {
        let schema = try server.statementsExtension.schema
        let shown = statements.shownQueries
        let wanted = known.withLock { known in shown.filter { known[$0] == nil } }.sorted()
        if wanted.isEmpty, !shown.isEmpty { return "SELECT NULL AS queryid, NULL AS query WHERE false" }
        let ids =
            shown.isEmpty
            ? "SELECT queryid FROM s ORDER BY total_exec_time DESC LIMIT \(options.limit)"
            : "SELECT unnest('{\(wanted.map(String.init).joined(separator: ","))}'::bigint[])"
        // More than is shown, since comments and literals go.
        return """
            WITH s AS MATERIALIZED (SELECT queryid, total_exec_time, left(query, \(8 * options.textLength)) AS query \
            FROM \(schema).pg_stat_statements(true) WHERE queryid IS NOT NULL AND \(options.condition)) \
            SELECT queryid, min(query) AS query FROM s WHERE queryid IN (\(ids)) GROUP BY queryid
            """
    }

    func families(from rows: borrowing QueryResult, server: ServerFacts) throws(CollectorError) -> [MetricFamily] {
        var texts: [Int64: String] = [:]
        for row in 0..<rows.rowCount {
            guard let id = rows.text(row, 0).flatMap({ Int64($0) }), let text = rows.text(row, 1) else { continue }
            texts[id] = StatementText.display(text, length: options.textLength)
        }
        let shown = statements.shownQueries
        let all = known.withLock { known in
            known.merge(texts) { $1 }
            if !shown.isEmpty { known = known.filter { shown.contains($0.key) } }
            return known
        }
        var family = MetricFamily(Self.descriptor)
        for (id, text) in all.sorted(by: { $0.key < $1.key }) {
            family.append(1, ["queryid": "\(id)", "query": text])
        }
        return [family]
    }

    var metrics: [CatalogueEntry] {
        [CatalogueEntry(Self.descriptor, labels: ["queryid", "query"], source: "pg_stat_statements(true)")]
    }

    private static let descriptor = MetricDescriptor(
        "pg_stat_statements_query_id", .counter,
        """
        Always 1; the label query is the statement's text with its constants, comments and line breaks taken out, as far \
        as its limit goes.
        """)
}
