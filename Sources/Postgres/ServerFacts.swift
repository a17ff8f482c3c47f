import Scraping

/// What the statements to send depend on. Read with every scrape, for the next one: an extension that appears is used
/// from the scrape after.
struct ServerFacts: Sendable {
    /// `host:port` as the connection string has it, of the host that answered.
    var address: String
    /// As `server_version_num` has it: 150020 is 15.20.
    var version: Int
    /// The database that the connection is in.
    var database: String
    /// The schema of each extension that the database has.
    var extensionSchemas: [String: String]
    /// The version of each, as numbers: `[1, 10]`. An upgrade of the server leaves it behind.
    var extensionVersions: [String: [Int]] = [:]
    /// Whether a pooler stands between, so that settings must not outlive a transaction.
    var isPooled: Bool
    /// Who is logged in.
    var role: String
    /// What the role may see beyond its own.
    var rights: Set<Right>
    /// Whether it is a standby, or a primary that has not yet recovered.
    var isInRecovery: Bool
    /// How many tables and indexes of the database stand by themselves.
    var relationLimit = PostgresOptions.Relations().limit

    /// What only a role with `pg_monitor`, or somebody greater, may see.
    enum Right: String, CaseIterable {
        /// Other roles' sessions and statements, and the sizes of databases that it may not connect to.
        case readAllStats
        /// The directory of the write-ahead log.
        case listWAL
    }

    static let query = """
        SELECT pg_catalog.current_setting('server_version_num') AS version,
        pg_catalog.current_database() AS database,
        pg_catalog.pg_backend_pid() AS backend,
        current_user AS role,
        pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AS "readAllStats",
        pg_catalog.has_function_privilege(pg_catalog.to_regprocedure('pg_catalog.pg_ls_waldir()'), 'EXECUTE') AS "listWAL",
        pg_catalog.pg_is_in_recovery() AS recovery,
        e.extname AS extension, n.nspname AS schema, e.extversion AS extversion
        FROM (VALUES (1)) AS one(row) LEFT JOIN pg_catalog.pg_extension AS e ON true
        LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
        ORDER BY e.extname
        """
}

extension ServerFacts {
    /// - Parameters:
    ///   - rows: A row for each extension, and one without where there is none.
    ///   - peer: What libpq believes to be connected to. A pooler makes the process up.
    init(_ rows: borrowing QueryResult, peer: PostgresConnection.Peer) throws(CollectorError) {
        guard rows.rowCount > 0, rows.columnCount == 10, let version = rows.number(0, 0),
            let database = rows.text(0, 1), let process = rows.number(0, 2), let role = rows.text(0, 3)
        else { throw CollectorError(.internal, "the server does not say what it is") }
        self.version = Int(version)
        self.database = database
        self.role = role
        rights = Set(Right.allCases.filter { right in rows.column(right.rawValue).flatMap { rows.number(0, $0) } == 1 })
        isInRecovery = rows.number(0, 6) == 1
        isPooled = Int32(process) != peer.process
        address = peer.address
        extensionSchemas = [:]
        for row in 0..<rows.rowCount {
            guard let name = rows.text(row, 7), let schema = rows.text(row, 8) else { continue }
            extensionSchemas[name] = schema
            extensionVersions[name] = (rows.text(row, 9) ?? "").split(separator: ".").compactMap { Int($0) }
        }
    }

    /// What the answer to ``query`` says.
    static func read(
        _ outcome: consuming Result<QueryResult, CollectorError>, peer: PostgresConnection.Peer
    ) -> Result<ServerFacts, CollectorError> {
        do throws(CollectorError) {
            switch consume outcome {
            case .success(let rows): return .success(try ServerFacts(rows, peer: peer))
            case .failure(let error): throw error
            }
        } catch {
            return .failure(error)
        }
    }

    /// - Throws: Where the role does not have the right, with the statement that gives it.
    func require(_ right: Right) throws(CollectorError) {
        guard !rights.contains(right) else { return }
        throw CollectorError(.permission, "the role \(role) may not see it", remedies: [.grantMonitor(to: role)])
    }

    /// Where an extension is installed.
    ///
    /// - Throws: Where the database does not have it, with the statement that makes it.
    func schema(of name: String) throws(CollectorError) -> String {
        if let schema = extensionSchemas[name] { return schema }
        throw CollectorError(
            .missingExtension, "database \(database) has no \(name)",
            remedies: [.sql("CREATE EXTENSION \(name);", in: database)])
    }

    /// `15.20.0`: three numbers, as `pg_static` has always had them.
    static func shortVersion(_ version: Int) -> String { "\(version / 10_000).\(version % 10_000).0" }
}
