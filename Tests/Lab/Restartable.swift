import Foundation
import Synchronization

/// A server that a test stops and starts again.
final class Restartable: Sendable {
    private let daemon = Mutex<Daemon?>(nil)

    /// The server that runs, if one does.
    var running: Daemon? { daemon.withLock { $0 } }

    /// Takes over a server that has been started.
    func run(_ started: Daemon) {
        daemon.withLock { $0 = started }
    }

    /// Ends the server and waits for its end.
    func stop() async throws {
        guard let stopped = letGo() else { return }
        try await onThreadOfItsOwn { stopped.stop() }
    }

    /// Ends the server from where nothing can be awaited.
    func stopAtOnce() {
        letGo()?.stop()
    }

    private func letGo() -> Daemon? {
        daemon.withLock { daemon in
            defer { daemon = nil }
            return daemon
        }
    }
}
