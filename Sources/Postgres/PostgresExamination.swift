public import Scraping
import Synchronization

extension PostgresTarget: Examinable {
    /// Who the server and the role are, what the role may do, and what is missing.
    public func examine(_ outcome: ScrapeOutcome, until deadline: Deadline) async -> Examination {
        var examination = Examination()
        if outcome.isUp {
            do throws(CollectorError) {
                let access = try await access(until: deadline)
                examination = Examination(facts: access.facts, findings: access.findings)
            } catch {
                examination.add(Finding(.mend, error.what, error.remedies))
            }
        }
        for finding in customQueries(outcome) { examination.add(finding) }
        examination.add(outcome)
        if let exposure = settings.password?.exposure { examination.add(exposure) }
        return examination
    }

    /// The custom queries that failed, which somebody has to correct where they are.
    private func customQueries(_ outcome: ScrapeOutcome) -> [Finding] {
        let names = Set(enabled.lazy.filter { $0 is CustomQueryCollector }.map(\.name))
        let files = options.customQuerySources.map(\.path).joined(separator: ", ")
        return outcome.collectors.filter { names.contains($0.name) }.compactMap { collector in
            guard let error = collector.error, error.remedies.isEmpty else { return nil }
            let query = collector.name.dropFirst("custom_".count)
            let remedy = Remedy(files, "correct the query \(query), or take it out")
            return Finding(.mend, error.what, [remedy], parts: [collector.name])
        }
    }

    /// Asks for what a scrape does not.
    private func access(until deadline: Deadline) async throws(CollectorError) -> PostgresAccess {
        try await connection.open(until: deadline)
        let peer = try await connection.peer
        let statements = [
            ServerFacts.query, PostgresAccess.query, PostgresAccess.databases(admittedBy: options.databases),
        ]
        let wanted = enabled.filter { $0.requiredExtension == "pg_stat_statements" }.map(\.name)
        let found = Mutex<(server: ServerFacts?, access: PostgresAccess?)>((nil, nil))
        let failure = Mutex<CollectorError?>(nil)
        try await connection.learn(
            statements, settings: .scrape(until: deadline, statements: statements.count), until: deadline
        ) { index, outcome in
            do throws(CollectorError) {
                switch consume outcome {
                case .failure(let error): throw error
                case .success(let rows):
                    if index == 0 {
                        let server = try ServerFacts(rows, peer: peer)
                        found.withLock { $0.server = server }
                    } else if index == 1, let server = found.withLock({ $0.server }) {
                        let access = PostgresAccess(rows, of: server, statementCollectors: wanted)
                        found.withLock { $0.access = access }
                    } else {
                        found.withLock { $0.access?.read(databases: rows) }
                    }
                }
            } catch {
                failure.withLock { $0 = error }
            }
        }
        if let error = failure.withLock({ $0 }) { throw error }
        guard let access = found.withLock({ $0.access }) else {
            throw CollectorError(.internal, "the server does not say what it is")
        }
        return access
    }
}
