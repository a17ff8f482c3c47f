import Foundation
import Lab
import Scraping
import Synchronization
import Testing

@testable import Postgres

/// The connection against a real server.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct ConnectionTests {
    /// What came of each transaction: its first value, or the reason.
    private func run(
        _ connection: PostgresConnection, _ transactions: [PostgresConnection.Transaction],
        within limit: Duration = .seconds(20)
    ) async throws(CollectorError) -> [String] {
        let outcomes = Mutex<[String]>([])
        try await connection.run(transactions, until: Deadline(after: limit)) { index, outcome in
            let text: String
            switch consume outcome {
            case .success(let rows): text = rows.text(0, 0) ?? "NULL"
            case .failure(let error): text = error.reason.rawValue
            }
            outcomes.withLock { $0.append("\(index) \(text)") }
        }
        return outcomes.withLock { $0 }
    }

    private func connection(_ server: PostgresServer) async throws -> PostgresConnection {
        let settings = try PostgresSettings(name: "test", connectionString: server.connectionString())
        let connection = PostgresConnection(settings)
        try await connection.open(until: Deadline(after: .seconds(20)))
        return connection
    }

    @Test func anErrorInTheMiddleLeavesTheOthersAlone() async throws {
        let server = try await PostgresServer()
        let connection = try await connection(server)
        let outcomes = try await run(
            connection,
            [
                ["SELECT 1"], ["SELECT 1/0"], ["SELECT * FROM missing"], ["SELECT 'x'", "SELECT 4"],
                ["SELECT 1/0", "SELECT 5"], ["SELECT pg_read_file('/etc/shadow')"], ["SELECT 'last'"],
            ])
        #expect(
            outcomes == [
                "0 1", "1 internal", "2 missing_extension", "3 4", "4 internal", "5 permission", "6 last",
            ])
        // And it goes on being usable.
        #expect(try await run(connection, [["SELECT 'again'"]]) == ["0 again"])
        #expect(connection.openConnections == 1)
    }

    @Test func aDeadlineEndsTheWaitAndTheConnection() async throws {
        let server = try await PostgresServer()
        let connection = try await connection(server)
        let start = ContinuousClock.now
        await #expect(throws: CollectorError.self) {
            try await run(
                connection, [["SELECT 1"], ["SELECT pg_sleep(60)"], ["SELECT 2"]], within: .milliseconds(300))
        }
        #expect(start.duration(to: .now) < .seconds(10))
        #expect(await connection.isClosed)
        #expect(connection.openConnections == 0)
        try await connection.open(until: Deadline(after: .seconds(20)))
        #expect(try await run(connection, [["SELECT 3"]]) == ["0 3"])
    }

    @Test func aLargePipelineAndALargeResultAreNoDeadlock() async throws {
        let server = try await PostgresServer()
        let connection = try await connection(server)
        // Four megabytes to the server while it sends eight back.
        let padding = String(repeating: "x", count: 100_000)
        let transactions = (0..<40).map {
            PostgresConnection.Transaction(["SELECT '\($0)', repeat('y', 200000) /* \(padding) */"])
        }
        #expect(try await run(connection, transactions) == (0..<40).map { "\($0) \($0)" })
    }

    @Test func settingsHoldForTheSessionOrTheTransaction() async throws {
        let server = try await PostgresServer()
        let connection = try await connection(server)
        let show = """
            SELECT concat_ws(' ', current_setting('statement_timeout') <> '0', current_setting('lock_timeout'),
            current_setting('search_path'), current_setting('transaction_read_only'),
            current_setting('default_transaction_read_only'), current_setting('idle_in_transaction_session_timeout') <> '0')
            """
        let deadline = Deadline(after: .seconds(20))
        let local = SessionSettings.scrape(until: deadline, statements: 5).statement(isLocal: true)
        let session = SessionSettings.scrape(until: deadline, statements: 5).statement(isLocal: false)
        #expect(
            try await run(connection, [[local, show], [show], [session], [show]]).map { $0.dropFirst(2) } == [
                "t 1s pg_catalog on off t",
                #"f 0 "$user", public off off f"#,
                try #require(try await run(connection, [[session]]).first?.dropFirst(2)),
                "t 1s pg_catalog on on t",
            ])
        #expect(try await run(connection, [["CREATE TABLE t ()"]]).first == "0 internal")
        let name = try await server.sql(
            "SELECT application_name FROM pg_stat_activity WHERE client_port IS NOT NULL AND pid <> pg_backend_pid()")
        #expect(name.output == "stack-exporter\n")
    }

    @Test(arguments: [
        ("postgres", "sesame", "postgres", FailureReason.authentication, "28P01"),
        ("nobody", "sesame", "postgres", .authentication, "28P01"),
        ("postgres", "", "postgres", .authentication, "password"),
        ("postgres", PostgresServer.password, "missing", .connection, "3D000"),
    ])
    func refusalsHaveTheirReason(
        user: String, password: String, database: String, reason: FailureReason, word: String
    ) async throws {
        let server = try await PostgresServer()
        let text = server.connectionString(user: user, password: password, database: database)
        let connection = PostgresConnection(try PostgresSettings(name: "test", connectionString: text))
        let error = await #expect(throws: CollectorError.self) {
            try await connection.open(until: Deadline(after: .seconds(20)))
        }
        #expect(error?.reason == reason)
        #expect(error?.detail.contains(word) == true)
        #expect(error?.detail.contains("127.0.0.1:\(server.port)") == true)
        if !password.isEmpty { #expect(error?.detail.contains(password) == false) }
    }

    @Test func aPasswordFileIsReadAtEachConnect() async throws {
        let server = try await PostgresServer()
        let path = server.directory.path("password")
        let settings = try PostgresSettings(
            name: "test", connectionString: server.connectionString(password: "overridden"),
            password: Secret(file: path))
        let connection = PostgresConnection(settings)
        try server.directory.write("password", "old\n")
        await #expect(throws: CollectorError.self) { try await connection.open(until: Deadline(after: .seconds(20))) }
        try server.directory.write("password", "\(PostgresServer.password)\n")
        // Until the back-off is over.
        var isOpen = false
        for _ in 0..<100 where !isOpen {
            isOpen = (try? await connection.open(until: Deadline(after: .seconds(20)))) != nil
            if !isOpen { try await Task.sleep(for: .milliseconds(20)) }
        }
        #expect(isOpen)
    }

    @Test func nobodyListens() async throws {
        let port = freePort()
        let text = "postgresql://u:secret@127.0.0.1:\(port)/app"
        let connection = PostgresConnection(try PostgresSettings(name: "test", connectionString: text))
        let error = await #expect(throws: CollectorError.self) {
            try await connection.open(until: Deadline(after: .seconds(20)))
        }
        #expect(error?.reason == .connection)
        #expect(error?.detail.contains("refused") == true)
        #expect(error?.detail.contains("secret") == false)
    }
}
