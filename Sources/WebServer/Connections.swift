import NIOCore
import Synchronization

/// The connections that are open: no more than the limit, and none any more once the server drains.
final class Connections: Sendable {
    private struct State {
        var open: [ObjectIdentifier: any Channel] = [:]
        var isDraining = false
    }

    private let limit: Int
    private let state = Mutex(State())

    init(limit: Int) {
        self.limit = limit
    }

    /// How many are open.
    var count: Int { state.withLock { $0.open.count } }

    /// Whether the server is about to go.
    var isDraining: Bool { state.withLock { $0.isDraining } }

    /// Takes a new connection in until it closes.
    ///
    /// - Returns: Whether there is room for it.
    func admit(_ channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let isAdmitted = state.withLock { state in
            guard !state.isDraining, state.open.count < limit else { return false }
            state.open[id] = channel
            return true
        }
        if isAdmitted {
            channel.closeFuture.whenComplete { _ in _ = self.state.withLock { $0.open.removeValue(forKey: id) } }
        }
        return isAdmitted
    }

    /// Admits no connection from now on.
    ///
    /// - Returns: Whether this is the first call.
    func beginDraining() -> Bool {
        state.withLock { state in
            defer { state.isDraining = true }
            return !state.isDraining
        }
    }

    /// Returns when all connections are closed: the idle ones at once, the others when their answer is written, and after
    /// `grace` whatever is left.
    ///
    /// - Returns: How many had to be cut.
    func drain(within grace: Duration) async -> Int {
        let open = state.withLock { Array($0.open.values) }
        for channel in open { channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
        let cut = Task {
            try await Task.sleep(for: grace)
            let late = state.withLock { Array($0.open.values) }
            for channel in late { channel.close(promise: nil) }
            return late.count
        }
        // A close future never fails.
        for channel in open { try? await channel.closeFuture.get() }
        cut.cancel()
        return (try? await cut.value) ?? 0
    }
}
