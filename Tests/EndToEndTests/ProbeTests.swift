import Foundation
import Lab
import Testing

/// `/probe` against real servers.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct ProbeTests {
    private let password = "hunter2/of probes"

    /// A target as it stands in a query.
    private func query(_ target: String) -> String {
        "/probe?target=\(target.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "")"
    }

    private func server() async throws -> PostgresServer {
        let server = try await PostgresServer()
        try await server.sql("CREATE ROLE probe LOGIN PASSWORD '\(password)'; GRANT pg_monitor TO probe")
        return server
    }

    @Test func configuredTargetsByTheirNames() async throws {
        let (first, second, redis) = (try await PostgresServer(), try await PostgresServer(), try await RedisServer())
        try await second.sql("CREATE DATABASE shop")
        let exporter = try await Exporter([
            "DATA_SOURCE_NAME": "\(first.connectionString()),\(second.connectionString())",
            "REDIS_ADDR": "127.0.0.1:\(redis.port)",
        ])
        let answer = try await exporter.get("/probe?target=postgres-2")
        #expect(answer.status == 200)
        let page = try Page(answer.body)
        #expect(page["pg_up"] == 1)
        #expect(page["pg_database_size_bytes", ["datname": "shop"]] != nil)
        #expect(page.counts.keys.allSatisfy { $0.hasPrefix("pg_") })
        #expect(page.values.keys.allSatisfy { $0.labels["target"] == nil })
        let caches = try Page(try await exporter.get("/probe?target=redis").body)
        #expect(caches["redis_up"] == 1)
        #expect(caches.counts.keys.allSatisfy { $0.hasPrefix("redis_") || $0.hasPrefix("celery_") })
        // The page has them all, with their labels.
        #expect(try await exporter.page()["pg_up", ["target": "postgres-2"]] == 1)
        // However it is asked for, a server has no more connections than for the page alone.
        #expect(try Connections(port: second.port).ofClients.count <= 3)

        for (path, status) in [
            ("/probe?target=postgres-3", 404), ("/probe", 400), ("/probe?target=", 400),
            ("/probe?target=postgres-1&auth_module=x", 400), ("/probe?target=127.0.0.1", 403),
        ] {
            let refused = try await exporter.get(path)
            #expect(refused.status == status, "\(path)")
            #expect(refused.body.split(separator: "\n").count == 1)
        }
        #expect(try await exporter.get(query(second.connectionString())).body.contains("--postgres.probe.allow"))
    }

    @Test func addressesThatAreAllowed() async throws {
        let server = try await server()
        let (other, down) = (freePort(), freePort())
        let exporter = try await Exporter([:], "--postgres.probe.allow=127\\.0\\.0\\.1:(\(server.port)|\(down))")
        let escaped = try #require(password.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
        for target in [
            "postgresql://probe:\(escaped)@127.0.0.1:\(server.port)/postgres?sslmode=disable",
            "probe:\(escaped)@127.0.0.1:\(server.port)/postgres",
            "host=127.0.0.1 port=\(server.port) user=probe password='\(password)' dbname=postgres",
        ] {
            let answer = try await exporter.get(query(target), "X-Prometheus-Scrape-Timeout-Seconds: 20")
            #expect(answer.status == 200)
            let page = try Page(answer.body)
            #expect(page["pg_up"] == 1)
            #expect(page.all("stack_exporter_collector_success").isEmpty)
        }
        for (target, status) in [
            ("127.0.0.1:\(other)", 403), ("probe:\(escaped)@127.0.0.1:\(other)", 403), ("localhost", 404),
            ("probe:\(escaped)@localhost:\(server.port)", 403),
            ("host=127.0.0.1 port=\(server.port) hostaddr=127.0.0.2 password=\(escaped)", 403),
            ("127.0.0.1:\(server.port)?sslkey=/etc/hostname", 400), ("probe:\(escaped)@127.0.0.1:port", 403),
        ] {
            let answer = try await exporter.get(query(target))
            #expect(answer.status == status, "\(target)")
            #expect(!answer.body.contains("hunter2"))
        }
        #expect(try Connections(port: other).ofClients.isEmpty)

        // What fails is on the page and in the log, and the password in neither.
        let wrong = try await exporter.get(query("probe:hunter2-no@127.0.0.1:\(server.port)/postgres"))
        #expect(try Page(wrong.body)["pg_up"] == 0)
        let refused = try await exporter.get(query("probe:hunter2@127.0.0.1:\(down)/postgres"))
        #expect(try Page(refused.body)["pg_up"] == 0)
        #expect(exporter.log.contains("target=127.0.0.1:\(server.port)"))
        #expect(!exporter.log.contains("hunter2"))
        let metrics = try await exporter.get("/metrics").body
        #expect(!metrics.contains("hunter2"))
    }

    @Test func authModulesOfTheFile() async throws {
        let server = try await server()
        let file = try server.directory.write(
            "modules.yml",
            """
            auth_modules:
              good: {type: userpass, userpass: {username: probe, password: "\(password)"}, options: {sslmode: disable}}
              bad: {type: userpass, userpass: {username: probe, password: hunter2-no}}
            """)
        let exporter = try await Exporter(
            [:], "--postgres.probe.allow=127[.]0[.]0[.]1:[0-9]+", "--config.file=\(file)")
        let path = query("postgres:wrong@127.0.0.1:\(server.port)/postgres?sslmode=require")
        #expect(try Page(try await exporter.get("\(path)&auth_module=good").body)["pg_up"] == 1)
        #expect(try Page(try await exporter.get("\(path)&auth_module=bad").body)["pg_up"] == 0)
        #expect(try await exporter.get("\(path)&auth_module=none").status == 400)
        #expect(!exporter.log.contains("hunter2"))
    }

    @Test func aProbedServersConnectionIsKept() async throws {
        let server = try await server()
        let exporter = try await Exporter([:], "--postgres.probe.allow=127[.]0[.]0[.]1:[0-9]+")
        let escaped = try #require(password.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
        let path = query("probe:\(escaped)@127.0.0.1:\(server.port)/postgres")
        #expect(try Page(try await exporter.get(path).body)["pg_up"] == 1)
        let first = try Connections(port: server.port).ofClients
        #expect(!first.isEmpty)
        try await withThrowingTaskGroup(of: Double?.self) { group in
            for _ in 0..<8 { group.addTask { try Page(try await exporter.get(path).body)["pg_up"] } }
            for try await isUp in group { #expect(isUp == 1) }
        }
        let last = try Connections(port: server.port).ofClients
        #expect(!first.isDisjoint(with: last))
        #expect(last.count <= 3)
    }

    /// libpq's own files are found as psql finds them.
    @Test func aServiceFileAndAPasswordFile() async throws {
        let server = try await server()
        let services = try server.directory.write(
            "services", "[main]\nhost=127.0.0.1\nport=\(server.port)\nuser=probe\ndbname=postgres\n")
        let passwords = try server.directory.write("passwords", "127.0.0.1:\(server.port):*:probe:\(password)\n")
        chmod(passwords, 0o600)
        let files = ["PGSERVICEFILE": services, "PGPASSFILE": passwords]
        for source in [
            ["DATA_SOURCE_NAME": "service=main"], ["PGSERVICE": "main"], ["DATABASE_URL": "postgresql://?service=main"],
        ] {
            let result = try await Exporter.run(["scrape"], files.merging(source) { $1 })
            #expect(try Page(result.output)["pg_up"] == 1, "\(source) \(result.errors)")
        }
    }
}

