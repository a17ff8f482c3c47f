import Scraping
import Testing

@testable import Redis

struct CapabilitiesTests {
    private let histogram = RedisCommand("LATENCY HISTOGRAM", isOptional: true)
    private let config = RedisCommand("CONFIG GET", "databases", isOptional: true)
    private let noPermission = RedisReply.error(Array("NOPERM this user has no permissions".utf8))

    private func server(_ runID: String, _ version: String = "7.0.15") -> RedisFacts {
        RedisFacts(Info(Array("run_id:\(runID)\r\nredis_version:\(version)\r\n".utf8)))
    }

    @Test func whatTheServerDoesNotHaveIsNotSent() {
        var capabilities = Capabilities()
        capabilities.meet(server("a"))
        #expect(
            capabilities.unknown(among: [.info, histogram, config, histogram]) == ["LATENCY HISTOGRAM", "CONFIG GET"])
        capabilities.learn(
            ["LATENCY HISTOGRAM", "CONFIG GET"], from: .array([.null, .array([.string(Array("config|get".utf8))])]))
        #expect(capabilities.unknown(among: [histogram, config]) == [])
        #expect(capabilities.refusal(of: histogram) == .error(Array("ERR unknown command".utf8)))
        #expect(capabilities.refusal(of: config) == nil)
        #expect(capabilities.refusal(of: .info) == nil)
        // Another start of the server may be another server.
        capabilities.meet(server("a"))
        #expect(capabilities.refusal(of: histogram) != nil)
        capabilities.meet(server("b"))
        #expect(capabilities.refusal(of: histogram) == nil)
    }

    @Test func subcommandsAreAskedForWhereTheyCanBe() {
        let names = ["LATENCY HISTOGRAM", "SLOWLOG LEN"]
        #expect(
            Capabilities.question(about: names, of: server("a"))
                == RedisCommand("COMMAND INFO", "latency|histogram", "slowlog|len"))
        #expect(
            Capabilities.question(about: names, of: server("a", "6.2.9"))
                == RedisCommand("COMMAND INFO", "latency", "slowlog"))
    }

    @Test func whereItCannotBeAskedARefusalTells() {
        var capabilities = Capabilities()
        capabilities.meet(server("a"))
        capabilities.learn(["CONFIG GET"], from: noPermission)
        #expect(capabilities.refusal(of: config) == nil)
        let now = ContinuousClock.now
        capabilities.note(noPermission, to: config, at: now)
        #expect(capabilities.refusal(of: config, at: now + .seconds(599)) == noPermission)
        #expect(capabilities.refusal(of: config, at: now + .seconds(601)) == nil)
    }

    @Test func aDatabaseThatMayNotBeSelectedIsNotTheCommandsFault() {
        for error in ["NOPERM User metrics has no permissions to run the 'select' command", "ERR unknown command"] {
            var capabilities = Capabilities()
            capabilities.meet(server("a"))
            let (here, there) = (
                RedisCommand("TYPE", "a", database: 0, isOptional: true),
                RedisCommand("TYPE", "a", database: 2, isOptional: true)
            )
            let reply = RedisReply.error(Pipeline.failedSelection + Array(error.utf8))
            capabilities.note(reply, to: there)
            #expect(capabilities.refusal(of: there) == reply)
            #expect(capabilities.refusal(of: here) == nil)
        }
    }

    @Test func aServerThatIsLoadingIsAskedAgain() {
        var capabilities = Capabilities()
        capabilities.meet(server("a"))
        capabilities.note(.error(Array("LOADING Redis is loading the dataset in memory".utf8)), to: config)
        #expect(capabilities.refusal(of: config) == nil)
    }

    @Test func versionsAreCompared() {
        #expect(server("a").isRedis(7) && server("a").isRedis(7, 0, 15) && !server("a").isRedis(7, 2))
        let valkey = RedisFacts(Info(Array("redis_version:7.2.4\r\nvalkey_version:8.1.1\r\n".utf8)))
        #expect(valkey.isRedis(7, 2) && !valkey.isRedis(8) && valkey.isValkey(8, 1) && !valkey.isValkey(9))
        #expect(!server("a").isValkey(8))
    }
}
