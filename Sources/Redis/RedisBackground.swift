import Scraping
import Synchronization

/// What a collector looks around with between scrapes: the connection that scrapes use, a few commands at a time.
struct RedisBackground: Sendable {
    /// What kind of server it is.
    let facts: RedisFacts
    private let connection: RedisConnection
    private let dialer: RedisDialer

    /// The longest that one piece of work may keep a scrape from the connection.
    private static let limit = Duration.seconds(2)
    /// How many elements a step takes, unless somebody asked for another number; about a millisecond of the server's time.
    static let stepSize = 1000

    init(facts: RedisFacts, connection: RedisConnection, dialer: RedisDialer) {
        self.facts = facts
        self.connection = connection
        self.dialer = dialer
    }

    /// Opens connections of a collector's own.
    var dialing: RedisDialer { dialer }

    /// Sends commands in one piece. They should take the server about a millisecond, since everybody waits for it.
    ///
    /// - Throws: Why there are no replies at all, or not all.
    func ask(_ commands: [RedisCommand]) async throws(CollectorError) -> RedisReplies {
        let replies = try await connection.run(commands, until: Deadline(after: Self.limit))
        try replies.check()
        return replies
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

/// Lets the collectors look around, one after the other, once in a while for as long as there are scrapes.
final class RedisRounds: Sendable {
    private struct State {
        var running: (task: Task<Void, Never>, ended: Signal)?
        var start: ContinuousClock.Instant?
        var hasEnded = false
        var failures: [String: CollectorError] = [:]
    }

    private let collectors: [any RedisCollector]
    private let interval: Duration
    private let state = Mutex(State())

    init(_ collectors: [any RedisCollector], interval: Duration = .seconds(30)) {
        self.collectors = collectors
        self.interval = interval
    }

    /// Starts a round where one is due.
    ///
    /// - Returns: What fires at the end of the first round; `nil` where that is over.
    func begin(_ server: RedisBackground) -> Signal? {
        state.withLock { state in
            if let running = state.running { return state.hasEnded ? nil : running.ended }
            if let start = state.start, start.duration(to: .now) < interval { return nil }
            let ended = Signal()
            state.start = .now
            let task = Task {
                for collector in self.collectors where !Task.isCancelled {
                    do throws(CollectorError) {
                        try await collector.look(server)
                        self.state.withLock { $0.failures[collector.name] = nil }
                    } catch {
                        self.state.withLock { $0.failures[collector.name] = error }
                    }
                }
                self.state.withLock { state in
                    state.running = nil
                    state.hasEnded = true
                }
                ended.fire()
            }
            state.running = (task, ended)
            return state.hasEnded ? nil : ended
        }
    }

    /// Why collectors could not look around the last time, by their names.
    var failures: [String: CollectorError] { state.withLock { $0.failures } }

    /// Ends the round under way.
    func shutdown() async {
        let running = state.withLock { $0.running }
        running?.task.cancel()
        await running?.task.value
    }
}
