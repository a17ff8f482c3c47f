import Scraping
import Synchronization

/// A pass over keys that is not over, and what it has seen. It goes on after the connection was lost; a server that was
/// restarted knows nothing of its cursor.
struct KeyPass<Seen: Sendable>: Sendable {
    let scan: KeyScan
    let runID: String
    var seen: Seen

    init(_ scan: KeyScan, on server: RedisFacts, seen: Seen) {
        self.scan = scan
        runID = server.runID
        self.seen = seen
    }

    /// The pass, where it may go on.
    func resumed(on server: RedisFacts) -> KeyPass? { runID == server.runID ? self : nil }
}

/// The keys that patterns stand for: searched for between scrapes, pass after pass, and kept by their names.
final class KeySearch: Sendable {
    /// What is known of one pattern.
    private struct Found {
        /// What the last complete pass found.
        var known: Set<[UInt8]> = []
        var pass: KeyPass<Set<[UInt8]>>?
    }

    private struct State {
        var found: [Found]
        /// What all patterns have, in an order that stays; `nil` until somebody wants to know.
        var keys: [RedisKey]?
    }

    private let patterns: [RedisKey]
    private let type: String?
    private let options: RedisKeyOptions
    private let state: Mutex<State>

    /// - Parameters:
    ///   - patterns: Of glob style.
    ///   - type: What kind of keys: `stream`. On servers before Redis 6, keys of all kinds are found.
    init(_ patterns: [RedisKey], type: String? = nil, _ options: RedisKeyOptions) {
        self.patterns = patterns
        self.type = type
        self.options = options
        state = Mutex(State(found: patterns.map { _ in Found() }, keys: []))
    }

    /// What has been found up to now; where it is more than may stand by itself, what sorts first.
    var keys: [RedisKey] {
        state.withLock { state in
            if let keys = state.keys { return keys }
            var all: Set<RedisKey> = []
            for (pattern, found) in zip(patterns, state.found) {
                for name in found.known.union(found.pass?.seen ?? []) {
                    all.insert(RedisKey(database: pattern.database, name: name))
                }
            }
            let sorted = all.sorted { left, right in
                left.database == right.database
                    ? left.name.lexicographicallyPrecedes(right.name) : left.database < right.database
            }
            let keys = Array(sorted.prefix(max(options.limit, 0)))
            state.keys = keys
            return keys
        }
    }

    /// What a user has to be allowed for the search, and to read what it finds.
    var rights: RedisRights {
        RedisRights(commands: patterns.isEmpty ? [] : ["SCAN"], patterns: patterns)
    }

    /// One pass for each pattern. What is found counts at once; what is gone, when the pass is complete.
    func look(_ server: RedisBackground) async throws(CollectorError) {
        let type = server.facts.isRedis(6) ? type : nil
        for (index, pattern) in patterns.enumerated() {
            let scan = state.withLock { state in
                let pass =
                    state.found[index].pass?.resumed(on: server.facts)
                    ?? KeyPass(KeyScan(pattern, type: type, options), on: server.facts, seen: [])
                state.found[index].pass = pass
                return pass.scan
            }
            try await scan.pass(server) { names in
                self.state.withLock { state in
                    guard !names.isEmpty else { return true }
                    state.found[index].pass?.seen.formUnion(names)
                    state.keys = nil
                    return state.found[index].pass?.seen.count ?? 0 < self.options.limit
                }
            }
            state.withLock { state in
                state.found[index] = Found(known: state.found[index].pass?.seen ?? [])
                state.keys = nil
            }
        }
    }
}

extension RedisKey {
    /// Whether it stands for all keys that match it, where it may be a pattern.
    var isPattern: Bool { name.contains { Array("?*[]^".utf8).contains($0) } }
}
