import Exposition
import Foundation
import Lab
import Testing

@testable import Postgres
@testable import Scraping

/// Through a real PgBouncer with a single session to the server, so that whatever we leave behind meets the next client.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct PgBouncerTests {
    @Test(arguments: ["transaction", "statement", "session"])
    func scrapesInEveryPoolModeAndLeavesNothingBehind(mode: String) async throws {
        let server = try await PostgresServer()
        try await server.sql("CREATE EXTENSION pg_stat_statements")
        let pooler = try await PgBouncerServer(
            before: server, settings: ["pool_mode = \(mode)", "default_pool_size = \(mode == "session" ? 2 : 1)"])
        let text = pooler.connectionString()
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
            let scraped = await Scraped(target)
            let (outcome, families) = (scraped.outcome, scraped.delivered)
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
