import Exposition
import Scraping

/// A statement of a role in a database, as the server counts it.
struct StatementKey: Hashable, Comparable, Sendable {
    /// The role's oid; 0 for roles that are gone.
    let user: UInt32
    /// The database's oid; 0 for databases that are gone.
    let database: UInt32
    /// 0 for all statements of other roles together, whose ids are only for who may read all statistics.
    let query: Int64

    static func < (one: StatementKey, other: StatementKey) -> Bool {
        (one.user, one.database, one.query) < (other.user, other.database, other.query)
    }
}

/// How often a statement ran and how long, since its entry was made.
struct StatementCounts: Sendable, Equatable {
    var calls: Double
    var seconds: Double

    static let zero = StatementCounts(calls: 0, seconds: 0)

    static func += (sum: inout StatementCounts, more: StatementCounts) {
        sum.calls += more.calls
        sum.seconds += more.seconds
    }

    /// What came since an earlier read. Where the counts went down the entry was made anew since, by a reset or after it
    /// had been dropped, and all that it counts is of the time since.
    func since(_ earlier: StatementCounts?) -> StatementCounts {
        guard let earlier, calls >= earlier.calls, calls == earlier.calls || seconds >= earlier.seconds else {
            return self
        }
        return StatementCounts(calls: calls - earlier.calls, seconds: max(0, seconds - earlier.seconds))
    }
}

/// All that one answer of the server says of its statements.
struct StatementRead: Sendable {
    /// What two reads must have in common for a difference between them to mean anything.
    struct Origin: Equatable, Sendable {
        /// When the server started, in seconds since the epoch: another one counts other statements.
        var started: Double
        /// Whether the ids of all roles' statements are visible.
        var seesAll: Bool
    }

    var origin: Origin
    /// When all statements were reset, in seconds since the epoch; `nil` where the extension does not say (before 1.9).
    var reset: Double?
    /// How often the server dropped its least used entries to make room, since the reset.
    var deallocations: Double?
    /// How many entries there are, and may be.
    var entries = 0.0
    var capacity: Double?
    /// The names behind the oids, `unknown` for what is gone.
    var users: [UInt32: String] = [:]
    var databases: [UInt32: String] = [:]
    /// Every statement.
    var counts: [StatementKey: StatementCounts] = [:]
    /// The values of ``StatementFigure/all`` for the statements that were asked for in full, in the server's units.
    var figures: [StatementKey: [Double]] = [:]

    /// Who ran a statement, and where.
    func names(of key: StatementKey) -> (user: String, database: String) {
        (users[key.user] ?? "unknown", databases[key.database] ?? "unknown")
    }

    /// The labels that tell a statement from the others.
    func labels(of key: StatementKey) -> Labels {
        let (user, database) = names(of: key)
        return ["user": user, "datname": database, "queryid": key.query == 0 ? "unknown" : "\(key.query)"]
    }

    /// By user, database and id, which unlike the rank is the same at every scrape.
    func sorted(_ keys: some Sequence<StatementKey>) -> [StatementKey] {
        keys.map { ($0, names(of: $0)) }
            .sorted { ($0.1.user, $0.1.database, $0.0.query) < ($1.1.user, $1.1.database, $1.0.query) }
            .map(\.0)
    }
}

extension StatementRead {
    /// The statement that asks for it.
    ///
    /// Rows come packed, a row for each role in a database and in it a line for each entry: thousands of rows of their own
    /// would take thrice the bytes, and names would come with each. The function fills a table with all columns of all
    /// entries each time that it is called, hence once.
    ///
    /// - Parameters:
    ///   - wanted: The queries to send all figures of, whatever their rank.
    ///   - version: The extension's.
    static func query(
        schema: String, version: [Int], options: PostgresOptions.Statements, wanted: [Int64]
    ) -> String {
        let admitted = options.condition
        let figures = StatementFigure.all.map { $0.column(in: version) }
        let info =
            version.lexicographicallyPrecedes([1, 9])
            ? "SELECT NULL AS dealloc, NULL AS reset"
            : "SELECT dealloc, extract(epoch FROM stats_reset) AS reset FROM \(schema).pg_stat_statements_info"
        return """
            WITH s AS MATERIALIZED (SELECT userid, dbid, coalesce(queryid, 0) AS id, \(figures.joined(separator: ", ")) \
            FROM \(schema).pg_stat_statements(false)), \
            shown AS (SELECT id FROM (SELECT id FROM s WHERE \(admitted) GROUP BY userid, dbid, id \
            ORDER BY sum(total_exec_time) DESC LIMIT \(options.limit)) AS top \
            UNION ALL SELECT unnest('{\(wanted.map(String.init).joined(separator: ","))}'::bigint[])), \
            packed AS (SELECT userid, dbid, string_agg(concat_ws(' ', id, \(figures[..<2].joined(separator: ", ")), \
            CASE WHEN id IN (SELECT id FROM shown) THEN concat_ws(' ', \(figures[2...].joined(separator: ", "))) END), \
            E'\\n') AS lines FROM s WHERE \(admitted) GROUP BY userid, dbid) \
            SELECT extract(epoch FROM pg_postmaster_start_time()) AS started, \
            pg_has_role('pg_read_all_stats', 'USAGE') AS sees_all, info.reset, info.dealloc, \
            (SELECT count(*) FROM s) AS entries, current_setting('pg_stat_statements.max', true) AS capacity, \
            r.oid AS userid, r.rolname, d.oid AS dbid, d.datname, packed.lines \
            FROM (\(info)) AS info LEFT JOIN packed ON true \
            LEFT JOIN pg_roles AS r ON r.oid = packed.userid LEFT JOIN pg_database AS d ON d.oid = packed.dbid
            """
    }

