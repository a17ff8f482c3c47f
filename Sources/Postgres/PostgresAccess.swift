import Scraping

/// What a role can see of a server, and what the server is set to.
struct PostgresAccess: Sendable {
    /// How many sessions an exporter has at most.
    private static let sessions = 3
    private static let statementsExtension = "pg_stat_statements"

    let server: ServerFacts
    /// The collectors that read `pg_stat_statements`; none where they are switched off.
    let statementCollectors: [String]
    var isSuperuser = false
    var isMonitor = false
    /// Negative for no limit.
    var connectionLimit = -1
    var connections = 0
    var maximumConnections = 0
    var measuresIO = true
    var isStatementsPreloaded = true
    /// Whether the server has the extension's files.
    var isStatementsAvailable = true
    /// What the server loads at its start; `nil` where the role may not see it.
    var libraries: [String]?
    /// The databases that the role may connect to.
    var databases: [String] = []
    /// The databases that it may not connect to.
    var closedDatabases: [String] = []

    static let query = """
        SELECT r.rolsuper, r.rolconnlimit, pg_catalog.pg_has_role('pg_monitor', 'USAGE') AS monitor, \
        (SELECT sum(numbackends) FROM pg_catalog.pg_stat_database) AS connections, \
        pg_catalog.current_setting('max_connections') AS maximum, \
        pg_catalog.current_setting('track_io_timing') = 'on' AS io, \
        pg_catalog.current_setting('pg_stat_statements.max', true) IS NOT NULL AS preloaded, \
        EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'pg_stat_statements') AS available, \
        (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'shared_preload_libraries') AS libraries \
        FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user
        """

    static func databases(admittedBy filter: PostgresOptions.NameFilter) -> String {
        """
        SELECT d.datname, pg_catalog.has_database_privilege(d.oid, 'CONNECT') FROM pg_catalog.pg_database AS d \
        WHERE d.datallowconn AND NOT d.datistemplate AND \(filter.condition(on: "d.datname")) ORDER BY d.datname
        """
    }

    init(of server: ServerFacts, statementCollectors: [String] = []) {
        self.server = server
        self.statementCollectors = statementCollectors
    }

    /// - Returns: `nil` where the answer to ``query`` is another one.
    init?(_ rows: borrowing QueryResult, of server: ServerFacts, statementCollectors: [String]) {
        guard rows.rowCount == 1, rows.columnCount == 9 else { return nil }
        self.init(of: server, statementCollectors: statementCollectors)
        isSuperuser = rows.number(0, 0) == 1
        connectionLimit = rows.number(0, 1).map { Int($0) } ?? -1
        isMonitor = rows.number(0, 2) == 1
        connections = rows.number(0, 3).map { Int($0) } ?? 0
        maximumConnections = rows.number(0, 4).map { Int($0) } ?? 0
        measuresIO = rows.number(0, 5) == 1
        isStatementsPreloaded = rows.number(0, 6) == 1
        isStatementsAvailable = rows.number(0, 7) == 1
        libraries = rows.text(0, 8).map(Self.list)
    }

    mutating func read(databases rows: borrowing QueryResult) {
        for row in 0..<rows.rowCount {
            guard let name = rows.text(row, 0) else { continue }
            if rows.number(row, 1) == 1 { databases.append(name) } else { closedDatabases.append(name) }
        }
    }

    /// The elements of a setting that is a list: `a, "b c"`.
    static func list(_ setting: String) -> [String] {
        setting.split(separator: ",").map { element in
            String(element.filter { $0 != " " && $0 != "\"" })
        }.filter { !$0.isEmpty }
    }

    private var canSeeEverything: Bool { server.rights.count == ServerFacts.Right.allCases.count }

    // MARK: What is so

