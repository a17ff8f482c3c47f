import Exposition
import Scraping
import Synchronization

/// What of some collectors there is to do in one database: statements to send, answers that are at hand, and what cannot run.
struct Plan {
    private(set) var requests: [(collector: any PostgresCollector, statement: String)] = []
    private(set) var answers: [(collector: any PostgresCollector, families: [MetricFamily])] = []
    private(set) var omissions: [(collector: any PostgresCollector, reason: CollectorError?)] = []

    init(_ collectors: [any PostgresCollector], for server: ServerFacts) {
        let now = ContinuousClock.now
        for collector in collectors {
            if let families = collector.cachedFamilies(at: now, for: server) {
                answers.append((collector, families))
                continue
            }
            do throws(CollectorError) {
                if let statement = try collector.statement(for: server) {
                    requests.append((collector, statement))
                } else {
                    omissions.append((collector, nil))
                }
            } catch {
                omissions.append((collector, error))
            }
        }
    }
}

extension PostgresConnection {
    /// Sends a plan's statements in one go, and hands over what each collector makes of the answer, on this connection's
    /// thread.
    ///
    /// - Parameters:
    ///   - settings: What the session is set to before.
    ///   - facts: Statements to send ahead of the collectors'.
    ///   - fact: Gets the index and the outcome of each of these.
    /// - Throws: `timeout` or `connection`, where the rest cannot come any more.
    func run(
        _ plan: Plan, of server: ServerFacts, settings: SessionSettings, until deadline: Deadline,
        facts: [String] = [],
        fact: @Sendable (Int, consuming Result<QueryResult, CollectorError>) -> Void = { _, _ in },
        deliver: @Sendable (any PostgresCollector, CollectorResult) -> Void
    ) throws(CollectorError) {
        for answer in plan.answers { deliver(answer.collector, CollectorResult(families: answer.families)) }
        let requests = plan.requests
        let setting = settings.statement(isLocal: server.isPooled)
        var transactions = facts.map { Transaction([$0]) }
        transactions += requests.map { collector, statement in
            Transaction([collector.localSettings, statement].compactMap(\.self), rowLimit: collector.rowLimit)
        }
        if server.isPooled {
            // Each transaction may be another server session, so each brings its settings along.
            for index in transactions.indices { transactions[index].statements.insert(setting, at: 0) }
        } else {
            transactions.insert([setting], at: 0)
        }
        let firstFact = server.isPooled ? 0 : 1
        let firstRequest = firstFact + facts.count
        let lastEnd = Mutex(ContinuousClock.now)
        try run(transactions, until: deadline) { index, outcome in
            // The server works on one statement after the other: what passed since the one before is this one's own.
            let start = lastEnd.withLock { $0 }
            defer { lastEnd.withLock { $0 = .now } }
            guard index >= firstRequest else {
                if index >= firstFact { fact(index - firstFact, outcome) }
                return
            }
            let collector = requests[index - firstRequest].collector
            var result = CollectorResult()
            do throws(CollectorError) {
                switch consume outcome {
                case .success(let rows): result.families = try collector.families(from: rows, server: server)
                case .failure(let error): throw error
                }
            } catch {
                // What does not exist is an extension's only where the collector reads one.
                let isMistaken = error.reason == .missingExtension && collector.requiredExtension == nil
                result.error = isMistaken ? CollectorError(.internal, error.detail) : error
            }
            result.duration = start.duration(to: .now)
            deliver(collector, result)
        }
    }

    /// Asks a connection that was just made what it leads to, and further statements with it.
    func learn(
        _ facts: [String], settings: SessionSettings, until deadline: Deadline,
        fact: @Sendable (Int, consuming Result<QueryResult, CollectorError>) -> Void
    ) throws(CollectorError) {
        // Settings that end with the transaction, since nobody knows yet whether a pooler stands between.
        let setting = settings.statement(isLocal: true)
        try run(facts.map { Transaction([setting, $0]) }, until: deadline, each: fact)
    }
}
