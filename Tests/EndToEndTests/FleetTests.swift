import Foundation
import Lab
import Testing

/// One exporter beside fifty databases and twenty Redis, and a real Prometheus with the configuration of docs/targets.md.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct FleetTests {
    private static let databases = 50
    private static let caches = 20

    @Test func eachTargetIsUpOnItsOwn() async throws {
        let postgres = try await PostgresServer(settings: ["max_connections = 200"])
        // As with servers of their own: each role may enter one database, and looks into no other.
        let password = PostgresServer.password.replacing("'", with: "''")
        for index in 1...Self.databases {
            try await postgres.sql(
                """
                CREATE ROLE role_\(index) LOGIN PASSWORD '\(password)' IN ROLE pg_monitor;
                CREATE DATABASE fleet_\(index) STRATEGY file_copy;
                REVOKE CONNECT ON DATABASE fleet_\(index) FROM PUBLIC;
                GRANT CONNECT ON DATABASE fleet_\(index) TO role_\(index);
                """)
        }
        try await postgres.sql("REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC")
        var caches: [RedisServer] = []
        for _ in 1...Self.caches { caches.append(try await RedisServer()) }
        let exporter = try await Exporter([
            "DATA_SOURCE_NAME": (1...Self.databases).map {
                postgres.connectionString(user: "role_\($0)", database: "fleet_\($0)")
            }.joined(separator: ","),
            "REDIS_ADDR": caches.map { "127.0.0.1:\($0.port)" }.joined(separator: ","),
        ])
        let prometheus = try await FleetPrometheus(exporter: exporter)
        // The databases, the caches, the containers, the host and the exporter itself.
        let total = Double(Self.databases + Self.caches + 3)
        let isScraped = try await eventually(within: 300) {
            guard try await prometheus.value("count(up{job=\"stack\"} == 1)") == total,
                try await prometheus.value("count(pg_up == 1)") == Double(Self.databases)
            else { return false }
            return try await prometheus.value("count(redis_up == 1)") == Double(Self.caches)
        }
        try #require(isScraped, "\(prometheus.log.suffix(2000)) \(exporter.log)")
        #expect(try await prometheus.value("count(count by (target) (up{job=\"stack\"}))") == total)
        #expect(try await prometheus.value("count(up{job=\"stack\",target=\"\"})") == 1)
        #expect(try await prometheus.value("count(stack_exporter_build_info)") == 1)
        #expect(
            try await eventually(within: 120) {
                let delivering = "count(count by (target) (stack_exporter_collector_success == 1))"
                return try await prometheus.value(delivering) == total - 1
            })
        #expect(
            try await prometheus.value("count(pg_stat_database_xact_commit{target=\"postgres-7\",datname=\"fleet_7\"})")
                == 1)
        // The budget: a kept session for each, and at most one more in the background.
        let sessions = try await postgres.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'stack-exporter'")
        #expect(Int(sessions.output.dropLast()) ?? 1000 <= 2 * Self.databases)
        try await measure(exporter)

        // One of each goes, and nothing else.
        try await caches[4].stop()
        try await postgres.sql("DROP DATABASE fleet_33 WITH (FORCE)")
        let isNoticed = try await eventually(within: 180) {
            let database = try await prometheus.value("pg_up{target=\"postgres-33\"}")
            return try await prometheus.value("redis_up{target=\"redis-5\"}") == 0 && database == 0
        }
        #expect(isNoticed, "\(exporter.log.suffix(2000))")
        #expect(try await prometheus.value("count(pg_up == 0)") == 1)
        #expect(try await prometheus.value("count(redis_up == 0)") == 1)
        #expect(try await prometheus.value("count(pg_up == 1)") == Double(Self.databases - 1))
        #expect(try await prometheus.value("count(redis_up == 1)") == Double(Self.caches - 1))
        // The exporter answers for those that are down.
        #expect(try await prometheus.value("count(up{job=\"stack\"} == 1)") == total)
        let down = try await exporter.get("/probe?target=postgres-33")
        #expect(down.status == 200)
        #expect(try Page(down.body)["pg_up"] == 0)

        try await caches[4].start()
        #expect(
            try await eventually(within: 180) {
                try await prometheus.value("count(redis_up == 1)") == Double(Self.caches)
            })
        #expect(!prometheus.log.contains(/level=error/), "\(prometheus.log)")
    }

    /// Prints what a round of all targets costs.
    private func measure(_ exporter: Exporter) async throws {
        func ticks() throws -> Int {
            let stat = try String(contentsOfFile: "/proc/\(exporter.daemon.pid)/stat", encoding: .utf8)
            let fields = stat.split(separator: " ")
            return (Int(fields[13]) ?? 0) + (Int(fields[14]) ?? 0)
        }
        let names = (1...Self.databases).map { "postgres-\($0)" } + (1...Self.caches).map { "redis-\($0)" }
        let urls = names.map { "http://127.0.0.1:\(exporter.port)/probe?target=\($0)" }
        let before = try ticks()
        for _ in 0..<5 {
            try await run(["curl", "-sS", "-o", "/dev/null"] + urls.flatMap { ["-o", "/dev/null", $0] })
        }
        let milliseconds = Double(try ticks() - before) * 10 / 5
        let status = try String(contentsOfFile: "/proc/\(exporter.daemon.pid)/status", encoding: .utf8)
        let memory = status.split(separator: "\n").filter { $0.hasPrefix("VmRSS") || $0.hasPrefix("RssAnon") }
        print("a round of \(names.count) targets: \(milliseconds) ms of CPU; \(memory.joined(separator: ", "))")
        let resident = try #require(memory.first.flatMap { Int($0.filter(\.isNumber)) })
        #expect(resident < 150 * 1024)
    }
}

/// A real Prometheus with the worked example.
private final class FleetPrometheus {
    private let directory = TemporaryDirectory("fleet")
    private let port = freePort()
    private let daemon: Daemon

    init(exporter: Exporter) async throws {
        let example = try Repository.example(in: "docs/targets.md")
            .replacing("exporter:19187", with: "127.0.0.1:\(exporter.port)")
            .replacing("refresh_interval: 60s", with: "refresh_interval: 10s")
        let file = try directory.write("prometheus.yml", example)
        let checked = try await run(["promtool", "check", "config", file])
        guard checked.status == 0 else { throw LabError("\(checked.output)\(checked.errors)") }
        daemon = try Daemon(
            [
                "prometheus", "--config.file=\(file)", "--storage.tsdb.path=\(directory.path)/data",
                "--web.listen-address=127.0.0.1:\(port)",
            ], log: directory.path("log"))
    }

    deinit {
        daemon.stop()
    }

    var log: String { directory.text("log") }

    /// What a query with one result gives; `nil` where it gives none.
    func value(_ query: String) async throws -> Double? {
        let result = try await run([
            "curl", "-s", "-G", "http://127.0.0.1:\(port)/api/v1/query", "--data-urlencode", "query=\(query)",
        ])
        let answer = try? JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
        let series = (answer?["data"] as? [String: Any])?["result"] as? [[String: Any]]
        return ((series?.first?["value"] as? [Any])?.last as? String).flatMap(Double.init)
    }
}
