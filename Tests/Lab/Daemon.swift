public import Foundation
import Synchronization

/// A server process of a test's own. It ends with the test process, however that ends: its guard waits on a pipe that
/// only this process holds open.
public final class Daemon: Sendable {
    /// The server's own process, not the guard's.
    public let pid: pid_t
    private let guardian: pid_t
    private let state: Mutex<State>

    private struct State {
        /// This process's end of the pipe, until it is let go.
        var lifeline: CInt?
        var exitStatus: CInt?
    }

    /// Root is no user that PostgreSQL runs as.
    private static let isRoot = getuid() == 0

    /// Starts `command`, as an unprivileged user where this process is root.
    ///
    /// - Parameters:
    ///   - user: Who runs the server where this process is root.
    ///   - environment: Its variables.
    ///   - stop: The signal by which it ends.
    ///   - log: The path of the file to which it adds what it has to say.
    public init(
        _ command: [String], as user: String? = nil, environment: Variables = .added([:]), stop: String = "TERM",
        log: String
    ) throws {
        // The guard waits for the server and ends with its exit status; a second process waits on the pipe. What a test
        // has stopped goes on first, since a server that ends waits for its children.
        let guardScript = """
            log=$1; stop=$2; shift 2
            "$@" </dev/null >>"$log" 2>&1 &
            server=$!
            echo $server
            exec 3<&0 >/dev/null 2>&1
            (read -r _ <&3; kill -CONT $server; pkill -CONT -P $server; kill -$stop $server) &
            killer=$!
            wait $server
            status=$?
            kill $killer
            exit $status
            """
        var input: [CInt] = [0, 0]
        var output: [CInt] = [0, 0]
        // Pairs of sockets, since they alone can be made so that no other child inherits them by chance.
        let kind = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &input) == 0, socketpair(AF_UNIX, kind, 0, &output) == 0 else {
            throw LabError("no socket left")
        }
        guardian = try spawn(
            ["sh", "-c", guardScript, "guard", log, stop] + Self.prefix(for: user) + command,
            files: [input[0], output[1], output[1]], environment: environment, inGroupOfItsOwn: true)
        close(input[0])
        close(output[1])
        state = Mutex(State(lifeline: input[1]))
        var line = [UInt8](repeating: 0, count: 32)
        let count = read(output[0], &line, line.count)
        close(output[0])
        pid = pid_t(String(decoding: line.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)) ?? 0
        guard count > 0, pid > 0 else { throw LabError("\(command[0]) was not started") }
    }

    /// Starts a database server and waits until its log says that it is ready. Asking it instead, again and again, takes
    /// more of the machine than its start where many start at once.
    static func ready(
        _ command: [String], as user: String? = nil, stop: String, log: String,
        says: String = "eady to accept "
    ) async throws -> Daemon {
        unlink(log)
        let daemon = try Daemon(command, as: user, stop: stop, log: log)
        func messages() -> String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }
        var hasEnded = false
        let isReady = try await eventually(within: 60) {
            hasEnded = try await daemon.exitStatus(within: 0) != nil
            return hasEnded || messages().contains(says)
        }
        guard isReady, !hasEnded else {
            try await onThreadOfItsOwn { daemon.stop() }
            throw LabError("\(command[0]) does not start: \(messages().suffix(500))")
        }
        return daemon
    }

    /// Ends the server and waits for its end.
    public func stop() {
        letGo()
        state.withLock { state in
            if state.exitStatus == nil { state.exitStatus = reap(guardian) }
        }
    }

    /// Waits for the server to end by itself.
    ///
    /// - Returns: Its exit status, or 128 and the signal that killed it; `nil` where it goes on.
    public func exitStatus(within seconds: Double = 30) async throws -> CInt? {
        var status: CInt?
        _ = try await eventually(within: seconds) {
            status = state.withLock { state in
                if state.exitStatus == nil { state.exitStatus = reapIfEnded(guardian) }
                return state.exitStatus
            }
            return status != nil
        }
        if status != nil { letGo() }
        return status
    }

    /// Sends a signal to the server alone.
    public func signal(_ number: CInt) {
        state.withLock { state in
            // Once it has ended, its number may be another's.
            if state.exitStatus == nil { kill(pid, number) }
        }
    }

    private func letGo() {
        let lifeline = state.withLock { state in
            defer { state.lifeline = nil }
            return state.lifeline
        }
        if let lifeline { close(lifeline) }
    }

    /// What to put before a command so that it runs as `user`.
    static func prefix(for user: String?) -> [String] {
        guard let user, isRoot else { return [] }
        return ["setpriv", "--reuid=\(user)", "--regid=\(user)", "--clear-groups"]
    }
}

/// What a command printed, and how it ended.
public struct CommandResult: Sendable {
    /// Its exit status, or 128 and the signal that killed it.
    public let status: Int32
    /// Its standard output.
    public let output: String
    /// Its standard error.
    public let errors: String
}

/// Runs a command to its end, while other tests go on.
///
/// - Parameter input: What it reads.
@discardableResult
public func run(
    _ command: [String], as user: String? = nil, environment: Variables = .added([:]), input: String = ""
) async throws -> CommandResult {
    try await onThreadOfItsOwn { try runAndWait(command, as: user, environment: environment, input: input) }
}

/// Does work that blocks where it does not keep the few threads of Swift's pool from other tests.
func onThreadOfItsOwn<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result(catching: work)) }
    }
}

private func runAndWait(
    _ command: [String], as user: String?, environment: Variables, input: String
) throws -> CommandResult {
    let directory = TemporaryDirectory("run")
    try directory.write("in", input)
    let files = ["in", "out", "err"].map { open(directory.path($0), O_RDWR | O_CREAT | O_CLOEXEC, 0o644) }
    defer { for file in files { close(file) } }
    let status = reap(try spawn(Daemon.prefix(for: user) + command, files: files, environment: environment))
    return CommandResult(status: status, output: directory.text("out"), errors: directory.text("err"))
}

/// Waits until `condition` holds, at most `seconds`.
///
/// - Returns: Whether it did.
public func eventually(within seconds: Double = 20, _ condition: () async throws -> Bool) async throws -> Bool {
    let end = Date(timeIntervalSinceNow: seconds)
    while Date() < end {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(20))
    }
    return try await condition()
}

/// A port that nobody listens on, and that no other test gets. It is below those that the system gives to outgoing
/// connections, which would take it before a server does; so is the port 10,000 above it, a Redis cluster node's second.
public func freePort() -> Int {
    while true {
        let port = nextPort.withLock { next in
            next = next < 19_999 ? next + 1 : 10_000
            return next
        }
        let (socket, bound) = boundSocket(port: port)
        close(socket)
        if bound == port { return port }
    }
}

/// Where to look next: elsewhere in each process that runs tests.
private let nextPort = Mutex(Int.random(in: 10_000..<20_000))

/// A TCP socket that has a port of 127.0.0.1, and does not listen.
///
/// - Parameter port: The port wanted, 0 for any; 0 is what comes back where it is taken.
public func boundSocket(port: Int = 0) -> (descriptor: CInt, port: Int) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            _ = bind(descriptor, address, length)
            getsockname(descriptor, address, &length)
        }
    }
    return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
}
