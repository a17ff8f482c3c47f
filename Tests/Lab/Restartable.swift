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

    /// Ends the server from where nothing can be awaited, such as a `deinit`; this process does not end before it.
    ///
    /// - Parameters:
    ///   - directory: The server's, which is there until then.
    ///   - cleanUp: What is to be done after it.
    func end(in directory: TemporaryDirectory, then cleanUp: @escaping @Sendable () -> Void = {}) {
        let stopped = letGo()
        Self.ending.enter()
        Thread.detachNewThread {
            stopped?.stop()
            cleanUp()
            withExtendedLifetime(directory) {}
            Self.ending.leave()
        }
    }

    private static let ending: DispatchGroup = {
        atexit { _ = Restartable.ending.wait(timeout: .now() + 30) }
        return DispatchGroup()
    }()

    private func letGo() -> Daemon? {
        daemon.withLock { daemon in
            defer { daemon = nil }
            return daemon
        }
    }
}
