import Exposition
import Foundation
import Lab
import NIOPosix
import Testing

@testable import Redis
@testable import Scraping

/// What a user has to be allowed, as rules.
struct RedisRightsTests {
    private func server(_ version: Int...) -> RedisFacts {
        var server = RedisFacts()
        server.redisVersion = version
        return server
    }

    @Test func rulesOfEachVersion() {
        let rights = RedisRights(
            commands: ["LATENCY HISTOGRAM", "TYPE"], keys: [RedisKey(key: "jobs"), RedisKey(key: "a")],
            patterns: [RedisKey(database: 3, key: "rq:*")], channels: ["/0.celeryev/*"])
        let commands = "+latency|histogram +select +type"
        #expect(rights.rules(on: server(6, 0, 16)) == "\(commands) ~a ~jobs ~rq:*")
        #expect(rights.rules(on: server(6, 2)) == "\(commands) ~a ~jobs ~rq:* resetchannels &/0.celeryev/*")
        #expect(rights.rules(on: server(7, 0, 15)) == "\(commands) %R~a %R~jobs %R~rq:* resetchannels &/0.celeryev/*")
        #expect(RedisRights().rules(on: server(7)) == "resetchannels")
    }

    @Test func whatMatchesAllStandsAlone() {
        let rights = RedisRights(
            keys: [RedisKey(key: "jobs")], patterns: [RedisKey(key: "*"), RedisKey(key: "a*")], channels: ["a b", "c"])
        #expect(rights.rules(on: server(7)) == "%R~* resetchannels &*")
    }

    @Test func namesMatchThemselvesAlone() {
        func rule(keys: [String] = [], patterns: [String] = []) -> String {
            RedisRights(keys: keys.map { RedisKey(key: $0) }, patterns: patterns.map { RedisKey(key: $0) })
                .rules(on: server(6, 0))
        }
        #expect(rule(keys: ["a*b?c[d]"]) == #""~a\\*b\\?c\\[d]""#)
        #expect(rule(keys: [#"it's "a\b""#]) == #""~it's?\"a\\\\b\"""#)
        #expect(rule(keys: ["celery\u{6}\u{16}9", "ä"]) == #""~celery\x06\x169" "~\xc3\xa4""#)
        #expect(rule(patterns: ["a b*"]) == "~a?b*")
        #expect(RedisRights(prefixes: [RedisKey(key: "a*b:")]).rules(on: server(6)) == #""~a\\*b:*""#)
        #expect(rule(patterns: ["[a ]*"]) == "~*")
        #expect(RedisRights(keys: [RedisKey(name: [0x61, 0, 0xff])]).rules(on: server(6)) == #""~a?\xff""#)
    }

    @Test func rightsOfCommands() {
        let rights = RedisRights(of: [
            .info, RedisCommand("MEMORY USAGE", "a*", database: 0), RedisCommand("EVAL", "return 1", 0, database: 4),
        ])
        let expected = RedisRights(
            commands: ["INFO", "MEMORY USAGE", "EVAL", "SELECT"], keys: [RedisKey(key: "a*")])
        #expect(rights == expected)
        #expect(RedisRights(of: [.info]) + RedisRights(of: []) == RedisRights(commands: ["INFO"]))
    }

    @Test func aSubscriptionNeedsItsVeryPattern() {
        func rules(fanoutPatterns: Bool) -> String {
            var settings = RedisSettings(name: "", address: .unix(path: ""))
            settings.database = 5
            settings.queues.celery.eventExchange = "ev*"
            settings.queues.celery.fanoutPatterns = fanoutPatterns
            return CeleryEventsCollector(settings).rights(server(7)).rules(on: server(7))
        }
        #expect(rules(fanoutPatterns: true) == #"+ping +psubscribe resetchannels "&/5.ev\\*/*""#)
        #expect(rules(fanoutPatterns: false) == #"+ping +subscribe resetchannels "&/5.ev\\*""#)
    }

