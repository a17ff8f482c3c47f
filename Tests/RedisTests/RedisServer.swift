import Foundation
import Testing

/// A real server in a directory of its own, which goes with it.
final class RedisServer {
    let directory: URL
    let port: Int
    private let arguments: [String]
    private var process = Process()

    var socket: String { directory.appending(path: "redis.sock").path }

    /// Starts a server and waits until it takes connections.
    ///
    /// - Parameters:
    ///   - isTLS: Whether its port takes TLS alone, with the certificate from ``makeCertificate(in:)``.
    ///   - arguments: Further settings, `--requirepass x`.
    init(isTLS: Bool = false, _ arguments: String...) throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "redis-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        port = try Self.freePort()
        var all = ["--dir", directory.path, "--logfile", "redis.log", "--save", "", "--unixsocket", "redis.sock"]
        if isTLS {
            try Self.makeCertificate(in: directory)
            all += [
                "--port", "0", "--tls-port", "\(port)", "--tls-cert-file", "server.crt", "--tls-key-file", "server.key",
            ]
            all += ["--tls-ca-cert-file", "server.crt"]
        } else {
            all += ["--port", "\(port)"]
        }
        self.arguments = all + arguments
        try start()
    }

    deinit {
        stop()
        try? FileManager.default.removeItem(at: directory)
    }

    func start() throws {
        let log = directory.appending(path: "redis.log")
        try? FileManager.default.removeItem(at: log)
        process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["redis-server"] + arguments
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        for _ in 0..<500 {
            if let text = try? String(contentsOf: log, encoding: .utf8), text.contains("eady to accept connections") {
                return
            }
            usleep(20_000)
        }
        Issue.record("the server did not start: \((try? String(contentsOf: log, encoding: .utf8)) ?? "no log")")
    }

    func stop() {
        guard process.isRunning else { return }
        signal(SIGKILL)
        process.waitUntilExit()
    }

    func signal(_ signal: Int32) {
        kill(process.processIdentifier, signal)
    }

    /// Runs `redis-cli` over the socket and returns what it prints.
    @discardableResult
    func cli(_ arguments: String...) throws -> String {
        try Self.run(["redis-cli", "-s", socket] + arguments)
    }

    /// A key and a certificate for `localhost`, signed by itself: `server.key`, `server.crt`.
    static func makeCertificate(in directory: URL) throws {
        try run([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
            "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
            "-keyout", directory.appending(path: "server.key").path, "-out",
            directory.appending(path: "server.crt").path,
        ])
    }

    @discardableResult
    private static func run(_ command: [String]) throws -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = command
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }

    /// A port that nobody listens on now.
    static func freePort() throws -> Int {
        let (descriptor, port) = try listeningSocket(backlog: nil)
        close(descriptor)
        return port
    }

    /// A socket that nobody accepts from; without a backlog, it does not listen either.
    static func listeningSocket(backlog: Int32?) throws -> (descriptor: Int32, port: Int) {
        let descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) + getsockname(descriptor, address, &length)
            }
        }
        try #require(status == 0)
        if let backlog { try #require(listen(descriptor, backlog) == 0) }
        return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
    }
}
