import Exposition
import Foundation
import Lab
import Testing

@testable import Redis
@testable import Scraping

/// The target against real servers; one after the other, since some of it is about time.
@Suite(.serialized) struct RedisTargetTests {
    private func target(_ settings: RedisSettings) -> RedisTarget {
        RedisTarget(settings)
    }

    private func settings(_ server: RedisServer, host: String = "127.0.0.1") -> RedisSettings {
        RedisSettings(name: "test", address: .tcp(host: host, port: server.port))
    }

    private func scrape(
        _ target: RedisTarget, within timeout: Duration = .seconds(20)
    ) async -> (outcome: ScrapeOutcome, series: [String: Double]) {
        await target.scrape(within: timeout)
    }

    /// Scrapes until the back-off is over and the target is up.
    private func scrapeUntilUp(_ target: RedisTarget) async throws -> [String: Double] {
        for _ in 0..<100 {
            let (outcome, series) = await scrape(target)
            if outcome.isUp { return series }
            try await Task.sleep(for: .milliseconds(50))
        }
        Issue.record("not up again within five seconds")
        return [:]
    }

    @Test func figuresOfARealServer() async throws {
        let server = try await RedisServer()
        try await server.cli("RPUSH", "jobs", "a", "b")
        try await server.cli("-n", "1", "RPUSH", "mails", "a")
        try await server.cli("-n", "3", "RPUSH", "celery", "a")
        try await server.cli("-n", "3", "RPUSH", "celery\u{6}\u{16}9", "a", "b")
        try await server.cli("SET", "text", "x")
        var settings = settings(server)
        settings.queues.lists = [
            RedisKey(key: "jobs"), RedisKey(database: 1, key: "mails"), RedisKey(key: "none"), RedisKey(key: "text"),
        ].map { .init($0) }
        settings.queues.celery.names = ["celery", "idle"]
        settings.database = 3
        let target = target(settings)

        let (outcome, series) = await scrape(target)
        #expect(outcome.isUp)
        // One of the lists is none.
        #expect(outcome.collectors.filter { $0.error != nil }.map(\.name) == ["redis_queues"])
        #expect(series["redis_up"] == 1)
        #expect(series["redis_exporter_last_scrape_error{err=\"\"}"] == 0)
        #expect(series["redis_exporter_scrapes_total"] == 1)
        #expect(series["redis_exporter_scrape_duration_seconds_count"] == 1)
        #expect((series["redis_exporter_last_scrape_connect_time_seconds"] ?? 0) > 0)
        #expect(series["redis_connected_clients"] == 1)
        #expect(series["redis_db_keys{db=\"db0\"}"] == 2)
        #expect(series["redis_key_size{db=\"db0\",key=\"jobs\"}"] == 2)
        #expect(series["redis_key_size{db=\"db1\",key=\"mails\"}"] == 1)
        #expect(series["redis_key_size{db=\"db0\",key=\"none\"}"] == 0)
        #expect(series["redis_key_size{db=\"db0\",key=\"text\"}"] == nil)
        #expect(series["celery_queue_length{queue_name=\"celery\"}"] == 3)
        #expect(series["celery_queue_length{queue_name=\"idle\"}"] == 0)
        #expect(try await server.cli("CLIENT", "LIST").contains("name=stack-exporter"))
        await target.shutdown()
    }

    @Test func oneConnectionOneRoundTripAndNoErrors() async throws {
        let server = try await RedisServer()
        var settings = settings(server)
        settings.queues.lists = (0..<8).map { .init(RedisKey(database: $0, key: "list")) }
        settings.queues.celery.names = ["celery"]
        let target = target(settings)
        _ = await scrape(target)
        let (_, before) = await scrape(target)
        let (_, after) = await scrape(target)
        func delta(_ name: String) -> Double { (after[name] ?? .nan) - (before[name] ?? .nan) }
        #expect(after["redis_connections_received_total"] == 1)
        #expect(after["redis_connected_clients"] == 1)
        #expect(target.openConnections == 1)
        #expect(after["redis_exporter_last_scrape_connect_time_seconds"] == 0)
        #expect(delta("redis_total_reads_processed") == 1)
        #expect(delta("redis_total_error_replies") == 0)
        await target.shutdown()
        #expect(target.openConnections == 0)
        #expect(await scrape(target).outcome.error?.reason == .connection)
    }

