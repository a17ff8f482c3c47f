import Exposition
import Scraping

@testable import Scraping
@testable import WebServer

/// A target of a kind that is told apart by a type, as targets are; nobody scrapes it.
final class KindTarget<Kind: TestKind>: Target {
    static var kind: String { Kind.name }
    static var statusMetrics: [CatalogueEntry] { [] }
    let name: String
    let collectors: [String] = []
    let openConnections: Int? = nil

    init(_ name: String) {
        self.name = name
    }

    func run(_ scrape: Scrape) async {}
    func status(of outcome: ScrapeOutcome) -> [MetricFamily] { [] }
    func shutdown() async {}
}

protocol TestKind { static var name: String { get } }
enum OfPostgres: TestKind { static let name = "postgres" }
enum OfRedis: TestKind { static let name = "redis" }
enum OfContainers: TestKind { static let name = "containers" }
enum OfHost: TestKind { static let name = "host" }
enum OfNewKind: TestKind { static let name = "telescope<s>" }

extension ScrapeOutcome {
    static let up = ScrapeOutcome(isUp: true, error: nil, duration: .milliseconds(17), collectors: [])

    static func down(_ error: CollectorError) -> ScrapeOutcome {
        ScrapeOutcome(isUp: false, error: error, duration: .seconds(3), collectors: [])
    }

    /// Up, but a collector failed for this reason.
    static func failing(_ collectors: [String], _ error: CollectorError) -> ScrapeOutcome {
        ScrapeOutcome(
            isUp: true, error: error, duration: .zero,
            collectors: collectors.map { .init(name: $0, duration: .zero, error: error) })
    }

    static func leavingOut(_ names: [String], _ reason: CollectorError) -> ScrapeOutcome {
        ScrapeOutcome(
            isUp: true, error: nil, duration: .zero, collectors: [],
            omissions: names.map { .init(name: $0, reason: reason) })
    }
}

extension StatusPage {
    /// A page of some targets as a history knows them.
    static func of(_ targets: [any Target], _ history: StatusHistory, uptime: Duration = .seconds(90)) -> StatusPage {
        StatusPage(
            version: "1.2", revision: "abc", uptime: uptime, links: [.init("/metrics", "Metrics")], targets: targets,
            history: history)
    }
}
