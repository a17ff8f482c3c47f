import Foundation
import Lab
import Testing

@testable import Redis
@testable import Scraping

/// Masters that are found by sentinels.
@Suite(.startsServers, .timeLimit(.minutes(15))) struct MasterBySentinelTests {
    /// A master, a replica that follows it, and a sentinel that knows both.
    private struct Watched {
        let master: RedisServer
        let replica: RedisServer
        let sentinel: RedisServer

        init() async throws {
            master = try await RedisServer()
            let replica = try await RedisServer("--replicaof", "127.0.0.1 \(master.port)")
            self.replica = replica
            let isLinked = try await eventually {
                try await replica.cli("INFO", "replication").contains("master_link_status:up")
            }
            try #require(isLinked)
            sentinel = try await RedisServer(watching: master)
            let sentinel = sentinel
            let isKnown = try await eventually {
                try await sentinel.cli("SENTINEL", "REPLICAS", "mymaster").contains("127.0.0.1:\(replica.port)")
            }
            try #require(isKnown)
        }
    }

    private func target(_ address: String, _ change: (inout RedisSettings) -> Void = { _ in }) throws -> RedisTarget {
        var settings = try RedisSettings(name: "test", address: address)
        change(&settings)
        return RedisTarget(settings)
    }

    private func port(_ series: [String: Double]) -> Int? {
        series.keys.first { $0.hasPrefix("redis_instance_info") && $0.contains("role=\"master\"") }
            .flatMap { $0.firstMatch(of: /tcp_port="(\d+)"/) }.flatMap { Int($0.1) }
    }

    @Test func aRealFailover() async throws {
        let watched = try await Watched()
        try await watched.master.cli("RPUSH", "jobs", "a", "b")
        // The first sentinel is down, which the second scrape does not notice any more.
        let nobody = freePort()
        let target = try target("redis+sentinel://127.0.0.1:\(nobody),127.0.0.1:\(watched.sentinel.port)/mymaster") {
            $0.queues.lists = [.init(RedisKey(key: "jobs"))]
        }
        for _ in 0..<2 {
            let (outcome, series) = await target.scrape()
            #expect(outcome.isUp)
            #expect(port(series) == watched.master.port)
            #expect(series["redis_key_size{db=\"db0\",key=\"jobs\"}"] == 2)
        }
        #expect(target.openConnections == 1)
        // It refuses as long as it does not know enough of the replica.
        #expect(
            try await eventually { try await watched.sentinel.cli("SENTINEL", "FAILOVER", "mymaster") == "OK\n" })
        #expect(
            try await eventually(within: 60) {
                let (outcome, series) = await target.scrape()
                return outcome.isUp && port(series) == watched.replica.port
                    && series["redis_key_size{db=\"db0\",key=\"jobs\"}"] == 2
            })
        await target.shutdown()
    }

    @Test func aMasterThatDies() async throws {
        let watched = try await Watched()
        let target = try target("redis+sentinel://127.0.0.1:\(watched.sentinel.port)/mymaster")
        #expect(port(await target.scrape().series) == watched.master.port)
        try await watched.master.stop()
        #expect(await target.scrape().outcome.error?.reason == .connection)
        #expect(try await eventually(within: 60) { port(await target.scrape().series) == watched.replica.port })
        await target.shutdown()
    }

    /// What happens where a master is made a replica and nobody breaks its connections.
    @Test func aMasterThatIsOneNoMore() async throws {
        let master = try await RedisServer()
        let other = try await RedisServer()
        let sentinel = try await ScriptedServer { command in
            .reply("*2\r\n$9\r\n127.0.0.1\r\n$\("\(master.port)".count)\r\n\(master.port)\r\n")
        }
        let second = try await ScriptedServer { command in
            .reply("*2\r\n$9\r\n127.0.0.1\r\n$\("\(other.port)".count)\r\n\(other.port)\r\n")
        }
        let target = try target("redis+sentinel://127.0.0.1:\(sentinel.port),127.0.0.1:\(second.port)/mymaster")
        #expect(port(await target.scrape().series) == master.port)
        try await master.cli("REPLICAOF", "127.0.0.1", "\(other.port)")
        // It is still told of this once as the server that it is; the next scrape has looked for the master, and does not
        // believe the first sentinel.
        #expect(await target.scrape().outcome.isUp)
        #expect(target.openConnections == 0)
        #expect(port(await target.scrape().series) == other.port)

        // Where no sentinel names a master, there is none.
        try await other.cli("REPLICAOF", "127.0.0.1", "1")
        _ = await target.scrape()
        let (outcome, series) = await target.scrape()
        #expect(series["redis_up"] == 0)
        #expect(outcome.error?.reason == .connection)
        #expect(outcome.error?.detail.contains("a replica, which a sentinel takes for the master") == true)
        await target.shutdown()
    }

    @Test func whatSentinelsDoNotKnow() async throws {
        let master = try await RedisServer("--requirepass", "of the server")
        let sentinel = try await RedisServer(
            watching: master, "requirepass of-sentinel", "sentinel auth-pass mymaster \"of the server\"")
        let nobody = freePort()
        func outcome(_ name: String, _ password: String?) async throws -> ScrapeOutcome {
            let address = "redis+sentinel://:of%20the%20server@127.0.0.1:\(nobody),127.0.0.1:\(sentinel.port)/\(name)"
            let target = try target(address) { $0.sentinelPassword = password.map { Secret(value: $0) } }
            defer { Task { await target.shutdown() } }
            return await target.scrape().outcome
        }
        #expect(try await outcome("mymaster", "of-sentinel").isUp)
        let place = "127.0.0.1:\(nobody),127.0.0.1:\(sentinel.port)"
        let refused = "127.0.0.1:\(nobody): the connection failed: Connection refused"
        #expect(
            try await outcome("other", "of-sentinel").error
                == CollectorError(
                    .connection,
                    "other@\(place): no sentinel says where the master is (\(refused); 127.0.0.1:\(sentinel.port): "
                        + "the sentinel knows no master of the name other)"))
        #expect(try await outcome("mymaster", nil).error?.detail.contains("NOAUTH") == true)
        #expect(try await outcome("mymaster", "wrong").error?.detail.contains("WRONGPASS") == true)
        let alone = try target("redis+sentinel://127.0.0.1:\(sentinel.port)/mymaster")
        #expect(await alone.scrape().outcome.error?.reason == .authentication)
    }

    @Test func aSentinelThatSaysNothingOrNonsense() async throws {
        let master = try await RedisServer()
        let sentinel = try await RedisServer(watching: master)
        for answer in [
            ScriptedServer.Answer.nothing, .hangUp, .reply("*2\r\n$0\r\n\r\n$1\r\n0\r\n"), .reply("+OK\r\n"),
            .reply("-ERR unknown command 'SENTINEL'\r\n"), .reply("HTTP/1.1 400 Bad Request\r\n"),
            .drip("*2\r\n$9\r\n"),
        ] {
            let odd = try await ScriptedServer { _ in answer }
            let target = try target("redis+sentinel://127.0.0.1:\(odd.port),127.0.0.1:\(sentinel.port)/mymaster")
            let (outcome, series) = await target.scrape(within: .seconds(10))
            #expect(outcome.isUp)
            #expect(port(series) == master.port)
            await target.shutdown()
        }
        let mute = try await ScriptedServer { _ in .nothing }
        let alone = try target("redis+sentinel://127.0.0.1:\(mute.port)/mymaster")
        let outcome = await alone.scrape(within: .milliseconds(600)).outcome
        #expect(outcome.error?.reason == .timeout)
        #expect(outcome.duration < .seconds(20))
        await alone.shutdown()
    }

    @Test(arguments: ["localhost", "::1"])
    func aMasterByNameOrIPv6(host: String) async throws {
        let master = try await RedisServer()
        let sentinel = try await ScriptedServer { command in
            #expect(command == "SENTINEL GET-MASTER-ADDR-BY-NAME mymaster")
            let port = "\(master.port)"
            return .reply("*2\r\n$\(host.utf8.count)\r\n\(host)\r\n$\(port.utf8.count)\r\n\(port)\r\n")
        }
        let target = try target("redis+sentinel://localhost:\(sentinel.port)/mymaster")
        #expect(port(await target.scrape().series) == master.port)
        await target.shutdown()
    }
}
