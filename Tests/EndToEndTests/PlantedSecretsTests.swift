import Foundation
import Lab
import Testing

/// That nothing secret leaves the program, whatever goes wrong with it.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct PlantedSecretsTests {
    /// Stands in all that is secret; followed by where it was planted.
    private static let secret = "pl4nted"
    private static let hash = "$2y$04$tWjRuWcKrjqzDgNFYYJBTulKMMyjESeBDeJvKsFf8WBLOdMKlX.3i"

    private let directory = TemporaryDirectory("planted")

    /// What every way to fail is told in: each text with where it comes from.
    private func expectNoSecret(in texts: [(source: String, text: String)]) {
        for (source, text) in texts {
            let found = [Self.secret, String(Self.hash.dropFirst(7))].contains { text.contains($0) }
            #expect(!found, "\(source): \(text.prefix(3000))")
        }
    }

    @Test func nothingSecretIsSaidAnywhere() async throws {
        let postgres = try await PostgresServer()
        let redis = try await RedisServer("--requirepass", "right")
        let password = try directory.write("password", "\(Self.secret)-file\n")
        let passwords = try directory.write(
            "passwords.json", #"{"redis://127.0.0.1:\#(redis.port)": "\#(Self.secret)-map"}"#)
        let web = try directory.write("web.yml", "basic_auth_users: {prometheus: \"\(Self.hash)\"}\n")
        let good = """
            postgres:
              - {name: closed, dsn: "postgresql://u:\(Self.secret)-dsn@127.0.0.1:\(freePort())/d"}
              - {name: refused, dsn: "host=127.0.0.1 port=\(postgres.port) user=postgres password=\(Self.secret)-pairs"}
              - {name: by-file, dsn: "host=127.0.0.1 port=\(postgres.port) user=nobody", password_file: \(password)}
              - {name: by-variable, dsn: "postgresql://postgres@127.0.0.1:\(postgres.port)/d", password: "${PLANTED}"}
            pgbouncer: [{name: pooler, dsn: "postgresql://u:\(Self.secret)-pooler@127.0.0.1:\(freePort())/pgbouncer"}]
            redis:
              - {name: wrong, url: "redis://:\(Self.secret)-url@127.0.0.1:\(redis.port)"}
              - {name: wrong-too, url: "redis://127.0.0.1:\(redis.port)", password_file: \(passwords)}
              - name: sentinels
                url: "redis+sentinel://:\(Self.secret)-master@127.0.0.1:\(redis.port)/main"
                sentinel_password: \(Self.secret)-sentinel
            auth_modules: {other: {type: userpass, userpass: {username: u, password: \(Self.secret)-module}}}
            """
        let file = try directory.write("config.yml", good)
        let environment = [
            "PLANTED": "\(Self.secret)-variable", "DATABASE_URL": "postgresql://u:\(Self.secret)-url@db/d",
            "REDIS_PASSWORD": "\(Self.secret)-redis", "CE_BROKER_URL": "amqp://u:\(Self.secret)-broker@mq//",
        ]
        let flags = [
            "--config.file=\(file)", "--web.config.file=\(web)", "--log.level=debug",
            "--scrape.timeout=5s",
        ]
        var texts: [(source: String, text: String)] = []
        func note(_ source: String, _ result: CommandResult) {
            texts.append((source, result.output))
            texts.append(("\(source), standard error", result.errors))
        }
        for command in [["check"], ["check", "--format=json"], ["check", "--show-config"], ["scrape"]] {
            let result = try await Exporter.run(command + flags, environment)
            #expect(!result.output.isEmpty, "\(result.errors)")
            note(command.joined(separator: " "), result)
        }
        #expect(texts.contains { $0.text.contains("<redacted>") })

        let port = freePort()
        let daemon = try Daemon(
            [
                Exporter.binary, "--web.listen-address=127.0.0.1:\(port)", "--web.enable-lifecycle",
                "--postgres.probe.allow=.*", "--redis.probe.allow=.*",
            ] + flags,
            // Where the toolchain is there, a crash is looked at for longer than a test should take.
            environment: .only(environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }), stop: "KILL",
            log: directory.path("log"))
        defer { daemon.stop() }
        func log() -> String { directory.text("log") }
        try #require(try await eventually { log().contains("msg=started") })

        func ask(_ path: String, _ options: String..., password: String = "test") async throws -> CommandResult {
            try await Lab.run(
                ["curl", "-sS", "-i", "--max-time", "60", "-u", "prometheus:\(password)"] + options
                    + ["http://127.0.0.1:\(port)\(path)"], environment: .only([:]))
        }
        let page = try await ask("/metrics")
        #expect(page.output.hasPrefix("HTTP/1.1 200") && page.output.contains("pg_up{target=\"refused\"} 0"))
        let (url, escaped) = ("\(Self.secret)-target", "127.0.0.1%3A\(postgres.port)")
        for path in [
            "/metrics", "/", "/health", "/health/db", "/health/cache", "/targets", "/discover-cluster-nodes",
            "/nothing?password=\(url)", "/probe?target=refused&auth_module=\(url)",
            "/probe?target=postgresql%3A%2F%2Fu%3A\(url)%40\(escaped)%2Fd",
            "/probe?target=\(escaped)&auth_module=other",
            "/probe?target=host%3D127.0.0.1%20password%3D\(url)%20sslkey%3D\(url)",
            "/scrape?target=redis%3A%2F%2F%3A\(url)%40127.0.0.1%3A\(redis.port)",
        ] {
            note(path, try await ask(path))
        }
        note("a wrong password", try await ask("/metrics", password: "\(Self.secret)-wrong"))
        note("a reload", try await ask("/-/reload", "-X", "POST"))
        for bad in [
            "redis: [{url: \"\(Self.secret)-url://x\"}]", "postgres: [{dsn: \"\(Self.secret)-dsn\"}]",
            "redis: [{url: c, password: [\(Self.secret)-list]}]", "postgres: {\(Self.secret): [",
            "redis: {password: {a: \(Self.secret)}}", "scrape: {timeout: ${PLANTED}}",
        ] {
            try directory.write("config.yml", bad)
            let refused = try await ask("/-/reload", "-X", "POST")
            #expect(refused.output.contains("400 Bad Request"), "\(bad): \(refused.output)")
            // A key is none of the places where a secret belongs, and its name is what mends it.
            if !bad.contains("{\(Self.secret):") { note(bad, refused) }
            let started = try await Exporter.run(["serve"] + flags, environment)
            #expect(started.status == 2)
            if !bad.contains("{\(Self.secret):") { note("serve with \(bad)", started) }
        }
        try directory.write("config.yml", good)
        try directory.write("web.yml", "basic_auth_users: {prometheus: \"\(Self.secret)-hash\"}\n")
        note("serve without a hash", try await Exporter.run(["serve"] + flags, environment))

        let arguments = try String(contentsOfFile: "/proc/\(daemon.pid)/cmdline", encoding: .utf8)
        texts.append(("the process' title", arguments))
        // As a trap of Swift ends it.
        daemon.signal(SIGILL)
        #expect(try await daemon.exitStatus() == 128 + SIGILL)
        texts.append(("the log", log()))
        #expect(log().contains("target=refused"))
        expectNoSecret(in: texts)
    }
}
