public import Foundation

/// A real sentinel in a temporary directory, which goes with it.
public final class RedisSentinel: Sendable {
    /// Where the sentinel's log and its file are, which it rewrites.
    public let directory: URL
    /// The port on 127.0.0.1.
    public let port: Int
    private let server = Restartable()

    /// Starts a sentinel that watches a master, and waits until it does.
    ///
    /// - Parameters:
    ///   - quorum: How many sentinels have to agree that the master is down.
    ///   - settings: Further lines of its file: `requirepass x`.
    public init(
        of master: RedisServer, named name: String = "mymaster", quorum: Int = 1, _ settings: String...
    ) async throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent(
            "sentinel-\(UUID().uuidString.prefix(8))")
        port = freePort()
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let lines = [
            "port \(port)", "bind 127.0.0.1", "dir \(directory.path)",
            "sentinel monitor \(name) 127.0.0.1 \(master.port) \(quorum)",
            "sentinel down-after-milliseconds \(name) 1000", "sentinel failover-timeout \(name) 5000",
        ]
        try (lines + settings).map { $0 + "\n" }.joined().write(to: file, atomically: true, encoding: .utf8)
        try await start()
    }

    deinit {
        server.stopAtOnce()
        try? FileManager.default.removeItem(at: directory)
    }

    private var file: URL { directory.appendingPathComponent("sentinel.conf") }

    /// Starts a stopped sentinel and waits until it watches.
    public func start() async throws {
        let started = try await Daemon.ready(
            ["redis-server", file.path, "--sentinel"], stop: "KILL", log: directory.appendingPathComponent("log"),
            says: "+monitor master")
        server.run(started)
    }

    /// Ends the sentinel at once.
    public func stop() async throws {
        try await server.stop()
    }

    /// Sends a signal to the sentinel.
    public func signal(_ number: CInt) {
        server.running?.signal(number)
    }

    /// Runs `redis-cli` and returns what it prints.
    @discardableResult
    public func cli(_ arguments: String...) async throws -> String {
        try await run(["redis-cli", "-p", "\(port)"] + arguments).output
    }
}
