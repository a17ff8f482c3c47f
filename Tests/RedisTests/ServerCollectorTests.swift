import Exposition
import Scraping
import Testing

@testable import Redis

/// Collectors of what a server tells of itself, on what real servers have answered.
struct ServerCollectorTests {
    private let redis7 = Self.facts("redis_version:7.0.15\r\n")
    private let redis6 = Self.facts("redis_version:6.2.14\r\n")
    private let valkey8 = Self.facts("redis_version:7.2.4\r\nvalkey_version:8.1.1\r\n")
    private let sentinel = Self.facts("redis_version:7.0.15\r\nredis_mode:sentinel\r\n")

    private static func facts(_ info: String) -> RedisFacts { RedisFacts(Info(Array(info.utf8))) }

    /// A reply as it came over the wire.
    private func recorded(_ text: String) throws -> RedisReply {
        var reader = try ReplyReader()
        try Array(text.utf8).withUnsafeBytes { try reader.feed($0) }
        return try #require(try reader.next())
    }

    private func info(_ text: String) -> RedisReply { .string(Array(text.utf8)) }

    private func denied() -> RedisReply { .error(Array("NOPERM this user has no permissions".utf8)) }

    private func command(_ name: String, _ arguments: String...) -> RedisCommand {
        RedisCommand(name, arguments: arguments)
    }

    /// The lines of a page, without its help.
    private func page(_ families: [MetricFamily]) -> [String] {
        var page: [UInt8] = []
        ExpositionFormat.text.encode(families, into: &page)
        return String(decoding: page, as: UTF8.self).split(separator: "\n").map(String.init).filter {
            !$0.hasPrefix("# HELP")
        }
    }

    // MARK: Latency

    private static let latency = RedisCommand("LATENCY LATEST")

