import Redis
import Scraping
import Testing

@testable import Configuration

/// What `/scrape` reaches.
struct RedisProbeTests {
    private func settings(allow pattern: String? = nil, _ environment: [String: String] = [:]) throws -> Settings {
        try Settings.load(
            arguments: pattern.map { ["--redis.probe.allow=\($0)"] } ?? [],
            environment: [
                "REDIS_ADDR": "redis://u:own@cache:6380/2,rediss://two,/run/redis.sock", "REDIS_USER": "exporter",
                "REDIS_PASSWORD": "outer", "REDIS_EXPORTER_COUNT_KEYS": "all",
            ].merging(environment) { $1 }
        ).settings
    }

    private func probe(
        _ target: String, _ settings: Settings, parameters: [String: String] = [:],
        discovered: [(target: String, addresses: [String])] = []
    ) throws -> RedisProbe {
        try settings.probedRedis(target, parameters: parameters, discovered: discovered)
    }

    @Test(arguments: [
        ("redis-1", "redis-1"), ("cache:6380", "redis-1"), ("redis://cache:6380", "redis-1"),
        ("valkey://cache:6380/7", "redis-1"), ("redis://other:hunter2@cache:6380", "redis-1"),
        ("hunter2@cache:6380", "redis-1"), ("rediss://two:6379", "redis-2"), ("two", "redis-2"),
        ("unix:///run/redis.sock", "redis-3"), ("/run/redis.sock", "redis-3"),
    ])
    func configuredTargetsByNameAndAddress(target: String, name: String) throws {
        let probe = try probe(target, settings())
        #expect(probe.server.name == name)
        #expect(probe.isConfigured)
        #expect(try probe.server.password?.reveal() != "hunter2")
    }

    @Test(arguments: [
        ("cache", 404), ("redis-4", 404), ("cache:6379", 403), ("redis://10.0.0.1:6380", 403), ("/run/other.sock", 403),
        ("redis://cache:6380@evil", 403), ("cache:6380.evil", 400), ("redis://u:hunter2@evil", 403),
        ("http://cache:6380", 400), ("cache:x", 400), ("redis://[::1", 400), ("cache:6380\n", 400),
        (String(repeating: "x", count: 2049), 400),
    ])
    func othersAreRefused(target: String, status: Int) throws {
        let error = #expect(throws: ProbeRefusal.self) { try probe(target, settings()) }
        #expect(error?.reason == [400: .malformed, 403: .forbidden, 404: .unknown][status])
        #expect(error?.sentence.contains("hunter2") == false)
        #expect(error?.sentence.contains("evil") == false)
    }

    @Test func addressesThatAreAllowed() throws {
        let settings = try settings(allow: #"node-[0-9]:6379|\[::1\]:7000"#)
        for (target, name, isTLS) in [
            ("node-1", "node-1:6379", false), ("redis://other:hunter2@node-2/3", "node-2:6379", false),
            ("rediss://node-3:6379", "node-3:6379", true), ("[::1]:7000", "[::1]:7000", false),
        ] {
            let probe = try probe(target, settings)
            #expect(probe.server.name == name)
            #expect(!probe.isConfigured)
            #expect(probe.server.username == "exporter")
            #expect(try probe.server.password?.reveal() == "outer")
            #expect((probe.server.tls != nil) == isTLS)
            #expect(probe.server.keys.counted == [RedisKey(key: "all")])
        }
        // However it is written, it is one server with one connection.
        let spellings = ["node-1", "node-1:6379", "redis://a:b@node-1", "redis://c:d@node-1:6379/0"]
        #expect(try Set(spellings.map { try probe($0, settings).key }).count == 1)
        #expect(
            try Set(["node-1", "node-2", "rediss://node-1", "node-1/1"].map { try probe($0, settings).key }).count == 4)
        for target in [
            "node-1:6380", "node-11", "evil,node-1", "node-1:6379@evil", "evil/1?node-1:6379", "/node-1:6379",
            "unix:///node-1:6379",
        ] {
            let error = #expect(throws: ProbeRefusal.self) { try probe(target, settings) }
            #expect(error?.reason != .malformed, "\(target)")
        }
    }

    @Test func keysOfTheRequest() throws {
        let settings = try settings()
        let parameters = [
            "check-keys": "a*,db1=b", "check-single-keys": "c", "check-streams": "s*", "check-single-streams": "t",
            "count-keys": "n:*", "script": "evil", "target": "redis-1",
        ]
        let asked = try probe("redis-1", settings, parameters: parameters)
        #expect(!asked.isConfigured)
        #expect(asked.server.keys.checked == [RedisKey(key: "a*"), RedisKey(database: 1, key: "b")])
        #expect(asked.server.keys.checkedSingle == [RedisKey(key: "c")])
        #expect(asked.server.keys.streams == [RedisKey(key: "s*")])
        #expect(asked.server.keys.singleStreams == [RedisKey(key: "t")])
        #expect(asked.server.keys.counted == [RedisKey(key: "n:*")])
        #expect(asked.server.options.scripts.isEmpty)
        #expect(try asked.server.password?.reveal() == "own")

        let others = [[:], ["check-keys": "a"], ["count-keys": "a"], ["check-keys": "b"]]
        let keys = try others.map { try probe("redis-1", settings, parameters: $0).key }
        #expect(Set(keys).count == keys.count)
        #expect(try probe("redis-1", settings, parameters: ["check-keys": ""]).isConfigured)
        #expect(
            throws: ProbeRefusal(.malformed, "The parameter check-keys should be keys such as jobs,db1=mails.")
        ) { try probe("redis-1", settings, parameters: ["check-keys": "%zz"]) }
    }

    @Test func whatATargetHasFoundIsConfiguredToo() throws {
        let settings = try settings()
        let discovered = [
            (target: "redis-1", addresses: ["redis://10.0.0.1:7000", "redis://[::2]:7000"]),
            (target: "redis-2", addresses: ["rediss://10.0.0.2:7000"]),
        ]
        let node = try probe("redis://x:hunter2@10.0.0.1:7000", settings, discovered: discovered)
        #expect(node.server.name == "10.0.0.1:7000")
        #expect(node.server.address == .tcp(host: "10.0.0.1", port: 7000))
        #expect(!node.isConfigured)
        #expect(try node.server.password?.reveal() == "own")
        #expect(try probe("[::2]:7000", settings, discovered: discovered).server.username == "u")
        #expect(try probe("10.0.0.2:7000", settings, discovered: discovered).server.tls != nil)
        #expect(throws: ProbeRefusal.self) { try probe("10.0.0.3:7000", settings, discovered: discovered) }
    }

    @Test(arguments: [
        ("redis://h", true), ("REDISS://h", true), ("valkey://h", true), ("valkeys://h", true), ("h:6379", false),
        ("postgresql://h", false), ("redis", false), ("host=redis://x", false),
    ])
    func whatIsOfRedis(target: String, isIt: Bool) {
        #expect(Settings.namesRedis(target) == isIt)
    }

    @Test func whetherThereIsAnyRedis() throws {
        #expect(try settings().scrapesRedis)
        #expect(try Settings.load(arguments: ["--redis.probe.allow=x"], environment: [:]).settings.scrapesRedis)
        #expect(!Settings().scrapesRedis)
    }
}
