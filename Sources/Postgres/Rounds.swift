import Exposition
import Scraping
import Synchronization

/// Collects in one database after the other, on one short-lived connection at a time, and keeps what was found there.
///
/// A scrape starts a round where one is due, waits for it as long as it can, and shows what there is. So a hundred
/// databases take one connection, a slow one delays nothing but itself, and a database that is to be dropped is occupied
/// for moments only.
final class Rounds: Sendable {
    /// When a round may follow another.
    enum Pace {
        /// When the last one is so old that rounds take at most this part of the time, but after a minute in any case.
        case share(of: Double)
        /// When the last one began so long ago.
        case every(Duration)
    }

    private let settings: PostgresSettings
    private let collectors: [any PostgresCollector]
    private let relationLimit: Int
    private let pace: Pace
    private let state = Mutex(State())

    private struct State {
        var running: (task: Task<Void, Never>, ended: Signal)?
        var start: ContinuousClock.Instant?
        var end: ContinuousClock.Instant?
        /// What was found last in each database, by its name.
        var found: [String: Finding] = [:]
        /// The databases that do not have us, why, and when to try again.
        var refusals: [String: (reason: CollectorError, end: ContinuousClock.Instant)] = [:]
        var connection: PostgresConnection?
        /// The thread of all visits, from the first on.
        var executor: ThreadExecutor?
    }

    private struct Finding {
        var results: [String: CollectorResult] = [:]
        var relationCount = 0
        var moment = ContinuousClock.now
    }

    /// The longest that a session may last in a database that others may want to drop: `DROP DATABASE` waits five seconds
    /// for sessions to go.
    private static let sessionLimit = Duration.seconds(4)
    /// The longest in the database that the kept connection is in anyway.
    private static let ownSessionLimit = Duration.seconds(60)
    /// After how long a round follows another in any case: who has hundreds of databases wants to see them move.
    private static let longestPause = Duration.seconds(60)
    /// How soon what is read every few minutes is tried again where something failed.
    private static let retryInterval = Duration.seconds(30)
    /// After how long a database that does not have us is tried again: each attempt is a line in the server's log.
    private static let refusalInterval = Duration.seconds(600)
    /// How long the server may take to end a session.
    private static let closeLimit = Duration.seconds(1)

    /// - Parameter relationLimit: How many tables and indexes stand by themselves: of the database that the kept
    ///   connection is in, and of all others together.
    init(
        _ settings: PostgresSettings, collectors: [any PostgresCollector], relationLimit: Int, pace: Pace
    ) {
        self.settings = settings
        self.collectors = collectors
        self.relationLimit = relationLimit
        self.pace = pace
    }

    /// 0 or 1.
    var openConnections: Int { state.withLock { $0.connection }?.openConnections ?? 0 }

    /// Starts a round where one is due.
    ///
    /// - Parameters:
    ///   - databases: Where to go. What was found in others is forgotten.
    ///   - admitted: Where collectors of single databases run.
    ///   - server: What the kept connection leads to, at `peer`.
    /// - Returns: What fires at the end of the round under way; `nil` where there is none.
    func begin(
        in databases: [String], admitted: [String], of server: ServerFacts, at peer: PostgresConnection.Peer
    ) -> Signal? {
        guard !collectors.isEmpty else { return nil }
        return state.withLock { state in
            let known = Set(databases)
            let admitted = Set(admitted)
            state.found = state.found.filter { known.contains($0.key) }
            if let running = state.running { return running.ended }
            guard !databases.isEmpty, isDue(state) else { return nil }
            // Where the last round was cut short, the next begins with what has waited longest.
            let found = state.found
            let refusals = state.refusals.filter { known.contains($0.key) && $0.value.end > .now }
            state.refusals = refusals
            let order = databases.filter { refusals[$0] == nil }.sorted { first, second in
                switch (found[first]?.moment, found[second]?.moment) {
                case (let first?, let second?): first < second
                case (nil, _?): true
                default: false
                }
            }
            let share = Self.share(
                of: relationLimit, counts: databases.filter { $0 != server.database }.map { found[$0]?.relationCount })
            let ended = Signal()
            state.start = .now
            let task = Task {
                await self.run(in: order, of: server, at: peer, admitted: admitted, share: share)
                self.state.withLock { state in
                    state.running = nil
                    state.end = .now
                }
                ended.fire()
            }
            state.running = (task, ended)
            return ended
        }
    }

    /// How many each may take of what all of them share: as many as are left to it when those who need fewer have taken
    /// what they need.
    ///
    /// - Parameter counts: How many each needs; `nil` where that is not known yet.
    static func share(of limit: Int, counts: [Int?]) -> Int {
        var left = limit
        var takers = counts.count
        for count in counts.compactMap(\.self).sorted() where takers > 0 && count <= left / takers {
            left -= count
            takers -= 1
        }
        return takers > 0 ? max(left / takers, 1) : limit
    }

    private func isDue(_ state: State) -> Bool {
        guard let start = state.start, let end = state.end else { return true }
        switch pace {
        case .share(let share):
            return end.duration(to: .now) >= min(start.duration(to: end) * (1 / share - 1), Self.longestPause)
        case .every(let interval):
            // What failed, for a lock perhaps, is not left out for as long as what was found stays.
            let hasFailed = state.found.values.contains { $0.results.values.contains { $0.error != nil } }
            return start.duration(to: .now) >= (hasFailed ? min(interval, Self.retryInterval) : interval)
        }
    }

