import Configuration
import Exposition
import Logging
import NIOHTTP1
import NIOPosix
import Scraping
import Synchronization
import Testing

@testable import WebServer

/// A target with one gauge, which a test can hold back.
final class TestTarget: Target {
    static let kind = "test"
    static let statusMetrics = [CatalogueEntry(MetricDescriptor("test_up", .gauge, "Up."), source: "the test")]
    let name = "test"
    let collectors = ["numbers"]
    let openConnections: Int? = nil
    private let state: Mutex<(isOpen: Bool, runs: Int)>

    init(isOpen: Bool = true) {
        state = Mutex((isOpen, 0))
    }

    var runs: Int { state.withLock { $0.runs } }

    func open() {
        state.withLock { $0.isOpen = true }
    }

    func run(_ scrape: Scrape) async {
        state.withLock { $0.runs += 1 }
        while !state.withLock({ $0.isOpen }), !Task.isCancelled { try? await Task.sleep(for: .milliseconds(5)) }
        scrape.targetAnswered()
        scrape.deliver(
            "numbers", took: .zero, .success([MetricFamily(MetricDescriptor("test_number", .gauge, "A number."), 42)]))
    }

    func status(of outcome: ScrapeOutcome) -> [MetricFamily] {
        [MetricFamily(Self.statusMetrics[0].descriptor, outcome.isUp ? 1 : 0)]
    }

    func shutdown() async {}
}

/// A server on a free port, its gatherer and its one target.
struct TestServer {
    let server: WebServer
    let address: ListenAddress
    let metrics: HTTPMetrics
    let target: TestTarget

    func client(receiveBuffer: CInt? = nil) throws -> RawClient {
        try RawClient(address, receiveBuffer: receiveBuffer)
    }

    /// The value of `http_requests_total` for a handler and status, over all methods.
    func requests(_ handler: String, _ status: Int) -> Double {
        metrics.families()[0].samples
            .filter { $0.labels["handler"] == handler && $0.labels["status"] == "\(status)" }
            .reduce(0) { if case .number(let value) = $1.value { $0 + value } else { $0 } }
    }
}

func makeServer(
    _ settings: WebSettings,
    target: TestTarget = TestTarget(),
    targets: [any Target]? = nil,
    metrics: HTTPMetrics = HTTPMetrics(),
    probe: @escaping Probe.Answer = { _, _ throws(ProbeRefusal) in throw ProbeRefusal(.unknown, "No target.") },
    health: Bool = false,
    routes: [Route] = []
) -> WebServer {
    let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    var limits = Gatherer.Limits()
    limits.timeout = .seconds(60)
    let history = StatusHistory()
    let gatherer = Gatherer(
        targets: targets ?? [target], limits: limits, selfMetrics: [metrics], observer: history, log: log)
    return WebServer(
        settings,
        gatherer: gatherer,
        metrics: metrics,
        status: { StatusPage.of(gatherer.targets, history) },
        probe: probe,
        routes: (health ? Health.routes(of: gatherer, version: "1.2", since: .now) : []) + routes,
        group: MultiThreadedEventLoopGroup.singleton,
        log: log
    )
}

func withServer(
    _ change: (inout WebSettings) -> Void = { _ in },
    target: TestTarget = TestTarget(),
    targets: [any Target]? = nil,
    probe: @escaping Probe.Answer = { _, _ throws(ProbeRefusal) in throw ProbeRefusal(.unknown, "No target.") },
    health: Bool = false,
    routes: [Route] = [],
    _ body: (TestServer) async throws -> Void
) async throws {
    var settings = WebSettings()
    settings.addresses = [.tcp(host: "127.0.0.1", port: 0)]
    // Beside other tests a client may be long in coming to speak.
    settings.limits.readTimeout = .seconds(120)
    change(&settings)
    let metrics = HTTPMetrics()
    let server = makeServer(
        settings, target: target, targets: targets, metrics: metrics, probe: probe, health: health, routes: routes)
    let address = try #require(await server.start().first)
    do {
        try await body(TestServer(server: server, address: address, metrics: metrics, target: target))
    } catch {
        await server.shutdown(grace: .zero)
        throw error
    }
    await server.shutdown(grace: .zero)
}

/// Waits for what must become true, with more patience than any machine needs.
func eventually(_ condition: () async throws -> Bool) async throws {
    for _ in 0..<3000 {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("it did not become true")
}
