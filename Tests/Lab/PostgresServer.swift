import Foundation

/// A real PostgreSQL in a temporary directory, with pg_stat_statements loaded where it has that, reached over TCP and a
/// socket.
public final class PostgresServer: Sendable {
    /// Where the server's data, log and socket are.
    public let directory: TemporaryDirectory
    /// The port on 127.0.0.1.
    public let port: Int
    private let cluster: EmptyCluster
    /// Whom a standby follows; it ends after the standby, for which it would wait.
    private let primary: PostgresServer?
    private let server = Restartable()

    /// The major versions that there are, in rising order.
    public static var versions: [Int] { PostgresInstallation.all.map(\.version) }

    /// Makes a cluster and starts it.
    ///
    /// - Parameters:
    ///   - version: Its major version, one of ``versions``; `nil` for Debian's.
    ///   - settings: Lines for its configuration file.
    public init(version: Int? = nil, settings: [String] = []) async throws {
        cluster = try await EmptyCluster.shared(version: version)
        primary = nil
        port = freePort()
        directory = try await ownDirectory()
        let copied = try await run(["cp", "-a", cluster.data, data], as: "postgres")
        guard copied.status == 0 else { throw LabError("cp: \(copied.errors)") }
        let lines = ["track_io_timing = on", "fsync = off", "max_connections = 30", "shared_buffers = 16MB"]
        try configure(lines + (hasContrib ? ["shared_preload_libraries = 'pg_stat_statements'"] : []) + settings)
        try await start()
    }

    /// Makes a copy of a server that follows it, with the same settings, and waits until it streams.
    ///
    /// - Parameter slot: The name of the replication slot that is made for it.
    public init(standbyOf primary: PostgresServer, slot: String) async throws {
        cluster = primary.cluster
        self.primary = primary
        port = freePort()
        directory = try await ownDirectory()
        let copied = try await run(
            [
                cluster.programs.appendingPathComponent("pg_basebackup").path, "-D", data,
                "--create-slot", "--slot=\(slot)", "--checkpoint=fast", "--no-sync", "-d", primary.connectionString(),
            ],
            as: "postgres")
        guard copied.status == 0 else { throw LabError("pg_basebackup: \(copied.errors)") }
        // Not as pg_basebackup writes it: a server that finds an older libpq than its own would not understand it.
        try configure([
            "primary_conninfo = '\(primary.connectionString())'", "primary_slot_name = '\(slot)'",
        ])
        try directory.write("data/standby.signal", "")
        try await start()
        let streaming = "SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'"
        guard try await eventually({ try await sql(streaming).output == "1\n" }) else {
            throw LabError("the standby does not stream: \(directory.text("log").suffix(500))")
        }
    }

    private func configure(_ lines: [String]) throws {
        let own = [
            "port = \(port)", "listen_addresses = '127.0.0.1'", "unix_socket_directories = '\(directory.path)'",
        ]
        let file = "data/postgresql.conf"
        try directory.write(file, ([directory.text(file)] + own + lines).joined(separator: "\n") + "\n")
    }

    deinit {
        server.end(in: directory)
    }

    /// The password of every role, with characters that connection strings give trouble with.
    public static let password = "p@ss/w%rd '1"

    /// Whether it has the extensions that come with PostgreSQL: the package of 13 is without.
    public var hasContrib: Bool { cluster.hasContrib }

    private var data: String { directory.path("data") }

    /// Starts a stopped server.
    public func start() async throws {
        let started = try await Daemon.ready(
            [cluster.programs.appendingPathComponent("postgres").path, "-D", data], as: "postgres", stop: "INT",
            log: directory.path("log"))
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
            log: directory.path("sessions"))
    }

    /// Starts psql on its own, which runs the statements and then leaves its session idle, or idle in the transaction
    /// that they begin.
    public func idleSession(_ statements: String = "") throws -> Daemon {
        let file = try directory.write("idle-\(UUID().uuidString).sql", "\(statements)\nSELECT 1 \\watch 3600\n")
        return try Daemon(
            ["psql", "-X", "-q", "-d", connectionString(), "-f", file], stop: "INT",
            log: directory.path("sessions"))
    }

    /// Makes the roles `monitor`, which is in `pg_monitor`, and `plain`, which may only log in.
    public func makeRoles() async throws {
        let password = Self.password.replacing("'", with: "''")
        try await sql(
            """
            CREATE ROLE monitor LOGIN PASSWORD '\(password)' IN ROLE pg_monitor;
            CREATE ROLE plain LOGIN PASSWORD '\(password)';
            """)
    }

    /// A URI for it.
    public func connectionString(
        user: String = "postgres", password: String = PostgresServer.password, database: String = "postgres"
    ) -> String {
        let escaped = password.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        return "postgresql://\(user):\(escaped)@127.0.0.1:\(port)/\(database)?sslmode=disable"
    }
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
