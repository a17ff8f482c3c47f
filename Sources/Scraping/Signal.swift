import Synchronization

/// Something that happens once, which many may wait for, each no longer than it has time.
public final class Signal: Sendable {
    private struct State {
        var hasFired = false
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
        var lastWaiter = 0
    }

    private let state = Mutex(State())

    /// Nothing has happened yet.
    public init() {}

    /// Lets everybody go on; firing twice is firing once.
    public func fire() {
        let waiters = state.withLock { state in
            state.hasFired = true
            defer { state.waiters = [:] }
            return state.waiters.values.map(\.self)
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns when it has happened or the deadline has passed, whichever comes first.
    ///
    /// - Returns: Whether it has happened.
    @discardableResult
    public func wait(until deadline: Deadline) async -> Bool {
        let id = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        let timer = Task {
            try? await Task.sleep(until: deadline.instant)
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
        defer { timer.cancel() }
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.hasFired || deadline.hasPassed { return true }
                state.waiters[id] = continuation
                return false
            }
            if isOver { continuation.resume() }
        }
        return state.withLock { $0.hasFired }
    }
}
