public import Scraping
import Synchronization

extension PostgresTarget: ChecksHealth {
    /// Asks on the kept connection which database it is in and how many of its tables may be read.
    public func checkHealth(until deadline: Deadline) async throws(CollectorError) -> TargetHealth {
        try await connection.checkHealth(until: deadline)
    }
}

extension PostgresConnection {
    private static let healthQuestion = """
        SELECT pg_catalog.current_database(), (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class AS c \
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
        WHERE c.relkind IN ('r', 'p', 'm', 'f') AND \(isUserSchema("n")) \
        AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT'))
        """

    /// Asks in one go, without letting a scrape in between.
    fileprivate func checkHealth(until deadline: Deadline) throws(CollectorError) -> TargetHealth {
        // A scrape may have been on the connection until now, and whoever has asked is gone.
        guard !deadline.hasPassed else { throw CollectorError(.timeout, "a scrape is still on the connection") }
        let isKept = !isClosed
        do throws(CollectorError) {
            return try askForHealth(until: deadline)
        } catch {
            // A kept connection may have been closed from the other side.
            guard isKept, error.reason == .connection else { throw error }
        }
        return try askForHealth(until: deadline)
    }

    private func askForHealth(until deadline: Deadline) throws(CollectorError) -> TargetHealth {
        try open(until: deadline)
        let start = ContinuousClock.now
        let answer = Mutex<Result<TargetHealth, CollectorError>>(
            .failure(CollectorError(.internal, "the server answers nothing")))
        try learn([Self.healthQuestion], settings: .scrape(until: deadline, statements: 1), until: deadline) {
            _, outcome in
            let result: Result<TargetHealth, CollectorError>
            switch consume outcome {
            case .success(let rows):
                result = .success(
                    TargetHealth(
                        latency: start.duration(to: .now), database: rows.text(0, 0),
                        accessibleTables: rows.number(0, 1).map { Int($0) }))
            case .failure(let error): result = .failure(error)
            }
            answer.withLock { $0 = result }
        }
        return try answer.withLock { $0 }.get()
    }
}
