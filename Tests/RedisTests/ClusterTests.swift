import Foundation
import Lab
import NIOPosix
import Testing

@testable import Redis
@testable import Scraping

/// A target in a real cluster.
@Suite(.startsServers, .timeLimit(.minutes(15))) struct ClusterTests {
    /// Keys that are spread over all nodes, `jobs:0` with one element, `jobs:1` with two, ...
    private static let keys = (0..<30).map { "jobs:\($0)" }
    private static let lists = keys.map { RedisKey(key: $0) }

    private func fill(_ cluster: RedisClusterServers) async throws {
        let commands = Self.keys.enumerated().map { index, key in
            "RPUSH \(key)" + String(repeating: " job", count: index + 1) + "\n"
        }
        try await run(["redis-cli", "-c", "-p", "\(cluster.masters[0].port)"], input: commands.joined())
    }

    private func sizes(_ series: [String: Double]) -> [Double?] {
        Self.keys.map { series["redis_key_size{db=\"db0\",key=\"\($0)\"}"] }
    }

    private let expected = (0..<30).map { Optional(Double($0 + 1)) }

    /// How often a server has answered with an error of that kind.
    private func errors(_ kind: String, of server: RedisServer) async throws -> Int {
        let statistics = try await server.cli("INFO", "errorstats")
        return statistics.firstMatch(of: try Regex("errorstat_\(kind):count=(\\d+)", as: (Substring, Substring).self))
            .flatMap { Int($0.1) } ?? 0
    }

    @Test func keysOfAllNodesOverOneConnectionEach() async throws {
        let cluster = try await RedisClusterServers()
        try await fill(cluster)
        let servers = cluster.masters + [cluster.replica]
        var before: [Int] = []
        for server in servers { before.append(try await errors("MOVED", of: server)) }
        for (server, connections) in [(cluster.masters[0], 3), (cluster.replica, 4)] {
            let target = RedisTarget(port: server.port, lists: Self.lists)
            for _ in 0..<3 {
                let (outcome, series) = await target.scrape()
                #expect(outcome.isUp)
                #expect(outcome.error == nil)
                #expect(sizes(series) == expected)
                #expect(series["redis_cluster_known_nodes"] == 4)
            }
            #expect(target.openConnections == connections)
            await target.shutdown()
            #expect(target.openConnections == 0)
        }
        var after: [Int] = []
        for server in servers { after.append(try await errors("MOVED", of: server)) }
        #expect(after == before)
        // Two targets, three scrapes, each key once.
        let scrapes = try await cluster.masters[1].cli("INFO", "commandstats")
        #expect(scrapes.contains("cmdstat_llen:calls=\(3 * 2 * (try await ownKeys(of: cluster.masters[1])))"))
    }

    private func ownKeys(of server: RedisServer) async throws -> Int {
        Int(try await server.cli("DBSIZE").trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
    }

    @Test func theNodesThatThereAre() async throws {
        let cluster = try await RedisClusterServers()
        let ports = (cluster.masters + [cluster.replica]).map(\.port)
        let target = RedisTarget(port: cluster.masters[1].port)
        #expect(target.nodes == [])
        let found = await target.nodes(until: Deadline(after: .seconds(5)))
        #expect(found == ports.map { "127.0.0.1:\($0)" }.sorted())
        #expect(target.nodes == found)
        await target.shutdown()

        let byName = RedisTarget(port: cluster.masters[1].port) { $0.options.findsNodesByName = true }
        let isNamed = try await eventually {
            let nodes = await byName.nodes(until: Deadline(after: .seconds(5)))
            return nodes.contains("node2.example:\(ports[2])") && nodes.contains("node0.example:\(ports[0])")
        }
        #expect(isNamed)
        #expect(byName.nodes.contains("127.0.0.1:\(cluster.replica.port)"))
        await byName.shutdown()
    }

    @Test func noClusterHasNoNodes() async throws {
        let server = try await RedisServer()
        let target = RedisTarget(port: server.port)
        #expect(await target.nodes(until: Deadline(after: .seconds(5))) == [])
        await target.shutdown()
    }

    @Test func aSearchGoesToAllMasters() async throws {
        let cluster = try await RedisClusterServers()
        try await run(
            ["redis-cli", "-c", "-p", "\(cluster.masters[0].port)"],
            input: (0..<300).map { "SET key:\($0) x\n" }.joined())
        for server in [cluster.masters[0], cluster.replica] {
            let settings = RedisSettings(name: "test", address: .tcp(host: "127.0.0.1", port: server.port))
            let dialer = RedisDialer(settings, group: MultiThreadedEventLoopGroup.singleton)
            let connection = RedisConnection(dialer)
            let nodes = RedisCluster(connection, dialer)
            let facts = try await connection.facts(until: Deadline(after: .seconds(5)))
            let background = RedisBackground(facts: facts, cluster: nodes, dialer: dialer)
            var options = RedisKeyOptions()
            options.batchSize = 20
            options.searchedPerSecond = 100_000
            let scan = KeyScan(RedisKey(key: "key:*"), options)
            var found: Set<[UInt8]> = []
            // A pass that was broken off goes on, and one that was ended begins anew.
            var steps = 0
            let broken = CollectorError(.connection, "broken")
            await #expect(throws: broken) {
                try await scan.pass(background) { keys throws(CollectorError) in
                    steps += 1
                    if steps == 9 { throw broken }
                    found.formUnion(keys)
                    return true
                }
            }
            #expect(!scan.isAtStart)
            let before = found.count
            #expect(before > 0 && before < 300)
            try await scan.pass(background) { keys in
                found.formUnion(keys)
                return true
            }
            #expect(found.count == 300)
            #expect(scan.isAtStart)
            try await scan.pass(background) { _ in false }
            #expect(scan.isAtStart)
            // What is found is asked for where it is.
            let types = found.map { RedisCommand("TYPE", $0, database: 0) }
            let replies = try await background.ask(types)
            for type in types { #expect(try replies.text(type) == Array("string".utf8)) }
            await nodes.shutDown()
            await connection.shutDown()
        }
    }

    @Test func aSlotThatMoves() async throws {
        let cluster = try await RedisClusterServers()
        try await fill(cluster)
        let target = RedisTarget(port: cluster.masters[0].port, lists: Self.lists)
        #expect(sizes(await target.scrape().series) == expected)

        // A key of the second master goes to the third; while it is there and the slot is not, the second says ASK.
        let (from, to) = (cluster.masters[1], cluster.masters[2])
        let key = try await from.cli("RANDOMKEY").trimmingCharacters(in: .whitespacesAndNewlines)
        let slot = "\(HashSlot(of: Array(key.utf8)).number)"
        let (fromID, toID) = (try await RedisClusterServers.id(of: from), try await RedisClusterServers.id(of: to))
        try await to.cli("CLUSTER", "SETSLOT", slot, "IMPORTING", fromID)
        try await from.cli("CLUSTER", "SETSLOT", slot, "MIGRATING", toID)
        #expect(try await from.cli("MIGRATE", "127.0.0.1", "\(to.port)", key, "0", "5000") == "OK\n")
        #expect(sizes(await target.scrape().series) == expected)
        // For its type, its length and its two oldest jobs.
        #expect(try await errors("ASK", of: from) == 4)
        let before = try await errors("MOVED", of: from)

        try await to.cli("CLUSTER", "SETSLOT", slot, "NODE", toID)
        try await from.cli("CLUSTER", "SETSLOT", slot, "NODE", toID)
        #expect(sizes(await target.scrape().series) == expected)
        // For its type alone, unless the node that is scraped does not know yet.
        #expect([1, 4].contains(try await errors("MOVED", of: from) - before))
        // Once the word has got to the node that is scraped, nobody is asked in vain.
        #expect(
            try await eventually {
                let before = try await errors("MOVED", of: from)
                _ = await target.scrape()
                return try await errors("MOVED", of: from) == before
            })
        #expect(sizes(await target.scrape().series) == expected)
        await target.shutdown()
    }

    @Test func aMasterThatFailsOver() async throws {
        let cluster = try await RedisClusterServers()
        try await fill(cluster)
        let target = RedisTarget(port: cluster.masters[2].port, lists: Self.lists)
        #expect(sizes(await target.scrape().series) == expected)
        try await cluster.masters[0].stop()
        // Before, the keys of that node are missing, and the rest stays.
        let late = await target.scrape()
        #expect(late.outcome.isUp)
        let isWhole = try await eventually(within: 60) { sizes(await target.scrape().series) == expected }
        let nodes = try await cluster.masters[2].cli("CLUSTER", "NODES")
        #expect(isWhole, "\(nodes)")
        await target.shutdown()
    }

    @Test func aNodeThatIsDownOrHangsTakesNoMoreThanItsKeys() async throws {
        let cluster = try await RedisClusterServers()
        try await fill(cluster)
        let target = RedisTarget(port: cluster.masters[0].port, lists: Self.lists)
        #expect(sizes(await target.scrape().series) == expected)
        // The third has no replica.
        let gone = cluster.masters[2]
        func isMissingAlone(_ series: [String: Double]) -> Bool {
            zip(Self.keys, zip(sizes(series), expected)).allSatisfy { key, sizes in
                sizes.0 == (HashSlot(of: Array(key.utf8)).number >= 10922 ? nil : sizes.1)
            }
        }
        gone.signal(SIGSTOP)
        let (hanging, series) = await target.scrape(within: .seconds(4))
        #expect(hanging.isUp)
        #expect(hanging.duration < .seconds(20))
        #expect(hanging.error(of: "redis_queues")?.reason == .timeout)
        #expect(isMissingAlone(series))
        gone.signal(SIGCONT)
        #expect(try await eventually { sizes(await target.scrape().series) == expected })

        try await gone.stop()
        let down = await target.scrape()
        #expect(down.outcome.isUp)
        #expect(down.series["redis_up"] == 1)
        #expect(down.outcome.error(of: "redis_queues")?.reason == .connection)
        #expect(isMissingAlone(down.series))
        await target.shutdown()

        // A queue that is there alone says why it is missing.
        let alone = RedisTarget(port: cluster.masters[0].port, lists: [RedisKey(key: "foo")])
        let error = try #require(await alone.scrape().outcome.error(of: "redis_queues"))
        #expect(error.reason == .connection)
        #expect(error.detail.contains("127.0.0.1:\(gone.port)"))
        await alone.shutdown()
    }

    @Test func databasesThatAClusterDoesNotHave() async throws {
        let cluster = try await RedisClusterServers()
        let target = RedisTarget(port: cluster.masters[0].port, lists: [RedisKey(database: 1, key: "jobs")])
        let (outcome, _) = await target.scrape()
        #expect(outcome.isUp)
        #expect(outcome.error(of: "redis_queues")?.reason == .unsupportedVersion)
        #expect(try await cluster.masters[0].cli("INFO", "errorstats").contains("errorstat_ERR") == false)
        await target.shutdown()
    }

    @Test func aUserWhoMayNotAskForTheNodes() async throws {
        let cluster = try await RedisClusterServers()
        for server in cluster.masters {
            try await server.cli(
                "ACL", "SETUSER", "metrics", "on", ">pw", "~*", "-@all", "+info", "+time", "+type", "+llen")
        }
        let lists = [RedisKey(key: "foo"), RedisKey(key: "bar")]
        let target = RedisTarget(port: cluster.masters[0].port, lists: lists) {
            $0.username = "metrics"
            $0.password = Secret(value: "pw")
        }
        let (outcome, _) = await target.scrape()
        #expect(outcome.isUp)
        #expect(outcome.error(of: "redis_queues")?.reason == .permission)
        #expect(outcome.error(of: "redis_queues")?.detail.contains("+cluster|nodes") == true)
        let before = try await errors("NOPERM", of: cluster.masters[0])
        _ = await target.scrape()
        #expect(try await errors("NOPERM", of: cluster.masters[0]) == before)
        #expect(try await errors("MOVED", of: cluster.masters[0]) == 0)
        await target.shutdown()

        for server in cluster.masters { try await server.cli("ACL", "SETUSER", "metrics", "+cluster|nodes") }
        let allowed = RedisTarget(port: cluster.masters[0].port, lists: lists) {
            $0.username = "metrics"
            $0.password = Secret(value: "pw")
        }
        let series = await allowed.scrape().series
        #expect(series["redis_key_size{db=\"db0\",key=\"foo\"}"] == 0)
        #expect(series["redis_key_size{db=\"db0\",key=\"bar\"}"] == 0)
        await allowed.shutdown()
    }
}