    @Test func celeryNeedsNoMoreThanItsQueuesWhereNothingIsSearchedFor() {
        func rules(_ configure: (inout RedisQueueOptions.Celery) -> Void) -> String {
            var settings = RedisSettings(name: "", address: .unix(path: ""))
            settings.queues.celery.prioritySteps = [0]
            settings.queues.celery.searchesExchanges = false
            settings.queues.celery.exchanges = []
            settings.queues.celery.keyPrefix = "shop:"
            configure(&settings.queues.celery)
            return CeleryCollector(settings).rights(server(6)).rules(on: server(6))
        }
        #expect(rules { _ in } == "")
        #expect(
            rules { $0.names = ["mails"] }
                == "+hlen +lindex +llen +time +type +zcount +zrange ~shop:mails ~shop:unacked ~shop:unacked_index")
        let found = rules { $0.exchanges = ["celery"] }
        #expect(found.hasPrefix("+hlen +lindex +llen +sscan +time +type +zcount +zrange ~shop:* ~shop:unacked "))
    }
}

/// The same on real servers.
@Suite(.startsServers, .timeLimit(.minutes(15))) struct AccessTests {
    /// The installed server, and those of other versions.
    static let versions: [String?] = [nil] + RedisServer.versions

    private static let password = "secret"

    /// Keys of every type, and what every collector has something to do with.
    private func fill(_ server: RedisServer) async throws {
        let commands = """
            SET text:1 hello
            SET number 42.5
            RPUSH list a b c
            SADD set a b
            ZADD zset 1 a 2 b
            HSET hash f v g w
            PFADD sketch a b c
            SET "a *b" 1
            XADD stream:1 * a b
            XADD events * a b
            XGROUP CREATE events workers 0
            XREADGROUP GROUP workers me STREAMS events >
            SELECT 1
            LPUSH celery "{}"
            LPUSH mails "{}"
            LPUSH "mails\\x06\\x169" "{}"
            SADD _kombu.binding.celery "celery\\x06\\x16\\x06\\x16celery"
            SADD _kombu.binding.mails "mails\\x06\\x16\\x06\\x16mails"
            HSET unacked tag "[]"
            ZADD unacked_index 1000 tag
            SADD rq:queues rq:queue:default
            RPUSH rq:queue:default j1
            ZADD rq:scheduled:default 1000 j2
            HSET rq:job:j1 enqueued_at 2023-11-14T22:13:20.000000Z
            SADD rq:workers rq:worker:w1
            HSET rq:worker:w1 state busy
            SELECT 2
            RPUSH jobs a
            ZADD due 1000 a
            XADD mails 1-1 a b
            XADD mails 2-1 a b
            XADD mails 3-1 a b
            XGROUP CREATE mails g 1-1
            XREADGROUP GROUP g c COUNT 1 STREAMS mails >
            """
        try await run(["redis-cli", "-s", server.socket], input: commands)
        for fixture in ["bullmq-5", "sidekiq-8", "resque"] {
            try await server.load(try Fixture.bytes(fixture), database: 1)
        }
    }

    /// Everything that can be enabled on a server without modules.
    private func target(
        _ server: RedisServer, user: String? = nil, only: String? = nil,
        _ configure: (inout RedisSettings) -> Void = { _ in }
    ) throws -> RedisTarget {
        var settings = RedisSettings(name: "test", address: .unix(path: server.socket))
        settings.username = user
        if user != nil { settings.password = Secret(value: Self.password) }
        settings.database = 1
        settings.keys.checkedSingle = ["number", "list", "set", "zset", "hash", "sketch", "a *b", "events", "none"].map
        {
            RedisKey(key: $0)
        }
        settings.keys.checked = [RedisKey(key: "text:*"), RedisKey(database: 2, key: "jobs")]
        settings.keys.counted = [RedisKey(key: "t*"), RedisKey(database: 2, key: "*")]
        settings.keys.streams = [RedisKey(key: "stream:*"), RedisKey(key: "events")]
        settings.keys.groups = [try LuaPattern("^(.*):")]
        settings.queues.lists = [RedisKey(key: "list"), RedisKey(database: 2, key: "jobs")].map { .init($0) }
        settings.queues.sortedSets = [.init(RedisKey(database: 2, key: "due"))]
        settings.queues.streams = [RedisKey(database: 2, key: "mails")]
        settings.queues.celery.names = ["celery", "idle"]
        settings.options.pings = true
        settings.options.includesClientPorts = true
        settings.options.scripts = [.init(fileName: "one.lua", text: "return {'one', 1}")]
        configure(&settings)
        let none = ["redis_search", "redis_tile38"]
        let chosen = RedisCollectors.catalogue.map(\.name).map { name in
            (name, only.map { $0 == name } ?? !none.contains(name))
        }
        return RedisTarget(
            settings, collectors: CollectorSelection(Dictionary(uniqueKeysWithValues: chosen)),
            group: .singletonMultiThreadedEventLoopGroup)
    }

    private func rules(_ target: RedisTarget) async throws -> String {
        try #require(await target.accessRules(until: Deadline(after: .seconds(20))))
    }

    /// What a person is told after a scrape.
    private func examine(_ target: RedisTarget) async -> Examination {
        let outcome = await target.scrape(within: .seconds(20)).outcome
        return await target.examine(outcome, until: Deadline(after: .seconds(20)))
    }

    /// Makes a user by what was printed, as somebody would who pastes it.
    private func makeUser(_ rules: String, _ server: RedisServer) async throws {
        let line = rules.replacingOccurrences(of: "<password>", with: Self.password)
        let answer = try await run(["redis-cli", "-s", server.socket], input: line).output
        try #require(answer == "OK\n", "\(rules): \(answer)")
        try await server.cli("ACL", "LOG", "RESET")
    }

    /// What the server has refused since the user was made.
    private func refusals(_ server: RedisServer) async throws -> String {
        try await server.cli("ACL", "LOG").trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @Test(arguments: versions) func thePrintedUserIsEnoughForEverything(_ version: String?) async throws {
        let server = try await RedisServer(version: version)
        try await fill(server)
        let isNew = version != "redis-6.2"
        let all = try target(server) { $0.options.runsScriptsReadOnly = isNew }
        let printed = try await rules(all)
        let hint = try #require(await examine(all).findings.first)
        #expect(hint.severity == .hint)
        #expect(hint.remedies.first == Remedy("redis-cli", printed))
        #expect(hint.what.hasSuffix("with those added that the scripts need"))
        try await makeUser(printed, server)

        let probe = try target(server, user: "stack-exporter") { $0.options.runsScriptsReadOnly = isNew }
        for _ in 0..<3 {
            let (outcome, series) = await probe.scrape(within: .seconds(20))
            #expect(outcome.isUp)
            for collector in outcome.collectors { #expect(collector.error == nil, "\(collector.name)") }
            #expect(outcome.omissions.isEmpty, "\(outcome.omissions)")
            #expect(series["redis_key_size{db=\"db0\",key=\"a *b\"}"] == 1)
            #expect(series["redis_key_size{db=\"db0\",key=\"sketch\"}"] == 3)
            #expect(series["celery_queue_length{queue_name=\"mails\"}"] == 2)
        }
        #expect(try await refusals(server) == "")
        #expect(try await !server.cli("INFO", "errorstats").contains("NOPERM"))
        // Who has these rights learns what they are.
        #expect(try await rules(probe) == printed)
        await all.shutdown()
        await probe.shutdown()
    }

    /// A user who has some rights gets those that are missing, and keeps what is there.
    @Test(arguments: versions) func whatIsMissingCanBeAdded(_ version: String?) async throws {
        let server = try await RedisServer(version: version)
        try await fill(server)
        let isNew = version != "redis-6.2"
        try await server.cli(
            "ACL", "SETUSER", "stack-exporter", "reset", "on", ">\(Self.password)", "+info", "+config|get", "+del",
            "~text:*")
        let probe = try target(server, user: "stack-exporter") { $0.options.runsScriptsReadOnly = isNew }
        let findings = await examine(probe).findings
        let remedies = findings.flatMap(\.remedies)
        #expect(remedies.map(\.place) == ["redis-cli"])
        #expect(remedies.first?.line.contains("+config|get") == false)
        try await makeUser(try #require(remedies.first?.line), server)
        await probe.shutdown()

        let mended = try target(server, user: "stack-exporter") { $0.options.runsScriptsReadOnly = isNew }
        for _ in 0..<2 { #expect(await examine(mended).findings == []) }
        let user = try await server.cli("ACL", "LIST")
        // Before Redis 7, keys cannot be for these commands alone.
        #expect(user.contains(isNew ? "~text:*" : "~*") && user.contains("+del"))
        await mended.shutdown()
    }

    /// Each of the commands that the rules allow is needed.
    @Test(arguments: [false, true]) func noCommandCanBeLeftOut(scriptsReadOnly: Bool) async throws {
        let server = try await RedisServer()
        try await fill(server)
        let all = try target(server) { $0.options.runsScriptsReadOnly = scriptsReadOnly }
        let printed = try await rules(all)
        await all.shutdown()
        let words = printed.split(separator: " ")
        let allowed = words.filter { $0.hasPrefix("+") }
        #expect(allowed.count > 30)
        #expect(Set(allowed).count == allowed.count)
        for command in allowed {
            try await server.cli("PFADD", "sketch", "\(command)")
            try await makeUser(words.filter { $0 != command }.joined(separator: " "), server)
            let probe = try target(server, user: "stack-exporter") { $0.options.runsScriptsReadOnly = scriptsReadOnly }
            for _ in 0..<2 { _ = await probe.scrape(within: .seconds(60)) }
            #expect(try await refusals(server) != "", "\(command)")
            await probe.shutdown()
        }
    }

    /// What one needs is not hidden by what others do.
    @Test(arguments: RedisCollectors.catalogue.map(\.name).filter { !["redis_search", "redis_tile38"].contains($0) })
    func eachCollectorAlone(_ name: String) async throws {
        let server = try await RedisServer()
        try await fill(server)
        let all = try target(server, only: name) { $0.options.pings = false }
        let printed = try await rules(all)
        await all.shutdown()
        func scrape(_ line: String) async throws -> (outcome: ScrapeOutcome?, refusals: String) {
            try await server.cli("PFADD", "sketch", line)
            try await makeUser(line, server)
            let probe = try target(server, user: "stack-exporter", only: name) { $0.options.pings = false }
            var outcome: ScrapeOutcome?
            for _ in 0..<2 { outcome = await probe.scrape(within: .seconds(20)).outcome }
            await probe.shutdown()
            return (outcome, try await refusals(server))
        }
        let whole = try await scrape(printed)
        #expect(whole.outcome?.collectors.allSatisfy { $0.error == nil } == true)
        #expect(whole.refusals == "")
        // What every connection needs; and what one that listens sends only after a while.
        let others = ["+info", "+command|info", "+client|setname", "+ping"]
        let words = printed.split(separator: " ").map(String.init)
        for rule in words where "+%&".contains(rule.prefix(1)) && !others.contains(rule) {
            let less = words.filter { $0 != rule }.joined(separator: " ")
            #expect(try await scrape(less).refusals != "", "\(rule)")
        }
    }

    /// No key but the one that was named, and nothing at all is written.
    @Test(arguments: versions) func keysAreNoOthersThanThoseNamed(_ version: String?) async throws {
        let server = try await RedisServer(version: version)
        let facts = try await RedisConnection(
            RedisDialer(
                RedisSettings(name: "test", address: .unix(path: server.socket)),
                group: .singletonMultiThreadedEventLoopGroup)
        ).facts(until: Deadline(after: .seconds(20)))
        let named = ["a*b?c[d]", #"it's "a\b""#, "tab\there", "celery\u{6}\u{16}9", "^-]", "ä", "%R~x"]
        let rights = RedisRights(
            commands: ["TYPE", "SET"], keys: named.map { RedisKey(key: $0) }, patterns: [RedisKey(key: "h[ae]llo*")],
            channels: ["/0.celeryev/*"])
        try await makeUser("ACL SETUSER probe reset on ><password> \(rights.rules(on: facts))", server)
        func answer(_ command: String...) async throws -> String {
            try await run(
                ["redis-cli", "-s", server.socket, "--no-auth-warning", "--user", "probe", "--pass", Self.password]
                    + command
            ).output
        }
        for key in named + ["hallo", "hello 2"] {
            #expect(try await answer("TYPE", key) == "none\n", "\(key)")
            // Before Redis 7 there is no rule for reading alone.
            if facts.isRedis(7) { #expect(try await answer("SET", key, "1").hasPrefix("NOPERM"), "\(key)") }
        }
        for key in ["aXb?c[d]", "a*bXc[d]", "a*b?cd", "it's \"aXb\"", "hullo", "celery", "x", ""] {
            #expect(try await answer("TYPE", key).hasPrefix("NOPERM"), "\(key)")
        }
    }

    @Test func configurationUnderAnotherName() async throws {
        let server = try await RedisServer("--rename-command", "CONFIG", "hidden")
        try await fill(server)
        let configure: (inout RedisSettings) -> Void = { $0.options.configCommand = "hidden" }
        let all = try target(server, configure)
        let printed = try await rules(all)
        #expect(printed.contains(" +config|get "))
        try await makeUser(printed, server)
        let probe = try target(server, user: "stack-exporter", configure)
        let outcome = await probe.scrape(within: .seconds(20)).outcome
        #expect(outcome.collectors.allSatisfy { $0.error == nil })
        #expect(try await refusals(server) == "")
        await all.shutdown()
        await probe.shutdown()
    }

    @Test func noRulesWithoutAServer() async throws {
        let target = RedisTarget(port: freePort())
        #expect(await target.accessRules(until: Deadline(after: .seconds(5))) == nil)
        let findings = await examine(target).findings
        #expect(findings.count == 1)
        #expect(!findings.contains { $0.remedies.contains { $0.line.contains("ACL") } })
        await target.shutdown()
    }

    @Test(arguments: [("5.0.14", false), ("6.0.20", true)])
    func usersAreThereSinceRedis6(version: String, areThere: Bool) async throws {
        let info = "redis_version:\(version)\r\nrun_id:a\r\n"
        let server = try await ScriptedServer { command in
            command == "INFO ALL" ? .reply("$\(info.utf8.count)\r\n\(info)\r\n") : .reply("-ERR no\r\n")
        }
        let target = RedisTarget(port: server.port)
        let rules = await target.accessRules(until: Deadline(after: .seconds(20)))
        // Who may not ask which commands there are is told all.
        #expect(rules?.contains(" +slowlog|len ") == (areThere ? true : nil))
        #expect(rules?.contains("resetchannels") == (areThere ? false : nil))
        await target.shutdown()
    }

    /// Every node has its own users, and commands go to all of them.
    @Test func aClusterHasTheUserOnEachNode() async throws {
        let cluster = try await RedisClusterServers()
        let servers = cluster.masters + [cluster.replica]
        let keys = (0..<30).map { RedisKey(key: "jobs:\($0)") }
        for key in keys { try await run(["redis-cli", "-c", "-p", "\(servers[0].port)", "RPUSH", key.text, "a"]) }
        let all = RedisTarget(port: servers[0].port, lists: keys) { $0.keys.checked = [RedisKey(key: "jobs:*")] }
        let printed = try await rules(all)
        #expect(printed.contains(" +cluster|nodes "))
        #expect(!printed.contains("+select"))
        #expect(
            await examine(all).findings.first?.remedies.first
                == Remedy("redis-cli, on each node of the cluster", printed))
        for server in servers { try await makeUser(printed, server) }

        let probe = RedisTarget(port: servers[0].port, lists: keys) {
            $0.username = "stack-exporter"
            $0.password = Secret(value: Self.password)
            $0.keys.checked = [RedisKey(key: "jobs:*")]
        }
        for _ in 0..<2 {
            let outcome = await probe.scrape(within: .seconds(20)).outcome
            #expect(outcome.isUp)
            #expect(outcome.collectors.allSatisfy { $0.error == nil })
            #expect(outcome.omissions.isEmpty)
        }
        for server in servers { #expect(try await refusals(server) == "") }
        await all.shutdown()
        await probe.shutdown()
    }

    @Test func sentinelsAndTheirMaster() async throws {
        let server = try await RedisServer()
        let sentinel = try await RedisServer(watching: server)
        // Sentinels are asked as their default user.
        var settings = try RedisSettings(name: "test", address: "redis+sentinel://127.0.0.1:\(sentinel.port)/mymaster")
        let byName = RedisTarget(settings)
        try await makeUser(try await rules(byName), server)
        try await sentinel.cli("ACL", "SETUSER", "default", "-@all", "+acl")
        let refused = RedisTarget(settings)
        let remedy = Remedy(
            "redis-cli, on each sentinel", "ACL SETUSER default +sentinel|get-master-addr-by-name")
        #expect(await examine(refused).findings.flatMap(\.remedies) == [remedy])
        await refused.shutdown()
        let mended = try await run(["redis-cli", "-p", "\(sentinel.port)"], input: remedy.line).output
        #expect(mended == "OK\n")
        settings.username = "stack-exporter"
        settings.password = Secret(value: Self.password)
        let probe = RedisTarget(settings)
        #expect(await probe.scrape(within: .seconds(20)).outcome.isUp)
        #expect(try await refusals(server) == "")
        await byName.shutdown()
        await probe.shutdown()
    }

    @Test func aSentinelItself() async throws {
        let server = try await RedisServer()
        let sentinel = try await RedisServer(watching: server)
        func target(_ user: String? = nil) -> RedisTarget {
            var settings = RedisSettings(name: "test", address: .tcp(host: "127.0.0.1", port: sentinel.port))
            settings.username = user
            if user != nil { settings.password = Secret(value: Self.password) }
            return RedisTarget(
                settings, collectors: CollectorSelection(["redis_sentinel_config": true]),
                group: .singletonMultiThreadedEventLoopGroup)
        }
        let all = target()
        let printed = try await rules(all)
        for rule in ["masters", "sentinels", "slaves", "config"] { #expect(printed.contains("+sentinel|\(rule) ")) }
        let line = printed.replacingOccurrences(of: "<password>", with: Self.password)
        let made = try await run(["redis-cli", "-p", "\(sentinel.port)"], input: line).output
        #expect(made == "OK\n")
        let probe = target("stack-exporter")
        for _ in 0..<2 {
            let outcome = await probe.scrape(within: .seconds(20)).outcome
            #expect(outcome.isUp)
            #expect(outcome.collectors.allSatisfy { $0.error == nil })
            #expect(outcome.omissions.isEmpty, "\(outcome.omissions)")
        }
        #expect(try await sentinel.cli("ACL", "LOG").trimmingCharacters(in: .whitespacesAndNewlines) == "")
        await all.shutdown()
        await probe.shutdown()
    }
}
