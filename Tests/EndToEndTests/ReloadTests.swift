import Foundation
import Lab
import Testing

/// A configuration that is read again while everything goes on.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct ReloadTests {
    /// A PostgreSQL with the databases a, b and c, and an exporter that a file tells which of them to look at.
    private final class Fleet: Sendable {
        let postgres: PostgresServer
        let exporter: Exporter
        init(_ databases: String..., flags: [String] = []) async throws {
            postgres = try await PostgresServer(settings: ["max_connections = 100"])
            for name in ["a", "b", "c"] { try await postgres.sql("CREATE DATABASE \(name)") }
            let file = try postgres.directory.write("sources", Self.sources(databases, of: postgres))
            exporter = try await Exporter(["DATA_SOURCE_NAME_FILE": file], "--web.enable-lifecycle")
        }

        private static func sources(_ databases: [String], of postgres: PostgresServer) -> String {
            // A session is known by its target's name, whichever database it is in.
            databases.map { "\(postgres.connectionString(database: $0))&application_name=target_\($0)" }
                .joined(separator: ",")
        }

        func write(_ databases: String...) throws {
            try postgres.directory.write("sources", Self.sources(databases, of: postgres))
        }

        func reload() async throws -> Answer { try await exporter.get("/-/reload", options: "-X", "POST") }

        /// The server's process of a target's kept connection, which is its oldest one.
        func process(of database: String) async throws -> String {
            try await postgres.sql(
                """
                SELECT pid FROM pg_stat_activity WHERE datname = '\(database)' AND application_name = 'target_\(database)'
                ORDER BY backend_start LIMIT 1
                """
            ).output
        }

        func sessions(of database: String = "") async throws -> Int? {
            let rows = try await postgres.sql(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'target_\(database)%'")
            return Int(rows.output.dropLast())
        }
    }

    @Test func targetsThatStayKeepTheirConnections() async throws {
        let fleet = try await Fleet("a", "b", "c")
        #expect(try await fleet.exporter.page().all("pg_up").values.allSatisfy { $0 == 1 })
        let process = try await fleet.process(of: "a")
        #expect(process != "")

        try fleet.write("a", "c")
        let answer = try await fleet.reload()
        #expect(answer.status == 200)
        #expect(answer.body == "Reloaded.\n")
        // The second is another now, and the third is gone, and with them their sessions.
        #expect(try await fleet.exporter.page().all("pg_up").count == 2)
        #expect(try await fleet.process(of: "a") == process)
        #expect(try await fleet.process(of: "c") != "")
        #expect(try await eventually(within: 60) { try await fleet.sessions(of: "b") == 0 })
        #expect(try await fleet.exporter.get("/probe?target=postgres-3").status == 404)
        #expect(try await fleet.exporter.get("/probe?target=postgres-2").status == 200)
        let list = try await fleet.exporter.get("/targets").body
        #expect(list.contains("postgres-2") && !list.contains("postgres-3"))
        let page = try await fleet.exporter.page()
        #expect(page["pg_exporter_scrapes_total", ["target": "postgres-1"]] ?? 0 >= 3)
        #expect(page["stack_exporter_config_last_reload_successful"] == 1)
        #expect(fleet.exporter.log.contains(/level=info msg=reloaded .* postgres=2/))
    }

    @Test func aSignalReloadsToo() async throws {
        let fleet = try await Fleet("a", "b")
        try fleet.write("a", "b", "c")
        fleet.exporter.daemon.signal(SIGHUP)
        _ = try await fleet.exporter.page { $0.all("pg_up").count == 3 }
        #expect(try await fleet.exporter.get("/-/ready").status == 200)
    }

    @Test func aFileThatIsWrongLeavesEverythingAsItWas() async throws {
        let postgres = try await PostgresServer()
        let file = postgres.directory.path("queries.yaml")
        func write(_ text: String) throws { try postgres.directory.write("queries.yaml", text) }
        try write("shop: {query: SELECT 1 AS first, metrics: [{first: {usage: GAUGE, description: One.}}]}")
        let exporter = try await Exporter(
            ["DATABASE_URL": postgres.connectionString()], "--extend.query-path=\(file)", "--web.enable-lifecycle")
        func has(_ name: String, in page: Page) -> Bool { !page.all(name).isEmpty }
        let before = try await exporter.page { has("shop_first", in: $0) }
        let moment = try #require(before["stack_exporter_config_last_reload_success_timestamp_seconds"])
        #expect(before["stack_exporter_config_last_reload_successful"] == 1)

        try write("shop: {query: SELECT 1 AS first, metrics: [{first: {usage: GAUGES}}]}")
        let answer = try await exporter.get("/-/reload", options: "-X", "PUT")
        #expect(answer.status == 400)
        #expect(answer.body.contains("\(file):1:") && answer.body.contains("GAUGES"))
        #expect(answer.body.hasSuffix(". Everything goes on as before.\n"))
        #expect(answer.body.split(separator: "\n").count == 1)
        #expect(exporter.log.contains(/level=error msg="not reloaded, everything goes on as before" error=".*GAUGES/))
        let during = try await exporter.page()
        #expect(has("shop_first", in: during))
        #expect(during["stack_exporter_config_last_reload_successful"] == 0)
        #expect(during["stack_exporter_config_last_reload_success_timestamp_seconds"] == moment)

        try write("shop: {query: SELECT 2 AS second, metrics: [{second: {usage: GAUGE, description: Two.}}]}")
        exporter.daemon.signal(SIGHUP)
        let after = try await exporter.page { has("shop_second", in: $0) }
        #expect(!has("shop_first", in: after))
        #expect(after["stack_exporter_config_last_reload_successful"] == 1)
        #expect(after["stack_exporter_config_last_reload_success_timestamp_seconds"] ?? 0 > moment)
    }

    @Test func whoMayReloadAndHow() async throws {
        let exporter = try await Exporter([:])
        let refused = try await exporter.get("/-/reload", options: "-X", "POST")
        #expect(refused.status == 403)
        #expect(refused.body == "Reloading by HTTP is off; --web.enable-lifecycle turns it on.\n")
        for method in ["GET", "DELETE"] {
            let answer = try await exporter.get("/-/reload", options: "-X", method)
            #expect(answer.status == 405)
            #expect(answer.field("Allow") == "POST, PUT")
        }
        #expect(!exporter.log.contains("msg=reloaded"))
    }

    @Test func aHundredReloadsDuringScrapesLeaveNothingBehind() async throws {
        let fleet = try await Fleet("a", "b", "c")
        let exporter = fleet.exporter
        let process = "/proc/\(exporter.daemon.pid)"
        func threads() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "\(process)/task").count }
        /// Without those of cgroups, which other tests make.
        func descriptors() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "\(process)/fd").count {
                let file = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(process)/fd/\($0)")
                return file?.contains("/cgroup/") == false
            }
        }
        func anonymousMemory() throws -> Int {
            let status = try String(contentsOfFile: "\(process)/status", encoding: .utf8)
            let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") })
            return try #require(Int(line.filter(\.isNumber)))
        }
        func reload(_ times: Int) async throws {
            for index in 0..<times {
                if index.isMultiple(of: 2) { try fleet.write("a", "c", "b") } else { try fleet.write("a", "b", "c") }
                #expect(try await fleet.reload().status == 200)
            }
        }
        _ = try await exporter.page()
        let kept = try await fleet.process(of: "a")
        let scrapes = Task {
            var pages = 0
            while !Task.isCancelled {
                // Always the ones that are configured, whichever they are.
                let page = try await exporter.page()
                #expect(page.all("pg_up").count == 3)
                pages += 1
            }
            return pages
        }
        try await reload(20)
        let before = (descriptors: try descriptors(), threads: try threads(), memory: try anonymousMemory())
        try await reload(100)
        scrapes.cancel()
        let pages = try await scrapes.value
        #expect(pages > 10)
        // What is being closed goes in its own time.
        #expect(try await eventually(within: 120) { try descriptors() <= before.descriptors + 8 })
        #expect(try await eventually(within: 120) { try threads() <= before.threads + 4 })
        #expect(try await eventually(within: 120) { try await fleet.sessions() ?? 100 <= 9 })
        let growth = try anonymousMemory() - before.memory
        #expect(growth < 8 * 1024, "\(before.memory) kB and \(growth) kB more")
        #expect(try await fleet.process(of: "a") == kept)
        #expect(!exporter.log.contains("level=error"))
    }
}
