public import Foundation

/// A server process of a test's own, in a directory of its own. It ends with the test process, however that ends: its
/// guard waits on a pipe that only this process holds open.
public final class Daemon: Sendable {
    /// The server's own process, not the guard's.
    public let pid: pid_t
    private let guardian: pid_t
    private let lifeline: CInt

    /// Root is no user that PostgreSQL runs as.
    private static let isRoot = getuid() == 0

    /// Starts `command`, as an unprivileged user where this process is root.
    ///
    /// - Parameters:
    ///   - user: Who runs the server where this process is root.
    ///   - stop: The signal by which it ends.
    ///   - log: Where it writes what it has to say.
    public init(_ command: [String], as user: String? = nil, stop: String = "TERM", log: URL) throws {
        let guardScript = """
            log=$1; stop=$2; shift 2
            "$@" </dev/null >>"$log" 2>&1 &
            server=$!
            echo $server
            read -r _
            kill -CONT $server 2>/dev/null
            kill -$stop $server 2>/dev/null
            wait $server
            """
        var input: [CInt] = [0, 0]
        var output: [CInt] = [0, 0]
        // Pairs of sockets, since they alone can be made so that no other child inherits them by chance.
        let kind = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &input) == 0, socketpair(AF_UNIX, kind, 0, &output) == 0 else {
            throw LabError("no socket left")
        }
        guardian = try spawn(
            ["sh", "-c", guardScript, "guard", log.path, stop] + Self.prefix(for: user) + command,
            files: [input[0], output[1], output[1]])
        close(input[0])
        close(output[1])
        lifeline = input[1]
        var line = [UInt8](repeating: 0, count: 32)
        let count = read(output[0], &line, line.count)
        close(output[0])
        pid = pid_t(String(decoding: line.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)) ?? 0
        guard count > 0, pid > 0 else { throw LabError("\(command[0]) was not started") }
    }

    /// Ends the server and waits for its end.
    public func stop() {
        close(lifeline)
        reap(guardian)
    }

    /// Sends a signal to the server alone.
    public func signal(_ number: CInt) {
        kill(pid, number)
    }

    /// What to put before a command so that it runs as `user`.
    static func prefix(for user: String?) -> [String] {
        guard let user, isRoot else { return [] }
        return ["setpriv", "--reuid=\(user)", "--regid=\(user)", "--clear-groups"]
    }
}

/// What a command printed, and how it ended.
public struct CommandResult: Sendable {
    public let status: Int32
    public let output: String
    public let errors: String
}

/// Runs a command to its end, while other tests go on.
///
/// - Parameter input: What it reads.
@discardableResult
public func run(
    _ command: [String], as user: String? = nil, environment: [String: String] = [:], input: String = ""
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
    _ command: [String], as user: String?, environment: [String: String], input: String
) throws -> CommandResult {
    let directory = FileManager.default.temporaryDirectory
    let names = ["in", "out", "err"].map { directory.appendingPathComponent("run-\(UUID().uuidString).\($0)") }
    defer { for name in names { try? FileManager.default.removeItem(at: name) } }
    try Data(input.utf8).write(to: names[0])
    let files = names.map { open($0.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644) }
    defer { for file in files { close(file) } }
    let status = reap(try spawn(Daemon.prefix(for: user) + command, files: files, environment: environment))
    return CommandResult(
        status: status,
        output: String(decoding: try Data(contentsOf: names[1]), as: UTF8.self),
        errors: String(decoding: try Data(contentsOf: names[2]), as: UTF8.self))
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

/// A port that nobody listens on.
public func freePort() -> Int {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(socket) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            _ = bind(socket, address, length)
            getsockname(socket, address, &length)
        }
    }
    return Int(UInt16(bigEndian: address.sin_port))
}
