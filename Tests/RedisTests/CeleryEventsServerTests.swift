import Exposition
import Foundation
import Lab
import NIOCore
import NIOPosix
import Testing

@testable import Redis
@testable import Scraping

/// Celery's events through a real Redis, most of them made by hand.
@Suite(.startsServers, .timeLimit(.minutes(15))) struct CeleryEventsServerTests {
    private func settings(_ server: RedisServer) -> RedisSettings {
        RedisSettings(name: "test", address: .tcp(host: "127.0.0.1", port: server.port))
    }

    private func publish(_ kind: CeleryEvent.Kind, _ server: RedisServer) async throws {
        let body = #"{"type":"\#(kind.rawValue)","hostname":"w@lab","uuid":"1","name":"t"}"#
        let message = String(decoding: RecordedEvents.message(body), as: UTF8.self)
        try await server.cli("PUBLISH", "/0.celeryev/task.multi", message)
    }

    private let received = #"celery_task_received_total{hostname="lab",name="t",queue_name="celery"}"#

    @Test func aConnectionOfItsOwnThatComesBack() async throws {
        let server = try await RedisServer("--requirepass", "pw", "--databases", "4")
        var settings = settings(server)
        settings.password = Secret(value: "pw")
        let target = EventsTarget(settings)
        let (error, first) = await target.scrape()
        #expect(error == nil)
        #expect(target.openConnections == 2)
        #expect(first["celery_task_completed_total{status=\"failed\"}"] == 0)
        let clients = try await run(["redis-cli", "-s", server.socket, "-a", "pw", "CLIENT", "LIST"]).output
        #expect(clients.matches(of: /name=stack-exporter/).count == 2)

        let message = String(decoding: RecordedEvents.message(#"{"type":"task-received"}"#), as: UTF8.self)
        try await run(["redis-cli", "-s", server.socket, "-a", "pw", "PUBLISH", "/0.celeryev/x", message])
        let malformed = #"stack_exporter_celery_events_dropped_total{reason="malformed"}"#
        #expect(try await eventually { await target.scrape().series[malformed] == 1 })

        try await server.stop()
        #expect(try await eventually { target.openConnections == 0 })
        #expect(await target.scrape().error?.reason == .connection)
        try await server.start()
        #expect(try await eventually { await target.scrape().error == nil })
        #expect(target.openConnections == 2)
        #expect(await target.scrape().series["stack_exporter_celery_events_interruptions_total"] == 1)
        // What was counted before stays.
        #expect(await target.scrape().series[malformed] == 1)
        try await run(["redis-cli", "-s", server.socket, "-a", "pw", "PUBLISH", "/0.celeryev/x", message])
        #expect(try await eventually { await target.scrape().series[malformed] == 2 })
        await target.shutdown()
        #expect(target.openConnections == 0)
    }

    @Test func messagesThatAreTooLongArePassedOver() async throws {
        let server = try await RedisServer()
        let target = EventsTarget(settings(server))
        _ = await target.scrape()
        for size in [(1 << 20) + 1, 10 << 20] {
            let text = String(repeating: "x", count: size)
            try await run(["redis-cli", "-s", server.socket, "-x", "PUBLISH", "/0.celeryev/x"], input: text)
        }
        try await publish(.received, server)
        #expect(try await eventually { await target.scrape().series[received] == 1 })
        let series = await target.scrape().series
        #expect(series[#"stack_exporter_celery_events_dropped_total{reason="size"}"#] == 2)
        #expect(target.openConnections == 2)
        await target.shutdown()
    }

    @Test func aUserWhoMayNotSubscribe() async throws {
        let server = try await RedisServer(
            "--user", "metrics", "on", ">pw", "~*", "+@all", "resetchannels", "&other/*")
        var settings = settings(server)
        settings.username = "metrics"
        settings.password = Secret(value: "pw")
        let target = EventsTarget(settings)
        let (error, first) = await target.scrape()
        #expect(error?.reason == .permission)
        #expect(error?.detail.contains("&") == true)
        // It is not an error that comes again with every scrape.
        let refusals = #"redis_errors_total{err="NOPERM"}"#
        for _ in 0..<5 {
            try await Task.sleep(for: .milliseconds(200))
            #expect(await target.scrape().series[refusals] == first[refusals])
        }
        await target.shutdown()

        // Exactly the channel will do.
        try await server.cli("ACL", "SETUSER", "metrics", "resetchannels", "&/0.celeryev/*")
        let other = EventsTarget(settings)
        #expect(await other.scrape().error == nil)
        try await publish(.received, server)
        #expect(try await eventually { await other.scrape().series[received] == 1 })
        await other.shutdown()
    }

    @Test func aServerThatHangs() async throws {
        let server = try await RedisServer()
        let dialer = RedisDialer(settings(server), group: MultiThreadedEventLoopGroup.singleton)
        let subscription = Subscription(RedisCommand("SUBSCRIBE", "x"), pingInterval: .milliseconds(100)) { _ in }
        await subscription.listen(by: dialer)
        #expect(subscription.failure == nil)
        #expect(subscription.isOpen)
        // Its answers to PING keep it.
        let first = try await server.cli("CLIENT", "LIST", "TYPE", "pubsub")
        try await Task.sleep(for: .milliseconds(500))
        let later = try await server.cli("CLIENT", "LIST", "TYPE", "pubsub")
        #expect(later.prefix { $0 != " " } == first.prefix { $0 != " " })
        #expect(later.contains("cmd=ping"))

        server.signal(SIGSTOP)
        #expect(try await eventually { subscription.failure?.reason == .timeout })
        server.signal(SIGCONT)
        #expect(try await eventually { subscription.failure == nil })
        await subscription.shutdown()
        #expect(!subscription.isOpen)
        #expect(subscription.failure != nil)
    }

    @Test func aUserWhoMayNotPing() async throws {
        let server = try await RedisServer("--user", "default", "on", "nopass", "~*", "&*", "+@all", "-ping")
        let dialer = RedisDialer(settings(server), group: MultiThreadedEventLoopGroup.singleton)
        let subscription = Subscription(RedisCommand("SUBSCRIBE", "x"), pingInterval: .milliseconds(50)) { _ in }
        await subscription.listen(by: dialer)
        func refusals() async throws -> Substring? {
            try await server.cli("INFO", "errorstats").firstMatch(of: /errorstat_NOPERM:count=(\d+)/)?.1
        }
        #expect(try await eventually { try await refusals() == "1" })
        try await Task.sleep(for: .milliseconds(300))
        #expect(try await refusals() == "1")
        #expect(subscription.failure == nil)
        #expect(subscription.interruptions == 0)
        await subscription.shutdown()
    }

    @Test func tlsAndASentinel() async throws {
        let server = try await RedisServer(isTLS: true, "--tls-auth-clients", "no")
        var settings = RedisSettings(name: "test", address: .tcp(host: "localhost", port: server.port))
        settings.tls = RedisSettings.TLS()
        settings.tls?.authorityFile = server.directory.path("server.crt")
        let target = EventsTarget(settings)
        #expect(await target.scrape().error == nil)
        try await publish(.received, server)
        #expect(try await eventually { await target.scrape().series[received] == 1 })
        await target.shutdown()
        #expect(target.openConnections == 0)

        var facts = RedisFacts()
        facts.isSentinel = true
        #expect(CeleryEventsCollector(settings).commands(facts).isEmpty)
    }
}

/// A target that runs the collector of events and the one of INFO.
struct EventsTarget {
    private let target: RedisTarget

    init(_ settings: RedisSettings) {
        let others = RedisCollectors.catalogue.map(\.name).filter { $0 != "redis_info" && $0 != "redis_celery_events" }
        let chosen = others.map { ($0, false) } + [("redis_celery_events", true)]
        target = RedisTarget(
            settings, collectors: CollectorSelection(Dictionary(uniqueKeysWithValues: chosen)),
            group: MultiThreadedEventLoopGroup.singleton)
    }

    var openConnections: Int? { target.openConnections }

    func shutdown() async { await target.shutdown() }

    func page() async -> (outcome: ScrapeOutcome, families: [MetricFamily]) {
        let scrape = Scrape(until: Deadline(after: .seconds(10)))
        await target.run(scrape)
        scrape.finish()
        return scrape.harvest(target.collectors)
    }

    /// The collector's own failure, and all series.
    func scrape() async -> (error: CollectorError?, series: [String: Double]) {
        let (outcome, families) = await page()
        return (outcome.collectors.first { $0.name == "redis_celery_events" }?.error, families.series)
    }
}
