public import Logging
import Synchronization

/// Targets that nobody configured and somebody asks for. Each is made when it is first asked for, and kept with its
/// connection for the next time, as long as it is among those that were asked for last.
public final class ProbedTargets: Sendable {
    private struct Entry {
        let gatherer: Gatherer
        /// The name of its one target.
        let name: String
        var users = 0
        var lastUse = ContinuousClock.now

        init(_ target: any Target, limits: Gatherer.Limits, log: Logger) {
            gatherer = Gatherer(targets: [target], limits: limits, log: log)
            name = target.name
        }
    }

    private let limits: Gatherer.Limits
    private let capacity: Int
    private let lifetime: Duration
    private let log: Logger
    private let entries = Mutex<[String: Entry]>([:])

    /// - Parameters:
    ///   - limits: What a gather of each may take.
    ///   - capacity: How many are kept; beyond it the one goes that nobody has asked for longest.
    ///   - lifetime: How long one is kept that nobody asks for; looked at whenever another is asked for.
    public init(
        limits: Gatherer.Limits = Gatherer.Limits(), capacity: Int = 100, lifetime: Duration = .seconds(600),
        log: Logger
    ) {
        self.limits = limits
        self.capacity = capacity
        self.lifetime = lifetime
        self.log = log
    }

    /// The page of a target, which requests that come at once share.
    ///
    /// - Parameters:
    ///   - key: What tells the target from others.
    ///   - make: Makes it where there is none of this key.
    public func page(of key: String, within timeout: Duration?, make: () -> any Target) async -> Page {
        let (entry, outdated) = entries.withLock { entries in
            let outdated = removeOutdated(from: &entries, toAdmit: key)
            var entry = entries[key] ?? Entry(make(), limits: limits, log: log)
            entry.users += 1
            entries[key] = entry
            return (entry, outdated)
        }
        // Apart from this request: a connection is closed when its last scrape has ended.
        for gatherer in outdated { Task { await gatherer.shutdown() } }
        defer {
            entries.withLock { entries in
                entries[key]?.users -= 1
                entries[key]?.lastUse = .now
            }
        }
        return await entry.gatherer.page(of: entry.name, within: timeout) ?? Page(families: [])
    }

    /// Closes all.
    public func shutdown() async {
        let all = entries.withLock { entries in
            defer { entries = [:] }
            return entries.values.map(\.gatherer)
        }
        for gatherer in all { await gatherer.shutdown() }
    }

    /// Takes out what is too old, and makes room where `key` is new. What is in use stays.
    private func removeOutdated(from entries: inout [String: Entry], toAdmit key: String) -> [Gatherer] {
        let idle = entries.filter { $0.value.users == 0 && $0.key != key }.sorted {
            $0.value.lastUse < $1.value.lastUse
        }
        let excess = entries[key] == nil ? entries.count - capacity + 1 : 0
        let outdated = idle.enumerated().filter { index, entry in
            index < excess || entry.value.lastUse.duration(to: .now) > lifetime
        }
        return outdated.compactMap { entries.removeValue(forKey: $0.element.key)?.gatherer }
    }
}