/// What is there for those who come from postgres_exporter, in the program itself.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct PostgresExporterTests {
    private let directory = TemporaryDirectory("probe")

    @Test func itsCommandLineAndEnvironmentWork() async throws {
        let server = try await PostgresServer()
        let exporter = try await Exporter(
            [
                "DATA_SOURCE_URI": "127.0.0.1:\(server.port)/postgres?sslmode=disable", "DATA_SOURCE_USER": "postgres",
                "DATA_SOURCE_PASS": PostgresServer.password, "PG_EXPORTER_DISABLE_DEFAULT_METRICS": "true",
                "PG_EXPORTER_AUTO_DISCOVER_DATABASES": "true", "PG_EXPORTER_EXCLUDE_DATABASES": "template0,template1",
                "PG_EXPORTER_WEB_TELEMETRY_PATH": "/pg",
            ],
            "--disable-settings-metrics", "--collection-timeout=30s", "--no-collector.stat_statements",
            "--collector.stat_statements.limit=20", "--log.format=logfmt")
        let page = try Page(try await exporter.get("/pg").body)
        #expect(page["pg_up"] == 1)
        #expect(page.all("pg_static").isEmpty)
        #expect(page["pg_settings_max_connections"] == nil)
        let warnings = exporter.log.split(separator: "\n").filter { $0.contains("level=warn") }
        #expect(warnings.count == 2, "\(exporter.log)")
        #expect(
            warnings.contains { $0.contains("--disable-settings-metrics") && $0.contains("--no-collector.settings") })
        #expect(warnings.contains { $0.contains("PG_EXPORTER_AUTO_DISCOVER_DATABASES") })
    }

    @Test func systemdsSocketIsListenedTo() async throws {
        let socket = directory.path("socket")
        // What systemd does: a socket as descriptor 3, and whose it is in the environment.
        let activate = """
            use Socket;
            use POSIX;
            $^F = 9;
            socket(my $listener, AF_UNIX, SOCK_STREAM, 0) or die;
            bind($listener, pack_sockaddr_un(shift)) or die;
            listen($listener, 8) or die;
            POSIX::dup2(fileno($listener), 3);
            $ENV{LISTEN_PID} = $$;
            $ENV{LISTEN_FDS} = 1;
            exec @ARGV;
            """
        let daemon = try Daemon(
            ["perl", "-e", activate, socket, Exporter.binary, "--web.systemd-socket"], environment: .only([:]),
            stop: "KILL", log: directory.path("log"))
        defer { daemon.stop() }
        let isReady = try await eventually {
            try await run(["curl", "-sf", "--unix-socket", socket, "http://localhost/-/ready"]).status == 0
        }
        #expect(isReady)
        let refused = try await Exporter.run(["--web.systemd-socket"])
        #expect(refused.status == 2)
        #expect(refused.errors.contains("handed over no socket"))
    }
}

