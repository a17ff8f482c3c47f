import NIOCore
import Scraping
import Synchronization

/// What all engines have told, as of one scrape.
struct RuntimeSnapshot: Sendable {
    /// Nobody has told anything.
    static let none = RuntimeSnapshot(engines: [], revision: 0)

    /// In the order of the sockets; of a container that several know, the first tells.
    let engines: [RuntimeSocket.Snapshot]
    /// Differs from another one's where an engine has told something in between.
    let revision: Int

    /// What is known of a container.
    subscript(id: String) -> RuntimeInventory.Entry? {
        for engine in engines {
            if let entry = engine.entries[id] { return entry }
        }
        return nil
    }

    /// The same, where its engine can be asked now.
    func current(_ id: String) -> RuntimeInventory.Entry? {
        for engine in engines where engine.isCurrent {
            if let entry = engine.entries[id] { return entry }
        }
        return nil
    }

    /// Whether some engine says that the container is running, and so has told of its last start.
    func isRunning(_ id: String) -> Bool {
        guard let entry = self[id], entry.isInspected else { return false }
        return entry.details.processID != nil
    }
}

/// The engines of this host, asked together.
final class Runtimes: Sendable {
    /// The longest that a scrape waits for them.
    static let patience = Duration.milliseconds(250)
    /// The largest part of its time.
    private static let share = 0.25

    private let sockets: [RuntimeSocket]
    private let patience: Duration
    private let latest = Mutex(RuntimeSnapshot.none)

    /// What a scrape waits for.
    private typealias Wait = (socket: RuntimeSocket, signal: Signal)

    /// - Parameters:
    ///   - group: Where the connections live; nobody is asked where it is `nil`.
    ///   - patience: The longest that a scrape waits.
    init(
        _ settings: ContainersTarget.Settings, group: (any EventLoopGroup)?, patience: Duration = Runtimes.patience
    ) {
        self.patience = patience
        let paths = group == nil ? [] : settings.runtimeSockets ?? ContainersTarget.Settings.usualSockets
        sockets = paths.compactMap { path in
            group.map { RuntimeSocket(path, isOptional: settings.runtimeSockets == nil, settings, group: $0) }
        }
    }

    /// What is known in this scrape, after its look.
    var snapshot: RuntimeSnapshot { latest.withLock { $0 } }

    /// Ends the scrape: what it knew need not be kept beside what is known by then.
    func end() {
        latest.withLock { $0 = .none }
    }

    /// One scrape's look at the engines, which goes on while the scrape does something else.
    struct Look {
        fileprivate let start: ContinuousClock.Instant
        fileprivate let end: Deadline
        fileprivate let waits: [(socket: RuntimeSocket, signal: Signal)]
    }

    /// Connects to those that there is no connection to.
    func begin(until deadline: Deadline) -> Look {
        let start = ContinuousClock.now
        let waits: [Wait] = sockets.compactMap { socket in socket.begin().map { (socket, $0) } }
        return Look(
            start: start, end: deadline.limited(to: min(patience, deadline.remaining * Self.share)), waits: waits)
    }

    /// Waits for what was begun, and then for what is told of containers that are new, together no longer than a quarter of a
    /// second.
    ///
    /// - Parameter ids: The containers that the scrape has met for the first time since they were started.
    func finish(_ look: Look, new ids: [String]) async -> RuntimeSnapshot {
        guard !sockets.isEmpty else { return .none }
        await wait(look.waits, of: look)
        var snapshot = newSnapshot
        let unknown = ids.filter { !snapshot.isRunning($0) }
        if !unknown.isEmpty {
            let waits: [Wait] = sockets.compactMap { socket in socket.ask(about: unknown).map { (socket, $0) } }
            await wait(waits, of: look)
            snapshot = newSnapshot
        }
        latest.withLock { $0 = snapshot }
        return snapshot
    }

    private func wait(_ waits: [Wait], of look: Look) async {
        for (socket, signal) in waits where await !signal.wait(until: look.end) { socket.wasLate(since: look.start) }
    }

    private var newSnapshot: RuntimeSnapshot {
        // What changes in between is looked at again by the next scrape.
        let revision = sockets.reduce(0) { $0 + $1.revision }
        return RuntimeSnapshot(engines: sockets.map(\.snapshot), revision: revision)
    }

    /// Notes where the cgroup of a container is.
    func remember(path: String, of id: String) {
        for socket in sockets { socket.remember(path: path, of: id) }
    }

    /// Why engines could not be asked in this scrape, by their sockets' paths.
    var failures: [(path: String, error: CollectorError)] {
        zip(sockets, snapshot.engines).compactMap { socket, engine in engine.failure.map { (socket.path, $0) } }
    }

    /// Closes the connections.
    func shutdown() async {
        for socket in sockets { await socket.shutdown() }
    }
}
