import Foundation
import Lab
import NIOPosix
import Synchronization
import Testing

@testable import Redis
@testable import Scraping

/// Servers that refuse, lie, break off or take their time, and those that are set up in an unusual way.
@Suite(.startsServers, .timeLimit(.minutes(15))) struct OddServerTests {
    private let jobs = RedisKey(key: "jobs")
    private let size = "redis_key_size{db=\"db0\",key=\"jobs\"}"

    /// What a small server says of itself.
    private static func info(_ more: String = "") -> ScriptedServer.Answer {
        let text = "redis_version:7.0.0\r\nrun_id:1\r\nuptime_in_seconds:5\r\n" + more
        return .reply("$\(text.utf8.count)\r\n\(text)\r\n")
    }

    @Test(arguments: [
        ("-LOADING Redis is loading the dataset in memory\r\n", FailureReason.connection),
        ("-NOAUTH Authentication required.\r\n", .authentication),
        ("-NOPERM User default has no permissions to run the 'info' command\r\n", .permission),
        ("-ERR max number of clients reached\r\n", .connection),
        ("-DENIED Redis is running in protected mode because protected mode is enabled\r\n", .authentication),
        ("-BUSY Redis is busy running a script.\r\n", .locked),
        ("-ERR unknown command 'INFO'\r\n", .unsupportedVersion),
        ("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", .internal),
        ("\u{15}\u{3}\u{3}\u{0}\u{2}\u{2}\n", .internal),
        ("*-1\r\n", .internal),
        ("$-1\r\n", .internal),
        ("*1048577\r\n", .internal),
    ])
    func alwaysTheSame(answer: String, reason: FailureReason) async throws {
        let server = try await ScriptedServer { _ in .reply(answer) }
        let target = RedisTarget(port: server.port, lists: [jobs])
        let (outcome, series) = await target.scrape()
        #expect(outcome.error?.reason == reason)
        #expect(outcome.duration < .seconds(15))
        #expect(series["redis_up"] == 0)
        #expect(series[size] == nil)
        #expect(series["redis_exporter_last_scrape_error{err=\"\(reason.rawValue)\"}"] == 1)
        await target.shutdown()
    }

    @Test func infoIsRefusedAndNothingElse() async throws {
        let server = try await RedisServer("--user", "metrics", "on", ">pw", "~*", "+@all", "-info")
        try await server.cli("RPUSH", "jobs", "a")
        let target = RedisTarget(port: server.port, lists: [jobs]) {
            $0.username = "metrics"
            $0.password = Secret(value: "pw")
        }
        let (outcome, series) = await target.scrape()
        #expect(outcome.error?.reason == .permission)
        #expect(outcome.error?.detail.contains("+info") == true)
        #expect(series["redis_up"] == 0)
        #expect(series[size] == 1)
        await target.shutdown()
    }

    @Test func movedWithoutACluster() async throws {
        let server = try await ScriptedServer { command in
            command.hasPrefix("INFO") ? Self.info() : .reply("-MOVED 3999 127.0.0.1:1\r\n")
        }
        let target = RedisTarget(port: server.port, lists: [jobs])
        let (outcome, series) = await target.scrape()
        #expect(outcome.isUp)
        #expect(outcome.error(of: "redis_queues")?.reason == .connection)
        #expect(series["redis_uptime_in_seconds"] == 5)
        await target.shutdown()
    }

    @Test func aClusterThatSendsUsInCircles() async throws {
        for redirection in ["MOVED", "ASK"] {
            let asked = Counter()
            let server = try await ScriptedServer { command in
                if command.hasPrefix("INFO") { return Self.info("cluster_enabled:1\r\n") }
                if command.hasPrefix("CLUSTER NODES") {
                    let nodes = "e7d1 :1@2 myself,master - 0 0 1 connected 0-16383\n"
                    return .reply("$\(nodes.utf8.count)\r\n\(nodes)\r\n")
                }
                guard command == "TYPE jobs" else { return .reply("*-1\r\n") }
                asked.add()
                return .reply("-\(redirection) 1 :1\r\n")
            }
            let target = RedisTarget(port: server.port, lists: [jobs])
            let (outcome, _) = await target.scrape()
            #expect(outcome.isUp)
            #expect(outcome.error(of: "redis_queues")?.reason == .connection)
            #expect(outcome.duration < .seconds(15))
            #expect((1...2).contains(asked.value))
            await target.shutdown()
        }
    }

    @Test func noConfig() async throws {
        let server = try await RedisServer("--rename-command", "CONFIG", "")
        let target = RedisTarget(port: server.port, lists: [jobs])
        for _ in 0..<2 {
            let (outcome, series) = await target.scrape()
            #expect(outcome.isUp)
            #expect(outcome.error == nil)
            #expect(series["redis_db_keys{db=\"db15\"}"] == 0)
            #expect(series["redis_total_error_replies"] == 0)
        }
        await target.shutdown()
    }

    @Test func aServerThatDrips() async throws {
        let server = try await ScriptedServer { command in
            command == "TYPE jobs" ? .drip(":" + String(repeating: "0", count: 1000)) : Self.info()
        }
        let target = RedisTarget(port: server.port, lists: [jobs])
        let (outcome, series) = await target.scrape(within: .seconds(3))
        #expect(outcome.isUp)
        #expect(outcome.duration < .seconds(20))
        #expect(outcome.error?.reason == .timeout)
        #expect(series["redis_uptime_in_seconds"] == 5)
        #expect(series["redis_up"] == 1)
        #expect(series[size] == nil)
        await target.shutdown()
    }

    @Test func nobodyWaitsForAReplyWhoseTimeIsUpBeforeItIsAskedFor() async throws {
        let server = try await ScriptedServer { _ in .nothing }
        let settings = RedisSettings(name: "test", address: .tcp(host: "127.0.0.1", port: server.port))
        let dialer = RedisDialer(settings, group: MultiThreadedEventLoopGroup.singleton)
        for _ in 0..<200 {
            let channel = try await dialer.open(until: Deadline(after: .seconds(60)))
            let answer = await channel.exchange(Pipeline([.info]), until: Deadline(after: .zero))
            #expect(answer.failure?.reason == .timeout)
        }
    }

    @Test func aReplyThatStopsInTheMiddle() async throws {
        let infos = Counter()
        // The first tells what kind of server it is; the one of the scrape stops.
        let server = try await ScriptedServer { command in
            guard command.hasPrefix("INFO") else { return .reply("*-1\r\n") }
            infos.add()
            return infos.value == 1 ? Self.info() : .reply("$500\r\nredis_version:7.0.0\r\n")
        }
        let target = RedisTarget(port: server.port, lists: [jobs])
        let (outcome, series) = await target.scrape(within: .milliseconds(500))
        #expect(!outcome.isUp)
        #expect(outcome.error?.reason == .timeout)
        #expect(outcome.duration < .seconds(20))
        #expect(series["redis_uptime_in_seconds"] == nil)
        #expect(series["redis_up"] == 0)
        await target.shutdown()
    }

    @Test func aServerThatClosesAfterTheLogin() async throws {
        let server = try await ScriptedServer { $0.hasPrefix("AUTH") ? .reply("+OK\r\n") : .hangUp }
        let target = RedisTarget(port: server.port) { $0.password = Secret(value: "x") }
        let (outcome, series) = await target.scrape()
        #expect(outcome.error?.reason == .connection)
        #expect(outcome.duration < .seconds(15))
        #expect(series["redis_up"] == 0)
        await target.shutdown()
    }

    @Test func tlsWhereThereIsNone() async throws {
        let server = try await RedisServer()
        let target = RedisTarget(port: server.port) { $0.tls = RedisSettings.TLS() }
        let (outcome, _) = await target.scrape(within: .seconds(2))
        #expect(outcome.error?.reason == .connection || outcome.error?.reason == .timeout)
        #expect(outcome.duration < .seconds(15))
        await target.shutdown()
    }

    @Test func aLimitForConnecting() async throws {
        let server = try await ScriptedServer { _ in .nothing }
        let target = RedisTarget(port: server.port) { $0.connectTimeout = .milliseconds(200) }
        let (outcome, _) = await target.scrape(within: .seconds(20))
        #expect(outcome.error?.reason == .timeout)
        #expect(outcome.duration < .seconds(15))
        await target.shutdown()
    }

    @Test func aServerThatPausesDuringALookIsNotDown() async throws {
        let server = try await RedisServer("--enable-debug-command", "yes")
        try await server.cli("DEBUG", "POPULATE", "10000", "a")
        let target = RedisTarget(port: server.port) {
            $0.keys.counted = [RedisKey(key: "a*")]
            // It goes on for minutes, so that one of its questions is under way in the pause.
            $0.keys.batchSize = 1
            $0.keys.searchedPerSecond = 20
        }
        #expect(await target.scrape(within: .seconds(4)).outcome.isUp)
        server.signal(SIGSTOP)
        try await Task.sleep(for: .milliseconds(500))
        async let scraped = target.scrape(within: .seconds(400))
        try await Task.sleep(for: .milliseconds(2500))
        server.signal(SIGCONT)
        let (outcome, series) = await scraped
        #expect(outcome.isUp)
        #expect(outcome.error == nil)
        // It met the pause; only the first one waits for what is searched.
        #expect(outcome.duration > .seconds(1) && outcome.duration < .seconds(60))
        #expect(series["redis_up"] == 1)
        await target.shutdown()
    }

    @Test func aReplicaThatLostItsMasterAndServesNothing() async throws {
        let master = try await RedisServer()
        let replica = try await RedisServer(
            "--replicaof", "127.0.0.1 \(master.port)", "--replica-serve-stale-data", "no")
        #expect(
            try await eventually {
                try await replica.cli("INFO", "replication").contains("master_link_status:up")
            })
        let target = RedisTarget(port: replica.port, lists: [jobs])
        #expect(await target.scrape().series[size] == 0)
        try await master.stop()
        #expect(
            try await eventually {
                try await replica.cli("INFO", "replication").contains("master_link_status:down")
            })
        let (outcome, series) = await target.scrape()
        #expect(outcome.isUp)
        #expect(series["redis_up"] == 1)
        #expect(series["redis_master_link_up{master_host=\"127.0.0.1\",master_port=\"\(master.port)\"}"] == 0)
        #expect(series[size] == nil)
        #expect(outcome.error(of: "redis_queues")?.detail.contains("MASTERDOWN") == true)
        await target.shutdown()
    }

    @Test func databasesThatMayNotBeSelected() async throws {
        let server = try await RedisServer(
            "--databases", "4", "--user", "metrics", "on", ">pw", "~*", "-@all", "+info", "+time", "+type", "+llen",
            "+lindex")
        try await server.cli("RPUSH", "jobs", "a")
        let lists = [jobs, RedisKey(database: 2, key: "jobs"), RedisKey(database: 9, key: "jobs")]
        let narrow = RedisTarget(port: server.port, lists: lists) {
            $0.username = "metrics"
            $0.password = Secret(value: "pw")
        }
        for _ in 0..<2 {
            let (outcome, series) = await narrow.scrape()
            #expect(outcome.isUp)
            #expect(outcome.error(of: "redis_queues")?.reason == .permission)
            #expect(outcome.error(of: "redis_queues")?.detail.contains("+select") == true)
            #expect(series[size] == 1)
            #expect(series["redis_key_size{db=\"db2\",key=\"jobs\"}"] == nil)
        }
        // Each once, in the first scrape.
        #expect(
            try await server.cli("INFO", "commandstats").contains(
                "cmdstat_select:calls=0,usec=0,usec_per_call=0.00,rejected_calls=2,"))
        await narrow.shutdown()
        // The last one is beyond the server's four.
        let target = RedisTarget(port: server.port, lists: lists)
        for _ in 0..<2 {
            let (outcome, series) = await target.scrape()
            #expect(outcome.isUp)
            #expect(outcome.error(of: "redis_queues")?.detail.contains("SELECT") == true)
            #expect(series[size] == 1)
            #expect(series["redis_key_size{db=\"db2\",key=\"jobs\"}"] == 0)
            #expect(series["redis_key_size{db=\"db9\",key=\"jobs\"}"] == nil)
        }
        await target.shutdown()
    }

    @Test func pingsAndNames() async throws {
        let server = try await RedisServer()
        let plain = RedisTarget(port: server.port)
        let name = "redis_exporter_last_scrape_ping_time_seconds"
        #expect(await plain.scrape().series[name] == nil)
        #expect(try await server.cli("CLIENT", "LIST").contains("name=stack-exporter"))
        await plain.shutdown()

        try await server.cli("ACL", "SETUSER", "metrics", "on", ">pw", "~*", "-@all", "+info")
        let pinging = RedisTarget(port: server.port) {
            $0.options.pings = true
            $0.options.setsClientName = false
        }
        for _ in 0..<2 {
            let seconds = try #require(await pinging.scrape().series[name])
            #expect(seconds > 0 && seconds < 1)
        }
        #expect(try await !server.cli("CLIENT", "LIST").contains("name=stack-exporter"))
        await pinging.shutdown()
        #expect(try await server.cli("INFO", "commandstats").contains("cmdstat_ping:calls=2,"))

        let refused = RedisTarget(port: server.port) {
            $0.options.pings = true
            $0.username = "metrics"
            $0.password = Secret(value: "pw")
        }
        let (outcome, series) = await refused.scrape()
        #expect(outcome.isUp)
        #expect(series[name] == nil)
        await refused.shutdown()
    }
}

/// How often something was done.
private final class Counter: Sendable {
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    func add() { count.withLock { $0 += 1 } }
}
