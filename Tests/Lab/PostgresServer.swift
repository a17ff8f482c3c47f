public import Foundation

/// A real PostgreSQL in a temporary directory, with pg_stat_statements loaded, reached over TCP and a socket.
public final class PostgresServer {
    /// Where the server's data, log and socket are.
    public let directory: URL
    public let port: Int
    private let programs: URL
    private var daemon: Daemon?

    /// Makes a cluster and starts it.
    ///
    /// - Parameter settings: Lines for its configuration file.
    public init(settings: [String] = []) async throws {
        programs = try Self.programs()
        port = freePort()
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("pg-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        if getuid() == 0 { try await run(["chown", "postgres:postgres", directory.path]) }
        let made = try await run(
            [
                programs.appendingPathComponent("initdb").path, "-D", data.path, "-U", "postgres", "-A",
                "scram-sha-256",
                "--no-sync", "--locale=C.UTF-8", "-E", "UTF8", "--pwfile=/dev/stdin",
            ],
            as: "postgres", input: Self.password)
        guard made.status == 0 else { throw LabError("initdb: \(made.errors)") }
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
        daemon?.stop()
        try? FileManager.default.removeItem(at: directory)
    }

    /// The password of `postgres`, with characters that connection strings give trouble with.
    public static let password = "p@ss/w%rd '1"

    private var data: URL { directory.appendingPathComponent("data") }

    /// Starts a stopped server.
    public func start() async throws {
        daemon = try Daemon(
            [programs.appendingPathComponent("postgres").path, "-D", data.path], as: "postgres", stop: "INT",
            log: directory.appendingPathComponent("log"))
        guard try await eventually({ try await sql("SELECT 1").status == 0 }) else {
            let log = try String(contentsOf: directory.appendingPathComponent("log"), encoding: .utf8)
            throw LabError("PostgreSQL does not start: \(log.suffix(500))")
        }
    }

    /// Stops the server; its sessions are cut.
    public func stop() async throws {
        guard let daemon else { return }
        self.daemon = nil
        try await onThreadOfItsOwn { daemon.stop() }
    }

    /// Sends a signal to all of the server's processes.
    public func signalAll(_ number: CInt) async throws {
        guard let daemon else { return }
        try await run(["pkill", "-\(number)", "-P", "\(daemon.pid)"])
        daemon.signal(number)
    }

    /// Runs SQL as `postgres`.
    @discardableResult
    public func sql(_ statement: String, database: String = "postgres") async throws -> CommandResult {
        try await run(
            ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", connectionString(database: database)],
            input: statement)
    }

    /// Starts psql on its own and leaves it running, to hold locks and transactions.
    public func session(_ statements: String, database: String = "postgres") throws -> Daemon {
        try Daemon(
            ["psql", "-X", "-q", "-d", connectionString(database: database), "-c", statements],
            log: directory.appendingPathComponent("sessions"))
    }

    /// A URI for it.
    public func connectionString(
        user: String = "postgres", password: String = PostgresServer.password, database: String = "postgres"
    ) -> String {
        let escaped = password.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        return "postgresql://\(user):\(escaped)@127.0.0.1:\(port)/\(database)?sslmode=disable"
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

/// What went wrong while a test set up its servers.
public struct LabError: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}
