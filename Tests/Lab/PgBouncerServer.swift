/// A real PgBouncer before a PostgreSQL server, with the user `app` for the database `postgres` and `stats` for the console.
public final class PgBouncerServer: Sendable {
    /// The password of both users.
    public static let password = "hunter2"

    /// The port on 127.0.0.1.
    public let port = freePort()
    private let directory: TemporaryDirectory
    private let server = Restartable()

    /// Writes a configuration and starts it.
    ///
    /// - Parameter settings: Further lines for the configuration.
    public init(before postgres: PostgresServer, settings: [String] = []) async throws {
        directory = postgres.directory
        let password = PostgresServer.password.replacing("'", with: "''")
        let users = try directory.write(
            "users",
            #"""
            "app" "\#(Self.password)"
            "stats" "\#(Self.password)"
            """#)
        try directory.write(
            "pgbouncer.ini",
            """
            [databases]
            postgres = host=127.0.0.1 port=\(postgres.port) dbname=postgres user=postgres password='\(password)'
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = \(port)
            unix_socket_dir =
            auth_type = scram-sha-256
            auth_file = \(users)
            stats_users = stats
            \(settings.joined(separator: "\n"))

            """)
        try await start()
    }

    deinit {
        server.end(in: directory)
    }

    /// Starts a stopped pooler.
    public func start() async throws {
        let started = try await Daemon.ready(
            ["pgbouncer", directory.path("pgbouncer.ini")], as: "postgres", stop: "INT",
            log: directory.path("pgbouncer.log"), says: "process up")
        server.run(started)
    }

    /// Stops the pooler; its connections are cut.
    public func stop() async throws {
        try await server.stop()
    }

    /// Sends it a signal.
    public func signal(_ number: CInt) {
        server.running?.signal(number)
    }

    /// A URI for it.
    public func connectionString(
        user: String = "app", password: String = PgBouncerServer.password, database: String = "postgres"
    ) -> String {
        "postgresql://\(user):\(password)@127.0.0.1:\(port)/\(database)?sslmode=disable"
    }

    /// Asks its console.
    public func console(_ command: String) async throws -> String {
        let text = connectionString(user: "stats", database: "pgbouncer")
        return try await Lab.run(["psql", "-X", "-A", "-t", "-d", text, "-c", command]).output
    }
}