    var facts: [Examination.Fact] {
        let kind = server.isInRecovery ? "standby" : "primary"
        let version = server.version / 10_000
        return [
            .init(
                "server",
                "PostgreSQL \(version).\(server.version % 10_000), \(kind), at \(server.address)"
                    + (server.isPooled ? " through a pooler" : "")),
            .init("role", "\(server.role)\(connectionLimit < 0 ? "" : ", at most \(connectionLimit) sessions")"),
            .init("rights", isSuperuser ? "superuser" : isMonitor ? "pg_monitor" : "no pg_monitor"),
            .init(
                "databases",
                "\(databases.count) of \(databases.count + closedDatabases.count) may be looked into; "
                    + "the connection's is \(server.database)"),
            .init("pg_stat_statements", statements),
            .init("track_io_timing", measuresIO ? "on" : "off"),
            .init("sessions", "\(connections) of \(maximumConnections)"),
        ]
    }

    private var statements: String {
        let name = Self.statementsExtension
        let preloaded = isStatementsPreloaded ? "preloaded" : "not preloaded"
        guard let schema = server.extensionSchemas[name] else {
            return "not created in database \(server.database), \(preloaded)"
        }
        let version = (server.extensionVersions[name] ?? []).map(String.init).joined(separator: ".")
        return "\(version) in schema \(schema) of database \(server.database), \(preloaded)"
    }

    // MARK: What is missing

    var findings: [Finding] {
        var findings: [Finding] = []
        if !canSeeEverything {
            findings.append(
                Finding(
                    .mend,
                    "the role \(server.role) is not in pg_monitor, so what other roles do and the write-ahead log's "
                        + "files are not seen", [.grantMonitor(to: server.role)]))
        }
        if 0..<Self.sessions ~= connectionLimit, !isSuperuser {
            findings.append(
                Finding(
                    .mend,
                    "the role \(server.role) may have \(connectionLimit) sessions, and an exporter takes up to "
                        + "\(Self.sessions)", [.connectionLimit(of: server.role)]))
        }
        if !closedDatabases.isEmpty, !server.isPooled {
            findings.append(
                Finding(
                    .mend,
                    "the role \(server.role) may not connect to \(Self.enumeration(closedDatabases)), so tables and "
                        + "indexes there are not seen",
                    closedDatabases.prefix(Self.shown).map { .grantConnect(on: $0, to: server.role) }))
        }
        if !statementCollectors.isEmpty { findings += statementFindings }
        if !measuresIO {
            findings.append(
                Finding(
                    .hint, "track_io_timing is off, so times of reads and writes are 0",
                    [.sql("ALTER SYSTEM SET track_io_timing = on;"), .sql("SELECT pg_reload_conf();")]))
        }
        return findings
    }

    private var statementFindings: [Finding] {
        let name = Self.statementsExtension
        guard isStatementsAvailable else {
            return [
                Finding(
                    .mend, "the server has no files of \(name), so no statements are seen",
                    [Remedy(nil, "install PostgreSQL's contrib modules (the package postgresql-contrib)")],
                    parts: statementCollectors)
            ]
        }
        var findings: [Finding] = []
        if !isStatementsPreloaded {
            findings.append(
                Finding(
                    .mend, "\(name) is not preloaded, so the server counts no statements", preloading,
                    parts: server.extensionSchemas[name] == nil ? [] : statementCollectors))
        }
        if server.extensionSchemas[name] != nil {
            do throws(CollectorError) {
                _ = try server.statementsExtension
            } catch {
                findings.append(Finding(.mend, error.what, error.remedies, parts: statementCollectors))
            }
        }
        return findings
    }

    private var preloading: [Remedy] {
        // Whoever may not see what is loaded would have it loaded no more.
        guard let libraries else { return [Remedy(nil, "mend the role's rights, and check again")] }
        let list = (libraries + [Self.statementsExtension]).map(sqlLiteral).joined(separator: ", ")
        return [
            .sql("ALTER SYSTEM SET shared_preload_libraries = \(list);"),
            Remedy(nil, "restart the server"),
        ]
    }

    private static let shown = 5

    private static func enumeration(_ names: [String]) -> String {
        let more = names.count - shown
        return names.prefix(shown).joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
    }
}