    @Test func spikes() throws {
        let text = "*1\r\n*4\r\n$7\r\ncommand\r\n:1795267100\r\n:20\r\n:20\r\n"
        let series = try LatencyCollector().families([Self.latency: recorded(text)], redis7).series
        #expect(
            series == [
                "redis_latency_spike_last{event_name=\"command\"}": 1_795_267_100,
                "redis_latency_spike_duration_seconds{event_name=\"command\"}": 0.02,
            ])
    }

    /// Valkey has sum and count behind; Redis 8 had two events.
    @Test func spikesOfOtherServers() throws {
        let valkey = "*1\r\n*6\r\n$7\r\ncommand\r\n:1795267190\r\n:10\r\n:11\r\n:21\r\n:2\r\n"
        let duration = "redis_latency_spike_duration_seconds{event_name=\"command\"}"
        #expect(try LatencyCollector().families([Self.latency: recorded(valkey)], valkey8).series[duration] == 0.01)
        let redis8 = """
            *2\r\n*4\r\n$18\r\nmodule-acquire-GIL\r\n:1795267806\r\n:1\r\n:1\r\n\
            *4\r\n$7\r\ncommand\r\n:1795267799\r\n:1\r\n:10\r\n
            """
        let series = try LatencyCollector().families([Self.latency: recorded(redis8)], redis7).series
        #expect(series.count == 4)
        #expect(series["redis_latency_spike_last{event_name=\"module-acquire-GIL\"}"] == 1_795_267_806)
        let none = try LatencyCollector().families([Self.latency: recorded("*0\r\n")], redis7)
        #expect(none.allSatisfy { $0.samples.isEmpty })
    }

    /// What `LATENCY HISTOGRAM` and the command statistics of one server said. redis_exporter has 0 as the sum of a
    /// command with `_` in its name, and adds the times of `command|docs` and `command|info` to those of `command`.
    @Test func histogram() throws {
        let histogram = """
            *8\r\n$12\r\ngeoradius_ro\r\n*4\r\n$5\r\ncalls\r\n:1\r\n$14\r\nhistogram_usec\r\n*2\r\n:33\r\n:1\r\n\
            $7\r\ncommand\r\n*4\r\n$5\r\ncalls\r\n:2\r\n$14\r\nhistogram_usec\r\n*2\r\n:1056\r\n:2\r\n\
            $14\r\nclient|setname\r\n*4\r\n$5\r\ncalls\r\n:4\r\n$14\r\nhistogram_usec\r\n\
            *6\r\n:1\r\n:1\r\n:2\r\n:2\r\n:4\r\n:4\r\n\
            $4\r\nlate\r\n*4\r\n$5\r\ncalls\r\n:1\r\n$14\r\nhistogram_usec\r\n*2\r\n:33\r\n:1\r\n
            """
        let statistics = """
            # Commandstats\r
            cmdstat_client|setname:calls=4,usec=9,usec_per_call=2.25,rejected_calls=0,failed_calls=0\r
            cmdstat_command:calls=2,usec=1678,usec_per_call=839.00,rejected_calls=0,failed_calls=0\r
            cmdstat_command|docs:calls=2,usec=1660,usec_per_call=830.00,rejected_calls=0,failed_calls=0\r
            cmdstat_command|info:calls=1,usec=27,usec_per_call=27.00,rejected_calls=0,failed_calls=0\r
            cmdstat_georadius_ro:calls=1,usec=27,usec_per_call=27.00,rejected_calls=0,failed_calls=0\r
            """
        let families = try LatencyHistogramCollector().families(
            [.info: info(statistics), RedisCommand("LATENCY HISTOGRAM"): recorded(histogram)], redis7)
        #expect(
            page(families) == [
                "# TYPE redis_commands_latencies_usec histogram",
                "redis_commands_latencies_usec_bucket{cmd=\"georadius_ro\",le=\"33\"} 1",
                "redis_commands_latencies_usec_bucket{cmd=\"georadius_ro\",le=\"+Inf\"} 1",
                "redis_commands_latencies_usec_sum{cmd=\"georadius_ro\"} 27",
                "redis_commands_latencies_usec_count{cmd=\"georadius_ro\"} 1",
                "redis_commands_latencies_usec_bucket{cmd=\"command\",le=\"1056\"} 2",
                "redis_commands_latencies_usec_bucket{cmd=\"command\",le=\"+Inf\"} 2",
                "redis_commands_latencies_usec_sum{cmd=\"command\"} 1678",
                "redis_commands_latencies_usec_count{cmd=\"command\"} 2",
                "redis_commands_latencies_usec_bucket{cmd=\"client|setname\",le=\"1\"} 1",
                "redis_commands_latencies_usec_bucket{cmd=\"client|setname\",le=\"2\"} 2",
                "redis_commands_latencies_usec_bucket{cmd=\"client|setname\",le=\"4\"} 4",
                "redis_commands_latencies_usec_bucket{cmd=\"client|setname\",le=\"+Inf\"} 4",
                "redis_commands_latencies_usec_sum{cmd=\"client|setname\"} 9",
                "redis_commands_latencies_usec_count{cmd=\"client|setname\"} 4",
            ])
    }

    @Test func histogramsBeginWithRedis7() {
        #expect(LatencyHistogramCollector().commands(redis6).isEmpty)
        #expect(LatencyHistogramCollector().commands(redis7).count == 2)
    }

    // MARK: Logs

    private static let length = RedisCommand("SLOWLOG LEN")
    private static let last = RedisCommand("SLOWLOG GET", 1)

    @Test func slowlog() throws {
        let entry = """
            *1\r\n*6\r\n:30\r\n:1795267848\r\n:20119\r\n*3\r\n$5\r\nDEBUG\r\n$5\r\nsleep\r\n$4\r\n0.02\r\n\
            $15\r\n127.0.0.1:35170\r\n$0\r\n\r\n
            """
        let result = SlowlogCollector().result([Self.length: .integer(32), Self.last: try recorded(entry)], redis7)
        #expect(result.error == nil)
        #expect(
            result.families.series == [
                "redis_slowlog_length": 32, "redis_slowlog_last_id": 30,
                "redis_last_slow_execution_duration_seconds": 0.020119,
            ])
    }

    @Test func anEmptySlowlog() throws {
        let result = SlowlogCollector().result([Self.length: .integer(0), Self.last: .array([])], redis7)
        #expect(result.families.series["redis_slowlog_last_id"] == 0)
        #expect(result.families.series["redis_last_slow_execution_duration_seconds"] == 0)
    }

    @Test func aSlowlogThatMayBeReadInPart() throws {
        let result = SlowlogCollector().result([Self.length: .integer(3), Self.last: denied()], redis7)
        #expect(result.families.series == ["redis_slowlog_length": 3])
        #expect(result.error?.reason == .permission)
        let odd = RedisReply.array([.array([.string(Array("hunter2".utf8)), .integer(1), .integer(2)])])
        let other = SlowlogCollector().result([Self.length: denied(), Self.last: odd], redis7)
        #expect(other.families.isEmpty)
        #expect(other.error?.detail.contains("hunter2") == false)
    }

    @Test func commandlog() throws {
        let commandlog = CommandlogCollector(RedisServerOptions())
        #expect(commandlog.commands(redis7).isEmpty)
        #expect(commandlog.commands(Self.facts("redis_version:7.2.4\r\nvalkey_version:8.0.3\r\n")).isEmpty)
        let commands = commandlog.commands(valkey8)
        try #require(commands.count == 4)
        let configuration = RedisReply.array(
            [
                "commandlog-execution-slower-than", "10000", "commandlog-large-reply-max-len", "128",
                "commandlog-large-request-max-len", "127", "commandlog-reply-larger-than", "1048576",
                "commandlog-request-larger-than", "-1", "commandlog-slow-execution-max-len", "126",
            ].map { .string(Array($0.utf8)) })
        let replies = RedisReplies([
            commands[0]: .integer(9), commands[1]: .integer(0), commands[2]: .integer(2), commands[3]: configuration,
        ])
        let result = commandlog.result(replies, valkey8)
        #expect(result.error == nil)
        #expect(
            result.families.series == [
                "redis_commandlog_slow_length": 9, "redis_commandlog_large_request_length": 0,
                "redis_commandlog_large_reply_length": 2, "redis_commandlog_execution_slower_than": 10000,
                "redis_commandlog_slow_execution_max_len": 126, "redis_commandlog_request_larger_than": -1,
                "redis_commandlog_large_request_max_len": 127, "redis_commandlog_reply_larger_than": 1_048_576,
                "redis_commandlog_large_reply_max_len": 128,
            ])
    }

    // MARK: Configuration

    private static let parameters = """
        *12\r\n$9\r\nmaxmemory\r\n$1\r\n0\r\n$26\r\nclient-output-buffer-limit\r\n\
        $67\r\nnormal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60\r\n\
        $10\r\nmaxclients\r\n$5\r\n10000\r\n$10\r\nio-threads\r\n$1\r\n1\r\n\
        $17\r\nrepl-backlog-size\r\n$7\r\n1048576\r\n$9\r\ndatabases\r\n$2\r\n16\r\n
        """

    @Test func configuration() throws {
        let collector = ConfigurationCollector(RedisServerOptions())
        let command = try #require(collector.commands(redis7).first)
        let families = try collector.families([command: recorded(Self.parameters)], redis7)
        let limit = "redis_config_client_output_buffer_limit_bytes"
        let patience = "redis_config_client_output_buffer_limit_overcome_seconds"
        #expect(
            families.series == [
                "redis_config_maxmemory": 0, "redis_config_maxclients": 10000, "redis_config_io_threads": 1,
                "redis_config_repl_backlog_size": 1_048_576,
                "\(limit){class=\"normal\",limit=\"hard\"}": 0, "\(limit){class=\"normal\",limit=\"soft\"}": 0,
                "\(limit){class=\"slave\",limit=\"hard\"}": 268_435_456,
                "\(limit){class=\"slave\",limit=\"soft\"}": 67_108_864,
                "\(limit){class=\"pubsub\",limit=\"hard\"}": 33_554_432,
                "\(limit){class=\"pubsub\",limit=\"soft\"}": 8_388_608,
                "\(patience){class=\"normal\",limit=\"soft\"}": 0, "\(patience){class=\"slave\",limit=\"soft\"}": 60,
                "\(patience){class=\"pubsub\",limit=\"soft\"}": 60,
            ])
    }

    @Test func oneCommandForAllThatNeedTheConfiguration() {
        let options = RedisServerOptions()
        let wanted = InfoCollector(options).commands(redis7) + ConfigurationCollector(options).commands(redis7)
        #expect(Set(wanted).count == 2)
        // Before Redis 7 it takes one name.
        let one = ConfigurationCollector(options).commands(redis6)
        #expect(one.count == 6)
        #expect(one.contains(command("CONFIG GET", "io-threads")))
        #expect(one.allSatisfy { $0.isOptional })
    }

    @Test func configurationOfRedis6() throws {
        let collector = ConfigurationCollector(RedisServerOptions())
        var replies: [RedisCommand: RedisReply] = [:]
        for command in collector.commands(redis6) { replies[command] = .array([]) }
        replies[command("CONFIG GET", "maxclients")] = try recorded("*2\r\n$10\r\nmaxclients\r\n$4\r\n4064\r\n")
        #expect(try collector.families(RedisReplies(replies), redis6).series == ["redis_config_maxclients": 4064])
    }

    @Test func aConfigCommandOfAnotherNameOrNone() {
        var options = RedisServerOptions()
        options.configCommand = "hidden"
        #expect(ConfigurationCollector(options).commands(redis7).map(\.serverName) == ["hidden GET"])
        #expect(InfoCollector(options).commands(redis7).map(\.serverName) == ["INFO", "hidden GET"])
        // The name that was given to it may be a secret, and no rule of an ACL knows it.
        let refusal = CollectorError(
            Array("NOPERM this user has no permissions".utf8), to: ConfigurationCollector(options).commands(redis7)[0])
        #expect(refusal.detail.contains("+config|get") && !refusal.detail.contains("hidden"))
        options.configCommand = nil
        #expect(ConfigurationCollector(options).commands(redis7).isEmpty)
        #expect(ConfigurationValuesCollector(options).commands(redis7).isEmpty)
        #expect(InfoCollector(options).commands(redis7) == [.info])
        #expect(CommandlogCollector(options).commands(valkey8).count == 3)
    }

    @Test func theWholeConfigurationWithoutPasswords() throws {
        let names = [
            "requirepass", "masterauth", "primaryauth", "tls-key-file-pass", "tls-client-key-file-pass",
            "some.module-TOKEN",
        ]
        var pairs = ["maxmemory", "0", "save", "3600 1", "masteruser", "repl", "tls-auth-clients", "yes", "hz", "nan"]
        for name in names { pairs += [name, "hunter2"] }
        let reply = RedisReply.array(pairs.map { .string(Array($0.utf8)) })
        var options = RedisServerOptions()
        let all = command("CONFIG GET", "*")
        let families = try ConfigurationValuesCollector(options).families([all: reply], redis7)
        #expect(
            Set(page(families).filter { !$0.hasPrefix("#") }) == [
                "redis_config_key_value{key=\"maxmemory\",value=\"0\"} 1", "redis_config_value{key=\"maxmemory\"} 0",
                "redis_config_key_value{key=\"save\",value=\"3600 1\"} 1",
                "redis_config_key_value{key=\"masteruser\",value=\"repl\"} 1",
                "redis_config_key_value{key=\"tls-auth-clients\",value=\"yes\"} 1",
                "redis_config_key_value{key=\"hz\",value=\"nan\"} 1",
            ])
        options.redactsConfiguration = false
        let open = try ConfigurationValuesCollector(options).families([all: reply], redis7).series
        #expect(open["redis_config_key_value{key=\"requirepass\",value=\"hunter2\"}"] == 1)
    }

    // MARK: Clients

    private static let clients = """
        id=17 addr=/run/my redis/s.sock:0 laddr=/run/my redis/s.sock:0 fd=9 name=uni age=0 idle=0 flags=bU db=0 sub=0 \
        psub=0 ssub=0 multi=-1 qbuf=0 qbuf-free=20474 argv-mem=13 multi-mem=0 rbs=1024 rbp=0 obl=0 oll=0 omem=0 \
        tot-mem=22309 events=r cmd=blpop user=default redir=-1 resp=2
        id=18 addr=[::1]:41486 laddr=[::1]:7961 fd=11 name=a=b age=10 idle=3 flags=b db=2 sub=1 psub=2 ssub=3 multi=-1 \
        watch=4 qbuf=5 qbuf-free=6 argv-mem=13 multi-mem=0 rbs=1024 rbp=0 obl=7 oll=8 omem=9 tot-mem=22310 events=r \
        cmd=blpop user=app redir=-1 resp=3 lib-name= lib-ver=
        id=7 addr=127.0.0.1:37210 laddr=127.0.0.1:7962 fd=9 name= age=0 idle=0 flags=N db=0 sub=0 psub=0 multi=-1 \
        qbuf=26 qbuf-free=32744 argv-mem=10 obl=0 oll=0 omem=0 tot-mem=49810 events=r cmd=client user=default redir=-1

        """

    private func clients(
        _ text: String, _ options: RedisServerOptions = RedisServerOptions()
    ) throws -> [String: Double] {
        try ClientsCollector(options).families(
            [
                .info: info("server_time_usec:1795267500999999\r\n"),
                RedisCommand("CLIENT LIST"): .string(Array(text.utf8)),
            ], redis7
        ).series
    }

    /// Recorded from 7.0.15 and 6.2, with some of the zeros made other numbers.
    @Test func everyClient() throws {
        var options = RedisServerOptions()
        options.includesClientPorts = true
        let series = try clients(Self.clients, options)
        let info = series.keys.filter { $0.hasPrefix("redis_connected_client_info") }
        #expect(
            Set(info) == [
                """
                redis_connected_client_info{db="0",flags="bU",host="/run/my redis/s.sock",id="17",name="uni",port="0",\
                resp="2",user="default"}
                """,
                """
                redis_connected_client_info{db="2",flags="b",host="[::1]",id="18",name="a=b",port="41486",resp="3",\
                user="app"}
                """,
                """
                redis_connected_client_info{db="0",flags="N",host="127.0.0.1",id="7",name="",port="37210",\
                user="default"}
                """,
            ])
        let expected: [String: Double] = [
            "output_buffer_memory_usage_bytes": 9, "total_memory_consumed_bytes": 22310,
            "created_at_timestamp": 1_795_267_490, "idle_since_timestamp": 1_795_267_497,
            "channel_subscriptions_count": 1, "pattern_matching_subscriptions_count": 2,
            "query_buffer_length_bytes": 5, "query_buffer_free_space_bytes": 6, "output_buffer_length_bytes": 7,
            "output_list_length": 8, "shard_channel_subscriptions_count": 3, "shard_channel_watched_keys": 4,
        ]
        for (name, value) in expected {
            #expect(series["redis_connected_client_\(name){id=\"18\",name=\"a=b\"}"] == value, "\(name)")
        }
        #expect(series.count == 3 + 12 + 11 + 10)
        #expect(series["redis_connected_client_shard_channel_watched_keys{id=\"17\",name=\"uni\"}"] == nil)
    }

    @Test func portsOnlyWhereTheyAreWanted() throws {
        let series = try clients(Self.clients)
        #expect(series.count == 36)
        #expect(!series.keys.contains { $0.contains("port=") })
    }

    /// No name passes for a field, whatever is in it.
    @Test func aNameThatLooksLikeFields() throws {
        let series = try clients(
            "id=1 addr=10.0.0.1:1 fd=8 name=x id=2 flags=Z age=7 y age=5 idle=1 flags=N db=0 user=u v\n\nnothing\n")
        let name = "x id=2 flags=Z age=7 y"
        #expect(
            series == [
                "redis_connected_client_info{db=\"0\",flags=\"N\",host=\"10.0.0.1\",id=\"1\",name=\"\(name)\",user=\"u v\"}":
                    1,
                "redis_connected_client_created_at_timestamp{id=\"1\",name=\"\(name)\"}": 1_795_267_495,
                "redis_connected_client_idle_since_timestamp{id=\"1\",name=\"\(name)\"}": 1_795_267_499,
            ])
    }

    // MARK: Where there is nothing to collect

    @Test func aSentinelHasNoneOfThese() {
        var settings = RedisSettings(name: "", address: .unix(path: "/"))
        settings.options.includesClientPorts = true
        let names = [
            "redis_hit_ratio", "redis_latency", "redis_latency_histogram", "redis_slowlog", "redis_commandlog",
            "redis_config", "redis_config_values", "redis_rdb_file",
        ]
        let collectors = RedisCollectors.all(settings).filter { names.contains($0.name) }
        #expect(collectors.count == names.count)
        #expect(collectors.allSatisfy { $0.commands(sentinel).isEmpty })
    }

    @Test func noNameTwice() {
        let options = RedisServerOptions()
        let collectors: [any RedisCollector] = [
            InfoCollector(options), HitRatioCollector(), LatencyCollector(), LatencyHistogramCollector(),
            SlowlogCollector(), CommandlogCollector(options), ConfigurationCollector(options),
            ConfigurationValuesCollector(options), ClientsCollector(options),
            RDBFileCollector(RedisSettings(name: "", address: .unix(path: "/"))),
        ]
        let names =
            collectors.flatMap { $0.metrics.map(\.descriptor.name) } + RedisTarget.statusMetrics.map(\.descriptor.name)
        #expect(Set(names).count == names.count)
    }

    @Test func whatIsOffByDefault() {
        let off = RedisCollectors.catalogue.filter { !$0.isEnabledByDefault }.map(\.name)
        #expect(Set(off).isSuperset(of: ["redis_config_values", "redis_clients", "redis_rdb_file"]))
    }

    @Test func anRDBFileIsLookedAtOnThisMachineAlone() {
        func asks(_ address: RedisSettings.Address) -> Bool {
            !RDBFileCollector(RedisSettings(name: "", address: address)).commands(redis7).isEmpty
        }
        #expect(asks(.unix(path: "/s")) && asks(.tcp(host: "localhost", port: 1)) && asks(.tcp(host: "::1", port: 1)))
        #expect(asks(.tcp(host: "127.0.0.2", port: 1)))
        #expect(!asks(.tcp(host: "10.0.0.1", port: 1)) && !asks(.tcp(host: "127.example.org", port: 1)))
    }
}

