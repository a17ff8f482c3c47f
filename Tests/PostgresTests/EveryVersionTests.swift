import Exposition
import Foundation
import Lab
import Testing

@testable import Postgres
@testable import Scraping

/// Every collector on real servers of every version, primaries and standbys, as roles with and without rights, against
/// what `Fixtures/postgres-contract.txt` says.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct EveryVersionTests {
    private let contract: Contract

    init() throws {
        contract = try Contract()
    }

    /// All that a server says to a role, with every collector asked for.
    private struct Scraped {
        let outcome: ScrapeOutcome
        let families: [MetricFamily]

        var delivered: Set<Contract.Family> { Contract.Family.all(in: families) }
    }

    private func target(_ server: PostgresServer, as role: String) throws -> PostgresTarget {
        var options = PostgresOptions()
        options.collectors.chosen = Dictionary(uniqueKeysWithValues: PostgresCollectors.all().map { ($0.name, true) })
        let settings = try PostgresSettings(name: role, connectionString: server.connectionString(user: role))
        return PostgresTarget(settings, options: options)
    }

    private func scrape(_ target: PostgresTarget) async -> Scraped {
        let scrape = Scrape(until: Deadline(after: .seconds(20)))
        await target.run(scrape)
        scrape.finish()
        let (outcome, families) = scrape.harvest(target.collectors)
        return Scraped(outcome: outcome, families: families + target.status(of: outcome))
    }

    @Test(.enabled(if: ProcessInfo.processInfo.environment["POSTGRES_VERSIONS"] != nil))
    func everyVersionIsTested() {
        #if arch(x86_64)
        #expect(Self.versions == Array(13...18))
        #else
        // Nobody packages 13 for others.
        #expect(Self.versions == Array(14...18))
        #endif
    }

    @Test func everyCollectorOfPostgresExporterIsHereAndOnWhereItIsOnThere() throws {
        let collectors = Dictionary(uniqueKeysWithValues: PostgresCollectors.all().map { ($0.name, $0) })
        let wanted = Set(contract.lines.map(\.collector) + ["xlog_location"]).subtracting(["-"])
        // The 26 of postgres_exporter, and two for what it has without one.
        #expect(wanted.count == 28)
        #expect(wanted.subtracting(collectors.keys).sorted() == [])
        let on = Set(contract.lines.filter(\.isOnByDefault).map(\.collector))
        #expect(on.filter { collectors[$0]?.isEnabledByDefault == false }.sorted() == [])
    }

    @Test(.enabled(if: versions.contains(15)))
    func everyParameterOf15HasItsName() async throws {
        let server = try await PostgresServer(version: 15)
        try await server.makeRoles()
        let prefix = "pg_settings_"
        let names = await scrape(try target(server, as: "plain")).families.map(\.descriptor.name).filter { name in
            name.hasPrefix(prefix) && !name.hasPrefix("pg_settings_pg_stat_statements_")
        }
        #expect(names.map { $0.dropFirst(prefix.count) }.sorted() == (try Contract.lines(of: "settings-15")).sorted())
    }

    private static let versions = PostgresServer.versions.filter { $0 >= 13 }

    @Test(arguments: versions)
    func everyFamilyIsThereWithItsTypeAndLabels(version: Int) async throws {
        let servers = try await BusyServers(version: version)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for role in ["monitor", "plain"] {
                group.addTask { try await check(servers.primary, version, "primary", role, BusyServers.onPrimary) }
                group.addTask { try await check(servers.standby, version, "standby", role, BusyServers.onStandby) }
            }
            try await group.waitForAll()
        }
    }

    private func check(
        _ server: PostgresServer, _ version: Int, _ place: String, _ role: String, _ activities: Set<String>
    ) async throws {
        let here: Comment = "PostgreSQL \(version), \(place), \(role)"
        let known = contract.lines.filter { server.hasContrib || $0.collector != "stat_statements" }
        let collectors = Set(PostgresCollectors.all().map(\.name) + ["-"])
        let expected = known.filter { line in
            collectors.contains(line.collector) && line.versions.contains(version)
                && ["both", place].contains(line.place) && line.isSeen(by: role) && activities.contains(line.activity)
        }
        let names = Set(contract.lines.map(\.family.name))
        let target = try target(server, as: role)
        #expect(await scrape(target).outcome.isUp, here)

        // Slow facts come with a later scrape.
        var last = await scrape(target)
        func missing() -> [Contract.Family] { Set(expected.map(\.family)).subtracting(last.delivered).sorted() }
        _ = try await eventually(within: 10) {
            if missing().isEmpty { return true }
            last = await scrape(target)
            return false
        }
        await target.shutdown()
        #expect(last.outcome.isUp, here)
        #expect(missing() == [], here)
        let unexpected = last.delivered.filter { names.contains($0.name) }.subtracting(expected.map(\.family))
        #expect(unexpected.sorted() == [], here)

        var seen: Set<String> = []
        let series = last.families.flatMap { family in family.samples.map { "\(family.descriptor.name)\($0.labels)" } }
        #expect(series.filter { !seen.insert($0).inserted } == [], here)

        let withFamilies = Set(expected.map(\.collector))
        let errors = Dictionary(uniqueKeysWithValues: last.outcome.collectors.map { ($0.name, $0.error) })
        for collector in target.collectors {
            let error = errors[collector] ?? nil
            if withFamilies.contains(collector) {
                #expect(errors[collector] != nil && error == nil, "\(collector): \(here)")
            } else if let error {
                #expect(excuses(collector, version, role).contains(error.reason), "\(collector): \(error), \(here)")
            }
        }
    }

    /// Why a collector that has nothing to deliver may fail, since it was asked for.
    private func excuses(_ collector: String, _ version: Int, _ role: String) -> Set<FailureReason> {
        let lines = contract.lines.filter { $0.collector == collector }
        var excuses: Set<FailureReason> = []
        if !lines.contains(where: { $0.versions.contains(version) }) { excuses.insert(.unsupportedVersion) }
        if !lines.contains(where: { $0.isSeen(by: role) }), role == "plain" { excuses.insert(.permission) }
        // The package of 13 is without contrib. What is not in the contract may read extensions of any kind.
        if version == 13 || lines.isEmpty { excuses.insert(.missingExtension) }
        return excuses
    }
}
