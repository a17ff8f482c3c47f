import Configuration
import Scraping
import Synchronization
import WebServer

/// Answers probes by the settings that are in force. What answered by those before them is closed when its last probe has
/// ended.
final class CurrentProbing: Sendable {
    private final class Period: Sendable {
        let probing: Probing
        let use = Mutex((users: 0, isOver: false))

        init(_ probing: Probing) { self.probing = probing }

        /// Counts a user out.
        ///
        /// - Returns: Whether it was the last that there will be.
        func leave() -> Bool {
            use.withLock { use in
                use.users -= 1
                return use.isOver && use.users == 0
            }
        }

        /// - Returns: Whether nobody uses it.
        func end() -> Bool {
            use.withLock { use in
                use.isOver = true
                return use.users == 0
            }
        }
    }

    private let period: Mutex<Period>

    init(_ probing: Probing) {
        period = Mutex(Period(probing))
    }

    func answer(_ probe: Probe, within timeout: Duration?) async throws(ProbeRefusal) -> Page {
        let period = period.withLock { period in
            period.use.withLock { $0.users += 1 }
            return period
        }
        defer { if period.leave() { Task { await period.probing.shutdown() } } }
        return try await period.probing.answer(probe, within: timeout)
    }

    func change(to probing: Probing) async {
        let former = period.withLock { period in
            defer { period = Period(probing) }
            return period
        }
        if former.end() { await former.probing.shutdown() }
    }

    func shutdown() async {
        await period.withLock { $0 }.probing.shutdown()
    }
}
