import Exposition
import Foundation
import Lab
import NIOPosix
import Testing

@testable import Redis
@testable import Scraping

/// What real servers tell of themselves, beside what `redis-cli` is told by the same server.
@Suite(.startsServers, .timeLimit(.minutes(15))) struct ServerCollectorServerTests {
    private static let optional = ["redis_config_values": true, "redis_clients": true, "redis_rdb_file": true]

    private func settings(_ server: RedisServer) -> RedisSettings {
        RedisSettings(name: "test", address: .tcp(host: "127.0.0.1", port: server.port))
    }

    /// A target with all collectors.
    private func target(
        _ server: RedisServer, _ options: RedisServerOptions = RedisServerOptions(), onSocket: Bool = false
    ) -> RedisTarget {
        var settings = settings(server)
        settings.options = options
        if onSocket { settings.address = .unix(path: server.socket) }
        return RedisTarget(
            settings, collectors: CollectorSelection(Self.optional), group: MultiThreadedEventLoopGroup.singleton)
    }

    private func scrape(_ target: RedisTarget) async -> (outcome: ScrapeOutcome, families: [MetricFamily]) {
        let scrape = Scrape(until: Deadline(after: .seconds(5)))
        await target.run(scrape)
        scrape.finish()
        return scrape.harvest(target.collectors)
    }

    private func page(_ families: [MetricFamily]) -> String {
        var page: [UInt8] = []
        ExpositionFormat.text.encode(families, into: &page)
        return String(decoding: page, as: UTF8.self)
    }

    private func lines(_ text: String) -> [String] { text.split(separator: "\n").map(String.init) }

    @Test func aSpikeAndASlowCommand() async throws {
        let server = try await RedisServer(
            "--latency-monitor-threshold", "20", "--slowlog-log-slower-than", "20000", "--enable-debug-command", "yes")
        try await server.cli("DEBUG", "SLEEP", "0.05")
        let target = target(server)
        let series = await scrape(target).families.series
        let event = try #require(lines(try await server.cli("LATENCY", "LATEST")).first)
        let spike = lines(try await server.cli("LATENCY", "LATEST")).compactMap(Double.init)
        #expect(event == "command" && spike.count == 3)
        #expect(series["redis_latency_spike_last{event_name=\"command\"}"] == spike.first)
        let duration = try #require(series["redis_latency_spike_duration_seconds{event_name=\"command\"}"])
        #expect(duration == spike[1] / 1000)
        #expect(duration >= 0.05 && duration < 5)
        let slow = lines(try await server.cli("SLOWLOG", "GET", "1"))
        #expect(slow[3] == "DEBUG")
        #expect(series["redis_slowlog_length"] == 1)
        #expect(series["redis_slowlog_last_id"] == Double(slow[0]))
        let seconds = try #require(series["redis_last_slow_execution_duration_seconds"])
        #expect(seconds == (Double(slow[2]) ?? 0) / 1e6)
        #expect(seconds >= 0.05 && seconds < 5)
        await target.shutdown()
    }

    @Test func noPayloadGetsOut() async throws {
        let server = try await RedisServer(
            "--slowlog-log-slower-than", "0", "--requirepass", "", "--masterauth", "hunter2")
        try await server.cli("SET", "key", "hunter2")
        // From here on nothing is slow, so that this stays the last.
        try await server.cli("CONFIG", "SET", "slowlog-log-slower-than", "1000000")
        #expect(try await server.cli("SLOWLOG", "GET", "1").contains("hunter2"))
        let target = target(server)
        let page = page(await scrape(target).families)
        #expect(page.contains("\nredis_slowlog_last_id"))
        #expect(page.contains("redis_config_key_value{key=\"masteruser\",value=\"\"} 1\n"))
        #expect(!page.contains("hunter2"))
        await target.shutdown()
        var options = RedisServerOptions()
        options.redactsConfiguration = false
        let open = self.target(server, options)
        let families = await scrape(open).families
        #expect(self.page(families).contains("redis_config_key_value{key=\"masterauth\",value=\"hunter2\"} 1\n"))
        await open.shutdown()
    }

    @Test func latenciesOfEveryCommand() async throws {
        let server = try await RedisServer()
        try await server.cli("GEOADD", "places", "1", "2", "here")
        try await server.cli("GEORADIUS_RO", "places", "1", "2", "5", "km")
        try await server.cli("COMMAND", "COUNT")
        let target = target(server)
        let page = page(await scrape(target).families)
        for command in ["georadius_ro", "geoadd", "command|count"] {
            let histogram = lines(try await server.cli("LATENCY", "HISTOGRAM", command))
            let statistics = try await server.cli("INFO", "COMMANDSTATS")
            let microseconds = try #require(
                Info(Array(statistics.utf8)).lines.first { $0.field.text == "cmdstat_\(command)" }?.value.number(
                    of: "usec"))
            try #require(histogram.count == 6)
            let name = "redis_commands_latencies_usec"
            let own = lines(page).filter { $0.hasPrefix(name) && $0.contains("cmd=\"\(command)\"") }
            #expect(
                own == [
                    "\(name)_bucket{cmd=\"\(command)\",le=\"\(histogram[4])\"} 1",
                    "\(name)_bucket{cmd=\"\(command)\",le=\"+Inf\"} 1",
                    "\(name)_sum{cmd=\"\(command)\"} \(Int(microseconds))",
                    "\(name)_count{cmd=\"\(command)\"} 1",
                ])
        }
        await target.shutdown()
    }

    /// All there is to ask, in one trip, and nothing of it refused.
    @Test func oneTripWithoutErrors() async throws {
        let server = try await RedisServer()
        let target = target(server)
        _ = await scrape(target)
        let before = await scrape(target).families.series
        let (outcome, families) = await scrape(target)
        let after = families.series
        #expect(outcome.collectors.allSatisfy { $0.error == nil })
        #expect(after["redis_total_error_replies"] == 0)
        let reads = (after["redis_total_reads_processed"] ?? 0) - (before["redis_total_reads_processed"] ?? 0)
        #expect(reads == 1)
        await target.shutdown()
    }

    @Test func configurationAsConfigured() async throws {
        let server = try await RedisServer(
            "--maxclients", "500", "--maxmemory", "64mb", "--repl-backlog-size", "2mb",
            "--client-output-buffer-limit", "pubsub 32mb 8mb 61")
        let target = target(server)
        let series = await scrape(target).families.series
        #expect(series["redis_config_maxclients"] == 500)
        #expect(series["redis_config_maxmemory"] == 67_108_864)
        #expect(series["redis_config_repl_backlog_size"] == 2_097_152)
        #expect(series["redis_config_io_threads"] == 1)
        let limit = "redis_config_client_output_buffer_limit"
        #expect(series["\(limit)_bytes{class=\"pubsub\",limit=\"soft\"}"] == 8_388_608)
        #expect(series["\(limit)_overcome_seconds{class=\"pubsub\",limit=\"soft\"}"] == 61)
        // The server says all of it, name and value by turns.
        let all = try await server.cli("CONFIG", "GET", "*").split(separator: "\n", omittingEmptySubsequences: false)
        let shown = series.keys.filter { $0.hasPrefix("redis_config_key_value{") }
        #expect(shown.count == all.dropLast().count / 2 - 4)
        #expect(series["redis_config_value{key=\"maxclients\"}"] == 500)
        await target.shutdown()
    }

    @Test func aConfigCommandOfAnotherName() async throws {
        let server = try await RedisServer("--rename-command", "CONFIG", "hidden", "--databases", "3")
        var options = RedisServerOptions()
        options.configCommand = "hidden"
        let renamed = target(server, options)
        var series = await scrape(renamed).families.series
        #expect(series["redis_config_maxclients"] != nil)
        #expect(series["redis_db_keys{db=\"db2\"}"] == 0)
        #expect(series["redis_db_keys{db=\"db3\"}"] == nil)
        await renamed.shutdown()

        // Whoever asks for the wrong one, or for none, is refused nothing.
        for command in ["CONFIG", nil] {
            options.configCommand = command
            let target = target(server, options)
            series = await scrape(target).families.series
            #expect(series["redis_up"] == nil && series["redis_connected_clients"] != nil)
            #expect(series["redis_total_error_replies"] == 0)
            #expect(series["redis_db_keys{db=\"db15\"}"] == 0)
            #expect(!series.keys.contains { $0.hasPrefix("redis_config_") })
            await target.shutdown()
        }
    }

    @Test func everyClient() async throws {
        let server = try await RedisServer()
        func daemon(_ name: String, _ connection: String...) throws -> Daemon {
            let script = """
                { echo CLIENT SETNAME "$0"; echo BLPOP none 0; } | exec redis-cli "$@"
                """
            return try Daemon(
                ["bash", "-c", script, name] + connection, log: server.directory.path("\(name.count).log"))
        }
        let named = try daemon("a=b", "-h", "::1", "-p", "\(server.port)")
        let local = try daemon("uni", "-s", server.socket)
        #expect(
            try await eventually {
                let list = try await server.cli("CLIENT", "LIST")
                return lines(list).filter { $0.contains("cmd=blpop") }.count == 2
            })
        var options = RedisServerOptions()
        options.includesClientPorts = true
        let target = target(server, options)
        let series = await scrape(target).families.series
        let list = lines(try await server.cli("CLIENT", "LIST"))
        func id(_ name: String) throws -> String {
            let line = try #require(list.first { $0.contains(" name=\(name) ") })
            return String(line.dropFirst(3).prefix { $0 != " " })
        }
        let port = try #require(list.first { $0.contains("addr=[::1]:") }?.firstMatch(of: /addr=\[::1\]:([0-9]+)/)?.1)
        let created = Date.now.timeIntervalSince1970
        for (name, host, port, flags) in [("a=b", "[::1]", String(port), "b"), ("uni", "redis.sock", "0", "bU")] {
            let id = try id(name)
            let info = """
                redis_connected_client_info{db="0",flags="\(flags)",host="\(host)",id="\(id)",name="\(name)",\
                port="\(port)",resp="2",user="default"}
                """
            #expect(series[info] == 1, "\(series.keys.filter { $0.contains("client_info") })")
            let labels = "{id=\"\(id)\",name=\"\(name)\"}"
            let time = try #require(series["redis_connected_client_created_at_timestamp\(labels)"])
            #expect(abs(time - created) < 60)
            #expect((series["redis_connected_client_total_memory_consumed_bytes\(labels)"] ?? 0) > 1000)
        }
        #expect(series["redis_connected_clients"] == 3)
        #expect(series.keys.filter { $0.hasPrefix("redis_connected_client_info{") }.count == 3)
        await target.shutdown()
        named.stop()
        local.stop()
    }

    @Test(arguments: [false, true]) func theRDBFile(onSocket: Bool) async throws {
        let server = try await RedisServer("--dbfilename", "my dump.rdb")
        let target = target(server, onSocket: onSocket)
        let (outcome, families) = await scrape(target)
        #expect(families.series["redis_rdb_current_size_bytes"] == nil)
        #expect(outcome.collectors.first { $0.name == "redis_rdb_file" }?.error == nil)
        try await server.cli("SET", "key", String(repeating: "x", count: 100))
        try await server.cli("SAVE")
        let path = server.directory.path("my dump.rdb")
        let size = try #require(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
        #expect(size > 100)
        #expect(await scrape(target).families.series["redis_rdb_current_size_bytes"] == Double(size))
        await target.shutdown()
    }

    @Test func hitsOfARealServer() async throws {
        let server = try await RedisServer()
        var intervals = HitIntervals()
        let start = ContinuousClock.now
        func read(after seconds: Double) async throws -> Double? {
            let info = Info(Array(try await server.cli("INFO", "ALL").utf8))
            intervals.update(with: HitIntervals.Read(info), at: start.advanced(by: .seconds(seconds)))
            return intervals.ratio
        }
        try await server.cli("SET", "key", "x")
        #expect(try await read(after: 0) == nil)
        for key in ["key", "none", "key", "key"] { try await server.cli("GET", key) }
        #expect(try await read(after: 15) == 0.75)
        try await server.cli("CONFIG", "RESETSTAT")
        #expect(try await read(after: 30) == nil)
        try await server.cli("GET", "none")
        #expect(try await read(after: 45) == 0)
        try await server.stop()
        try await server.start()
        #expect(try await read(after: 60) == nil)
    }

    @Test func emptyDatabasesAreLeftOut() async throws {
        let server = try await RedisServer()
        try await server.cli("-n", "3", "SET", "key", "x")
        var options = RedisServerOptions()
        options.includesEmptyDatabases = false
        let target = target(server, options)
        let series = await scrape(target).families.series
        #expect(series.keys.filter { $0.hasPrefix("redis_db_keys{") } == ["redis_db_keys{db=\"db3\"}"])
        await target.shutdown()
    }
}