/// `/scrape` as redis_exporter has it, against real servers.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct RedisScrapeTests {
    private func query(_ target: String, _ more: String = "") -> String {
        "/scrape?target=\(target.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "")\(more)"
    }

    @Test func configuredServersByNameAndAddress() async throws {
        let (first, second) = (try await RedisServer(), try await RedisServer("--requirepass", "hunter2"))
        let exporter = try await Exporter([
            "REDIS_ADDR": "127.0.0.1:\(first.port),redis://:hunter2@127.0.0.1:\(second.port)"
        ])
        for target in [
            "redis-2", "127.0.0.1:\(second.port)", "redis://127.0.0.1:\(second.port)",
            "redis://someone:hunter3@127.0.0.1:\(second.port)",
        ] {
            for path in [query(target)]
                + (target.contains("://") ? [query(target).replacing("/scrape", with: "/probe")] : [])
            {
                let answer = try await exporter.get(path)
                #expect(answer.status == 200, "\(path)")
                let page = try Page(answer.body)
                #expect(page["redis_up"] == 1)
                #expect(page["redis_instance_info", ["tcp_port": "\(second.port)"]] == nil)
                #expect(page.values.contains { $0.key.labels["tcp_port"] == "\(second.port)" })
                #expect(page.values.keys.allSatisfy { $0.labels["target"] == nil })
            }
        }
        let before = try await exporter.page()["redis_target_scrape_request_errors_total"]
        #expect(before == 0)
        for (path, status) in [
            ("/scrape", 400), ("/scrape?target=", 400), (query("redis-3"), 404), (query("127.0.0.1:1"), 403),
            (query("redis://u:hunter3@127.0.0.1:1"), 403), (query("http://127.0.0.1:\(first.port)"), 400),
            (query("redis-1", "&auth_module=x"), 400), (query("redis-1", "&check-keys=%25zz"), 400),
        ] {
            let refused = try await exporter.get(path)
            #expect(refused.status == status, "\(path)")
            #expect(refused.body.split(separator: "\n").count == 1)
        }
        let page = try await exporter.page()
        #expect(page["redis_target_scrape_request_errors_total"] == 8)
        #expect(!exporter.log.contains("hunter"))
    }

    @Test func addressesThatAreAllowedLogInAsConfigured() async throws {
        let (server, open) = (try await RedisServer("--requirepass", "hunter2"), try await RedisServer())
        let file = try server.directory.write(
            "passwords.json", #"{"redis://127.0.0.1:\#(server.port)": "hunter2-no"}"#)
        let exporter = try await Exporter(
            ["REDIS_PASSWORD_FILE": file], "--redis.probe.allow=127[.]0[.]0[.]1:(\(server.port)|\(open.port))")
        let path = query("127.0.0.1:\(server.port)")
        #expect(try Page(try await exporter.get(path).body)["redis_up"] == 0)
        // One that the map does not have is not told a password, which would be an error.
        #expect(try Page(try await exporter.get(query("127.0.0.1:\(open.port)")).body)["redis_up"] == 1)
        // The map is read at each connect.
        try server.directory.write("passwords.json", #"{"redis://127.0.0.1:\#(server.port)": "hunter2"}"#)
        let recovers = try await eventually { try Page(try await exporter.get(path).body)["redis_up"] == 1 }
        #expect(recovers)
        #expect(try await exporter.get(query("127.0.0.1:\(freePort())")).status == 403)
        // Another one with keys of its own, and its own connection.
        #expect(try Page(try await exporter.get("\(path)&check-single-keys=a").body)["redis_up"] == 1)
        #expect(!exporter.log.contains("hunter2"))
        #expect(exporter.log.contains("127.0.0.1:\(server.port)"))
    }

    @Test func theSettingsOfTLSReachTheServer() async throws {
        let server = try await RedisServer(isTLS: true)
        let (certificate, key) = (server.directory.path("server.crt"), server.directory.path("server.key"))
        // The server wants to know who we are, too.
        let (authority, own) = (
            "--tls-ca-cert-file=\(certificate)",
            ["--tls-client-cert-file=\(certificate)", "--redis.tls.client-key-file=\(key)"]
        )
        for (flags, isUp) in [
            ([authority] + own, 1.0), (own, 0), ([authority], 0), (["--skip-tls-verification"] + own, 1),
            ([authority, "--tls-server-name=other"] + own, 0),
            (["--no-redis.tls.verify", "--redis.tls.server-name=other"] + own, 1),
        ] {
            let result = try await Exporter.run(
                ["scrape"] + flags, ["REDIS_ADDR": "rediss://localhost:\(server.port)"])
            #expect(try Page(result.output)["redis_up"] == isUp, "\(flags) \(result.errors)")
        }
        let plain = try await Exporter.run(["scrape", "--tls-server-name=x"], ["REDIS_ADDR": "127.0.0.1:1"])
        #expect(plain.errors.contains("no address of Redis begins with rediss://"))
    }

    @Test func whatPrometheusDiscovers() async throws {
        let server = try await RedisServer()
        let exporter = try await Exporter(["REDIS_ADDR": "127.0.0.1:\(server.port)"])
        let answer = try await exporter.get("/targets")
        #expect(answer.field("Content-Type") == "application/json")
        struct Group: Decodable {
            let targets: [String]
            let labels: [String: String]
        }
        let groups = try JSONDecoder().decode([Group].self, from: Data(answer.body.utf8))
        let redis = try #require(groups.first { $0.labels["target"] == "redis" })
        #expect(redis.targets == ["127.0.0.1:\(exporter.port)"])
        let path = try #require(redis.labels["__metrics_path__"])
        let page = try Page(try await exporter.get("\(path)?target=\(redis.labels["__param_target"] ?? "")").body)
        #expect(page["redis_up"] == 1)
        #expect(try await exporter.get("/discover-cluster-nodes").status == 400)
    }

    @Test func theNodesOfAClusterCountAsConfigured() async throws {
        let cluster = try await RedisClusterServers()
        let ports = (cluster.masters + [cluster.replica]).map(\.port).sorted()
        let exporter = try await Exporter(["REDIS_ADDR": "127.0.0.1:\(cluster.masters[0].port)"])
        // Not before, since nobody has asked the cluster.
        #expect(try await exporter.get(query("127.0.0.1:\(cluster.masters[1].port)")).status == 403)
        let list = try await exporter.get("/discover-cluster-nodes")
        let nodes = ports.map { "\"redis://127.0.0.1:\($0)\"" }.joined(separator: ",")
        #expect(list.body == #"[{"targets":[\#(nodes)],"labels":{}}]"# + "\n")
        for port in ports {
            let page = try Page(try await exporter.get(query("redis://127.0.0.1:\(port)")).body)
            #expect(page["redis_up"] == 1)
            #expect(page.values.contains { $0.key.labels["tcp_port"] == "\(port)" })
        }
        #expect(try await exporter.get(query("127.0.0.1:\(freePort())")).status == 403)
    }

    /// The commas between sentinels are no end of the address.
    @Test func sentinelsBesideAnotherServer() async throws {
        let (master, other) = (try await RedisServer("--requirepass", "hunter2,x"), try await RedisServer())
        let settings = "sentinel auth-pass main hunter2,x"
        let sentinels = [
            try await RedisServer(watching: master, named: "main", settings, "requirepass hunter3"),
            try await RedisServer(watching: master, named: "main", settings, "requirepass hunter3"),
        ]
        let hosts = sentinels.map { "127.0.0.1:\($0.port)" }.joined(separator: ",")
        let exporter = try await Exporter([
            "REDIS_ADDR": "redis+sentinel://:hunter2,x@\(hosts)/main,127.0.0.1:\(other.port)",
            "REDIS_SENTINEL_PASSWORD": "hunter3",
        ])
        for (target, port) in [("redis-1", master.port), ("redis-2", other.port)] {
            let page = try Page(try await exporter.get(query(target)).body)
            #expect(page["redis_up"] == 1, "\(exporter.log)")
            #expect(page.values.contains { $0.key.labels["tcp_port"] == "\(port)" })
        }
        #expect(!exporter.log.contains("hunter"))
    }

    /// The command line and the environment of redis_exporter, as they are.
    @Test func redisExportersCommandLineWorks() async throws {
        let server = try await RedisServer("--requirepass", "hunter2")
        let exporter = try await Exporter(
            [
                "REDIS_ADDR": "redis://127.0.0.1:\(server.port)", "REDIS_PASSWORD": "hunter2",
                "REDIS_EXPORTER_WEB_TELEMETRY_PATH": "/r", "REDIS_EXPORTER_LOG_FORMAT": "json",
                "REDIS_EXPORTER_INCL_SYSTEM_METRICS": "true", "REDIS_EXPORTER_BASIC_AUTH_PASSWORD": "",
            ],
            "-check-single-keys=db0=a", "-include-go-runtime-metrics", "--set-client-name=false", "-debug=false")
        #expect(try Page(try await exporter.get("/r").body)["redis_up"] == 1)
        let lines = exporter.log.split(separator: "\n")
        #expect(lines.allSatisfy { $0.hasPrefix("{") })
        #expect(lines.count { $0.contains(#""level":"warn""#) } == 4, "\(exporter.log)")
        #expect(lines.contains { $0.contains("--check-single-keys is now --redis.keys.check-single") })
    }
}
