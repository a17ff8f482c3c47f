import Foundation
import Lab
import Testing

/// What the exporter says to those who want to know how things are.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct HealthTests {
    private let directory = TemporaryDirectory("health")

    private func object(_ answer: Answer) throws -> [String: Any] {
        #expect(answer.field("Content-Type") == "application/json")
        return try #require(JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [String: Any])
    }

    @Test func theStateOfEverything() async throws {
        let stack = try await Stack()
        let exporter = stack.exporter
        // Nothing is asked for this.
        var health = try object(try await exporter.get("/health"))
        #expect(health["status"] as? String == "healthy")
        #expect(health["database"] as? String == "unknown")
        _ = try await exporter.page()
        health = try object(try await exporter.get("/health"))
        #expect(health["status"] as? String == "healthy")
        for part in ["database", "redis", "containers"] { #expect(health[part] as? String == "connected") }
        #expect((health["version"] as? String)?.wholeMatch(of: /\d+\.\d+\.\d+/) != nil)
        #expect((health["uptime"] as? String)?.wholeMatch(of: /\d\d:\d\d:\d\d/) != nil)
        let time = try #require(health["timestamp"] as? String)
        let moment = try Date(time, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        #expect(abs(moment.timeIntervalSinceNow) < 60 && time.hasSuffix("Z"))

        try await stack.redis.stop()
        _ = try await exporter.page()
        let degraded = try await exporter.get("/health")
        #expect(degraded.status == 200)
        health = try object(degraded)
        #expect(health["status"] as? String == "degraded")
        #expect(health["redis"] as? String == "unreachable")
        #expect(health["database"] as? String == "connected")
        let cache = try await exporter.get("/health/cache")
        #expect(cache.status == 503)
        let state = try object(cache)
        #expect(state["status"] as? String == "unreachable")
        // Whatever is down, the exporter itself is alive and ready.
        for path in ["/readiness", "/-/healthy", "/-/ready"] { #expect(try await exporter.get(path).status == 200) }
        #expect(try await exporter.get("/readiness").body == "{\"ready\":true}\n")
    }

    @Test func theDatabaseIsAskedOnTheKeptConnection() async throws {
        let stack = try await Stack()
        let exporter = stack.exporter
        try await stack.postgres.sql("CREATE TABLE one (n int); CREATE TABLE two (n int)")
        let sessions = "SELECT pid FROM pg_stat_activity WHERE application_name = 'stack-exporter'"
        let answer = try await exporter.get("/health/db")
        #expect(answer.status == 200)
        let health = try object(answer)
        #expect(health["status"] as? String == "connected")
        #expect(health["database"] as? String == "postgres")
        #expect(health["tables_accessible"] as? Int == 2)
        #expect(health["latency_ms"] as? Double ?? 0 > 0)
        let process = try await stack.postgres.sql(sessions).output
        #expect(process.split(separator: "\n").count == 1)
        // A scrape goes on with the connection that was made for the question, and knows what it is.
        let page = try await exporter.page()
        #expect(page["pg_up"] == 1)
        #expect(page.reasons(of: "postgres") == [])
        #expect(try await exporter.get("/health/db").status == 200)
        #expect(try await eventually { try await stack.postgres.sql(sessions).output == process })

        let cache = try object(try await exporter.get("/health/cache"))
        #expect(cache["status"] as? String == "healthy")
        #expect(cache["provider"] as? String == "redis")
        #expect(cache["memory_used_mb"] as? Double ?? 0 > 0.1)
        #expect(cache["latency_ms"] as? Double ?? 0 > 0)
        let clients = try await stack.redisCLI("CLIENT", "LIST")
        #expect(clients.split(separator: "\n").count { $0.contains("name=stack-exporter") } == 1)

        // A restart between is not held against it.
        try await stack.postgres.stop()
        #expect(try await eventually { try await exporter.get("/health/db").status == 503 })
        try await stack.postgres.start()
        #expect(try await eventually { try await exporter.get("/health/db").status == 200 })
        #expect(try await exporter.page { $0["pg_up"] == 1 }.reasons(of: "postgres") == [])
        try await stack.postgres.sql("SELECT pg_terminate_backend(pid) FROM (\(sessions)) AS s")
        try await Task.sleep(for: .milliseconds(1100))
        #expect(try await exporter.get("/health/db").status == 200)

        for path in ["/health", "/health/db", "/health/cache", "/readiness", "/-/healthy", "/-/ready", "/targets"] {
            let head = try await exporter.get(path, options: "--head")
            #expect(head.status == 200 && head.body == "" && head.field("Content-Length") != "0", "\(path)")
        }
        for path in ["/health/db", "/health/cache"] {
            let body = try await exporter.get(path).body
            #expect(!body.contains("127.0.0.1") && !body.contains(PostgresServer.password))
        }
    }

    @Test func whatIsNotThereIsNotHealthy() async throws {
        let exporter = try await Exporter(["DATABASE_URL": "postgresql://nobody@127.0.0.1:\(freePort())/none"])
        let database = try await exporter.get("/health/db")
        #expect(database.status == 503)
        #expect(database.body == #"{"status":"unreachable","target":"postgres","reason":"connection"}"# + "\n")
        let cache = try await exporter.get("/health/cache")
        #expect(cache.status == 404)
        #expect(cache.body == "{\"status\":\"not configured\"}\n")
        #expect(try await exporter.get("/health/db?target=other").status == 404)
        #expect(try await exporter.get("/health/db?target=postgres").status == 503)
        let health = try object(try await exporter.get("/health"))
        #expect(health["redis"] as? String == "not configured")
    }

    @Test func theWorstOfSeveralCounts() async throws {
        let servers = [try await RedisServer(), try await RedisServer()]
        let exporter = try await Exporter([
            "REDIS_ADDR": servers.map { "127.0.0.1:\($0.port)" }.joined(separator: ",")
        ])
        #expect(try await exporter.get("/health/cache").status == 200)
        try await servers[1].stop()
        #expect(try await eventually { try await exporter.get("/health/cache").status == 503 })
        #expect(try await exporter.get("/health/cache").body.contains("redis-2"))
        #expect(try await exporter.get("/health/cache?target=redis-1").status == 200)
        #expect(try await exporter.get("/health/cache?target=redis-2").status == 503)
    }

    /// A flood of questions to a server that hangs, in the middle of a scrape, is one question, and each has its answer in
    /// time.
    @Test func aFloodDoesNotPileUp() async throws {
        let postgres = try await PostgresServer()
        let exporter = try await Exporter(["DATABASE_URL": postgres.connectionString()], "--scrape.timeout=30s")
        #expect(try await exporter.page()["pg_up"] == 1)
        try await postgres.signalAll(SIGSTOP)
        async let page = exporter.page()
        try #require(try await eventually { try Connections(port: postgres.port).hasUnreadRequest })
        let urls = (0..<60).map { _ in "http://127.0.0.1:\(exporter.port)/health/db" }
        let result = try await run(
            [
                "curl", "-sS", "-Z", "--parallel-immediate", "--parallel-max", "60", "-m", "25", "-w",
                "%{http_code} %{time_total}\n",
            ] + urls)
        let answers = result.output.split(separator: "\n").filter { !$0.hasPrefix("{") }
        #expect(answers.count == 60)
        // The scrape takes 30 s, and the question no more than 5.
        #expect(answers.allSatisfy { $0.hasPrefix("503 ") && Double($0.dropFirst(4)) ?? 99 < 20 }, "\(answers)")
        #expect(try Connections(port: postgres.port).ofClients.count <= 3)
        #expect(try await exporter.get("/health").status == 200)
        try await postgres.signalAll(SIGCONT)
        _ = try await page
        #expect(try await eventually(within: 60) { try await exporter.get("/health/db").status == 200 })
        let sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'stack-exporter'"
        #expect(try await eventually(within: 60) { try await postgres.sql(sessions).output == "1\n" })
    }

    // MARK: The command

    @Test func theCommandKnowsWhoIsAlive() async throws {
        let (key, certificate) = (directory.path("key"), directory.path("crt"))
        let made = try await run([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
            "2",
            "-subj", "/CN=elsewhere", "-keyout", key, "-out", certificate,
        ])
        try #require(made.status == 0, "\(made.errors)")
        let python = """
            import socket, sys
            server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
            while True:
                client = server.accept()[0]
                client.recv(4096)
                client.sendall(sys.argv[2].encode())
                client.close()
            """
        let file = try directory.write("web.yml", "tls_server_config: {cert_file: crt, key_file: key}\n")
        let tls = ["openssl", "s_server", "-quiet", "-key", key, "-cert", certificate]
        let fake = ["/usr/bin/python3", "-c", python]
        let cases: [(command: (Int) -> [String], isAlive: Bool)] = [
            ({ tls + ["-www", "-accept", "127.0.0.1:\($0)"] }, true),
            ({ tls + ["-www", "-tls1_2", "-accept", "127.0.0.1:\($0)"] }, true),
            // These let nobody in without a certificate.
            ({ tls + ["-www", "-Verify", "1", "-accept", "127.0.0.1:\($0)"] }, true),
            ({ tls + ["-www", "-tls1_2", "-Verify", "1", "-accept", "127.0.0.1:\($0)"] }, true),
            ({ fake + ["\($0)", "HTTP/1.1 401 Unauthorized\r\n\r\n"] }, true),
            ({ fake + ["\($0)", "HTTP/1.1 429 Too Many Requests\r\n\r\n"] }, true),
            ({ fake + ["\($0)", "HTTP/1.1 503 Service Unavailable\r\n\r\n"] }, false),
            ({ fake + ["\($0)", "SSH-2.0-OpenSSH_9.2\r\n"] }, false),
            ({ fake + ["\($0)", ""] }, false),
        ]
        for (command, isAlive) in cases {
            let port = freePort()
            let server = try Daemon(command(port), log: directory.path("log"))
            defer { server.stop() }
            // Whether it listens, as the system has it: whoever connects to find out would be a client.
            try #require(
                try await eventually {
                    let table = try FileHandle(forReadingFrom: URL(filePath: "/proc/net/tcp")).readToEnd() ?? Data()
                    let listening = ":" + String(format: "%04X", port) + " 00000000:0000 0A"
                    return String(decoding: table, as: UTF8.self).contains(listening)
                })
            let result = try await Exporter.run(
                ["health", "--web.listen-address=127.0.0.1:\(port)"]
                    + (command(port)[0] == "openssl" ? ["--web.config.file=\(file)"] : []))
            #expect(result.status == (isAlive ? 0 : 1), "\(command(port)) \(result.errors)")
            #expect(result.errors.split(separator: "\n").count == (isAlive ? 0 : 1))
            #expect(isAlive || result.errors.contains("127.0.0.1:\(port)"))
        }
        // Ours, which lets nobody in whom it does not know.
        let ours = try await WebExporter(
            """
            tls_server_config:
              cert_file: @/server.pem
              key_file: @/server.key
              client_auth_type: RequireAndVerifyClientCert
              client_ca_file: @/authority.pem
            """)
        let result = try await Exporter.run([
            "health", "--web.listen-address=127.0.0.1:\(ours.port)",
            "--web.config.file=\(ours.directory.path("web.yml"))",
        ])
        #expect(result.status == 0, "\(result.errors)")
        let nobody = try await Exporter.run(["health", "--web.listen-address=127.0.0.1:\(freePort())"])
        #expect(nobody.status == 1)
        #expect(nobody.errors.hasPrefix("stack-exporter: nobody answers at 127.0.0.1:"))
    }
}
