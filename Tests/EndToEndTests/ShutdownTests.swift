import Foundation
import Lab
import Testing

@Suite(.startsServers, .timeLimit(.minutes(15)))
struct ShutdownTests {
    @Test(arguments: [SIGTERM, SIGINT])
    func anAnswerUnderWayIsFinished(_ signal: CInt) async throws {
        let postgres = try await PostgresServer()
        let exporter = try await Exporter(["DATABASE_URL": postgres.connectionString()], "--scrape.timeout=10m")
        #expect(try await exporter.page()["pg_up"] == 1)
        #expect(FileManager.default.fileExists(atPath: exporter.socket))

        async let answer = answerDuringHang(of: exporter, postgres)
        try await untilAsked(postgres)
        exporter.daemon.signal(signal)
        #expect(try await eventually { exporter.log.contains("msg=stopping ") })
        // Nobody new is let in, and it waits for the answer.
        #expect(try await eventually { try await exporter.get("/-/healthy").status == 0 })
        #expect(try await exporter.daemon.exitStatus(within: 0.5) == nil)
        try await postgres.signalAll(SIGCONT)
        let page = try Page(try await answer.body)
        #expect(page["pg_up"] == 1)
        #expect(page.failures == [:])
        #expect(!page.all("container_cpu_usage_seconds_total").isEmpty)
        #expect(try await exporter.daemon.exitStatus() == 0)
        #expect(!FileManager.default.fileExists(atPath: exporter.socket))
        #expect(!exporter.log.contains("level=error"))
    }

    /// The answer that is under way ends with the scrape's time limit, though nobody else does anything.
    @Test func aHangDoesNotKeepItFromEnding() async throws {
        let postgres = try await PostgresServer()
        let exporter = try await Exporter(["DATABASE_URL": postgres.connectionString()], "--scrape.timeout=8s")
        #expect(try await exporter.page()["pg_up"] == 1)
        async let answer = answerDuringHang(of: exporter, postgres)
        try await untilAsked(postgres)
        exporter.daemon.signal(SIGTERM)
        let page = try Page(try await answer.body)
        #expect(page["pg_up"] == 0)
        #expect(page.reasons(of: "postgres") == ["timeout"])
        #expect(try await exporter.daemon.exitStatus() == 0)
        try await postgres.signalAll(SIGCONT)
    }

    @Test func aSecondSignalEndsItAtOnce() async throws {
        let postgres = try await PostgresServer()
        let exporter = try await Exporter(["DATABASE_URL": postgres.connectionString()], "--scrape.timeout=10m")
        #expect(try await exporter.page()["pg_up"] == 1)

        async let answer = answerDuringHang(of: exporter, postgres)
        try await untilAsked(postgres)
        exporter.daemon.signal(SIGTERM)
        #expect(try await eventually { exporter.log.contains("msg=stopping ") })
        #expect(try await exporter.daemon.exitStatus(within: 0.5) == nil)
        exporter.daemon.signal(SIGINT)
        #expect(try await exporter.daemon.exitStatus() == 1)
        #expect(try await answer.status == 0)
        #expect(!FileManager.default.fileExists(atPath: exporter.socket))
        try await postgres.signalAll(SIGCONT)
    }

    @Test func anIdleConnectionHoldsNothingUp() async throws {
        let exporter = try await Exporter([:])
        let (descriptor, _) = boundSocket()
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(exporter.port).bigEndian
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        #expect(status == 0)
        #expect(try await exporter.get("/-/healthy").status == 200)
        exporter.daemon.signal(SIGTERM)
        #expect(try await exporter.daemon.exitStatus(within: 8) == 0)
    }

    /// Stops the server and scrapes.
    private func answerDuringHang(of exporter: Exporter, _ postgres: PostgresServer) async throws -> Answer {
        try await postgres.signalAll(SIGSTOP)
        return try await exporter.get("/metrics")
    }

    /// Waits until the scrape has come as far as the server that hangs.
    private func untilAsked(_ postgres: PostgresServer) async throws {
        try #require(try await eventually { try Connections(port: postgres.port).hasUnreadRequest })
    }
}
