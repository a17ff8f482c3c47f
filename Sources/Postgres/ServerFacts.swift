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
    /// Whether a pooler stands between, so that settings must not outlive a transaction.
    var isPooled: Bool

    static let query = """
        SELECT pg_catalog.current_setting('server_version_num') AS version,
        pg_catalog.current_database() AS database,
        pg_catalog.pg_backend_pid() AS backend, e.extname AS extension, n.nspname AS schema
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
        guard rows.rowCount > 0, rows.columnCount == 5, let version = rows.number(0, 0),
            let database = rows.text(0, 1), let process = rows.number(0, 2)
        else { throw CollectorError(.internal, "the server does not say what it is") }
        self.version = Int(version)
        self.database = database
        isPooled = Int32(process) != peer.process
        address = peer.address
        extensionSchemas = [:]
        for row in 0..<rows.rowCount {
            if let name = rows.text(row, 3), let schema = rows.text(row, 4) { extensionSchemas[name] = schema }
        }
    }

    /// `15.20.0`: three numbers, as `pg_static` has always had them.
    static func shortVersion(_ version: Int) -> String { "\(version / 10_000).\(version % 10_000).0" }
}
