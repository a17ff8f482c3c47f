import Exposition
import Foundation
import Lab
import Testing

@testable import Postgres
@testable import Scraping

/// Every collector on real servers of every version, primaries and standbys, as roles with and without rights, against
/// what `Fixtures/postgres-contract.txt` says.
@Suite(.serialized, .startsServers, .timeLimit(.minutes(15)))
struct EveryVersionTests {
    private static let versions = PostgresServer.versions.filter { (13...18).contains($0) }
    private let contract: Contract

    init() throws {
        contract = try Contract()
    }

    /// A server as a role sees it.
    private struct View {
        let server: PostgresServer
        let version: Int
        let place: String
        let role: String
    }

    private func target(_ server: PostgresServer, as role: String) throws -> PostgresTarget {
        var options = PostgresOptions()
        options.collectors.chosen = Dictionary(uniqueKeysWithValues: PostgresCollectors.all().map { ($0.name, true) })
        options.slowInterval = .zero
        let settings = try PostgresSettings(name: role, connectionString: server.connectionString(user: role))
        return PostgresTarget(settings, options: options)
    }

    private func scrape(_ target: PostgresTarget) async -> (outcome: ScrapeOutcome, families: [MetricFamily]) {
        let scraped = await Scraped(target)
        return (scraped.outcome, scraped.delivered + scraped.status)
    }

    @Test(.enabled(if: ProcessInfo.processInfo.environment["POSTGRES_VERSIONS"] != nil))
    func everyVersionIsTested() {
        #if arch(x86_64)
        let packaged = 13...18
        #else
        let packaged = 14...18
        #endif
        #expect(Set(packaged).subtracting(Self.versions) == [])
    }

    @Test func everyCollectorOfPostgresExporterIsHereAndOnWhereItIsOnThere() throws {
        let collectors = Dictionary(uniqueKeysWithValues: PostgresCollectors.all().map { ($0.name, $0) })
        let wanted = Set(contract.lines.map(\.collector) + ["xlog_location"]).subtracting(["-"])
        // The 26 of postgres_exporter, and three for what it has without one.
        #expect(wanted.count == 29)
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

    @Test(arguments: versions)
    func everyFamilyIsThereWithItsTypeAndLabels(version: Int) async throws {
        let servers = try await BusyServers(version: version)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (place, server) in [("primary", servers.primary), ("standby", servers.standby)] {
                for role in ["monitor", "plain"] {
                    let view = View(server: server, version: version, place: place, role: role)
                    group.addTask { try await check(view) }
                }
            }
            try await group.waitForAll()
        }
    }

    private func check(_ view: View) async throws {
        let target = try target(view.server, as: view.role)
        #expect(await scrape(target).outcome.isUp)
        // What is read in the background comes with a later scrape.
        var complaints: [String] = []
        _ = try await eventually(within: 10) {
            let (outcome, families) = await scrape(target)
            complaints = self.complaints(of: view, outcome, families)
            return complaints.isEmpty
        }
        await target.shutdown()
        #expect(complaints == [], "PostgreSQL \(view.version), \(view.place), as \(view.role)")
    }

    /// What is wrong with a scrape.
    private func complaints(of view: View, _ outcome: ScrapeOutcome, _ families: [MetricFamily]) -> [String] {
        let collectors = Set(PostgresCollectors.all().map(\.name) + ["-"])
        let expected = contract.lines.filter { line in
            collectors.contains(line.collector) && excuses(line.collector, view).isEmpty
                && line.versions.contains(view.version) && line.isFound(at: view.place) && line.isSeen(by: view.role)
                && BusyServers.activities[view.place]?.contains(line.activity) == true
        }
        let delivered = Contract.Family.all(in: families)
        let missing = Set(expected.map(\.family)).subtracting(delivered)
        let names = Set(contract.lines.map(\.family.name))
        let unexpected = delivered.filter { names.contains($0.name) }.subtracting(expected.map(\.family))
        var complaints = outcome.isUp ? [] : ["it is down"]
        complaints += missing.sorted().map { "missing: \($0)" } + unexpected.sorted().map { "unexpected: \($0)" }

        let ofTables = Set(expected.map(\.family).filter { $0.labels.contains("schemaname") }.map(\.name))
        var seen: Set<String> = []
        for family in families {
            let name = family.descriptor.name
            if ofTables.contains(name), Set(family.samples.map { $0.labels["datname"] }) != BusyServers.databases {
                complaints.append("not of every database: \(name)")
            }
            for sample in family.samples where !seen.insert("\(name)\(sample.labels)").inserted {
                complaints.append("twice: \(name)\(sample.labels)")
            }
        }

        let ran = Set(outcome.collectors.map(\.name))
        complaints += Set(expected.map(\.collector)).subtracting(ran.union(["-"])).sorted().map { "did not run: \($0)" }
        for case (let name, let error?) in outcome.collectors.map({ ($0.name, $0.error) })
        where !excuses(name, view).contains(error.reason) {
            complaints.append("\(name) failed: \(error)")
        }
        return complaints
    }

    /// Why a collector may fail; where nobody asks for it by name, it is left out for these reasons.
    private func excuses(_ collector: String, _ view: View) -> Set<FailureReason> {
        let lines = contract.lines.filter { $0.collector == collector }
        var excuses: Set<FailureReason> = []
        if !lines.contains(where: { $0.versions.contains(view.version) }) { excuses.insert(.unsupportedVersion) }
        if view.role == "plain", !lines.contains(where: { $0.role == "plain" }) { excuses.insert(.permission) }
        // What is not in the contract may read any extension.
        let readsExtension = ["stat_statements", "stat_statements_text"].contains(collector) || lines.isEmpty
        if readsExtension, !view.server.hasContrib || lines.isEmpty { excuses.insert(.missingExtension) }
        return excuses
    }
}
