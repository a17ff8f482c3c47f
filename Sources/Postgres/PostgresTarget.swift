public import Exposition
public import Scraping
import Synchronization

/// A PostgreSQL server.
///
/// What the server tells as a whole, and the database that the connection string names, are read at every scrape on a kept
/// connection, in one pipeline. The other databases are visited one by one on a second connection, and what is dear to find
/// is read in the background on a third; so there are never more than three.
public final class PostgresTarget: Target {
    /// `postgres`
    public static let kind = "postgres"

    let settings: PostgresSettings
    let options: PostgresOptions
    private let presentation: Presentation
    let enabled: [any PostgresCollector]
    /// Read at every scrape on the kept connection.
    private let fast: [any PostgresCollector]
    let connection: PostgresConnection
    /// The databases that the connection string does not name.
    private let others: Rounds
    private let slow: Rounds
    private let known = Mutex<Known?>(nil)
    private let scrapeCount = Atomic(0)

    /// What the kept connection leads to. Read with every scrape, for the next one.
    private struct Known {
        /// ``PostgresConnection/openings``, since it is not only scrapes that open the connection.
        var opening: Int
        var server: ServerFacts
        /// Where collectors of single databases run.
        var databases: DatabaseList
    }

    /// How much of the time the visits to other databases may take.
    private static let othersShare = 0.05

    /// A server, without connecting yet.
    public convenience init(_ settings: PostgresSettings, options: PostgresOptions = PostgresOptions()) {
        self.init(settings, options: options, collectors: PostgresCollectors.all(options))
    }

    init(_ settings: PostgresSettings, options: PostgresOptions, collectors: [any PostgresCollector]) {
        self.settings = settings
        self.options = options
        presentation = Presentation(options)
        let all = collectors.filter(options.collectors.isEnabled)
        let names = Set(all.map(\.name))
        enabled = all.filter { $0.parent.map(names.contains) ?? true }
        fast = enabled.filter { !$0.isSlow }
        connection = PostgresConnection(settings)
        others = Rounds(
            settings, collectors: fast.filter { $0.scope == .database }, relationLimit: options.relations.limit,
            pace: .share(of: Self.othersShare))
        slow = Rounds(
            settings, collectors: enabled.filter(\.isSlow), relationLimit: options.relations.limit,
            pace: .every(options.slowInterval))
    }

    /// As configured.
    public var name: String { settings.name }
    /// The names of the collectors that are enabled.
    public var collectors: [String] { enabled.map(\.name) }
    /// From 0 to 3.
    public var openConnections: Int? {
        connection.openConnections + others.openConnections + slow.openConnections
    }

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
        let settings = SessionSettings.scrape(until: scrape.deadline, statements: fast.count)
        let facts = [ServerFacts.query, DatabaseList.query(options)]
        try await connection.open(until: scrape.deadline)
        let opening = await connection.openings
        if known.withLock({ $0?.opening != opening }) {
            known.withLock { $0 = nil }
            let peer = try await connection.peer
            try await connection.learn(facts, settings: settings, until: scrape.deadline) { [self] index, outcome in
                learn(index, outcome, of: opening, peer: peer, scrape)
            }
        }
        guard let known = known.withLock({ $0 }) else {
            throw CollectorError(.internal, "the server does not say what it is")
        }
        let peer = try await connection.peer
        let server = known.server
        let databases = known.databases.names
        let isOwnAdmitted = databases.contains(server.database)
        // A pooler knows databases by names of its own.
        let elsewhere = server.isPooled ? [] : databases.filter { $0 != server.database }
        let visits = others.begin(in: elsewhere, admitted: elsewhere, of: server, at: peer)
        let search = slow.begin(
            in: [server.database] + elsewhere, admitted: databases, of: server, at: peer)

