import Scraping
import Synchronization

/// What a collector looks around with between scrapes: the connection that scrapes use, a few commands at a time.
struct RedisBackground: Sendable {
    /// What kind of server it is.
    let facts: RedisFacts
    private let cluster: RedisCluster
    /// Opens connections of a collector's own.
    let dialer: RedisDialer

    /// How long one piece of work may take, waiting for its turn included. Above what a server pauses for now and then, such
    /// as for a slow command: to give up means to close the connection, and the scrape that waits for it would find none.
    private static let limit = Duration.seconds(10)
    /// How many elements a step takes, unless somebody asked for another number; about a millisecond of the server's time.
    static let stepSize = 1000

    init(facts: RedisFacts, cluster: RedisCluster, dialer: RedisDialer) {
        self.facts = facts
        self.cluster = cluster
        self.dialer = dialer
    }

    /// Sends commands in one piece. They should take the server about a millisecond, since everybody waits for it.
    ///
    /// - Throws: Why there are no replies at all, or not all.
    func ask(_ commands: [RedisCommand]) async throws(CollectorError) -> RedisReplies {
        let replies = try await cluster.run(commands, until: Deadline(after: Self.limit))
        try replies.check()
        return replies
    }

    /// The same, all of one node: one of ``keyNodes()``.
    func ask(
        _ commands: [RedisCommand], on node: RedisSettings.Address?
    ) async throws(CollectorError) -> RedisReplies {
        let replies = try await cluster.run(commands, on: node, until: Deadline(after: Self.limit))
        try replies.check()
        return replies
    }

    /// Where keys are: each master of a cluster, or else the server itself (`nil`). What looks at a whole database has to
    /// ask each of them.
    func keyNodes() async throws(CollectorError) -> [RedisSettings.Address?] {
        try await cluster.keyNodes(until: Deadline(after: Self.limit))
    }

    /// Looks again which nodes there are.
    func refreshNodes() async throws(CollectorError) {
        try await cluster.refresh(until: Deadline(after: Self.limit))
    }

    /// All members of a set, unless it is a large one: then some, and not always the same ones.
    ///
    /// - Returns: Nothing where there is no such key, or it is no set.
    func members(of key: RedisKey, limit: Int) async throws(CollectorError) -> Set<[UInt8]> {
        let type = RedisCommand("TYPE", key.name, database: key.database, isOptional: true)
        guard try await ask([type]).text(type) == Array("set".utf8) else { return [] }
        var members: Set<[UInt8]> = []
        var cursor = Array("0".utf8)
        repeat {
            let step = RedisCommand(
                "SSCAN", key.name, cursor, "COUNT", Self.stepSize, database: key.database, isOptional: true)
            let reply = try await ask([step]).array(step)
            guard reply.count == 2, let next = reply[0].text else {
                throw CollectorError(.internal, "SSCAN was not answered as its documentation says")
            }
            cursor = next
            members.formUnion(reply[1].elements.compactMap(\.text))
        } while cursor != Array("0".utf8) && members.count < limit
        return members.count > limit ? Set(members.sorted { $0.lexicographicallyPrecedes($1) }.prefix(limit)) : members
    }
}

/// Lets the collectors look around, all at once, once in a while for as long as there are scrapes. They take turns on the
/// connection, so that a long search of one keeps nobody else from finding what is new.
final class RedisRounds: Sendable {
    private struct State {
        /// Those that are still looking, with the time when they began.
        var running: [String: Task<Void, Never>] = [:]
        var starts: [String: ContinuousClock.Instant] = [:]
        /// Those that have not come to an end yet.
        var new: Set<String>
        var failures: [String: CollectorError] = [:]
    }

    private struct Look: Sendable {
        let name: String
        let run: @Sendable (RedisBackground) async throws(CollectorError) -> Void
    }

    private let looks: [Look]
    private let interval: Duration
    private let state: Mutex<State>
    private let allHaveLooked = Signal()

    init(_ collectors: [any RedisCollector], interval: Duration) {
        let nodes = Look(name: "") { server throws(CollectorError) in try await server.refreshNodes() }
        looks =
            [nodes]
            + collectors.map { collector in
                Look(name: collector.name) { server throws(CollectorError) in try await collector.look(server) }
            }
        self.interval = interval
        state = Mutex(State(new: Set(looks.map(\.name))))
    }

    /// Lets those look around whose last look began some time ago and is over.
    ///
    /// - Returns: The first time, what fires when each has looked around once; `nil` from then on, even where a long search
    ///   is still under way.
    func begin(_ server: RedisBackground) -> Signal? {
        state.withLock { state in
            let isFirst = state.starts.isEmpty
            for look in looks where state.running[look.name] == nil {
                if let start = state.starts[look.name], start.duration(to: .now) < interval { continue }
                state.starts[look.name] = .now
                state.running[look.name] = Task {
                    let failure: CollectorError?
                    do throws(CollectorError) {
                        try await look.run(server)
                        failure = nil
                    } catch {
                        failure = error
                    }
                    self.end(look.name, failure)
                }
            }
            return isFirst ? allHaveLooked : nil
        }
    }

    private func end(_ name: String, _ failure: CollectorError?) {
        let isLast = state.withLock { state in
            state.running[name] = nil
            state.failures[name] = failure
            return state.new.remove(name) != nil && state.new.isEmpty
        }
        if isLast { allHaveLooked.fire() }
    }

    /// Why collectors could not look around the last time, by their names.
    var failures: [String: CollectorError] { state.withLock { $0.failures } }

    /// Ends all looks under way.
    func shutdown() async {
        let running = state.withLock { Array($0.running.values) }
        for task in running { task.cancel() }
        for task in running { await task.value }
    }
}