    @Test func wrongPasswordThenTheRightOne() async throws {
        let server = try await RedisServer("--requirepass", "open sesame")
        let file = try server.directory.write("password", "hunter2\n")
        var settings = settings(server)
        settings.password = Secret(file: file)
        let target = target(settings)

        let (outcome, series) = await scrape(target)
        #expect(outcome.error?.reason == .authentication)
        #expect(outcome.error?.detail.contains("hunter2") == false)
        #expect(series["redis_up"] == 0)
        #expect(series["redis_exporter_last_scrape_error{err=\"authentication\"}"] == 1)
        #expect(target.openConnections == 0)

        try server.directory.write("password", "open sesame\n")
        #expect(try await scrapeUntilUp(target)["redis_up"] == 1)
        await target.shutdown()
    }

    @Test func noPasswordWhereOneIsWanted() async throws {
        let server = try await RedisServer("--requirepass", "x")
        #expect(await scrape(target(settings(server))).outcome.error?.reason == .authentication)
    }

    @Test func aPasswordWhereNoneIsSet() async throws {
        let server = try await RedisServer()
        var settings = settings(server)
        settings.password = Secret(value: "x")
        #expect(await scrape(target(settings)).outcome.error?.reason == .authentication)
    }

    @Test func aUserWhoMayOnlyCallInfo() async throws {
        let server = try await RedisServer("--databases", "4", "--user", "metrics", "on", ">pw", "~*", "-@all", "+info")
        var settings = settings(server)
        settings.username = "metrics"
        settings.password = Secret(value: "pw")
        settings.queues.lists = [.init(RedisKey(key: "jobs"))]
        let target = target(settings)
        let (outcome, series) = await scrape(target)
        #expect(outcome.isUp)
        #expect(series["redis_up"] == 1)
        #expect(series["redis_db_keys{db=\"db15\"}"] == 0)
        #expect(series["redis_key_size{db=\"db0\",key=\"jobs\"}"] == nil)
        let failed = outcome.collectors.filter { $0.error != nil }
        #expect(failed.map(\.name) == ["redis_queues"])
        #expect(failed.map(\.error?.reason) == [.permission])
        // What was refused for good is not tried again.
        let before = await scrape(target).series["redis_errors_total{err=\"NOPERM\"}"]
        let after = await scrape(target).series["redis_errors_total{err=\"NOPERM\"}"]
        #expect(before == after)
        await target.shutdown()
    }

    @Test func databasesAsConfigured() async throws {
        let server = try await RedisServer("--databases", "4")
        let target = target(settings(server))
        let series = await scrape(target).series
        #expect(series["redis_db_keys{db=\"db3\"}"] == 0)
        #expect(series["redis_db_keys{db=\"db4\"}"] == nil)
        await target.shutdown()
    }

    @Test func aClusterNode() async throws {
        let server = try await RedisServer("--cluster-enabled", "yes")
        let target = target(settings(server))
        let series = await scrape(target).series
        #expect(series["redis_cluster_known_nodes"] == 1)
        #expect(series["redis_cluster_state"] == 0)
        await target.shutdown()
    }

    @Test func aServerThatHangs() async throws {
        let server = try await RedisServer()
        let target = target(settings(server))
        #expect(await scrape(target).outcome.isUp)
        server.signal(SIGSTOP)
        let (outcome, series) = await scrape(target, within: .milliseconds(300))
        #expect(outcome.error?.reason == .timeout)
        #expect(outcome.duration >= .milliseconds(290) && outcome.duration < .seconds(20))
        #expect(series["redis_up"] == 0)
        // While it backs off, it fails at once.
        let (next, _) = await scrape(target)
        #expect(next.error?.reason == .timeout)
        #expect(next.duration < .seconds(10))
        server.signal(SIGCONT)
        // The server may not have seen yet that the connection from before is closed.
        #expect(try await eventually { try await scrapeUntilUp(target)["redis_connected_clients"] == 1 })
        await target.shutdown()
    }

    @Test func cancellationIsPrompt() async throws {
        let server = try await RedisServer()
        let target = target(settings(server))
        server.signal(SIGSTOP)
        let start = ContinuousClock.now
        let running = Task { await scrape(target, within: .seconds(60)) }
        try await Task.sleep(for: .milliseconds(100))
        running.cancel()
        #expect(await running.value.outcome.error?.reason == .timeout)
        #expect(start.duration(to: .now) < .seconds(20))
        server.signal(SIGCONT)
        #expect(try await scrapeUntilUp(target)["redis_up"] == 1)
        await target.shutdown()
    }

