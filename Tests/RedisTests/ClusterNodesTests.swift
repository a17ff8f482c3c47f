import Testing

@testable import Redis

struct ClusterNodesTests {
    private let seed = RedisSettings.Address.tcp(host: "seed", port: 7000)

    @Test(arguments: [
        ("123456789", 0x31c3 % 16384), ("foo", 12182), ("bar", 5061), ("{user1000}.following", 3443),
        ("{user1000}.followers", 3443), ("foo{}{bar}", 8363), ("foo{{bar}}zap", 4015), ("foo{bar}{zap}", 5061),
        ("foo{bar", 15278), ("", 0),
    ])
    func slots(key: String, slot: Int) {
        #expect(HashSlot(of: Array(key.utf8)).number == slot)
    }

    @Test func theKeyOfACommand() {
        func key(_ command: RedisCommand) -> String? { command.key.map { String(decoding: $0, as: UTF8.self) } }
        #expect(key(RedisCommand("LLEN", "jobs", database: 0)) == "jobs")
        #expect(key(RedisCommand("MEMORY USAGE", "a\r\nb", "SAMPLES", 0, database: 0)) == "a\r\nb")
        #expect(key(RedisCommand("XINFO STREAM", "", database: 0)) == "")
        #expect(key(RedisCommand("SCAN", 0, "COUNT", 10, database: 0)) == nil)
        #expect(key(RedisCommand("EVAL", "return 1", 0, database: 0)) == nil)
        #expect(key(RedisCommand("DBSIZE", database: 0)) == nil)
        #expect(key(RedisCommand("CONFIG GET", "databases")) == nil)
    }

    @Test func everyKindOfNode() throws {
        let reply = """
            07c3 127.0.0.1:30004@31004,node4.example,shard-id=6 slave e7d1 0 1426238317239 4 connected
            67ed 127.0.0.1:30002@31002 master - 0 1426238316232 2 connected 5461-10922
            292f x:30003@31003 master - 0 1426238318243 3 disconnected 10923-16382 16383
            e7d1 :30001@31001 myself,master - 0 0 1 connected 0-5460 [93->-292f] [94-<-67ed]
            824f ::1:30005@31005, master,fail - 0 1426238317741 5 connected
            6ec2 :0@0 master,noaddr - 0 1 7 disconnected
            6ec3 127.0.0.1:30007@31007 handshake - 0 1 7 connected
            nonsense

            """
        let nodes = try #require(ClusterNodes(Array(reply.utf8), askedAt: seed))
        #expect(
            nodes.nodes.map(\.address.description) == [
                "127.0.0.1:30002", "127.0.0.1:30004", "[::1]:30005", "seed:30001", "x:30003",
            ])
        #expect(nodes.nodes.map(\.namedAddress?.description) == [nil, "node4.example:30004", nil, nil, nil])
        #expect(nodes.nodes.map(\.isMyself) == [false, false, false, true, false])
        #expect(nodes.nodes.map(\.hasSlots) == [true, false, false, true, true])
        #expect(nodes[HashSlot(of: Array("foo".utf8))]?.address == .tcp(host: "x", port: 30003))
        #expect(nodes[HashSlot(of: Array("bar".utf8))]?.isMyself == true)
    }

    @Test func whatIsNoAnswer() {
        #expect(ClusterNodes([], askedAt: seed) == nil)
        #expect(ClusterNodes(Array("e7d1 :1@2 master - 0 0 1 connected 0-5460\n".utf8), askedAt: seed) == nil)
        let wrong = "e7d1 :1@2 myself,master - 0 0 1 connected 5-1 99999 x - 7-8-9 -3\n"
        #expect(ClusterNodes(Array(wrong.utf8), askedAt: seed)?.nodes.first?.hasSlots == false)
    }
}
