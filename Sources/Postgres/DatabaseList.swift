import Scraping

/// The databases that collectors of single databases run in.
enum DatabaseList {
    /// Those that take connections, the role's among them, and that the filter admits; no templates.
    static func query(admittedBy filter: PostgresOptions.NameFilter) -> String {
        """
        SELECT d.datname FROM pg_catalog.pg_database AS d WHERE d.datallowconn AND NOT d.datistemplate \
        AND pg_catalog.has_database_privilege(d.oid, 'CONNECT') AND \(filter.condition(on: "d.datname")) \
        ORDER BY d.datname
        """
    }

    /// Their names.
    static func read(_ outcome: consuming Result<QueryResult, CollectorError>) throws(CollectorError) -> [String] {
        switch consume outcome {
        case .success(let rows): return (0..<rows.rowCount).compactMap { rows.text($0, 0) }
        case .failure(let error): throw error
        }
    }
}