    @Test func aServerThatRestarts() async throws {
        let server = try await RedisServer()
        let target = target(settings(server))
        #expect(await scrape(target).outcome.isUp)
        try await server.stop()
        #expect(await scrape(target).outcome.error?.reason == .connection)
        try await server.start()
        #expect(try await scrapeUntilUp(target)["redis_connections_received_total"] == 1)
        // One that was gone and came back between two scrapes is not even noticed.
        try await server.stop()
        try await server.start()
        #expect(await scrape(target).outcome.isUp)
        await target.shutdown()
    }

    @Test func nobodyListens() async throws {
        let port = freePort()
        let address = RedisSettings.Address.tcp(host: "127.0.0.1", port: port)
        let (outcome, _) = await scrape(target(RedisSettings(name: "test", address: address)))
        #expect(
            outcome.error
                == CollectorError(.connection, "127.0.0.1:\(port): the connection failed: Connection refused"))
        let socket = RedisSettings(name: "test", address: .unix(path: "/nowhere/redis.sock"))
        #expect(await scrape(target(socket)).outcome.error?.reason == .connection)
        let name = RedisSettings(name: "test", address: .tcp(host: "cache.invalid", port: 6379))
        #expect(await scrape(target(name)).outcome.error?.reason == .connection)
    }

    @Test func somebodyListensAndSaysNothing() async throws {
        let (descriptor, port) = boundSocket()
        defer { close(descriptor) }
        try #require(listen(descriptor, 1) == 0)
        for tls in [nil, RedisSettings.TLS()] {
            var settings = RedisSettings(name: "test", address: .tcp(host: "127.0.0.1", port: port))
            settings.tls = tls
            let target = target(settings)
            let (outcome, _) = await scrape(target, within: .milliseconds(200))
            #expect(outcome.error?.reason == .timeout)
            #expect(outcome.duration < .seconds(20))
            await target.shutdown()
            #expect(target.openConnections == 0)
        }
    }

    @Test func tooManyClients() async throws {
        let server = try await RedisServer("--maxclients", "1")
        let first = target(settings(server))
        #expect(await scrape(first).outcome.isUp)
        #expect(await scrape(target(settings(server))).outcome.error?.reason == .connection)
        await first.shutdown()
    }

    @Test func aUnixSocket() async throws {
        let server = try await RedisServer("--requirepass", "x")
        let target = target(try RedisSettings(name: "test", address: "unix://:x@\(server.socket)"))
        #expect(await scrape(target).outcome.isUp)
        #expect(await scrape(target).outcome.isUp)
        await target.shutdown()
    }

    @Test func tls() async throws {
        let server = try await RedisServer(isTLS: true, "--tls-auth-clients", "no")
        var settings = settings(server, host: "localhost")
        func error(_ tls: RedisSettings.TLS?) async -> CollectorError? {
            settings.tls = tls
            let target = target(settings)
            defer { Task { await target.shutdown() } }
            return await scrape(target).outcome.error
        }
        var trusted = RedisSettings.TLS()
        trusted.authorityFile = server.directory.path("server.crt")
        #expect(await error(trusted) == nil)

        let place = "localhost:\(server.port)"
        let untrusted = await error(RedisSettings.TLS())
        #expect(untrusted?.what == "\(place): the server's TLS certificate is not trusted")
        trusted.serverName = "elsewhere"
        let misnamed = await error(trusted)
        #expect(misnamed?.what == "\(place): the server's TLS certificate is for another name")
        var unverified = RedisSettings.TLS()
        unverified.verifiesServer = false
        #expect(await error(unverified) == nil)
        var missing = RedisSettings.TLS()
        missing.authorityFile = "/nowhere.pem"
        #expect(await error(missing)?.detail.contains("TLS files") == true)
        #expect(await error(nil)?.reason == .connection)
    }

    @Test func aCertificateOfOurOwn() async throws {
        let server = try await RedisServer(isTLS: true, "--tls-auth-clients", "yes")
        var settings = settings(server, host: "localhost")
        settings.tls = RedisSettings.TLS()
        settings.tls?.authorityFile = server.directory.path("server.crt")
        #expect(await scrape(target(settings)).outcome.error?.reason == .connection)
        settings.tls?.certificateFile = server.directory.path("server.crt")
        settings.tls?.keyFile = server.directory.path("server.key")
        let target = target(settings)
        #expect(await scrape(target).outcome.isUp)
        await target.shutdown()
    }
}
