import Scraping
import Testing

@testable import Postgres

/// What libpq says when a server refuses, in the server's language, with the place in its source.
struct ConnectionRefusalTests {
    private static let login = ConnectionRefusal.Login(role: "o'b\"x", database: "shop", address: "::1")

    private func message(_ severity: String, _ code: String, _ text: String, _ function: String) -> String {
        "connection to server at \"db\" (::1), port 5432 failed: \(severity):  \(code): \(text)\n"
            + "LOCATION:  \(function), auth.c:543\n"
    }

    @Test(arguments: [
        ("28P01", "auth_failed", FailureReason.authentication, #"ALTER ROLE "o'b""x" PASSWORD '<password>';"#),
        ("28000", "InitializeSessionUserId", .authentication, #"ALTER ROLE "o'b""x" LOGIN;"#),
        ("28000", "ClientAuthentication", .authentication, #"host "shop" "o'b""x" ::1/128 scram-sha-256"#),
        ("42501", "CheckMyDatabase", .authentication, #"GRANT CONNECT ON DATABASE "shop" TO "o'b""x";"#),
        ("53300", "InitializeSessionUserId", .connection, #"ALTER ROLE "o'b""x" CONNECTION LIMIT 5;"#),
        ("53300", "CheckMyDatabase", .connection, #"ALTER DATABASE "shop" CONNECTION LIMIT -1;"#),
        ("53300", "InitProcess", .connection, "raise max_connections"),
        ("3D000", "InitPostgres", .connection, "name one that exists"),
        ("57P03", "ProcessStartupPacket", .connection, "wait"),
    ])
    func theLineThatMendsIt(code: String, function: String, reason: FailureReason, line: String) throws {
        let text = message("ВАЖНО", code, "роль: \"28P01: x\"", function)
        let refusal = try #require(ConnectionRefusal(text))
        #expect(refusal.state.code == code && refusal.function == function)
        let error = refusal.error(Self.login)
        #expect(error.reason == reason)
        #expect(error.what.hasSuffix("(\(code))") && !error.what.contains("роль"))
        #expect(error.remedies.first?.line.contains(line) == true, "\(error.remedies)")
    }

    @Test func aSocketHasNoAddress() throws {
        let refusal = try #require(ConnectionRefusal(message("FATAL", "28000", "no entry", "ClientAuthentication")))
        let login = ConnectionRefusal.Login(role: "exporter", database: "shop", address: nil)
        #expect(refusal.error(login).remedies.first?.line == #"local "shop" "exporter" scram-sha-256"#)
    }

    /// The last of several hosts is the one that counts.
    @Test func ofSeveralHosts() throws {
        let both = message("FATAL", "3D000", "x", "InitPostgres") + message("FATAL", "28P01", "x", "auth_failed")
        #expect(ConnectionRefusal(both)?.state.code == "28P01")
        #expect(ConnectionRefusal("connection to server failed: Connection refused\n\tIs the server running?") == nil)
        #expect(ConnectionRefusal("FATAL:  28p01: x") == nil && ConnectionRefusal("") == nil)
    }

    @Test(arguments: [
        ("unsupported startup parameter: search_path", "search_path"),
        ("unsupported startup parameter in options: geqo", "options"),
    ])
    func whatPgBouncerDoesNotTake(text: String, parameter: String) throws {
        let refusal = try #require(ConnectionRefusal("connection failed: FATAL:  08P01: \(text)\n"))
        #expect(
            refusal.error(Self.login).remedies.map(\.line)
                == ["ignore_startup_parameters = \(parameter)", "RELOAD;"])
    }
}

/// What is said of a server's settings and a role's rights.
struct PostgresAccessTests {
    private func access(_ change: (inout PostgresAccess) -> Void) -> PostgresAccess {
        let server = ServerFacts(
            address: "db:5432", version: 150_020, database: "shop", extensionSchemas: ["pg_stat_statements": "public"],
            extensionVersions: ["pg_stat_statements": [1, 10]], isPooled: false, role: "exporter",
            rights: Set(ServerFacts.Right.allCases), isInRecovery: false)
        var access = PostgresAccess(of: server, statementCollectors: ["stat_statements"])
        change(&access)
        return access
    }

    @Test func nothingIsSaidWhereAllIsWell() {
        #expect(access { _ in }.findings == [])
        #expect(access { $0.connectionLimit = 3 }.findings == [])
    }

    @Test func whatIsPreloadedStaysSo() {
        let known = access {
            $0.isStatementsPreloaded = false
            $0.libraries = ["auto_explain", "it's"]
        }
        let line = "ALTER SYSTEM SET shared_preload_libraries = 'auto_explain', 'it''s', 'pg_stat_statements';"
        #expect(known.findings.first?.remedies.map(\.line) == [line, "restart the server"])
        // Who may not see it would take the others out.
        let unknown = access { $0.isStatementsPreloaded = false }
        #expect(unknown.findings.first?.remedies.allSatisfy { !$0.line.contains("ALTER") } == true)
        #expect(access { $0.isStatementsAvailable = false }.findings.count == 1)
        #expect(PostgresAccess.list(#"auto_explain, "pg_x" ,b"#) == ["auto_explain", "pg_x", "b"])
        #expect(PostgresAccess.list("") == [])
    }

    @Test func manyDatabasesAreAFew() throws {
        let many = access { $0.closedDatabases = (1...100).map { "db\($0)" } }
        let finding = try #require(many.findings.first)
        #expect(finding.what.contains("db1, db2, db3, db4, db5 and 95 more"))
        #expect(finding.remedies.count == 5)
    }
}
