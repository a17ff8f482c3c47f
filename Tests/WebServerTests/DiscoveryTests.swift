import Exposition
import Scraping
import Testing

@testable import WebServer

/// A target that finds others.
private final class Cluster: DiscoversTargets {
    static let kind = "redis"
    static let statusMetrics: [CatalogueEntry] = []
    let name: String
    let found: [String]
    let collectors: [String] = []
    let openConnections: Int? = nil

    init(_ name: String, _ found: [String]) {
        (self.name, self.found) = (name, found)
    }

    // What nobody has looked for yet.
    var discovered: [String] { [] }
    func discover(until deadline: Deadline) async -> [String] { found }

    func run(_ scrape: Scrape) async {}
    func status(of outcome: ScrapeOutcome) -> [MetricFamily] { [] }
    func shutdown() async {}
}

/// What Prometheus finds targets by.
@Suite(.timeLimit(.minutes(1)))
struct DiscoveryTests {
    @Test func targetsAreThisExporterWithAParameter() async throws {
        try await withServer(targets: [TestTarget(), Cluster(#"a "name""#, [])]) { server in
            let answer = try await server.client().get("/targets")
            #expect(answer.status == 200)
            #expect(answer.field("Content-Type") == "application/json")
            let first =
                #"{"targets":["test"],"labels":{"__metrics_path__":"/probe","__param_target":"test","__meta_stack_exporter_kind":"test","target":"test"}}"#
            let second =
                #"{"targets":["test"],"labels":{"__metrics_path__":"/probe","__param_target":"a \"name\"","__meta_stack_exporter_kind":"redis","target":"a \"name\""}}"#
            let own =
                #"{"targets":["test"],"labels":{"__metrics_path__":"/probe","__param_target":"exporter","__meta_stack_exporter_kind":"exporter"}}"#
            #expect(answer.text == "[\(first),\(second),\(own)]\n")
        }
    }

    @Test func withoutAHostTheyAreTheirNames() {
        #expect(Discovery.groups(of: [TestTarget()], at: nil).map(\.targets) == [["test"], ["exporter"]])
        let groups = Discovery.groups(of: [TestTarget()], at: "stack:19187")
        #expect(groups.map(\.targets) == [["stack:19187"], ["stack:19187"]])
    }

    @Test func theNodesOfClusters() async throws {
        let clusters = [
            Cluster("one", ["redis://10.0.0.1:6379", "redis://10.0.0.2:6379"]), Cluster("none", []),
            Cluster("two", ["rediss://[::1]:7000"]),
        ]
        try await withServer(targets: clusters) { server in
            let answer = try await server.client().get("/discover-cluster-nodes")
            #expect(answer.status == 200)
            #expect(answer.field("Content-Type") == "application/json")
            let nodes = #""redis://10.0.0.1:6379","redis://10.0.0.2:6379","rediss://[::1]:7000""#
            #expect(answer.text == #"[{"targets":[\#(nodes)],"labels":{}}]"# + "\n")
        }
        try await withServer(targets: [TestTarget(), Cluster("none", [])]) { server in
            let answer = try await server.client().get("/discover-cluster-nodes")
            #expect(answer.status == 400)
            #expect(answer.text.hasPrefix("No cluster of Redis is configured"))
        }
    }
}