/// The ratio over intervals, at times of our own.
struct HitIntervalsTests {
    private let start = ContinuousClock.now

    private func read(_ hits: Double, _ misses: Double, runID: String = "a") -> HitIntervals.Read {
        HitIntervals.Read(runID: runID, hits: hits, misses: misses)
    }

    private func ratios(_ reads: [(seconds: Double, read: HitIntervals.Read?)]) -> [Double?] {
        var intervals = HitIntervals()
        return reads.map { seconds, read in
            intervals.update(with: read, at: start.advanced(by: .seconds(seconds)))
            return intervals.ratio
        }
    }

    @Test func ofEachIntervalAlone() {
        let reads = [(0.0, read(1000, 0)), (15, read(1003, 1)), (30, read(1003, 5)), (45, read(1013, 5))]
        #expect(ratios(reads) == [nil, 0.75, 0, 1])
    }

    @Test func absentWhileNobodyLooksAnythingUp() {
        #expect(ratios([(0, read(5, 5)), (15, read(6, 5)), (30, read(6, 5))]) == [nil, 1, nil])
    }

    /// The second Prometheus sees the same intervals as the first.
    @Test func twoWhoScrapeInTurn() {
        let reads = [(0.0, read(0, 0)), (1, read(1, 0)), (15, read(1, 3)), (16, read(9, 3)), (30, read(9, 3))]
        #expect(ratios(reads) == [nil, nil, 0.25, 0.25, 1])
    }

    @Test func afterARestartAndAReset() {
        let restarted = [
            (0.0, read(9, 9)), (15, read(10, 9)), (30, read(20, 20, runID: "b")), (45, read(21, 21, runID: "b")),
        ]
        #expect(ratios(restarted) == [nil, 1, nil, 0.5])
        // A reset shows at once, also in the middle of an interval.
        #expect(ratios([(0, read(9, 9)), (15, read(10, 9)), (16, read(0, 1)), (31, read(1, 1))]) == [nil, 1, nil, 1])
    }

    @Test func aServerThatDoesNotCount() {
        #expect(HitIntervals.Read(Info(Array("keyspace_hits:1\r\n".utf8))) == nil)
        #expect(ratios([(0, read(9, 9)), (15, nil), (30, read(10, 9)), (45, read(11, 10))]) == [nil, nil, nil, 0.5])
    }
}

extension RedisCollector {
    fileprivate func families(
        _ replies: [RedisCommand: RedisReply], _ server: RedisFacts
    ) throws -> [MetricFamily] {
        try families(RedisReplies(replies), server)
    }

    fileprivate func result(_ replies: [RedisCommand: RedisReply], _ server: RedisFacts) -> CollectorResult {
        result(RedisReplies(replies), server)
    }
}
