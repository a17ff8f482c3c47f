import Lab
import NIOPosix
import Scraping
import Testing

@testable import Redis

@Suite(.startsServers, .timeLimit(.minutes(15))) struct ScriptsTests {
    private let scripts = [
        "values.lua": "return {'jobs', tostring(redis.call('LLEN', 'jobs')), 'ratio', '0.25', 'whole', 7}",
        "call.lua": "return {'keys', #KEYS, 'arguments', #ARGV, 'first', ARGV[1]}",
        "none.lua": "return {}",
        "nothing.lua": "return nil",
        "text.lua": "return {'good', '1', 'bad', 'no number'}",
        "odd.lua": "return {'good', '1', 'bad'}",
        "flat.lua": "return 5",
        "broken.lua": "return redis.call('LLEN')",
        "syntax.lua": "retur 1",
    ]

    private func target(
        _ server: RedisServer, _ scripts: [String: String], readOnly: Bool = false, database: Int = 0
    ) -> RedisTarget {
        var settings = RedisSettings(name: "test", address: .tcp(host: "127.0.0.1", port: server.port))
        settings.database = database
        settings.options.scripts = scripts.sorted { $0.key < $1.key }.map { .init(fileName: $0.key, text: $0.value) }
        settings.options.runsScriptsReadOnly = readOnly
        return RedisTarget(settings, group: MultiThreadedEventLoopGroup.singleton)
    }

    @Test(arguments: [false, true])
    func whatScriptsReply(readOnly: Bool) async throws {
        let server = try await RedisServer()
        try await server.cli("-n", "3", "RPUSH", "jobs", "a", "b")
        let target = target(server, scripts, readOnly: readOnly, database: 3)
        let scraped = await Scraped(target)
        let results = scraped.series.filter { $0.key.hasPrefix("redis_script_result") }
        #expect(
            results == [
                "redis_script_result{filename=\"values.lua\"}": 1, "redis_script_result{filename=\"call.lua\"}": 1,
                "redis_script_result{filename=\"none.lua\"}": 2, "redis_script_result{filename=\"nothing.lua\"}": 2,
                "redis_script_result{filename=\"text.lua\"}": 0, "redis_script_result{filename=\"odd.lua\"}": 0,
                "redis_script_result{filename=\"flat.lua\"}": 0, "redis_script_result{filename=\"broken.lua\"}": 0,
                "redis_script_result{filename=\"syntax.lua\"}": 0,
            ])
        let values = scraped.series.filter { $0.key.hasPrefix("redis_script_values") }
        #expect(
            values == [
                "redis_script_values{filename=\"values.lua\",key=\"jobs\"}": 2,
                "redis_script_values{filename=\"values.lua\",key=\"ratio\"}": 0.25,
                "redis_script_values{filename=\"values.lua\",key=\"whole\"}": 7,
                "redis_script_values{filename=\"call.lua\",key=\"keys\"}": 0,
                "redis_script_values{filename=\"call.lua\",key=\"arguments\"}": 1,
                "redis_script_values{filename=\"call.lua\",key=\"first\"}": 0,
                "redis_script_values{filename=\"text.lua\",key=\"good\"}": 1,
                "redis_script_values{filename=\"odd.lua\",key=\"good\"}": 1,
            ])
        // The scrape as a whole is well, and the failure says whose it is and nothing of the script's text.
        #expect(scraped.outcome.isUp)
        #expect(scraped.series["redis_up"] == 1)
        #expect(scraped.series["redis_exporter_last_scrape_error{err=\"\"}"] == 0)
        let error = scraped.outcome.collectors.first { $0.name == "redis_scripts" }?.error
        #expect(error?.detail.contains("script broken.lua: \(readOnly ? "EVAL_RO" : "EVAL") was answered") == true)
        #expect(scraped.outcome.collectors.filter { $0.name != "redis_scripts" }.allSatisfy { $0.error == nil })
        await target.shutdown()
    }

    @Test func aScriptThatWritesIsRefusedWhereScriptsOnlyRead() async throws {
        let server = try await RedisServer()
        let writer = ["write.lua": "redis.call('SET', 'written', '1') return {'written', '1'}"]
        let reading = target(server, writer, readOnly: true)
        #expect(await Scraped(reading).series["redis_script_result{filename=\"write.lua\"}"] == 0)
        #expect(try await server.cli("EXISTS", "written").hasPrefix("0"))
        await reading.shutdown()
        let writing = target(server, writer)
        #expect(await Scraped(writing).series["redis_script_result{filename=\"write.lua\"}"] == 1)
        #expect(try await server.cli("EXISTS", "written").hasPrefix("1"))
        await writing.shutdown()
    }

    @Test func aScriptThatFailsOnceIsRunAgain() async throws {
        let server = try await RedisServer()
        try await server.cli("SET", "jobs", "x")
        let target = target(server, ["jobs.lua": "return {'jobs', redis.call('LLEN', 'jobs')}"])
        let name = "redis_script_result{filename=\"jobs.lua\"}"
        #expect(await Scraped(target).series[name] == 0)
        try await server.cli("DEL", "jobs")
        let scraped = await Scraped(target)
        #expect(scraped.series[name] == 1)
        #expect(scraped.series["redis_script_values{filename=\"jobs.lua\",key=\"jobs\"}"] == 0)
        await target.shutdown()
    }

    @Test func aScriptThatTakesTooLongLeavesTheRest() async throws {
        let server = try await RedisServer()
        let target = target(server, ["endless.lua": "while true do end", "never.lua": "return {'a', 1}"])
        let scraped = await Scraped(target, within: .seconds(5))
        #expect(scraped.outcome.isUp)
        #expect(scraped.series["redis_connected_clients"] == 1)
        #expect(!scraped.series.keys.contains { $0.hasPrefix("redis_script") })
        #expect(scraped.outcome.collectors.first { $0.name == "redis_scripts" }?.error?.reason == .timeout)
        #expect(scraped.outcome.collectors.first { $0.name == "redis_info" }.map { $0.error == nil } == true)
        await target.shutdown()
    }

    @Test func scriptsAreNotRunToWriteWhereTheServerCannotRunThemReadOnly() throws {
        var settings = RedisSettings(name: "test", address: .unix(path: ""))
        settings.options.scripts = [.init(fileName: "a.lua", text: "return {}")]
        settings.options.runsScriptsReadOnly = true
        let collector = ScriptsCollector(settings)
        let old = RedisFacts(Info(Array("redis_version:6.2.7\r\n".utf8)))
        #expect(collector.commands(old) == [.info])
        #expect(collector.furtherCommands(RedisReplies([.info: .string([])]), old).isEmpty)
        let result = collector.result(RedisReplies([.info: .string([])]), old)
        #expect(result.error?.reason == .unsupportedVersion)
        #expect(result.families.isEmpty)
        #expect(ScriptsCollector(RedisSettings(name: "test", address: .unix(path: ""))).commands(old).isEmpty)
    }
}
