import Exposition
import Lab
import NIOPosix
import Scraping
import Testing

@testable import Redis

struct ModulesTests {
    private let server = RedisFacts(Info(Array("redis_version:8.0.0\r\n".utf8)))

    /// The line of a Redis 8.0 and the fields of RediSearch's documentation; no server with that module was at hand.
    @Test func modulesAndTheirFields() throws {
        let info = """
            # Modules\r
            module:name=vectorset,ver=1,api=1,filters=0,usedby=[],using=[],options=[handle-io-errors|handle-repl-async-load]\r
            module:name=search,ver=80003,api=1,filters=1,usedby=[ReJSON|bf],using=[ReJSON],options=[]\r
            module:name=old,ver=2,api=1,filters=0\r
            \r
            # search_indexes\r
            search_number_of_indexes:3\r
            search_used_memory_indexes:15904\r
            search_used_memory_indexes_human:0.015167236328125\r
            # search_queries\r
            search_total_queries_processed:12\r

            """
        let replies = RedisReplies([RedisCommand("INFO", "MODULES"): .string(Array(info.utf8))])
        #expect(ModulesCollector().commands(server) == [RedisCommand("INFO", "MODULES")])
        let labels = "api=\"1\",filters="
        #expect(
            try ModulesCollector().families(replies, server).series == [
                "redis_module_info{\(labels)\"0\",name=\"vectorset\",usedby=\"[]\",using=\"[]\",ver=\"1\"}": 1,
                "redis_module_info{\(labels)\"1\",name=\"search\",usedby=\"[ReJSON|bf]\",using=\"[ReJSON]\",ver=\"80003\"}":
                    1,
                "redis_module_info{\(labels)\"0\",name=\"old\",usedby=\"\",using=\"\",ver=\"2\"}": 1,
                "redis_search_number_of_indexes": 3,
                "redis_search_used_memory_indexes_bytes": 15904,
                "redis_search_queries_processed_total": 12,
            ])
    }

    @Test func theCatalogueHasEachFieldWhereItComesFrom() {
        let modules = ModulesCollector().metrics
        let names = Set(modules.map(\.descriptor.name))
        #expect(
            names.isSuperset(of: ["redis_module_info", "redis_search_number_of_indexes", "redis_bf_bloom_num_objects"]))
        #expect(modules.allSatisfy { $0.source.hasPrefix("INFO MODULES ") })
        #expect(Tile38Collector().metrics.count == 19)
        #expect(Tile38Collector().metrics.allSatisfy { $0.source.hasPrefix("SERVER EXT tile38_") })
        let others = InfoCollector().metrics.map(\.descriptor.name)
        #expect(!others.contains { $0.hasPrefix("redis_tile38_") || $0.hasPrefix("redis_search_") })
        #expect(others.contains("redis_connected_clients"))
    }

    /// A field of each way to write a number, as Tile38's source writes them; no such server was at hand.
    @Test func tile38() throws {
        let fields = [
            "alloc_bytes", "2412312", "go_goroutines", "11", "tile38_aof_size", "4096", "tile38_avg_point_size", "16",
            "tile38_http_transport", "true", "tile38_read_only", "false", "tile38_id", "4f2e", "tile38_num_objects",
            "20",
            "sys_cpus", "4", "last_gc_time_seconds", "1.7952143e+09", "unpaired",
        ]
        let command = RedisCommand("SERVER EXT")
        #expect(Tile38Collector().commands(server) == [command])
        let replies = RedisReplies([command: .array(fields.map { .string(Array($0.utf8)) })])
        #expect(
            try Tile38Collector().families(replies, server).series == [
                "redis_tile38_mem_alloc_bytes": 2_412_312, "redis_tile38_go_goroutines_total": 11,
                "redis_tile38_aof_size_bytes": 4096, "redis_tile38_avg_item_size_bytes": 16,
                "redis_tile38_http_transport": 1, "redis_tile38_read_only": 0, "redis_tile38_num_objects_total": 20,
                "redis_tile38_cpus_total": 4, "redis_tile38_last_gc_time_seconds": 1_795_214_300,
            ])
    }
}

struct SearchTests {
    private let server = RedisFacts(Info(Array("redis_version:7.4.0\r\n".utf8)))
    private let list = RedisCommand("FT._LIST")
    private let first = RedisCommand("FT.INFO", "shop:idx")
    private let second = RedisCommand("FT.INFO", "users:idx")

    private func collector(_ pattern: String? = nil) throws -> SearchCollector {
        var settings = RedisSettings(name: "test", address: .unix(path: ""))
        if let pattern {
            let pattern: RegularExpression = try #require(RegularExpression(pattern))
            settings.options.searchIndexes = pattern
        }
        return SearchCollector(settings)
    }

    /// Fields as RediSearch 2.10's documentation has them, texts and numbers as it sends them by RESP2; no server with that
    /// module was at hand.
    private let info: [any Sendable] = [
        "index_name", "shop:idx", "num_docs", 2, "max_doc_id", 7, "num_terms", 15, "num_records", 30,
        "inverted_sz_mb", "0.5", "vector_index_sz_mb", "0", "total_inverted_index_blocks", 18,
        "doc_table_size_mb", "0.01532745361328125", "key_table_size_mb", "2.288818359375e-5",
        "total_index_memory_sz_mb", "0.015350341796875", "records_per_doc_avg", "15", "bytes_per_record_avg", "nan",
        "offset_bits_per_record_avg", "-nan", "hash_indexing_failures", 1, "indexing", 0, "percent_indexed", "0.75",
        "number_of_uses", 4, "cleaning", 0, "dialect_stats", "x",
    ]

