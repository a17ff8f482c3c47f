import Foundation
import Lab
import Testing

/// Broken set-ups of PostgreSQL and PgBouncer: what `check` says of them, typed where it says, mends them.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct CheckPostgresTests {
    /// A server on which all is well for the role `monitor`, before something is broken.
    private func server(_ settings: String..., breaking statements: String = "") async throws -> PostgresServer {
        let server = try await PostgresServer(settings: settings)
        try await server.makeRoles()
        try await server.sql("CREATE EXTENSION pg_stat_statements; CREATE DATABASE shop;")
        for statement in statements.split(separator: ";") {
            try #require(try await server.sql("\(statement);").status == 0)
        }
        return server
    }

    private func setup(
        _ server: PostgresServer, user: String = "monitor", password: String = PostgresServer.password,
        flags: [String] = []
    ) throws -> BrokenSetup {
        try BrokenSetup(
            ["DATABASE_URL": server.connectionString(user: user, password: password)], flags: flags,
            secrets: [PostgresServer.password, password, "p%40ss"])
    }

    /// Types what is meant for psql as a superuser, and starts the server anew where that is said.
    private func apply(
        _ remedies: [Checked.Remedy], to server: PostgresServer, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        #expect(!remedies.isEmpty, sourceLocation: sourceLocation)
        for remedy in remedies where !remedy.alternative {
            if let place = remedy.place, let database = place.split(separator: " ").last, place.hasPrefix("psql -d ") {
                let line = remedy.line.replacing("<password>", with: PostgresServer.password.replacing("'", with: "''"))
                let result = try await Lab.run([
                    "psql", "-X", "-v", "ON_ERROR_STOP=1", "-d", server.connectionString(database: String(database)),
                    "-c", line,
                ])
                #expect(result.status == 0, "\(line): \(result.errors)", sourceLocation: sourceLocation)
            } else if remedy.line == "restart the server" {
                try await server.stop()
                try await server.start()
            } else {
                Issue.record("\(remedy)", sourceLocation: sourceLocation)
            }
        }
    }

    @Test func aServerThatIsSetUpWellHasNothingToMend() async throws {
        let server = try await server(breaking: "ALTER SYSTEM SET track_io_timing = off; SELECT pg_reload_conf()")
        let setup = try setup(server)
        let checked = try await setup.mended()
        let target = try checked.target("postgres")
        #expect(target.up && target.kind == "postgres")
        #expect(target.fact("server")?.hasSuffix(", primary, at 127.0.0.1:\(server.port)") == true)
        #expect(target.fact("role") == "monitor")
        #expect(target.fact("rights") == "pg_monitor")
        #expect(target.fact("databases") == "2 of 2 may be looked into; the connection's is postgres")
        #expect(
            target.fact("pg_stat_statements")?.hasSuffix(" in schema public of database postgres, preloaded") == true)
        // What could be better is no reason for another exit status.
        let hint = try #require(target.findings.first)
        #expect(target.findings.count == 1 && hint.severity == "hint" && hint.what.contains("track_io_timing"))
        try await apply(hint.remedies, to: server)
        #expect(try await eventually { try await setup.mended().target("postgres").findings.isEmpty })

        // The same in words, each in a line of its own, and in colours for nobody who is no terminal.
        let text = try await setup.run().output
        #expect(text.contains("\npostgres (postgres): up\n"))
        for fact in target.facts where !["track_io_timing", "sessions"].contains(fact.name) {
            #expect(text.contains(fact.value), "\(fact)")
        }
        #expect(text.hasSuffix("nothing to mend, 0 hints\n"))
        #expect(!text.contains("\u{1b}"))
    }

    @Test(arguments: [
        ("monitor", "REVOKE pg_monitor FROM monitor", "monitor is not in pg_monitor", "psql -d postgres"),
        ("monitor", "DROP EXTENSION pg_stat_statements", "no pg_stat_statements", "psql -d postgres"),
        ("monitor", "REVOKE CONNECT ON DATABASE shop FROM PUBLIC", "may not connect to shop", "psql -d postgres"),
        ("monitor", "ALTER ROLE monitor PASSWORD 'another'", "the password is wrong", "psql -d postgres"),
        ("monitor", "ALTER ROLE monitor NOLOGIN", "may not log in", "psql -d postgres"),
        ("monitor", "ALTER ROLE monitor CONNECTION LIMIT 1", "may have 1 sessions", "psql -d postgres"),
        ("monitor", "ALTER ROLE monitor CONNECTION LIMIT 0", "as many sessions as it may", "psql -d postgres"),
        (
            "monitor", "REVOKE CONNECT ON DATABASE postgres FROM PUBLIC", "may not connect to the database",
            "psql -d postgres"
        ),
    ])
    func oneStatementMendsIt(user: String, breaking: String, words: String, place: String) async throws {
        let server = try await server(breaking: breaking)
        let setup = try setup(server, user: user)
        let finding = try await setup.broken(words)
        #expect(finding.remedies.first?.place == place)
        try await apply(finding.remedies, to: server)
        try await setup.mended()
    }

    /// What is loaded already stays loaded.
    @Test func anExtensionThatIsNotPreloaded() async throws {
        let server = try await server("shared_preload_libraries = 'auto_explain, pg_prewarm'")
        let setup = try setup(server)
        let finding = try await setup.broken("pg_stat_statements is not preloaded")
        #expect(finding.remedies.map(\.line).last == "restart the server")
        #expect(finding.parts.contains("stat_statements"))
        try await apply(finding.remedies, to: server)
        try await setup.mended()
        let libraries = try await server.sql("SHOW shared_preload_libraries").output
        #expect(libraries == "auto_explain, pg_prewarm, pg_stat_statements\n")
    }

    @Test func rulesThatDoNotAdmitTheRole() async throws {
        let server = try await server()
        let rules = "data/pg_hba.conf"
        try server.directory.write(rules, "host all postgres 127.0.0.1/32 scram-sha-256\n")
        try await server.sql("SELECT pg_reload_conf()")
        let setup = try setup(server, flags: ["--postgres.databases.include=postgres"])
        var found: Checked.Finding?
        // The server takes a moment to read its rules.
        _ = try await eventually { try await setup.run().status == 1 }
        found = try await setup.broken("pg_hba.conf does not admit the role")
        let finding = try #require(found)
        let line = try #require(finding.remedies.first)
        #expect(line.place == "pg_hba.conf, above all others")
        try server.directory.write(rules, "\(line.line)\n\(server.directory.text(rules))")
        try await apply(Array(finding.remedies.dropFirst()), to: server)
        #expect(try await eventually { try await setup.run().status == 0 })
        try await setup.mended()
    }

    @Test func aServerThatIsNotThere() async throws {
        let server = try await server()
        let setup = try setup(server)
        try await server.stop()
        let finding = try await setup.broken("Connection refused")
        #expect(finding.remedies.first?.line.contains("whether it runs and where it listens") == true)
        try await server.start()
        try await setup.mended()
    }

    /// It says so within the time of a scrape, and waits for nobody longer.
    @Test func aServerThatHangs() async throws {
        let server = try await server()
        let setup = try setup(server, flags: ["--scrape.timeout=2s"])
        try await server.signalAll(SIGSTOP)
        let start = ContinuousClock.now
        let finding = try await setup.broken("no answer within the scrape's time limit", of: "postgres")
        #expect(start.duration(to: .now) < .seconds(50))
        #expect(finding.remedies.first?.line.contains("whether it hangs or is stopped") == true)
        try await server.signalAll(SIGCONT)
        try await BrokenSetup(setup.environment).mended()
    }

    @Test func aQueryOfATableThatIsNotThere() async throws {
        let server = try await server(
            breaking: "CREATE TABLE orders AS SELECT 7 AS open; GRANT SELECT ON orders TO monitor")
        let file = server.directory.path("queries.yaml")
        func write(table: String) throws {
            let text = "orders:\n  query: SELECT open FROM \(table)\n  metrics:\n    - open:\n        usage: GAUGE\n"
            try server.directory.write("queries.yaml", text)
        }
        try write(table: "order")
        let setup = try setup(server, flags: ["--extend.query-path=\(file)"])
        let wrong = try await setup.run()
        #expect(wrong.status == 1)
        try write(table: "ordres")
        let finding = try await setup.broken("ordres", "does not exist")
        #expect(finding.parts == ["custom_orders"])
        #expect(finding.remedies.first?.place == file)
        #expect(finding.remedies.first?.line == "correct the query orders, or take it out")
        try write(table: "orders")
        try await setup.mended()
    }

    // MARK: PgBouncer

    /// Writes a line of PgBouncer's own configuration, and types the rest into its console.
    private func apply(_ remedies: [Checked.Remedy], to pooler: PgBouncerServer, of server: PostgresServer) async throws
    {
        let file = "pgbouncer.ini"
        #expect(remedies.first?.place?.hasPrefix("pgbouncer.ini") == true)
        for remedy in remedies {
            if remedy.place == "psql -d pgbouncer" {
                #expect(try await pooler.console(remedy.line) == "RELOAD\n")
            } else {
                try server.directory.write(file, "\(server.directory.text(file))\n\(remedy.line)\n")
            }
        }
    }

    @Test func aUserWhoMayNotUsePgBouncersConsole() async throws {
        let server = try await server()
        let pooler = try await PgBouncerServer(before: server, settings: ["admin_users = stats"])
        let text = pooler.connectionString(database: "pgbouncer")
        let setup = try BrokenSetup(["PGBOUNCER_URL": text], secrets: [PgBouncerServer.password])
        let finding = try await setup.broken("not among stats_users")
        try await apply(finding.remedies, to: pooler, of: server)
        let target = try await setup.mended().target("pgbouncer")
        #expect(target.fact("server")?.hasPrefix("PgBouncer ") == true)
        #expect(target.fact("user") == "app")
    }

    @Test func aUserWhomPgBouncerDoesNotKnow() async throws {
        let server = try await server()
        let pooler = try await PgBouncerServer(before: server, settings: ["admin_users = stats"])
        let text = pooler.connectionString(user: "new", database: "pgbouncer")
        let setup = try BrokenSetup(["PGBOUNCER_URL": text], secrets: [PgBouncerServer.password])
        let finding = try await setup.broken("PgBouncer does not know the user")
        let line = try #require(finding.remedies.first)
        #expect(line.place == "the auth_file of pgbouncer.ini")
        let own = line.line.replacing("<password>", with: PgBouncerServer.password)
        try server.directory.write("users", "\(server.directory.text("users"))\n\(own)\n")
        #expect(try await pooler.console(try #require(finding.remedies.last?.line)) == "RELOAD\n")
        let next = try await setup.broken("not among stats_users")
        try await apply(next.remedies, to: pooler, of: server)
        try await setup.mended()
    }

    @Test func aParameterThatPgBouncerDoesNotTake() async throws {
        let server = try await server()
        let pooler = try await PgBouncerServer(before: server, settings: ["admin_users = stats"])
        let text = pooler.connectionString() + "&options=-c%20geqo%3Doff"
        let setup = try BrokenSetup(["DATABASE_URL": text], secrets: [PgBouncerServer.password])
        let finding = try await setup.broken("does not take the parameter")
        try await apply(finding.remedies, to: pooler, of: server)
        #expect(try await setup.mended().target("postgres").fact("server")?.hasSuffix(" through a pooler") == true)
    }
}
