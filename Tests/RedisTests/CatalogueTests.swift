import Exposition
import Scraping
import Testing

@testable import Redis

struct CatalogueTests {
    /// Descriptors and labels of all that recorded servers had, against what the catalogue says.
    @Test func theCatalogueHasWhatServersHave() throws {
        let entries = InfoCollector().metrics
        #expect(Set(entries.map(\.descriptor.name)).count == entries.count)
        let byName = Dictionary(uniqueKeysWithValues: entries.map { ($0.descriptor.name, $0) })
        var labels: [String: Set<String>] = [:]
        for family in try Fixture.allCases.flatMap({ try families($0) }) where !family.samples.isEmpty {
            let name = family.descriptor.name
            if let entry = byName[name] {
                #expect(entry.descriptor == family.descriptor)
            } else {
                // These alone are made of fields that no table names.
                #expect(name.hasPrefix("redis_cluster_") && family.descriptor.type == .gauge, "\(name)")
            }
            for sample in family.samples {
                let names = sample.labels.description.matches(of: /([a-z_]+)="/).map { String($0.1) }
                labels[name, default: []].formUnion(names)
            }
        }
        #expect(labels.count > 150)
        for (name, labels) in labels { #expect(labels == Set(byName[name]?.labels ?? []), "\(name)") }
    }

    @Test func anEntryTellsFieldAndVersionsApartFromTheMeaning() throws {
        let entry = try #require(InfoField.metrics.first { $0.descriptor.name == "redis_watching_clients" })
        #expect(entry.meaning == "Clients that WATCH keys.")
        #expect(entry.source == "INFO watching_clients")
        #expect(entry.versions == "Redis 7.4+")
        #expect(entry.descriptor.help == "Clients that WATCH keys (INFO watching_clients; Redis 7.4+).")
    }

    private func families(_ fixture: Fixture) throws -> [MetricFamily] {
        let clusterInfo = try Fixture.bytes("redis-7.0-cluster-info")
        let replies = RedisReplies([
            .info: .string(try fixture.bytes),
            RedisCommand("CLUSTER INFO"): fixture == .redis70Cluster
                ? .string(clusterInfo) : .error(Array("ERR This instance has cluster support disabled".utf8)),
        ])
        return try InfoCollector().families(replies, RedisFacts(Info(try fixture.bytes)))
    }
}