    private var reply: RedisReply {
        .array(
            info.map { element in
                (element as? Int).map { .integer(Int64($0)) } ?? .string(Array("\(element)".utf8))
            })
    }

    private func names(_ names: String...) -> RedisReply { .array(names.map { .string(Array($0.utf8)) }) }

    @Test func figuresOfAnIndex() throws {
        let collector = try collector("^shop")
        var replies = RedisReplies([list: names("users:idx", "shop:idx")])
        #expect(collector.commands(server) == [list])
        #expect(collector.furtherCommands(replies, server) == [first])
        replies.add(reply, to: first)
        #expect(collector.furtherCommands(replies, server) == [first])
        let result = collector.result(replies, server)
        #expect(result.error == nil)
        let expected: [String: Double] = [
            "num_docs": 2, "max_doc_id": 7, "num_terms": 15, "num_records": 30, "inverted_size_bytes": 524_288,
            "vector_index_size_bytes": 0, "total_inverted_index_blocks": 18, "doc_table_size_bytes": 16072,
            "key_table_size_bytes": 24, "total_index_memory_size_bytes": 16096, "avg_per_doc_records": 15,
            "hash_indexing_failures": 1, "indexing": 0, "percent_indexed": 0.75, "number_of_uses_total": 4,
            "cleaning": 0,
        ]
        let series = Dictionary(
            uniqueKeysWithValues: expected.map { ("redis_search_index_\($0.key){index_name=\"shop:idx\"}", $0.value) })
        #expect(result.families.series == series)
        let uses = result.families.first { $0.descriptor.name == "redis_search_index_number_of_uses_total" }
        #expect(uses?.descriptor.type == .counter)
        #expect(result.families.filter { $0.descriptor.type == .counter }.count == 1)
    }

    @Test func anIndexThatIsNotReadLeavesTheOthers() throws {
        let collector = try collector()
        var replies = RedisReplies([list: names("users:idx", "shop:idx")])
        #expect(collector.furtherCommands(replies, server) == [first, second])
        replies.add(.error(Array("NOPERM this user has no permissions".utf8)), to: second)
        replies.add(reply, to: first)
        let result = collector.result(replies, server)
        #expect(result.error?.reason == .permission)
        #expect(result.families.series["redis_search_index_num_docs{index_name=\"shop:idx\"}"] == 2)
        #expect(!result.families.series.keys.contains { $0.contains("users") })
    }

    @Test func aServerWithoutTheModule() throws {
        let replies = RedisReplies([list: .error(Array("ERR unknown command 'FT._LIST'".utf8))])
        let result = try collector().result(replies, server)
        #expect(result.error?.reason == .unsupportedVersion)
        #expect(try collector().furtherCommands(replies, server).isEmpty)
        #expect(result.families.isEmpty)
    }

    @Test func patternsMatchAPartOfTheName() throws {
        #expect(try #require(RegularExpression("hop")).isFound(in: "shop:idx"))
        #expect(try #require(RegularExpression(".*")).isFound(in: ""))
        #expect(try #require(RegularExpression("^(shop|user)s?:")).isFound(in: "users:idx"))
        #expect(try #require(RegularExpression(#"\.idx$"#)).isFound(in: "a.idx"))
        #expect(try !#require(RegularExpression(#"\.idx$"#)).isFound(in: "a:idx"))
        // No pattern takes longer than the text is long, times what the pattern has.
        let start = ContinuousClock.now
        let name = String(repeating: "a", count: 1000) + "!"
        #expect(try !#require(RegularExpression("^(a+)+$")).isFound(in: name))
        #expect(start.duration(to: .now) < .seconds(20))
    }

    @Test(arguments: ["(", "a{2,1}", "[a", "*(", #"(a)\1"#, #"\d+"#, #"\\\d"#, "a\\"])
    func whatIsNoPattern(_ text: String) {
        #expect(RegularExpression(text) == nil)
    }
}

@Suite(.startsServers, .timeLimit(.minutes(15))) struct ModuleServersTests {
    /// What these collectors ask a server that has none of it is not asked twice, and is no error of the server's.
    @Test func aServerWithoutAnyOfIt() async throws {
        let server = try await RedisServer()
        let settings = RedisSettings(name: "test", address: .tcp(host: "127.0.0.1", port: server.port))
        let names = ["redis_modules", "redis_search", "redis_tile38"]
        let target = RedisTarget(
            settings, collectors: CollectorSelection(Dictionary(uniqueKeysWithValues: names.map { ($0, true) })),
            group: MultiThreadedEventLoopGroup.singleton)
        let scraped = await Scraped(target)
        let errors = Dictionary(uniqueKeysWithValues: scraped.outcome.collectors.map { ($0.name, $0.error?.reason) })
        #expect(errors["redis_modules"] == .some(nil))
        #expect(errors["redis_search"] == .some(.unsupportedVersion))
        #expect(errors["redis_tile38"] == .some(.unsupportedVersion))
        #expect(await Scraped(target).series["redis_total_error_replies"] == 0)
        await target.shutdown()
    }

    @Test(.enabled(if: RedisServer.versions.contains("redis-8")))
    func theModuleThatRedis8ComesWith() async throws {
        let server = try await RedisServer(version: "redis-8")
        let settings = RedisSettings(name: "test", address: .tcp(host: "127.0.0.1", port: server.port))
        let target = RedisTarget(
            settings, collectors: CollectorSelection(["redis_modules": true]),
            group: MultiThreadedEventLoopGroup.singleton)
        let modules = await Scraped(target).samples("redis_module_info").map(\.labels.description)
        #expect(modules == ["{api=\"1\",filters=\"0\",name=\"vectorset\",usedby=\"[]\",using=\"[]\",ver=\"1\"}"])
        await target.shutdown()
    }
}
