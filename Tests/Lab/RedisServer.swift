public import Foundation

/// A real Redis in a temporary directory, which goes with it, reached over TCP and a socket.
public final class RedisServer: Sendable {
    /// Where the server's log, socket and certificate are.
    public let directory: URL
    /// The port on 127.0.0.1.
    public let port: Int
    private let settings: [String]
    private let server = Restartable()

    /// The path of its socket.
    public var socket: String { directory.appendingPathComponent("redis.sock").path }

    /// Starts a server and waits until it takes connections.
    ///
    /// - Parameters:
    ///   - isTLS: Whether its port takes TLS alone, with a certificate of its own for `localhost`: `server.crt`.
    ///   - settings: Further settings, `--requirepass x`.
    public init(isTLS: Bool = false, _ settings: String...) async throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent(
            "redis-\(UUID().uuidString.prefix(8))")
        port = freePort()
        let listening =
            isTLS
            ? [
                "--port", "0", "--tls-port", "\(port)", "--tls-cert-file", "server.crt", "--tls-key-file", "server.key",
                "--tls-ca-cert-file", "server.crt",
            ] : ["--port", "\(port)"]
        self.settings =
            ["--dir", directory.path, "--save", "", "--unixsocket", "redis.sock"] + listening + settings
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        if isTLS { try await makeCertificate() }
        try await start()
    }

    deinit {
        server.stopAtOnce()
        try? FileManager.default.removeItem(at: directory)
    }

    /// Starts a stopped server and waits until it takes connections.
    public func start() async throws {
        let started = try await Daemon.ready(
            ["redis-server"] + settings, stop: "KILL", log: directory.appendingPathComponent("log"))
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
            "-keyout", directory.appendingPathComponent("server.key").path,
            "-out", directory.appendingPathComponent("server.crt").path,
        ])
        guard made.status == 0 else { throw LabError("openssl: \(made.errors)") }
    }
}
