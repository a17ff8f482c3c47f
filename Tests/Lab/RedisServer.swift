import Foundation

/// A real Redis in a temporary directory, which goes with it, reached over TCP and a socket.
public final class RedisServer: Sendable {
    /// Where the server's log, socket and certificate are.
    public let directory = TemporaryDirectory("redis")
    /// The port on 127.0.0.1.
    public let port: Int
    private let settings: [String]
    private let program: String
    private let isSentinel: Bool
    private let server = Restartable()

    /// The path of its socket.
    public var socket: String { directory.path("redis.sock") }

    /// Starts a server and waits until it takes connections.
    ///
    /// - Parameters:
    ///   - version: A directory of those that `REDIS_VERSIONS` names: `redis-8`; `nil` for the installed server.
    ///   - isTLS: Whether its port takes TLS alone, with a certificate of its own for `localhost`: `server.crt`.
    ///   - sentinel: The lines of a sentinel's configuration, `sentinel monitor main 127.0.0.1 6379 1`; `nil` for a
    ///     server that is none.
    ///   - settings: Further settings, `--requirepass x`.
    public convenience init(
        version: String? = nil, isTLS: Bool = false, sentinel: [String]? = nil, _ settings: String...
    ) async throws {
        try await self.init(version: version, isTLS: isTLS, sentinel: sentinel, settings: settings)
    }

    /// Starts a sentinel that watches a master, which it takes for down when it has said nothing for a second.
    ///
    /// - Parameters:
    ///   - quorum: How many sentinels have to agree that the master is down.
    ///   - lines: Further lines of its configuration: `requirepass x`.
    public convenience init(
        watching master: RedisServer, named name: String = "mymaster", quorum: Int = 1, _ lines: String...
    ) async throws {
        let watch = [
            "sentinel monitor \(name) 127.0.0.1 \(master.port) \(quorum)",
            "sentinel down-after-milliseconds \(name) 1000", "sentinel failover-timeout \(name) 5000",
        ]
        try await self.init(version: nil, isTLS: false, sentinel: watch + lines, settings: ["--bind", "127.0.0.1"])
    }

    private init(version: String?, isTLS: Bool, sentinel: [String]?, settings: [String]) async throws {
        isSentinel = sentinel != nil
        program = try version.map { try Self.program(of: $0) } ?? "redis-server"
        port = freePort()
        let listening =
            isTLS
            ? [
                "--port", "0", "--tls-port", "\(port)", "--tls-cert-file", "server.crt", "--tls-key-file", "server.key",
                "--tls-ca-cert-file", "server.crt",
            ] : ["--port", "\(port)"]
        self.settings =
            (isSentinel ? [directory.path("sentinel.conf"), "--sentinel"] : [])
            + ["--dir", directory.path, "--save", "", "--unixsocket", "redis.sock"] + listening + settings
        // A sentinel rewrites its file.
        if let sentinel { try directory.write("sentinel.conf", sentinel.joined(separator: "\n")) }
        if isTLS { try await makeCertificate() }
        try await start()
    }

    deinit {
        server.end(in: directory)
    }

    /// The versions beside the installed one that there are; `make test` puts them there.
    public static var versions: [String] {
        ProcessInfo.processInfo.environment["REDIS_VERSIONS"].map {
            ((try? FileManager.default.contentsOfDirectory(atPath: $0)) ?? []).sorted()
        } ?? []
    }

    private static func program(of version: String) throws -> String {
        guard let directory = ProcessInfo.processInfo.environment["REDIS_VERSIONS"] else {
            throw LabError("REDIS_VERSIONS does not say where servers of other versions are; make test sets it")
        }
        return "\(directory)/\(version)/redis-server"
    }

    /// Starts a stopped server and waits until it takes connections.
    public func start() async throws {
        let started = try await Daemon.ready(
            [program] + settings, stop: "KILL", log: directory.path("log"),
            says: isSentinel ? "Sentinel ID is" : "eady to accept ")
        server.run(started)
    }

    /// Ends the server at once; it saves nothing.
    public func stop() async throws {
        try await server.stop()
    }

    /// Sends a signal to the server.
    public func signal(_ number: CInt) {
        server.running?.signal(number)
    }

    /// Runs `redis-cli` over the socket and returns what it prints.
    @discardableResult
    public func cli(_ arguments: String...) async throws -> String {
        try await run(["redis-cli", "-s", socket] + arguments).output
    }

    /// A key and a certificate for `localhost`, signed by itself.
    private func makeCertificate() async throws {
        let made = try await run([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
            "-keyout", directory.path("server.key"), "-out", directory.path("server.crt"),
        ])
        guard made.status == 0 else { throw LabError("openssl: \(made.errors)") }
    }
}
