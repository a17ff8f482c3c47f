import Exposition
import Foundation
import Lab
import Testing

@testable import Postgres
@testable import Scraping

/// Through a real PgBouncer with a single session to the server, so that whatever we leave behind meets the next client.
@Suite(.timeLimit(.minutes(2)))
struct PgBouncerTests {
    private func startPooler(_ mode: String, poolSize: Int, before server: PostgresServer) throws -> (Daemon, port: Int)
    {
        let port = freePort()
        let password = PostgresServer.password.replacing("'", with: "''")
        let file = server.directory.appendingPathComponent("pgbouncer.ini")
        try """
        [databases]
        postgres = host=127.0.0.1 port=\(server.port) dbname=postgres user=postgres password='\(password)'
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = \(port)
        unix_socket_dir =
        auth_type = any
        pool_mode = \(mode)
        default_pool_size = \(poolSize)
        """.write(to: file, atomically: true, encoding: .utf8)
        let log = server.directory.appendingPathComponent("pgbouncer.log")
        return (try Daemon(["pgbouncer", file.path], as: "postgres", stop: "INT", log: log), port)
    }

    @Test(arguments: ["transaction", "statement", "session"])
    func scrapesInEveryPoolModeAndLeavesNothingBehind(mode: String) async throws {
        let server = try await PostgresServer()
        try await server.sql("CREATE EXTENSION pg_stat_statements")
        let (pooler, port) = try startPooler(mode, poolSize: mode == "session" ? 2 : 1, before: server)
        defer { pooler.stop() }
        let text = "postgresql://anybody@127.0.0.1:\(port)/postgres?sslmode=disable"
        // What the next client of the same server session finds.
        let traces = """
            SELECT concat_ws(' ', current_setting('statement_timeout'), current_setting('lock_timeout'),
            current_setting('search_path'), current_setting('default_transaction_read_only'),
            current_setting('transaction_read_only'))
            """
        let asked = ["psql", "-X", "-A", "-t", "-d", text, "-c", traces]
        #expect(try await eventually { try await run(asked).output == "0 0 \"$user\", public off off\n" })

        let target = PostgresTarget(try PostgresSettings(name: "postgres", connectionString: text))
        for _ in 0..<3 {
            let scrape = Scrape(until: Deadline(after: .seconds(20)))
            await target.run(scrape)
            scrape.finish()
            let (outcome, families) = scrape.harvest(target.collectors)
            #expect(outcome.isUp)
            #expect(outcome.collectors.compactMap(\.error) == [])
            #expect(outcome.collectors.map(\.name) == (try await server.defaultCollectors()))
            #expect(families.count > 250)
            for name in ["pg_settings_statement_timeout_seconds", "pg_settings_transaction_read_only"] {
                let family = families.first { $0.descriptor.name == name }
                #expect(family?.samples.map(\.value) == [.number(0)])
            }
            #expect(try await run(asked).output == "0 0 \"$user\", public off off\n")
        }
        await target.shutdown()
    }
}