    /// The databases that do not have us: `pg_hba.conf` may admit a role to one database and not to another.
    var refusals: [String: CollectorError] { state.withLock { $0.refusals.mapValues(\.reason) } }

    /// Whether no round has come to its end yet.
    var isNew: Bool { state.withLock { $0.end == nil } }

    /// What a collector found in all databases; `nil` before anything was.
    func result(of collector: any PostgresCollector) -> CollectorResult? {
        let found = state.withLock { $0.found }
        var whole: CollectorResult?
        for (_, finding) in found.sorted(by: { $0.key < $1.key }) {
            guard var part = finding.results[collector.name] else { continue }
            part.age = finding.moment.duration(to: .now)
            if whole == nil { whole = part } else { whole?.add(part) }
        }
        return whole
    }

    /// Ends the round under way after the database that it is in.
    func stop() {
        state.withLock { $0.running?.task.cancel() }
    }

    private func run(
        in databases: [String], of server: ServerFacts, at peer: PostgresConnection.Peer, admitted: Set<String>,
        share: Int
    ) async {
        var failures = 0
        for database in databases where !Task.isCancelled {
            do throws(CollectorError) {
                try await visit(database, of: server, at: peer, admitted: admitted, share: share)
                failures = 0
            } catch {
                guard !keep(refusal: error, of: database) else { continue }
                keep(failure: error, of: database)
                failures += 1
                // The server itself is not well: the others are left for the next round.
                if failures > 2 { return }
            }
        }
    }

    private func visit(
        _ database: String, of server: ServerFacts, at peer: PostgresConnection.Peer, admitted: Set<String>, share: Int
    ) async throws(CollectorError) {
        let isOwn = database == server.database
        let connection = state.withLock { state in
            let executor = state.executor ?? ThreadExecutor(name: "pg \(settings.name)")
            state.executor = executor
            let connection = PostgresConnection(settings, database: database, at: peer, on: executor)
            state.connection = connection
            return connection
        }
        let deadline = Deadline(after: isOwn ? Self.ownSessionLimit : Self.sessionLimit)
        let outcome: Result<Void, CollectorError>
        do throws(CollectorError) {
            try await collect(
                on: connection, isOwn: isOwn, of: server, admitted: admitted,
                relationLimit: isOwn ? relationLimit : share, until: deadline)
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        await connection.closeAndWait(until: Deadline(after: Self.closeLimit))
        state.withLock { $0.connection = nil }
        try outcome.get()
    }

    private func collect(
        on connection: PostgresConnection, isOwn: Bool, of server: ServerFacts, admitted: Set<String>,
        relationLimit: Int, until deadline: Deadline
    ) async throws(CollectorError) {
        try await connection.open(until: deadline)
        let settings = SessionSettings.background(until: deadline)
        let peer = try await connection.peer
        let here = Mutex<Result<ServerFacts, CollectorError>>(
            .failure(CollectorError(.internal, "the database does not say what it is")))
        let found = Mutex(Finding())
        try await connection.learn([ServerFacts.query, Self.relationCount], settings: settings, until: deadline) {
            index, outcome in
            if index == 0 {
                let facts = ServerFacts.read(outcome, peer: peer)
                here.withLock { $0 = facts }
            } else if case .success(let rows) = consume outcome {
                let count = rows.number(0, 0)
                found.withLock { $0.relationCount = Int(count ?? 0) }
            }
        }
        var answer = try here.withLock { $0 }.get()
        answer.relationLimit = relationLimit
        let facts = answer
        // The connection's own database is visited for what the whole server shares, though it may be left out itself.
        let wanted = collectors.filter { $0.scope == .database ? admitted.contains(facts.database) : isOwn }
        defer { keep(found.withLock { $0 }, of: facts.database) }
        try await connection.run(Plan(wanted, for: facts), of: facts, settings: settings, until: deadline) {
            collector, result in
            var result = result
            result.error = result.error.map { Self.located($0, in: facts.database) }
            found.withLock { $0.results[collector.name] = result }
        }
    }

    /// How many tables the database has that are not the system's own.
    private static let relationCount = """
        SELECT count(*) FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
        WHERE c.relkind IN ('r', 'm') AND \(isUserSchema("n"))
        """

    private func keep(_ finding: Finding, of database: String) {
        state.withLock { $0.found[database] = finding }
    }

    /// Notes that a database does not have us, where that is what the error says.
    private func keep(refusal error: CollectorError, of database: String) -> Bool {
        guard error.reason == .authentication || error.reason == .permission else { return false }
        state.withLock { state in
            state.found[database] = nil
            state.refusals[database] = (error, .now + Self.refusalInterval)
        }
        return true
    }

    /// Notes for every collector that has not delivered in this database why not.
    private func keep(failure: CollectorError, of database: String) {
        state.withLock { state in
            var finding = Finding()
            if let partial = state.found[database], partial.moment > state.start ?? .now { finding = partial }
            for collector in collectors where collector.scope == .database && finding.results[collector.name] == nil {
                finding.results[collector.name] = CollectorResult(error: Self.located(failure, in: database))
            }
            state.found[database] = finding
        }
    }

    private static func located(_ error: CollectorError, in database: String) -> CollectorError {
        error.at("database \(database)")
    }
}
