import Lab
import Testing

/// One file for several servers, with the program itself and real servers.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct ConfigurationFileTests {
    private static let password = "planted/of file"
    private let directory = TemporaryDirectory("config")

    @Test func eachServerHasItsOwnSettings() async throws {
        let (main, other) = (try await PostgresServer(), try await PostgresServer())
        let (cache, jobs) = (try await RedisServer("--requirepass", Self.password), try await RedisServer())
        for name in ["shop", "stock", "template_a", "template_b"] { try await main.sql("CREATE DATABASE \(name)") }
        try await main.sql("CREATE ROLE probe LOGIN PASSWORD '\(Self.password)'; GRANT pg_monitor TO probe")
        try await jobs.cli("LPUSH", "mails", "{}")

        let secret = try directory.write("secret", Self.password)
        let file = try directory.write(
            "config.yml",
            """
            collectors: {locks: false}
            postgres:
              - name: main
                dsn: host=127.0.0.1 port=\(main.port) user=probe dbname=postgres
                password_file: \(secret)
                databases: {exclude: ["template_[ab]{1,2}"], max: 2}
                collectors: {locks: true}
              - {name: other, dsn: "\(other.connectionString())"}
            redis:
              - {name: cache, url: "redis://127.0.0.1:\(cache.port)", password: "${CACHE_PASSWORD}", queues: {celery: [celery]}}
              - {name: jobs, url: "127.0.0.1:\(jobs.port)", queues: {list: [mails]}, collectors: {redis_slowlog: false}}
            """)

        let environment = [
            "CACHE_PASSWORD": Self.password, "DATABASE_URL": "postgresql://u:\(Self.password)@127.0.0.1:1/x",
        ]
        let exporter = try await Exporter(environment, "--config.file=\(file)")
        let page = try await exporter.page { page in
            page.all("pg_stat_user_tables_n_live_tup").isEmpty && page["pg_up", ["target": "main"]] == 1
                && page["redis_up", ["target": "cache"]] == 1
        }
        for name in ["main", "other"] { #expect(page["pg_up", ["target": name]] == 1) }
        for name in ["cache", "jobs"] { #expect(page["redis_up", ["target": name]] == 1) }
        func targets(_ family: String) -> Set<String> { Set(page.all(family).keys.compactMap { $0.labels["target"] }) }
        #expect(targets("pg_up").count == 2)
        #expect(targets("pg_locks_count") == ["main"])
        #expect(targets("redis_slowlog_length") == ["cache"])
        #expect(targets("celery_queue_length") == ["cache"])
        #expect(
            page.all("queue_depth").filter { $0.key.labels["queue"] == "mails" }.map(\.key.labels["target"]) == ["jobs"]
        )

        // A probe of a name is of that target alone, and has its settings.
        let probe = try Page(try await exporter.get("/probe?target=jobs").body)
        #expect(probe.all("queue_depth").contains { $0.key.labels["queue"] == "mails" && $0.value == 1 })
        #expect(probe.all("redis_slowlog_length").isEmpty)
        let keys = try Page(try await exporter.get("/scrape?target=jobs&check-single-keys=mails").body)
        #expect(keys.all("redis_key_size").count == 1 && keys.all("redis_slowlog_length").isEmpty)
        #expect(try await exporter.get("/probe?target=redis").status == 404)

        #expect(
            exporter.log.contains("DATABASE_URL is left out, since the configuration file names the PostgreSQL servers")
        )
        #expect(!exporter.log.contains(Self.password))

        let check = try await Exporter.run(["check", "--config.file=\(file)"], environment)
        #expect(check.output.contains("1 of its databases are not looked into, since --postgres.databases.max is 2"))

        let shown = try await Exporter.run(["check", "--show-config", "--config.file=\(file)"], environment)
        #expect(shown.status == 0)
        #expect(shown.output.contains("password: \"<redacted>\"  # \(file):"))
        #expect(!(shown.output + shown.errors).contains(Self.password))

        let broken = try directory.write("broken.yml", "redis: [{url: c, qeueus: 1}]")
        for command in ["serve", "check"] {
            let refused = try await Exporter.run([command, "--config.file=\(broken)"])
            #expect(refused.status == 2)
            #expect(
                refused.errors
                    == "stack-exporter: \(broken):1:18: \"qeueus\" is no key of a Redis server; did you mean queues?\n")
        }
    }
}
