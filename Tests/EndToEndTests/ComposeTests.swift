import Foundation
import Lab
import Testing

/// The files of `docker/`: Compose takes them, and every service does with them what they are for. No engine is needed.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct ComposeTests {
    @Test func composeTakesTheFilesAndTheyHoldNoPassword() async throws {
        let files = try await ComposeFiles()
        let names = try FileManager.default.contentsOfDirectory(atPath: files.directory.path("secrets"))
        // The mail server's is its owner's to write.
        let passwords = try names.filter { $0.hasSuffix("_password") && $0 != "smtp_password" }.map(files.secret)
        #expect(passwords.count == 6)
        #expect(Set(passwords).count == 6)
        #expect(passwords.allSatisfy { $0.count == 48 })
        for configuration in [
            try await files.configuration("compose.yaml"),
            try await files.configuration("sidecar.yaml"),
            try await files.configuration("compose.yaml", "sidecar.yaml"),
        ] {
            #expect(!passwords.contains(where: configuration.contains))
        }
        // Of Redis' users only hashes are known.
        let users = try files.secret("redis_users")
        #expect(!passwords.contains(where: users.contains))
        #expect(!users.contains("<"))
    }

    @Test func secretsAreMadeOnce() async throws {
        let files = try await ComposeFiles()
        let names = ["postgres_password", "redis_exporter_password", "redis_users"]
        let before = try names.map(files.secret)
        let again = try await run([files.directory.path("make-secrets")])
        #expect(again.status == 0, "\(again.errors)")
        #expect(try names.map(files.secret) == before)
        let directory = try FileManager.default.attributesOfItem(atPath: files.directory.path("secrets"))
        #expect(directory[.posixPermissions] as? Int == 0o700)
        let file = try FileManager.default.attributesOfItem(atPath: files.directory.path("secrets/redis_users"))
        #expect(file[.posixPermissions] as? Int == 0o444)
    }

    /// What Alertmanager reads is there, to be filled in.
    @Test func alertmanagerHasItsSecrets() async throws {
        let files = try await ComposeFiles()
        let names = try files.text("alertmanager/alertmanager.yml").matches(of: /\/run\/secrets\/(\w+)/).map {
            String($0.1)
        }
        #expect(Set(names) == ["pagerduty_routing_key", "slack_url", "smtp_password"])
        let stack = try files.text("compose.yaml")
        #expect(stack.contains("secrets: [pagerduty_routing_key, slack_url, smtp_password]\n"))
        for name in names {
            #expect(stack.contains("\n  \(name): {file: secrets/\(name)}\n"))
            #expect(try files.secret(name).isEmpty)
        }
    }

    /// It may do nothing, and is given what it has to see.
    @Test func theExporterIsWithoutPrivileges() async throws {
        let files = try await ComposeFiles()
        let sidecar = try files.text("sidecar.yaml")
        #expect(sidecar.split(separator: "\n").count < 25)
        let services = try await files.services()
        let exporter = try #require(services["exporter"])
        #expect(exporter.read_only == true)
        #expect(exporter.cap_drop == ["ALL"])
        #expect(exporter.security_opt == ["no-new-privileges:true"])
        #expect(exporter.mem_limit == "64m")
        // The image says who it is.
        #expect(exporter.user == nil)
        let volumes = try #require(exporter.volumes)
        #expect(volumes.allSatisfy { $0.hasSuffix(":ro") })
        for volume in ["/sys/fs/cgroup:/host/sys/fs/cgroup:ro", "/proc:/host/proc:ro"] {
            #expect(volumes.contains(volume))
            #expect(sidecar.contains("\"\(volume)\""))
        }
        for line in ["read_only: true", "cap_drop: [ALL]", "no-new-privileges:true", "mem_limit: 64m"] {
            #expect(sidecar.contains(line))
        }
        // The engine's socket is as good as root, and in one service alone, which only a profile starts.
        let holders = services.filter { $0.value.volumes?.contains { $0.contains("docker.sock") } ?? false }
        #expect(holders.keys.sorted() == ["engine"])
        #expect(holders["engine"]?.profiles == ["socket"])
        #expect(!sidecar.contains("docker.sock"))
        #expect(services.values.allSatisfy { $0.privileged == nil && $0.cap_add == nil })
        // A moving tag would be another stack tomorrow.
        let foreign = services.values.compactMap(\.image).filter { !$0.hasPrefix("stack-exporter") }
        #expect(foreign.allSatisfy { $0.contains(/:v?[0-9]+\.?[0-9]*/) }, "\(foreign)")
    }

    /// PostgreSQL and Redis as the stack sets them up, and the exporter with the environment of its service.
    @Test func theExporterSeesEverythingOfTheStack() async throws {
        let files = try await ComposeFiles()
        let service = try #require(try await files.services()["exporter"]?.environment)
        let postgres = try await PostgresServer()
        try await postgres.initialize(with: files)
        let redis = try await RedisServer("--aclfile", files.directory.path("secrets/redis_users"))
        let hosts = ["postgres:5432": postgres.port, "redis:6379": redis.port]
        // It has worked before the exporter comes, which keeps the tokens' figures for a minute.
        let application = try load(postgres, files)
        let hasWorked = try await eventually {
            try await postgres.sql("SELECT count(*) > 20 FROM app.audit_log", database: "app").output == "t\n"
        }
        let said = try files.text("load")
        #expect(hasWorked, "\(said)")
        let exporter = try await Exporter(service.mapValues { files.translated($0, hosts: hosts) })
        let page = try await exporter.page {
            $0.all("app_jobs_completed_last_hour").values.contains { $0 > 0 }
                && $0.all("app_webhooks_accepted_last_hour").count == 3
        }
        #expect(page["pg_up"] == 1)
        #expect(page["redis_up"] == 1)
        #expect(page.failures.filter { !$0.key.hasPrefix("containers/") && !$0.key.hasPrefix("host/") } == [:])
        #expect(page.all("pg_stat_statements_calls_total").count > 0)
        #expect(page.all("app_jobs_waiting").keys.allSatisfy { $0.labels["queue"] != nil })
        let tokens = page.all("app_tokens_used_today")
        #expect(Set(tokens.keys.map { $0.labels["direction"] }) == ["input", "output"])
        #expect(tokens.values.allSatisfy { $0 > 0 })
        application.stop()

        let check = try await Exporter.run(["check"], service.mapValues { files.translated($0, hosts: hosts) })
        #expect(check.status == 0, "\(check.output)")
        #expect(!check.output.contains("GRANT"), "\(check.output)")
        #expect(check.output.contains("redis (redis): up"), "\(check.output)")

        // The passwords went through the server, and it has kept none.
        let statements = try await postgres.sql("SELECT query FROM pg_stat_statements", database: "app").output
        #expect(!statements.contains("CREATE ROLE"))
        // The role reads what it was given, and nothing else.
        let role = postgres.connectionString(
            user: "exporter", password: try files.secret("postgres_exporter_password"), database: "app")
        for statement in [
            "CREATE TABLE app.mine ()", "CREATE TABLE public.mine ()", "DELETE FROM app.job_queue",
            "SELECT rolpassword FROM pg_authid",
        ] {
            let refused = try await run(["psql", "-X", "-q", "-d", role, "-c", statement])
            #expect(refused.errors.contains("permission denied"), "\(statement): \(refused.errors)")
        }
    }

    /// The load of the profile `demo`.
    private func load(_ postgres: PostgresServer, _ files: ComposeFiles) throws -> Daemon {
        let name = "demo/load-postgres"
        let text = files.translated(try files.text(name), hosts: [:]).replacing("--rate=5", with: "--rate=50")
        return try Daemon(
            [try files.directory.write(name, text), "127.0.0.1", "app"],
            environment: .added(["PGPORT": "\(postgres.port)"]),
            log: files.directory.path("load"))
    }

    /// Redis 7 and 8 take the users, whoever has no password may ask whether it is there, and a Celery worker works.
    @Test(arguments: [nil, "redis-8"])
    func usersOfRedisMayDoWhatTheyNeed(version: String?) async throws {
        let files = try await ComposeFiles()
        let services = try await files.services()
        let redis = try await RedisServer(version: version, "--aclfile", files.directory.path("secrets/redis_users"))
        #expect(try await redis.cli("PING") == "PONG\n")
        for command in [["GET", "x"], ["INFO"], ["ACL", "LIST"], ["CONFIG", "GET", "*"]] {
            let refused = try await run(["redis-cli", "-s", redis.socket] + command)
            #expect(refused.output.hasPrefix("NOPERM"), "\(command): \(refused.output)")
        }
        let environment = try #require(services["exporter"]?.environment).filter { $0.key.contains("REDIS") }
        let hosts = ["redis:6379": redis.port]
        let exporter = try await Exporter(environment.mapValues { files.translated($0, hosts: hosts) })

        // The worker and its sender, by the command lines of the services.
        let python = Repository.python
        var workers: [Daemon] = []
        for name in ["demo-worker", "demo-sender"] {
            let service = try #require(services[name])
            let words = try #require(service.command)
            let program = words[0] == "python" ? [python] : [python, "-m", words[0]]
            let variables = (service.environment ?? [:]).mapValues { files.translated($0, hosts: hosts) }
                .merging(["REDIS_HOST": "127.0.0.1", "REDIS_PORT": "\(redis.port)"]) { $1 }
            workers.append(
                try Daemon(
                    ["env", "--chdir", files.directory.path("demo")] + program + words.dropFirst(),
                    environment: .added(variables), log: files.directory.path(name)))
        }
        let page = try await exporter.page(within: 120) {
            $0.all("celery_task_succeeded_total").values.contains { $0 > 3 }
                && Set($0.all("celery_queue_length").keys.map { $0.labels["queue_name"] }) == ["celery", "reports"]
                && $0["redis_keyspace_misses_total"] ?? 0 > 3
        }
        #expect(page.all("celery_worker_up").values.contains(1))
        #expect(page.failures.filter { $0.key.hasPrefix("redis/") } == [:])
        #expect(page["redis_up"] == 1)
        let check = try await Exporter.run(
            ["check"], environment.mapValues { files.translated($0, hosts: hosts) })
        #expect(check.output.contains("redis (redis): up"))
        #expect(!check.output.contains("NOPERM"), "\(check.output)")
        for worker in workers { worker.stop() }
    }

    /// With the files that are there, by the command line of its service.
    @Test func prometheusTakesItsConfiguration() async throws {
        let files = try await ComposeFiles()
        let port = freePort()
        let words = try #require(try await files.services()["prometheus"]?.command)
        let flags = words.map {
            $0.replacing("/etc/prometheus", with: files.directory.path("prometheus"))
                .replacing("=/prometheus", with: "=" + files.directory.path("data"))
        }
        let checked = try await run([
            "promtool", "check", "config", files.directory.path("prometheus/prometheus.yml"),
        ])
        #expect(checked.status == 0, "\(checked.output)\(checked.errors)")
        let prometheus = try Daemon(
            ["prometheus"] + flags + ["--web.listen-address=127.0.0.1:\(port)"], log: files.directory.path("log"))
        let isReady = try await eventually(within: 60) {
            try await run(["curl", "-sf", "http://127.0.0.1:\(port)/-/ready"]).status == 0
        }
        let said = files.directory.text("log")
        #expect(isReady, "\(said)")
        #expect(!said.contains("level=error"), "\(said)")
        var targets = ""
        let isScraped = try await eventually {
            targets = try await run(["curl", "-s", "http://127.0.0.1:\(port)/api/v1/targets"]).output
            return targets.contains("http://exporter:19187/metrics")
        }
        #expect(isScraped, "\(targets)")
        prometheus.stop()
    }

    /// Grafana is no package of Debian's: that what its files name is there is all that is known of them here.
    @Test func grafanasFilesNameWhatIsThere() async throws {
        let files = try await ComposeFiles()
        let services = try await files.services()
        let volumes = try #require(services["grafana"]?.volumes)
        let source = try files.text("grafana/provisioning/datasources/prometheus.yaml")
        let host = try #require(source.firstMatch(of: /url: http:\/\/([a-z]+):9090\n/)).1
        #expect(services[String(host)]?.image?.hasPrefix("prom/prometheus:") == true)
        let provider = try files.text("grafana/provisioning/dashboards/dashboards.yaml")
        let path = try #require(provider.firstMatch(of: /path: ([a-z\/]+)/)).1
        #expect(volumes.contains { $0.hasSuffix("/dashboards:\(path):ro") }, "\(volumes)")
        #expect(volumes.contains { $0.hasSuffix("/grafana/provisioning:/etc/grafana/provisioning:ro") })
        let home = try #require(services["grafana"]?.environment?["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
        #expect(try DashboardFile.files().contains { home == "\(path)/\($0.lastPathComponent)" }, "\(home)")
    }

    /// The service that holds the engine's socket hands on what the exporter reads of it, and nothing else.
    @Test(.enabledOnV1) func theEnginesSocketIsForReading() async throws {
        let files = try await ComposeFiles()
        let engine = try await DockerEngine()
        let socket = files.directory.path("docker.sock")
        let configuration = try files.directory.write(
            "engine/haproxy.cfg",
            files.text("engine/haproxy.cfg").replacing("/run/engine/docker.sock", with: socket)
                .replacing("/var/run/docker.sock", with: engine.socket))
        let log = files.directory.path("haproxy.log")
        let proxy = try Daemon(["haproxy", "-f", configuration], log: log)
        let exporter = try await Exporter([:], "--containers.runtime-socket=\(socket)")
        let cgroup = engine.cgroup(of: try await engine.run("web", options: ["--memory", "64m"]))
        // Also what comes as an event.
        try await engine.cli("rename", "web", "shop")
        let page = try await exporter.page {
            $0.all("container_memory_usage_bytes").keys.contains {
                $0.labels["id"] == cgroup && $0.labels["name"] == "shop"
            } && $0.all("container_state").keys.contains { $0.labels["name"] == "shop" }
        }
        #expect(page.reasons(of: "containers") == [])
        #expect(page["container_scrape_error"] == 0)
        for path in [
            "/images/json", "/containers/shop/logs?stdout=1", "/containers/shop/archive?path=/etc", "/v1.41/info",
        ] {
            #expect(try await status(path, of: socket) == "403")
        }
        for method in ["POST", "DELETE", "PUT"] {
            #expect(try await status("/containers/json", of: socket, method) == "403")
        }
        #expect(try await status("/_ping", of: socket) == "200")
        try await engine.cli("rm", "--force", "shop")
        proxy.stop()
    }

    private func status(_ path: String, of socket: String, _ method: String = "GET") async throws -> String {
        try await run(
            [
                "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "20", "--unix-socket", socket,
                "--request", method, "http://d\(path)",
            ]
        ).output
    }
}