    /// - Parameter rows: One for each role in a database, or one without any; what is said of the server is in each.
    init(_ rows: borrowing QueryResult) throws(CollectorError) {
        guard rows.rowCount > 0, rows.columnCount == 11, let started = rows.number(0, 0),
            let seesAll = rows.number(0, 1), let entries = rows.number(0, 4)
        else { throw CollectorError(.internal, "pg_stat_statements has other columns") }
        origin = Origin(started: started, seesAll: seesAll == 1)
        reset = rows.number(0, 2)
        deallocations = rows.number(0, 3)
        self.entries = entries
        capacity = rows.number(0, 5)
        for row in 0..<rows.rowCount {
            guard let lines = rows.text(row, 10) else { continue }
            let user = rows.number(row, 6).flatMap { UInt32(exactly: $0) } ?? 0
            let database = rows.number(row, 8).flatMap { UInt32(exactly: $0) } ?? 0
            users[user] = rows.text(row, 7) ?? "unknown"
            databases[database] = rows.text(row, 9) ?? "unknown"
            // Few lines are shorter.
            counts.reserveCapacity(counts.count + lines.utf8.count / 32)
            for line in lines.utf8.split(separator: UInt8(ascii: "\n")) {
                try add(line, user: user, database: database)
            }
        }
    }

    /// Adds an entry to its statement: there are two where a function calls what is also called directly (`toplevel`), and
    /// any number where ids are hidden or owners are gone.
    private mutating func add(
        _ line: Substring.UTF8View, user: UInt32, database: UInt32
    ) throws(CollectorError) {
        // Most lines have three numbers, and there are thousands: no array for them.
        var rest = line
        func next() -> Substring {
            let field = rest.prefix { $0 != UInt8(ascii: " ") }
            rest = rest[field.endIndex...].dropFirst()
            return Substring(field)
        }
        let otherForm = CollectorError(.internal, "pg_stat_statements has a line of another form")
        guard let query = Int64(next()), let calls = Double(next()), let milliseconds = Double(next()) else {
            throw otherForm
        }
        let key = StatementKey(user: user, database: database, query: query)
        counts[key, default: .zero] += StatementCounts(calls: calls, seconds: milliseconds / 1000)
        guard !rest.isEmpty else { return }
        var values = [calls, milliseconds]
        while !rest.isEmpty, let value = Double(next()) { values.append(value) }
        guard rest.isEmpty, values.count == StatementFigure.all.count else { throw otherForm }
        if let others = figures[key] {
            figures[key] = zip(StatementFigure.all, zip(others, values)).map { $0.merge($1.0, $1.1) }
        } else {
            figures[key] = values
        }
    }
}

extension PostgresOptions.Statements {
    /// Which entries of `pg_stat_statements` are looked at, as SQL.
    var condition: String {
        func isOutside(_ column: String, _ view: String, _ name: String, _ names: [String]) -> String? {
            guard !names.isEmpty else { return nil }
            let list = names.map(sqlLiteral).joined(separator: ", ")
            return "\(column) NOT IN (SELECT oid FROM \(view) WHERE \(name) IN (\(list)))"
        }
        let conditions = [
            isOutside("dbid", "pg_database", "datname", excludedDatabases),
            isOutside("userid", "pg_roles", "rolname", excludedUsers),
        ].compactMap { $0 }
        return conditions.isEmpty ? "true" : conditions.joined(separator: " AND ")
    }
}
