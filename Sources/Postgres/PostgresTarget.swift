public import Exposition
public import Scraping
import Synchronization

/// A PostgreSQL server: one kept connection, all collectors in one pipeline, one round trip a scrape.
public final class PostgresTarget: Target {
    /// `postgres`
    public static let kind = "postgres"

    private let settings: PostgresSettings
    private let enabled: [any PostgresCollector]
    private let selection: CollectorSelection
    private let options: PostgresOptions
    private let connection: PostgresConnection
    private let facts = Mutex<ServerFacts?>(nil)
    private let scrapeCount = Atomic(0)

    /// A server, without connecting yet.
    public init(_ settings: PostgresSettings, options: PostgresOptions = PostgresOptions()) {
        self.settings = settings
        self.options = options
        selection = options.collectors
        enabled = PostgresCollectors.all(options).filter(options.collectors.isEnabled)
        connection = PostgresConnection(settings)
    }

    /// As configured.
    public var name: String { settings.name }
    /// The names of the collectors that are enabled.
    public var collectors: [String] { enabled.map(\.name) }
    /// 0 or 1.
    public var openConnections: Int? { connection.openConnections }

    /// Connects where needed and runs all collectors.
    public func run(_ scrape: Scrape) async {
        scrapeCount.add(1, ordering: .relaxed)
        do throws(CollectorError) {
            let isKept = await !connection.isClosed
            do throws(CollectorError) {
                try await attempt(scrape)
            } catch {
                // A kept connection may have been closed from the other side since the last scrape.
                guard isKept, error.reason == .connection, !scrape.hasAnswer else { throw error }
                try await attempt(scrape)
            }
        } catch {
            scrape.targetFailed(error)
        }
    }

    private func attempt(_ scrape: Scrape) async throws(CollectorError) {
        if await connection.isClosed {
            try await connection.open(until: scrape.deadline)
            facts.withLock { $0 = nil }
            try await refresh(scrape)
        }
        guard let server = facts.withLock({ $0 }) else {
            throw CollectorError(.internal, "the server does not say what it is")
        }

        var running: [any PostgresCollector] = []
        var statements = [ServerFacts.query]
        for collector in enabled {
            do throws(CollectorError) {
                guard let statement = try collector.statement(for: server) else {
                    scrape.skip(collector.name)
                    continue
                }
                running.append(collector)
                statements.append(statement)
            } catch {
                if selection.isRequested(collector) {
                    scrape.deliver(collector.name, took: .zero, .failure(error))
                } else {
                    scrape.skip(collector.name)
                }
            }
        }
        try await run(statements, for: running, of: server, scrape)
    }

    /// Asks a fresh connection what it leads to, with settings that end with the transaction.
    private func refresh(_ scrape: Scrape) async throws(CollectorError) {
        let peer = try await connection.peer
        let first = [sessionSettings(until: scrape.deadline, isLocal: true), ServerFacts.query]
        try await connection.run([first], until: scrape.deadline) { [self] _, outcome in
            learn(outcome, peer: peer, scrape)
        }
    }

    private func learn(
        _ outcome: consuming Result<QueryResult, CollectorError>, peer: PostgresConnection.Peer, _ scrape: Scrape
    ) {
        switch consume outcome {
        case .success(let rows):
            guard let server = try? ServerFacts(rows, peer: peer) else { return }
            facts.withLock { $0 = server }
            scrape.targetAnswered()
        case .failure(let error):
            scrape.targetFailed(error)
        }
    }

    private func run(
        _ statements: [String], for running: [any PostgresCollector], of server: ServerFacts, _ scrape: Scrape
    ) async throws(CollectorError) {
        let settings = sessionSettings(until: scrape.deadline, isLocal: server.isPooled)
        let work = statements.enumerated().map { index, statement in
            [index > 0 ? running[index - 1].localSettings : nil, statement].compactMap(\.self)
        }
        // Behind a pooler each transaction may be another server session, so each brings its settings along.
        let transactions = server.isPooled ? work.map { [settings] + $0 } : [[settings]] + work
        let peer = try await connection.peer
        let firstCollector = transactions.count - running.count
        let lastEnd = Mutex(ContinuousClock.now)
        try await connection.run(transactions, until: scrape.deadline) { [self] index, outcome in
            // The server works on one statement after the other: what passed since the one before is this one's own.
            let start = lastEnd.withLock { $0 }
            defer { lastEnd.withLock { $0 = .now } }
            guard index >= firstCollector else {
                if index == firstCollector - 1 { learn(outcome, peer: peer, scrape) }
                return
            }
            let collector = running[index - firstCollector]
            let families: Result<[MetricFamily], CollectorError>
            do throws(CollectorError) {
                switch consume outcome {
                case .success(let rows): families = .success(try collector.families(from: rows, server: server))
                case .failure(let error): throw error
                }
            } catch {
                families = .failure(error)
            }
            scrape.deliver(collector.name, took: start.duration(to: .now), families)
        }
    }

    /// The session's settings as one statement.
    ///
    /// No statement of ours may last longer than half of the time left, so that one that hangs leaves time for the
    /// others, nor wait more than a second for a lock, since others queue up behind whoever waits.
    func sessionSettings(until deadline: Deadline, isLocal: Bool) -> String {
        let left = max(deadline.remainingMilliseconds, 2)
        let settings = [
            ("statement_timeout", "\(max(left / 2, 1))"),
            ("lock_timeout", "\(min(1000, max(left / 2, 1)))"),
            ("idle_in_transaction_session_timeout", "\(left)"),
            (isLocal ? "transaction_read_only" : "default_transaction_read_only", "on"),
            ("search_path", "pg_catalog"),
        ]
        return "SELECT "
            + settings.map { "pg_catalog.set_config('\($0)', '\($1)', \(isLocal))" }.joined(separator: ", ")
    }

    /// `pg_up` and what postgres_exporter says of a scrape.
    public func status(of outcome: ScrapeOutcome) -> [MetricFamily] {
        var durations = MetricFamily(Status.collectorDuration)
        var successes = MetricFamily(Status.collectorSuccess)
        for collector in outcome.collectors {
            let labels: Labels = ["collector": collector.name]
            durations.append(collector.duration.seconds, labels)
            successes.append(collector.error == nil ? 1 : 0, labels)
        }
        return [
            MetricFamily(Status.up, outcome.isUp ? 1 : 0),
            MetricFamily(Status.duration, outcome.duration.seconds),
            MetricFamily(Status.count, Double(scrapeCount.load(ordering: .relaxed))),
            MetricFamily(Status.error, outcome.error == nil ? 0 : 1),
            durations,
            successes,
            CustomQuerySource.family(options.customQuerySources),
        ]
    }

    private enum Status {
        static let up = MetricDescriptor(
            "pg_up", .gauge, "Whether the server answered this scrape within its time limit: 1 or 0.")
        static let duration = MetricDescriptor(
            "pg_exporter_last_scrape_duration_seconds", .gauge, "How long this scrape of the server took.")
        static let count = MetricDescriptor(
            "pg_exporter_scrapes_total", .counter, "Scrapes of the server since the exporter started.")
        static let error = MetricDescriptor(
            "pg_exporter_last_scrape_error", .gauge, "Whether anything failed in this scrape of the server: 1 or 0.")
        static let collectorDuration = MetricDescriptor(
            "pg_scrape_collector_duration_seconds", .gauge, "How long the server worked for this collector.")
        static let collectorSuccess = MetricDescriptor(
            "pg_scrape_collector_success", .gauge, "Whether the collector delivered: 1 or 0.")
    }

    /// Closes the connection.
    public func shutdown() async {
        await connection.close()
    }
}
