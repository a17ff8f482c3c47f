import Scraping
import Synchronization

/// Finds queues by what kombu keeps of them: a set for each exchange, of which queues are bound to it.
///
/// A queue that Celery makes by itself has an exchange of its own name, so the sets are searched for among all keys, at
/// the pace of a ``KeyScan`` and with a pause after each pass. Those that are known are read in each round.
final class CeleryBindings: Sendable {
    private struct State {
        /// What is bound, by the key of the set.
        var bound: [[UInt8]: Set<[UInt8]>] = [:]
        /// All of it, in the order of bytes.
        var queues: [[UInt8]] = []
        /// When to search anew.
        var nextSearch: ContinuousClock.Instant?
    }

    private let options: RedisQueueOptions.Celery
    private let limit: Int
    private let database: Int
    private let scan: KeyScan
    private let state = Mutex(State())

    /// How many times as long as a search took there is none after it, at the least.
    private static let pauseFactor = 20
    /// How long there is none at the most.
    private static let longestPause = Duration.seconds(300)
    /// How many sets are read in one piece, and how many members of each; those of most exchanges are one. What has more
    /// is read by itself.
    private static let batchSize = 200
    private static let memberCount = 100

    init(_ settings: RedisSettings) {
        options = settings.queues.celery
        limit = settings.queues.limit
        database = settings.database
        let pattern = Self.key("", options).escapedForGlob + Array("*".utf8)
        scan = KeyScan(RedisKey(database: settings.database, name: pattern), settings.keys)
    }

    /// The names of the queues that are bound, in the order of their bytes; of too many the first.
    var queues: [[UInt8]] { state.withLock { $0.queues } }

    /// Whether there is any exchange to look at.
    var mayFindQueues: Bool { options.searchesExchanges || !options.exchanges.isEmpty }

    /// What a user has to be allowed to look at exchanges, and to read the queues that are bound to them, which may be
    /// called anything.
    var rights: RedisRights {
        guard mayFindQueues else { return RedisRights() }
        return RedisRights(
            commands: options.searchesExchanges ? ["TYPE", "SSCAN", "SCAN"] : ["TYPE", "SSCAN"],
            prefixes: [RedisKey(database: database, key: options.keyPrefix)])
    }

    /// Reads the sets that are known, and searches for more where it is time.
    func look(_ server: RedisBackground) async throws(CollectorError) {
        let known = state.withLock { Set($0.bound.keys) }
        try await read(known.union(options.exchanges.map { Self.key($0, options) }), server)
        guard options.searchesExchanges, isSearchDue else { return }
        let start = ContinuousClock.now
        var failure: CollectorError?
        do throws(CollectorError) {
            try await scan.pass(server) { keys throws(CollectorError) in
                let known = self.state.withLock { $0.bound }
                try await self.read(Set(keys.filter { known[$0] == nil && self.isOfTasks(binding: $0) }), server)
                return self.state.withLock { $0.bound.count } < self.limit
            }
        } catch {
            failure = error
        }
        // What may not be searched would be refused, and counted, in each round.
        let pause =
            failure?.reason == .permission
            ? Self.longestPause : min(start.duration(to: .now) * Self.pauseFactor, Self.longestPause)
        if failure == nil || failure?.reason == .permission {
            state.withLock { $0.nextSearch = .now.advanced(by: pause) }
        }
        if let failure { throw failure }
    }

    private var isSearchDue: Bool {
        state.withLock { $0.nextSearch.map { $0 <= .now } ?? true }
    }

    private static func key(_ exchange: String, _ options: RedisQueueOptions.Celery) -> [UInt8] {
        Array("\(options.keyPrefix)_kombu.binding.\(exchange)".utf8)
    }

    /// Reads sets, and forgets those that are gone.
    private func read(_ keys: Set<[UInt8]>, _ server: RedisBackground) async throws(CollectorError) {
        guard !keys.isEmpty else { return }
        var rest = keys.sorted { $0.lexicographicallyPrecedes($1) }[...]
        while !rest.isEmpty {
            let batch = rest.prefix(Self.batchSize)
            rest = rest.dropFirst(Self.batchSize)
            let bound = try await members(of: Array(batch), server).mapValues { members in
                Set(members.compactMap(queue(in:)))
            }
            state.withLock { state in
                for key in batch { state.bound[key] = bound[key] }
            }
        }
        state.withLock { state in
            let all = state.bound.values.reduce(into: Set()) { $0.formUnion($1) }
            let queues = Array(all.sorted { $0.lexicographicallyPrecedes($1) }.prefix(limit))
            if state.queues != queues { state.queues = queues }
        }
    }

    /// The members of those of the keys that are sets.
    private func members(
        of keys: [[UInt8]], _ server: RedisBackground
    ) async throws(CollectorError) -> [[UInt8]: Set<[UInt8]>] {
        let types = keys.map { RedisCommand("TYPE", $0, database: database, isOptional: true) }
        let answers = try await server.ask(types)
        var sets: [[UInt8]] = []
        for (key, type) in zip(keys, types) where try answers.text(type) == Array("set".utf8) { sets.append(key) }
        guard !sets.isEmpty else { return [:] }
        let steps = sets.map { RedisCommand("SSCAN", $0, "0", "COUNT", Self.memberCount, database: database) }
        let replies = try await server.ask(steps)
        var members: [[UInt8]: Set<[UInt8]>] = [:]
        for (key, step) in zip(sets, steps) {
            let reply = try replies.array(step)
            if reply.count == 2, reply[0].text == Array("0".utf8) {
                members[key] = Set(reply[1].elements.compactMap(\.text))
            } else {
                members[key] = try await server.members(of: RedisKey(database: database, name: key), limit: limit)
            }
        }
        return members
    }

    /// Whether it is about tasks: not about events, or the remote control of workers.
    private func isOfTasks(binding: [UInt8]) -> Bool {
        binding != Self.key(options.eventExchange, options) && !binding.hasSuffix(".pidbox")
    }

    /// The queue of a binding, `routing key` `pattern` `queue` with separators between; `nil` of one that holds no tasks.
    private func queue(in binding: [UInt8]) -> [UInt8]? {
        let parts = binding.split(separator: Array(options.separator.utf8), omittingEmptySubsequences: false)
        guard parts.count >= 3, let name = parts.last, !name.isEmpty else { return nil }
        let queue = Array(name)
        return queue.hasSuffix(".pidbox") || queue.endsInUUID ? nil : queue
    }
}

extension [UInt8] {
    fileprivate func hasSuffix(_ suffix: String) -> Bool {
        self.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
    }

    /// Whether it is what one process made for itself and throws away: for replies, or what is said to all workers.
    fileprivate var endsInUUID: Bool {
        let last = self.suffix(36)
        guard last.count == 36, count == 36 || self[count - 37] == UInt8(ascii: ".") else { return false }
        return last.enumerated().allSatisfy { index, byte in
            switch index {
            case 8, 13, 18, 23: byte == UInt8(ascii: "-")
            default: 48...57 ~= byte || 97...102 ~= byte
            }
        }
    }

    /// The text as a pattern that matches nothing else.
    fileprivate var escapedForGlob: [UInt8] {
        flatMap { byte in
            switch byte {
            case UInt8(ascii: "*"), UInt8(ascii: "?"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "\\"),
                UInt8(ascii: "^"), UInt8(ascii: "-"):
                [UInt8(ascii: "\\"), byte]
            default: [byte]
            }
        }
    }
}
