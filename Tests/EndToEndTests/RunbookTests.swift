import Foundation
import Lab
import Testing

/// What runbooks tell people to type, tried on real servers.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct RunbookTests {
    private let tools = TemporaryDirectory("tools")

    private struct Block {
        let page: String
        let language: Substring
        let text: String
    }

    private static var pages: [URL] {
        get throws {
            try FileManager.default.contentsOfDirectory(
                at: Repository.docker.appending(path: "runbooks"), includingPropertiesForKeys: nil
            ).filter { $0.pathExtension == "md" }
        }
    }

    private static func blocks(of language: String) throws -> [Block] {
        try pages.flatMap { page in
            // What is fenced has an odd number.
            try String(contentsOf: page, encoding: .utf8).components(separatedBy: "```").enumerated().compactMap {
                guard $0.offset % 2 == 1, let end = $0.element.firstIndex(of: "\n") else { return nil }
                let kind = $0.element[..<end]
                return kind == language
                    ? Block(page: page.lastPathComponent, language: kind, text: String($0.element[end...])) : nil
            }
        }
    }

    @Test func everyAlertSectionHasItsParts() throws {
        for page in try Self.pages where page.lastPathComponent != "first-48-hours.md" {
            let sections = try String(contentsOf: page, encoding: .utf8).components(separatedBy: "\n## ").dropFirst()
            for section in sections {
                let name = section.prefix { $0 != "\n" }
                for part in ["Meaning", "See", "Mend", "Escalate"] {
                    #expect(section.contains("\n**\(part).**"), "\(page.lastPathComponent): \(name): \(part)")
                }
                #expect(section.contains("\n```"), "\(page.lastPathComponent): \(name) has no command")
            }
        }
    }

    @Test func everyQueryIsOneOfNamesThatAreServed() async throws {
        let prometheus = try await PrometheusServer(rules: RuleFiles.rules)
        var names = try await ServedNames(also: prometheus.rules())
        names.insert("ALERTS")
        let blocks = try Self.blocks(of: "promql")
        #expect(blocks.count > 80)
        for block in blocks {
            await #expect(throws: Never.self, "\(block.page): \(block.text)") {
                _ = try await prometheus.series(block.text.trimmingCharacters(in: .whitespacesAndNewlines))
            }
            #expect(names.missing(in: block.text) == [], "\(block.page)")
        }
    }

    /// Where a statement has a variable it is of something that is there.
    @Test func everyStatementRuns() async throws {
        let server = try await PostgresServer()
        try await server.sql(
            """
            CREATE EXTENSION pg_stat_statements; CREATE ROLE app; CREATE TABLE orders (id serial PRIMARY KEY);
            SELECT pg_create_physical_replication_slot('standby', true);
            """)
        let variables = ["pid=0", "role=app", "table=orders", "index=orders_pkey", "slot=standby"]
        let blocks = try Self.blocks(of: "sql")
        #expect(blocks.count > 25)
        for block in blocks {
            let result = try await run(
                ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", server.connectionString()]
                    + variables.flatMap { ["-v", $0] }, input: block.text)
            #expect(result.status == 0, "\(block.page): \(block.text)\n\(result.errors)")
        }
    }

    @Test func everyRedisCommandIsOne() async throws {
        let server = try await RedisServer()
        let blocks = try Self.blocks(of: "redis")
        #expect(blocks.count > 10)
        for block in blocks {
            let result = try await run(["redis-cli", "-s", server.socket], input: block.text)
            #expect(
                !result.output.contains(/(?m)^(\(error\)|ERR|WRONG|NO)/),
                "\(block.page): \(block.text) \(result.output)")
        }
    }

    @Test func everyShellBlockCanBeRead() async throws {
        for block in try Self.blocks(of: "sh") + Self.blocks(of: "sh check") {
            let result = try await run(["sh", "-n"], input: block.text)
            #expect(result.status == 0, "\(block.page): \(block.text) \(result.errors)")
        }
    }

    /// 0 where all is well, and 1 with a line that says what is not.
    @Test func theChecksAfterADeploymentTellWellFromIll() async throws {
        let postgres = try await PostgresServer()
        try await postgres.sql("CREATE EXTENSION pg_stat_statements")
        let redis = try await RedisServer()
        symlink(Exporter.binary, tools.path("stack-exporter"))
        let settings = [
            "DATABASE_URL": postgres.connectionString(), "REDIS_URL": "redis://127.0.0.1:\(redis.port)",
            "STACK_EXPORTER_REDIS_QUEUES_CELERY": "celery",
        ]
        let exporter = try await Exporter(settings)
        let environment = settings.merging([
            "PATH": "\(tools.path):/usr/local/bin:/usr/bin:/bin",
            "STACK_EXPORTER_WEB_LISTEN_ADDRESS": "127.0.0.1:\(exporter.port)",
        ]) { $1 }
        let checks = try Self.blocks(of: "sh check")
        #expect(checks.count >= 9)
        func failing(leavingOut machine: [String] = []) async throws -> [String] {
            var found: [String] = []
            for check in checks where !machine.contains(where: { check.text.contains($0) }) {
                let result = try await run(
                    ["timeout", "60", "sh"], environment: .only(environment), input: check.text)
                #expect([0, 1].contains(result.status), "\(check.text) \(result.output)\(result.errors)")
                if result.status != 0 {
                    found.append(check.text)
                    #expect(!result.output.isEmpty || check.text.contains("health"), "\(check.text)")
                }
            }
            return found
        }
        // How full the machine's disks are, and what its containers do, is not for this test to say.
        #expect(try await failing(leavingOut: ["node_filesystem", "container_"]) == [])

        try await redis.cli("EVAL", "for i = 1, 101 do redis.call('LPUSH', 'celery', '{}') end", "0")
        let blocker = try postgres.idleSession("CREATE TABLE t (); BEGIN; LOCK TABLE t;")
        defer { blocker.stop() }
        let isLocked = try await eventually {
            try await postgres.sql("SELECT count(*) FROM pg_locks WHERE relation = to_regclass('t')").output != "0\n"
        }
        try #require(isLocked)
        let blocked = try postgres.session("SELECT * FROM t")
        defer { blocked.stop() }
        let isIll = try await eventually(within: 60) {
            let found = try await failing(leavingOut: ["node_filesystem", "container_", "_up", "check\n", "health"])
            return ["queue_depth", "pg_blocked"].allSatisfy { word in found.contains { $0.contains(word) } }
        }
        #expect(isIll)

        try await redis.stop()
        let down = try await failing(leavingOut: ["node_filesystem", "container_"])
        for word in ["stack-exporter check", "redis)_up", "collector_error"] {
            #expect(down.contains { $0.contains(word) }, "\(word)")
        }
        exporter.daemon.stop()
        #expect(try await failing(leavingOut: ["scrape", "check"]).count == 1)
    }
}
