import Glibc
import NIOCore
import Scraping

/// The service manager that has started this process and wants to be told how it is doing: systemd, for a unit of
/// `Type=notify`.
struct Systemd: Sendable {
    /// Where it listens: a path, or `@` and a name that is no file's.
    private let socketPath: String
    /// How long it waits for a sign of life; `nil` where it wants none.
    private let watchdogInterval: Duration?

    /// The longest name that fits `sockaddr_un`.
    private static let maximumPathLength = 107

    /// - Returns: `nil` where nobody wants to be told.
    init?(_ environment: [String: String]) {
        guard let path = environment["NOTIFY_SOCKET"], let first = path.first, first == "/" || first == "@",
            path.utf8.count <= Self.maximumPathLength
        else { return nil }
        socketPath = path
        let isForThisProcess = environment["WATCHDOG_PID"].map { $0 == "\(getpid())" } ?? true
        watchdogInterval = environment["WATCHDOG_USEC"].flatMap { Int64($0) }.flatMap {
            isForThisProcess && $0 > 0 ? .microseconds($0) : nil
        }
    }

    /// Says that requests are answered.
    func isReady(_ status: String) { tell(["READY=1", "STATUS=\(Self.line(status))"]) }

    /// Says that the configuration is being read again; ``isReady(_:)`` ends it.
    func isReloading() {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        tell(["RELOADING=1", "MONOTONIC_USEC=\(now.tv_sec * 1_000_000 + now.tv_nsec / 1000)"])
    }

    /// Says that the end has begun.
    func isStopping() { tell(["STOPPING=1", "STATUS=finishing the answers under way"]) }

    /// Gives signs of life, twice as often as they are waited for, as long as `loop` and the pool of threads that makes the
    /// answers get round to it: one that hangs is started anew.
    func keepAlive(_ loop: any EventLoop) async {
        guard let interval = watchdogInterval else { return }
        while !Task.isCancelled {
            let hasTurned = Signal()
            loop.execute { hasTurned.fire() }
            if await hasTurned.wait(until: Deadline(after: interval)) { tell(["WATCHDOG=1"]) }
            try? await Task.sleep(for: interval / 2)
        }
    }

    /// One datagram; where it cannot be sent, the service manager finds out by itself.
    private func tell(_ assignments: [String]) {
        let descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        // A queue that is full for longer is nobody's who listens.
        var patience = timeval(tv_sec: 1, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var name = Array(socketPath.utf8)
        if socketPath.hasPrefix("@") { name[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        // A name that is no file's ends with its last byte, and a path with a zero.
        let length = MemoryLayout<sa_family_t>.size + name.count + (name[0] == 0 ? 0 : 1)
        let message = Array(assignments.joined(separator: "\n").utf8)
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                _ = sendto(descriptor, message, message.count, CInt(MSG_NOSIGNAL), address, socklen_t(length))
            }
        }
    }

    private static func line(_ text: String) -> String {
        String(text.prefix(200).map { $0.isNewline ? " " : $0 })
    }
}
