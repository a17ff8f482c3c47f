import Foundation
import Lab
import Testing

/// The status page in a browser, beside servers that have something to do.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct StatusPageTests {
    @Test func aBrowserShowsWhatTheMetricsTell() async throws {
        let postgres = try await PostgresServer()
        let redis = try await RedisServer("--maxmemory", "64mb")
        let secret = "SELECT 'what nobody is to see', pg_sleep(600)"
        let session = try postgres.session(secret)
        defer { session.stop() }
        try await redis.cli("EVAL", "for i = 1, 700 do redis.call('SET', 'hidden-key-' .. i, i) end", "0")
        let message = #"{"headers":{"id":"1","timestamp":1700000000}}"#
        for _ in 0..<7 { try await redis.cli("LPUSH", "mail", message) }
        let exporter = try await Exporter([
            "DATABASE_URL": postgres.connectionString(), "REDIS_ADDR": "127.0.0.1:\(redis.port)",
            "STACK_EXPORTER_REDIS_QUEUES_CELERY": "mail",
        ])
        let metrics = try await exporter.page { ($0.all("pg_longest_query_seconds").values.max() ?? 0) > 0 }
        let visit = try await Chromium.visit("http://127.0.0.1:\(exporter.port)/")
        #expect(visit.console == [])
        #expect(visit.title == "up · stack-exporter")
        #expect(visit.document.contains("All 4 targets are up"))

        #expect(visit.numbers("Keys") == [metrics.all("redis_db_keys").values.reduce(0, +)])
        #expect(visit.numbers("Keys") == [701])
        #expect(
            visit.row("mail").first
                == metrics["queue_depth", ["queue": "mail", "state": "waiting", "system": "celery"]])
        #expect(visit.row("mail").first == 7)
        #expect(visit.numbers("Size of all databases") == [metrics.all("pg_database_size_bytes").values.reduce(0, +)])
        #expect(visit.numbers("Blocked sessions") == [])
        #expect(try #require(visit.numbers("Longest query").first) > 0)
        #expect(visit.document.contains(" of 30<"))
        #expect(visit.document.contains(" of 64 MiB<"))
        #expect(!visit.document.contains("hidden-key"))
        #expect(!visit.document.contains("nobody is to see"))

        // The browser does say what it does not like: without that, silence would prove nothing.
        let page = "<style>p{color:red}</style><meta http-equiv=Content-Security-Policy content=style-src>"
        let other = try await Chromium.visit(
            "data:text/html,\(page)<p style=color:red>x<script>console.error('seen')</script>")
        #expect(other.console.contains { $0.contains("seen") })
        #expect(other.console.contains { $0.contains("Content Security Policy") })
    }

    @Test func whoeverHangsIsShownAsDownWithTheReason() async throws {
        let redis = try await RedisServer()
        let exporter = try await Exporter(["REDIS_ADDR": "127.0.0.1:\(redis.port)"])
        #expect(try await exporter.page()["redis_up"] == 1)
        redis.signal(SIGSTOP)
        defer { redis.signal(SIGCONT) }
        #expect(try await exporter.page(within: 2)["redis_up"] == 0)
        let visit = try await Chromium.visit("http://127.0.0.1:\(exporter.port)/")
        #expect(visit.console == [])
        #expect(visit.title == "down: redis · stack-exporter")
        #expect(visit.document.contains("1 of 3 targets is down: redis"))
        #expect(visit.document.contains("<strong class=\"bad\">No answer in time.</strong>"))
        #expect(visit.numbers("Keys") == [])
        #expect(visit.numbers("Load, 1 min") != [])
    }

    /// Nobody scrapes, and what is to be seen hangs: the page is there all the same, with everything else.
    @Test func whereNobodyScrapesThePageDoesItself() async throws {
        let redis = try await RedisServer()
        let exporter = try await Exporter(["REDIS_ADDR": "127.0.0.1:\(redis.port)"])
        let isUp = try await eventually { try await exporter.get("/").body.contains("All 3 targets are up") }
        #expect(isUp)
        redis.signal(SIGSTOP)
        defer { redis.signal(SIGCONT) }
        let hanging = try await Exporter(["REDIS_ADDR": "127.0.0.1:\(redis.port)"])
        let answer = try await hanging.get("/")
        #expect(answer.seconds < 20)
        #expect(!answer.body.contains("<bdi>redis</bdi></a></th><td class=\"good\">up</td>"))
        let isDown = try await eventually {
            let page = try await hanging.get("/").body
            return page.contains("1 of 3 targets is down: redis")
                && page.contains("<bdi>host</bdi></a></th><td class=\"good\">up</td>")
        }
        #expect(isDown)
    }

    @Test func lightAndDarkWideAndNarrow() async throws {
        let exporter = try await Exporter([:])
        _ = try await exporter.page()
        var pictures: Set<Data> = []
        for width in [1280, 360] {
            for isDark in [false, true] {
                let picture = try await Chromium.picture(
                    of: "http://127.0.0.1:\(exporter.port)/", width: width, isDark: isDark)
                #expect(picture.prefix(8) == Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]))
                #expect(picture.dropFirst(16).prefix(4).reduce(0) { $0 << 8 | Int($1) } == width)
                pictures.insert(picture)
            }
        }
        #expect(pictures.count == 4)
    }
}