        let plan = Plan(fast.filter { $0.scope == .server || isOwnAdmitted }, for: server)
        for omission in plan.omissions { leaveOut(omission.collector, omission.reason, scrape) }
        let own = Mutex<[String: CollectorResult]>([:])
        try await connection.run(
            plan, of: server, settings: settings, until: scrape.deadline, facts: facts,
            fact: { [self] index, outcome in learn(index, outcome, of: opening, peer: peer, scrape) },
            deliver: { [self] collector, result in
                if collector.scope == .server {
                    deliver(collector, result, scrape)
                } else {
                    own.withLock { $0[collector.name] = result }
                }
            })
        await wait(for: visits, and: search, until: scrape.deadline)
        for (database, reason) in others.refusals.merging(slow.refusals, uniquingKeysWith: { first, _ in first }) {
            scrape.leaveOut("database \(database)", because: reason)
        }
        if known.databases.furtherCount > 0, let limit = options.databaseLimit {
            let sentence =
                "\(known.databases.furtherCount) of its databases are not looked into, since --postgres.databases.max is \(limit); "
                + "raise it, or leave some out by --postgres.databases.exclude"
            scrape.leaveOut("databases", because: CollectorError(.permission, sentence))
        }
        let here = own.withLock { $0 }
        for collector in enabled where collector.isSlow || collector.scope == .database {
            var result = here[collector.name]
            if let found = (collector.isSlow ? slow : others).result(of: collector) {
                if result == nil { result = found } else { result?.add(found) }
            }
            if let result {
                deliver(collector, result, scrape)
            } else if collector.isSlow || !isOwnAdmitted {
                // Nothing has been found yet, which is no failure.
                scrape.skip(collector.name)
            }
        }
    }

    /// Waits for what is being found elsewhere, and leaves time to deliver it.
    private func wait(for visits: Signal?, and search: Signal?, until deadline: Deadline) async {
        await visits?.wait(until: deadline.limited(to: deadline.remaining * 0.8))
        // Only the first time, so that a single scrape shows sizes too.
        if slow.isNew { await search?.wait(until: deadline.limited(to: deadline.remaining * 0.5)) }
    }

    private func learn(
        _ index: Int, _ outcome: consuming Result<QueryResult, CollectorError>, of opening: Int,
        peer: PostgresConnection.Peer, _ scrape: Scrape
    ) {
        guard index == 0 else {
            // Where it cannot be read just now, the list of the last scrape goes on.
            if let databases = try? DatabaseList.read(outcome) { known.withLock { $0?.databases = databases } }
            return
        }
        switch ServerFacts.read(outcome, peer: peer) {
        case .success(var server):
            server.relationLimit = options.relations.limit
            known.withLock {
                $0 = Known(opening: opening, server: server, databases: $0?.databases ?? DatabaseList())
            }
            scrape.targetAnswered()
        case .failure(let error): scrape.targetFailed(error)
        }
    }

    private func deliver(_ collector: any PostgresCollector, _ result: CollectorResult, _ scrape: Scrape) {
        var result = result
        result.families = presentation.apply(result.families, isOwn: !(collector is CustomQueryCollector))
        scrape.deliver(collector.name, result)
    }

    /// An error where the collector was asked for by name, else a word in the log, unless there is nothing to mend.
    private func leaveOut(_ collector: any PostgresCollector, _ reason: CollectorError?, _ scrape: Scrape) {
        if let reason, options.collectors.isRequested(collector) {
            scrape.deliver(collector.name, CollectorResult(error: reason))
        } else {
            scrape.skip(collector.name, because: reason?.reason == .unsupportedVersion ? nil : reason)
        }
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
        return presentation.apply([
            MetricFamily(Status.up, outcome.isUp ? 1 : 0),
            MetricFamily(Status.duration, outcome.duration.seconds),
            MetricFamily(Status.count, Double(scrapeCount.load(ordering: .relaxed))),
            MetricFamily(Status.error, outcome.error == nil ? 0 : 1),
            durations,
            successes,
            CustomQuerySource.family(options.customQuerySources),
        ])
    }

    /// `pg_up` and the exporter's own families, as postgres_exporter has them.
    public static let statusMetrics =
        [Status.up, Status.duration, Status.count, Status.error].map { CatalogueEntry($0, source: "the scrape") }
        + [Status.collectorDuration, Status.collectorSuccess].map {
            CatalogueEntry($0, labels: ["collector"], source: "the scrape")
        } + [CustomQuerySource.metric]

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

    /// Closes the connections.
    public func shutdown() async {
        others.stop()
        slow.stop()
        await connection.close()
    }
}
