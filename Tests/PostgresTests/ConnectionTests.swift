import Exposition
import Foundation
import Lab
import Testing

@testable import Postgres
@testable import Scraping

/// Against a real server: what the recorded rows of other tests cannot show.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct ConnectionTests {
    private func target(_ server: PostgresServer, password: String = PostgresServer.password) throws -> PostgresTarget {
        PostgresTarget(
            try PostgresSettings(name: "postgres", connectionString: server.connectionString(password: password)))
    }

    private func scrape(
        _ target: PostgresTarget, within limit: Duration = .seconds(10)
    ) async -> (outcome: ScrapeOutcome, families: [String: MetricFamily]) {
        let scrape = Scrape(until: Deadline(after: limit))
        await target.run(scrape)
        scrape.finish()
        let (outcome, families) = scrape.harvest(target.collectors)
        let all = families + target.status(of: outcome)
        return (outcome, Dictionary(uniqueKeysWithValues: all.map { ($0.descriptor.name, $0) }))
    }

    @Test func everyCollectorDeliversFromARealServer() async throws {
        let server = try PostgresServer()
        try server.sql("CREATE EXTENSION pg_stat_statements; CREATE TABLE t AS SELECT generate_series(1, 1000);")
        let target = try target(server)
        let (outcome, families) = await scrape(target)
        print(outcome)
        for family in families.values.sorted(by: { $0.descriptor.name < $1.descriptor.name })
        where !family.descriptor.name.hasPrefix("pg_settings") {
            print(
                family.descriptor.name, family.samples.count,
                family.samples.first.map { "\($0.labels) \($0.value)" } ?? "")
        }
        for _ in 0..<5 {
            let (outcome, _) = await scrape(target)
            print(outcome.duration, outcome.collectors.map { "\($0.name) \($0.duration)" })
        }
    }
}
