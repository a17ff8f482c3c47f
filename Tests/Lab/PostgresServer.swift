public import Foundation

/// A real PostgreSQL in a temporary directory, with pg_stat_statements loaded, reached over TCP and a socket.
public final class PostgresServer: Sendable {
    /// Where the server's data, log and socket are.
    public let directory: URL
    /// The port on 127.0.0.1.
    public let port: Int
    private let cluster: EmptyCluster
    private let server = Restartable()

    /// Makes a cluster and starts it.
    ///
    /// - Parameter settings: Lines for its configuration file.
    public init(settings: [String] = []) async throws {
        cluster = try await EmptyCluster.shared()
        port = freePort()
        directory = try await ownDirectory()
        let copied = try await run(["cp", "-a", cluster.data.path, data.path], as: "postgres")
        guard copied.status == 0 else { throw LabError("cp: \(copied.errors)") }
        let lines = [
            "port = \(port)", "listen_addresses = '127.0.0.1'", "unix_socket_directories = '\(directory.path)'",
            "shared_preload_libraries = 'pg_stat_statements'", "track_io_timing = on", "fsync = off",
            "max_connections = 30", "shared_buffers = 16MB",
        ]
        let configuration = try FileHandle(forWritingTo: data.appendingPathComponent("postgresql.conf"))
        try configuration.seekToEnd()
        try configuration.write(contentsOf: Data(("\n" + (lines + settings).joined(separator: "\n") + "\n").utf8))
        try configuration.close()
        try await start()
    }

    deinit {
        server.stopAtOnce()
        try? FileManager.default.removeItem(at: directory)
    }

    /// The password of `postgres`, with characters that connection strings give trouble with.
    public static let password = "p@ss/w%rd '1"

    private var data: URL { directory.appendingPathComponent("data") }

    /// Starts a stopped server.
    public func start() async throws {
        let started = try await Daemon.ready(
            [cluster.programs.appendingPathComponent("postgres").path, "-D", data.path], as: "postgres", stop: "INT",
            log: directory.appendingPathComponent("log"))
        server.run(started)
    }

    /// Stops the server; its sessions are cut.
    public func stop() async throws {
        try await server.stop()
    }

    /// Sends a signal to all of the server's processes.
    public func signalAll(_ number: CInt) async throws {
        guard let running = server.running else { return }
        try await run(["pkill", "-\(number)", "-P", "\(running.pid)"])
        running.signal(number)
    }

    /// Runs SQL as `postgres`.
    @discardableResult
    public func sql(_ statement: String, database: String = "postgres") async throws -> CommandResult {
        try await run(
            ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", connectionString(database: database)],
            input: statement)
    }

    /// Starts psql on its own and leaves it running, to hold locks and transactions. At its end it cancels what it has
    /// asked for: the server would go on with it for nobody.
    public func session(_ statements: String, database: String = "postgres") throws -> Daemon {
        try Daemon(
            ["psql", "-X", "-q", "-d", connectionString(database: database), "-c", statements], stop: "INT",
            log: directory.appendingPathComponent("sessions"))
    }

    /// A URI for it.
    public func connectionString(
        user: String = "postgres", password: String = PostgresServer.password, database: String = "postgres"
    ) -> String {
        let escaped = password.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        return "postgresql://\(user):\(escaped)@127.0.0.1:\(port)/\(database)?sslmode=disable"
    }
}

/// What initdb makes, which takes longer than many a test: made once, and copied by every server that runs meanwhile. It
/// goes with the last of them.
private final class EmptyCluster: Sendable {
    let programs: URL
    private let directory: URL

    var data: URL { directory.appendingPathComponent("data") }

    private actor Shared {
        weak var current: EmptyCluster?
        var making: Task<EmptyCluster, any Error>?

        func get() async throws -> EmptyCluster {
            if let current { return current }
            let task = making ?? Task { try await EmptyCluster() }
            making = task
            defer { making = nil }
            let made = try await task.value
            current = made
            return made
        }
    }

    private static let holder = Shared()

    static func shared() async throws -> EmptyCluster {
        try await holder.get()
    }

    private init() async throws {
        programs = try Self.programs()
        directory = try await ownDirectory()
        let made = try await run(
            [
                programs.appendingPathComponent("initdb").path, "-D", data.path, "-U", "postgres",
                "-A", "scram-sha-256", "--no-sync", "--locale=C.UTF-8", "-E", "UTF8", "--wal-segsize=1",
                "--pwfile=/dev/stdin",
            ],
            as: "postgres", input: PostgresServer.password)
        guard made.status == 0 else { throw LabError("initdb: \(made.errors)") }
    }

    deinit {
        try? FileManager.default.removeItem(at: directory)
    }

    private static func programs() throws -> URL {
        let root = URL(fileURLWithPath: "/usr/lib/postgresql")
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? []
        guard let newest = versions.max(by: { (Int($0) ?? 0) < (Int($1) ?? 0) }) else {
            throw LabError("PostgreSQL is not installed; `make test` installs it")
        }
        return root.appendingPathComponent("\(newest)/bin")
    }
}

/// A new temporary directory that the server's user owns.
private func ownDirectory() async throws -> URL {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("pg-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    if getuid() == 0 { try await run(["chown", "postgres:postgres", directory.path]) }
    return directory
}

/// What went wrong while a test set up its servers.
public struct LabError: Error, CustomStringConvertible {
    /// The sentence.
    public let description: String

    /// An error with its sentence.
    public init(_ description: String) {
        self.description = description
    }
}
