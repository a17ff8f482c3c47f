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
        #expect(value("last_ok_ping_reply_seconds", "main").map { $0 < 4 } == true)

        // The words are the sentinel's own.
        #expect(try await quorum(in: scraped.series, as: sentinel, master: "main") == 0)
        #expect(try await quorum(in: scraped.series, as: sentinel, master: "other") == 1)
        await target.shutdown()
        try await replica.stop()
    }

    @Test func sentinelsThatKnowEachOther() async throws {
        let master = try await RedisServer()
        let lines = ["sentinel monitor main 127.0.0.1 \(master.port) 2"]
        let sentinel = try await RedisServer(sentinel: lines)
        let second = try await RedisServer(sentinel: lines)
        let third = try await RedisServer(sentinel: lines)
        let target = target(sentinel) { $0.includesSentinelPeers = true }
        func usable() async -> Double? {
            await Scraped(target).series.first { $0.key.hasPrefix("redis_sentinel_master_ok_sentinels{") }?.value
        }
        // They find each other by what they publish at the master, every two seconds, and then open a connection.
        #expect(
            try await eventually {
                await Scraped(target).samples("redis_sentinel_peer_info").map { $0.labels["flags"] }
                    == ["sentinel", "sentinel"]
            })
        #expect(await usable() == 3)
        let scraped = await Scraped(target)
        #expect(try await quorum(in: scraped.series, as: sentinel, master: "main") == 1)
        let peers = scraped.samples("redis_sentinel_peer_info")
        #expect(Set(peers.map { $0.labels["port"] }) == ["\(second.port)", "\(third.port)"])
        #expect(
            peers.allSatisfy {
                $0.labels["ip"] == "127.0.0.1"
                    && $0.labels["master_address"] == "127.0.0.1:\(master.port)" && $0.labels["master_name"] == "main"
                    && $0.labels["runid"]?.utf8.count == 40 && $0.labels["name"]?.utf8.count == 40
            })

        try await sentinel.cli("SENTINEL", "SET", "main", "down-after-milliseconds", "500")
        try await second.stop()
        try await third.stop()
        #expect(try await eventually { await usable() == 1 })
        // A quorum that is not there is no error, neither for the sentinel nor for us.
        let before = await Scraped(target)
        #expect(try await quorum(in: before.series, as: nil, master: "main") == 0)
        #expect(before.outcome.collectors.allSatisfy { $0.error == nil })
        let after = await Scraped(target)
        let errors = try #require(before.series["redis_total_error_replies"])
        #expect(after.series["redis_total_error_replies"] == errors)
        #expect(try await quorum(in: after.series, as: sentinel, master: "main") == 0)
        await target.shutdown()
    }

    /// As a Redis 7.0 answered.
    @Test func unitsAndFlags() throws {
        func reply(_ fields: String) -> RedisReply {
            .array([.array(fields.split(separator: " ").map { .string(Array($0.utf8)) })])
        }
        let collector = SentinelCollector(RedisSettings(name: "test", address: .unix(path: "")))
        let sentinel = RedisFacts(Info(Array("redis_mode:sentinel\r\nredis_version:7.0.15\r\n".utf8)))
        let masters = try #require(collector.commands(sentinel).first)
        var replies = RedisReplies([
            masters: reply(
                "name main ip 127.0.0.1 port 27902 flags master last-ok-ping-reply 498 down-after-milliseconds 5000 "
                    + "config-epoch 0 num-slaves 1 num-other-sentinels 0 quorum 1 failover-timeout 180000 parallel-syncs 1"
            )
        ])
        let further = collector.furtherCommands(replies, sentinel)
        #expect(further.map(\.name) == ["SENTINEL SENTINELS", "SENTINEL SLAVES"])
        replies.add(reply("name a ip 127.0.0.1 port 1 flags s_down,sentinel"), to: further[0])
        replies.add(reply("name b ip 127.0.0.1 port 2 flags slave,o_down,disconnected"), to: further[1])
        let labels = "{master_address=\"127.0.0.1:27902\",master_name=\"main\"}"
        let message =
            "NOQUORUM 1 usable Sentinels. Not enough available Sentinels to reach the majority and authorize a failover"
        #expect(
            collector.result(replies, sentinel).families.series == [
                "redis_sentinel_master_last_ok_ping_reply_seconds\(labels)": 0.498,
                "redis_sentinel_master_setting_down_after_milliseconds\(labels)": 5000,
                "redis_sentinel_master_setting_failover_timeout\(labels)": 180_000,
                "redis_sentinel_master_setting_parallel_syncs\(labels)": 1,
                "redis_sentinel_master_setting_ckquorum\(labels)": 1,
                "redis_sentinel_master_config_epoch\(labels)": 0,
                "redis_sentinel_master_ok_sentinels\(labels)": 1,
                "redis_sentinel_master_ok_slaves\(labels)": 0,
                "redis_sentinel_master_ckquorum_status{master_name=\"main\",message=\"\(message)\"}": 0,
            ])
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
        let errors = try #require(await Scraped(target).series["redis_total_error_replies"])
        #expect(await Scraped(target).series["redis_total_error_replies"] == errors)
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

    init(_ target: RedisTarget, within timeout: Duration = .seconds(20)) async {
        let scrape = Scrape(until: Deadline(after: timeout))
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
