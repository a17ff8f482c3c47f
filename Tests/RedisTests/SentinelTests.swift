import Exposition
import Lab
import NIOPosix
import Testing

@testable import Redis
@testable import Scraping

@Suite(.startsServers, .timeLimit(.minutes(15))) struct SentinelTests {
    @Test func aRealSentinel() async throws {
        let master = try await RedisServer()
        let replica = try await RedisServer("--replicaof", "127.0.0.1", "\(master.port)")
        let sentinel = try await RedisServer(sentinel: [
            "sentinel monitor main 127.0.0.1 \(master.port) 2",
            "sentinel monitor other 127.0.0.1 \(master.port) 1",
            "sentinel down-after-milliseconds main 4000",
            "sentinel failover-timeout main 60000",
            "sentinel parallel-syncs main 3",
        ])
        let target = target(sentinel)
        #expect(try await eventually { try await sentinel.cli("SENTINEL", "SLAVES", "main").contains("slave") })
        #expect(try await eventually { try await sentinel.cli("SENTINEL", "SLAVES", "other").contains("slave") })

        let scraped = await Scraped(target)
        #expect(scraped.outcome.isUp)
        #expect(scraped.outcome.collectors.allSatisfy { $0.error == nil })
        func value(_ metric: String, _ master: String) -> Double? {
            scraped.series[
                "redis_sentinel_master_\(metric){master_address=\"127.0.0.1:\(self.port(master, scraped))\","
                    + "master_name=\"\(master)\"}"]
        }
        #expect(value("setting_ckquorum", "main") == 2)
        #expect(value("setting_ckquorum", "other") == 1)
        #expect(value("setting_failover_timeout", "main") == 60_000)
        #expect(value("setting_parallel_syncs", "main") == 3)
        #expect(value("setting_down_after_milliseconds", "main") == 4000)
        #expect(value("config_epoch", "main") == 0)
        #expect(value("ok_sentinels", "main") == 1)
        #expect(value("ok_slaves", "main") == 1)
        // Milliseconds in the reply: the sentinel pings every second.
        let age = try #require(value("last_ok_ping_reply_seconds", "main"))
        #expect(age < 4 && age != age.rounded())
        #expect(scraped.families.allSatisfy { family in family.samples.isEmpty || family.descriptor.isLegal })

        // The words are the sentinel's own.
        #expect(try await quorum(in: scraped.series, as: sentinel, master: "main") == 0)
        #expect(try await quorum(in: scraped.series, as: sentinel, master: "other") == 1)
        await target.shutdown()
        try await replica.stop()
    }

    @Test func sentinelsThatKnowEachOther() async throws {
        let master = try await RedisServer()
        let lines = [
            "sentinel monitor main 127.0.0.1 \(master.port) 2", "sentinel down-after-milliseconds main 300",
        ]
        let sentinel = try await RedisServer(sentinel: lines)
        let second = try await RedisServer(sentinel: lines)
        let third = try await RedisServer(sentinel: lines)
        let target = target(sentinel) { $0.includesSentinelPeers = true }
        func usable() async -> Double? {
            await Scraped(target).series.first { $0.key.hasPrefix("redis_sentinel_master_ok_sentinels{") }?.value
        }
        // They find each other by what they publish at the master, every two seconds.
        #expect(try await eventually { await usable() == 3 })
        let scraped = await Scraped(target)
        #expect(try await quorum(in: scraped.series, as: sentinel, master: "main") == 1)
        let peers = scraped.samples("redis_sentinel_peer_info")
        #expect(Set(peers.map { $0.labels["port"] }) == ["\(second.port)", "\(third.port)"])
        #expect(
            peers.allSatisfy {
                $0.labels["flags"] == "sentinel" && $0.labels["ip"] == "127.0.0.1"
                    && $0.labels["master_address"] == "127.0.0.1:\(master.port)" && $0.labels["master_name"] == "main"
                    && $0.labels["runid"]?.utf8.count == 40 && $0.labels["name"]?.utf8.count == 40
            })

        try await second.stop()
        try await third.stop()
        #expect(try await eventually { await usable() == 1 })
        // A quorum that is not there is no error, neither for the sentinel nor for us.
        let before = await Scraped(target)
        #expect(try await quorum(in: before.series, as: nil, master: "main") == 0)
        #expect(before.outcome.collectors.allSatisfy { $0.error == nil })
        let after = await Scraped(target)
        #expect(try #require(after.series["redis_total_error_replies"]) == before.series["redis_total_error_replies"])
        #expect(try await quorum(in: after.series, as: sentinel, master: "main") == 0)
        await target.shutdown()
    }

    @Test func aServerThatIsNoSentinel() async throws {
        let server = try await RedisServer()
        let target = target(server)
        let scraped = await Scraped(target)
        #expect(scraped.outcome.isUp)
        #expect(!scraped.outcome.collectors.contains { $0.name.hasPrefix("redis_sentinel") })
        await target.shutdown()
    }

    @Test(arguments: [true, false])
    func settingsOfTheSentinel(redacts: Bool) async throws {
        let sentinel = try await RedisServer(sentinel: ["sentinel sentinel-pass hunter2"])
        let target = target(sentinel) { $0.redactsConfiguration = redacts }
        let scraped = await Scraped(target)
        #expect(scraped.outcome.collectors.allSatisfy { $0.error == nil })
        let values = scraped.samples("redis_sentinel_config_key_value").map(\.labels)
        #expect(values.contains { $0["key"] == "resolve-hostnames" && $0["value"] == "no" })
        #expect(values.contains { $0["value"] == "hunter2" } == !redacts)
        #expect(values.contains { $0["key"] == "sentinel-pass" } == !redacts)
        #expect(scraped.series["redis_sentinel_config_value{key=\"announce-port\"}"] == 0)
        #expect(scraped.samples("redis_sentinel_config_value").count == 1)
        await target.shutdown()
    }

    @Test func aUserWhoMayNotLookAtTheSentinels() async throws {
        let master = try await RedisServer()
        let sentinel = try await RedisServer(
            sentinel: ["sentinel monitor main 127.0.0.1 \(master.port) 1"],
            "--user", "metrics", "on", ">pw", "allchannels", "-@all", "+info", "+sentinel|masters", "+sentinel|slaves",
            "+command|info", "+client|setname")
        var settings = RedisSettings(name: "test", address: .tcp(host: "127.0.0.1", port: sentinel.port))
        settings.username = "metrics"
        settings.password = Secret(value: "pw")
        let target = RedisTarget(
            settings, collectors: CollectorSelection(["redis_sentinel": true]),
            group: MultiThreadedEventLoopGroup.singleton)
        let scraped = await Scraped(target)
        #expect(scraped.outcome.isUp)
        let error = scraped.outcome.collectors.first { $0.name == "redis_sentinel" }?.error
        #expect(error?.reason == .permission)
        #expect(scraped.samples("redis_sentinel_master_setting_ckquorum").count == 1)
        #expect(scraped.samples("redis_sentinel_master_ok_slaves").count == 1)
        #expect(scraped.samples("redis_sentinel_master_ok_sentinels").isEmpty)
        #expect(scraped.samples("redis_sentinel_master_ckquorum_status").isEmpty)
        // What was refused is not asked again.
        let before = await Scraped(target).series["redis_total_error_replies"]
        #expect(try #require(await Scraped(target).series["redis_total_error_replies"]) == before)
        await target.shutdown()
    }

    private func target(
        _ server: RedisServer, _ change: (inout RedisServerOptions) -> Void = { _ in }
    ) -> RedisTarget {
        var settings = RedisSettings(name: "test", address: .tcp(host: "127.0.0.1", port: server.port))
        change(&settings.options)
        return RedisTarget(
            settings, collectors: CollectorSelection(["redis_sentinel_config": true]),
            group: MultiThreadedEventLoopGroup.singleton)
    }

    /// The status under the message that the sentinel itself has.
    private func quorum(
        in series: [String: Double], as sentinel: RedisServer?, master: String
    ) async throws -> Double? {
        guard let sentinel else {
            return series.first { $0.key.hasPrefix("redis_sentinel_master_ckquorum_status{master_name=\"\(master)\"") }?
                .value
        }
        let message = try await sentinel.cli("SENTINEL", "CKQUORUM", master)
            .trimmingPrefix("(error) ").prefix { $0 != "\n" && $0 != "\r\n" && $0 != "\r" }
        return series["redis_sentinel_master_ckquorum_status{master_name=\"\(master)\",message=\"\(message)\"}"]
    }

    private func port(_ master: String, _ scraped: Scraped) -> String {
        let samples = scraped.samples("redis_sentinel_master_ok_slaves")
        let address = samples.first { $0.labels["master_name"] == master }?.labels["master_address"] ?? ""
        return String(address.drop { $0 != ":" }.dropFirst())
    }
}

/// One scrape as the gather does it, without the gather's own patience.
struct Scraped {
    let outcome: ScrapeOutcome
    let families: [MetricFamily]

    init(_ target: RedisTarget) async {
        let scrape = Scrape(until: Deadline(after: .seconds(5)))
        await target.run(scrape)
        scrape.finish()
        let (outcome, families) = scrape.harvest(target.collectors)
        self.outcome = outcome
        self.families = families + target.status(of: outcome)
    }

    var series: [String: Double] { families.series }

    func samples(_ name: String) -> [Sample] {
        families.filter { $0.descriptor.name == name }.flatMap(\.samples)
    }
}
