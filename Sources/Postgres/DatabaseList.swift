import Scraping

/// The databases that collectors of single databases run in.
struct DatabaseList {
    var names: [String] = []
    /// How many more there are, beyond the most that are looked into.
    var furtherCount = 0

    /// Those that take connections, the role's among them, and that the options admit; no templates. Each row tells how
    /// many there are in all.
    static func query(_ options: PostgresOptions) -> String {
        """
        SELECT d.datname, pg_catalog.count(*) OVER () FROM pg_catalog.pg_database AS d \
        WHERE d.datallowconn AND NOT d.datistemplate \
        AND pg_catalog.has_database_privilege(d.oid, 'CONNECT') AND \(options.databases.condition(on: "d.datname")) \
        ORDER BY d.datname <> pg_catalog.current_database(), d.datname\
        \(options.databaseLimit.map { " LIMIT \($0)" } ?? "")
        """
    }

    /// Reads the rows of ``query(_:)``.
    static func read(_ outcome: consuming Result<QueryResult, CollectorError>) throws(CollectorError) -> DatabaseList {
        switch consume outcome {
        case .success(let rows):
            let names = (0..<rows.rowCount).compactMap { rows.text($0, 0) }
            let count = names.isEmpty ? 0 : rows.text(0, 1).flatMap { Int($0) } ?? names.count
            return DatabaseList(names: names, furtherCount: count - names.count)
        case .failure(let error): throw error
        }
    }
}
