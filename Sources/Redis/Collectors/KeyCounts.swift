import Exposition
import Scraping
import Synchronization

/// How many keys match configured patterns, as the last complete pass over the keys counted them.
final class KeyCountsCollector: RedisCollector {
    let name = "redis_key_counts"

    var metrics: [CatalogueEntry] { [Self.count] }

    private static let count = CatalogueEntry(
        "redis_keys_count", .gauge,
        "Keys that match the pattern, as the last complete pass over all keys counted them; while the server's table "
            + "of keys grows or shrinks, it may tell some keys twice",
        labels: ["db", "key"], source: "SCAN")

    private struct Counted {
        var last: (count: Int, runID: String, end: ContinuousClock.Instant)?
        var pass: KeyPass<Int>?
    }

    let readsWhatWasNamed = true
    private let patterns: [RedisKey]
    private let options: RedisKeyOptions
    private let counted: Mutex<[Counted]>

    init(_ settings: RedisSettings) {
        options = settings.keys
        patterns = options.counted.unique
        counted = Mutex(patterns.map { _ in Counted() })
    }

    /// One pass for each pattern. Nothing but the number is kept, so that it may be any.
    func look(_ server: RedisBackground) async throws(CollectorError) {
        guard !server.facts.isSentinel else { return }
        for (index, pattern) in patterns.enumerated() {
            let scan = counted.withLock { counted in
                let pass =
                    counted[index].pass?.resumed(on: server.facts)
                    ?? KeyPass(KeyScan(pattern, options), on: server.facts, seen: 0)
                counted[index].pass = pass
                return pass.scan
            }
            try await scan.pass(server) { names in
                self.counted.withLock { $0[index].pass?.seen += names.count }
                return true
            }
            counted.withLock { counted in
                counted[index] = Counted(last: (counted[index].pass?.seen ?? 0, server.facts.runID, .now))
            }
        }
    }

    func commands(_ server: RedisFacts) -> [RedisCommand] {
        patterns.isEmpty || server.isSentinel ? [] : [.info]
    }

    /// Names are told to everybody who may search for them: no key is read.
    func rights(_ server: RedisFacts) -> RedisRights {
        patterns.isEmpty || server.isSentinel
            ? RedisRights() : RedisRights(commands: ["SCAN"], databases: patterns.map(\.database))
    }

    func result(_ replies: RedisReplies, _ server: RedisFacts) -> CollectorResult {
        var result = CollectorResult()
        var family = MetricFamily(Self.count.descriptor)
        let now = ContinuousClock.now
        for (pattern, counted) in zip(patterns, counted.withLock { $0 }) {
            // A server that was started anew may have other keys.
            guard let last = counted.last, last.runID == server.runID else { continue }
            family.append(Double(last.count), ["db": "db\(pattern.database)", "key": pattern.text])
            result.age = max(result.age ?? .zero, last.end.duration(to: now))
        }
        result.families = [family]
        return result
    }
}
