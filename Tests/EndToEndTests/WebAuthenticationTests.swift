import Foundation
import Lab
import Testing

/// Passwords, headers and the rate limit as curl and Prometheus see them.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct WebAuthenticationTests {
    private let directory = TemporaryDirectory("web")

    /// Hashes of `hunter2 of alice`, `hunter2 of bob` and `hunter2 rotated`, by each of bcrypt's names.
    private static let alice = "$2y$05$abcdefghijklmnopqrstuu0oPGKPRH81stdiM33IQFG6Fj77J0ADK"
    private static let bob = "$2b$05$bcdefghijklmnopqrstuvuoxuz6S4JOrR7MmPlw1euXSRRnnVFGHS"
    private static let rotated = "$2a$05$cdefghijklmnopqrstuvwuFOXIlbNNMmE8ZsfHYHT3xYr5spCdJcK"
    private static let users = "basic_auth_users:\n  alice: \(alice)\n  bob: \(bob)\n"

    @Test func everyPathWantsAPassword() async throws {
        let exporter = try await WebExporter(Self.users)
        for path in ["/", "/metrics", "/-/healthy", "/-/ready", "/targets", "/probe?target=x", "/nothing"] {
            let answer = try await exporter.getInTheClear(path)
            #expect(answer.status == 401, "\(path)")
            #expect(answer.field("WWW-Authenticate") == #"Basic realm="stack-exporter""#)
            #expect(answer.body == "Unauthorized\n")
        }
        // Twice, once compared and once remembered.
        for _ in 0..<2 {
            #expect(try await exporter.status("alice:hunter2 of alice", "/metrics") == 200)
            #expect(try await exporter.status("bob:hunter2 of bob") == 200)
            #expect(try await exporter.status("alice:hunter2 of bob") == 401)
            #expect(try await exporter.status("carol:hunter2 of alice") == 401)
            #expect(try await exporter.status("alice:") == 401)
            #expect(try await exporter.status(":hunter2 of alice") == 401)
        }
        #expect(try await exporter.status("alice:hunter2 of alice", "/nothing") == 404)
        let page = try await exporter.getInTheClear("/metrics", "-u", "alice:hunter2 of alice").body
        #expect(page.contains(#"http_requests_total{handler="access",method="GET",status="401"}"#))
        #expect(!exporter.log.contains("hunter2") && !page.contains("hunter2") && !page.contains("$2"))
    }

    @Test(arguments: [
        "Basic", "Basic ", "Basic !!!", "Basic YWxpY2U", "Bearer YWxpY2U6aHVudGVyMiBvZiBhbGljZQ==", "Basic YWxpY2U=",
        "Basic /////w==", "Basic YWxpY2U6aHVudGVyMiBvZiBhbGljZQ== x",
        // A zero byte behind the right password.
        "Basic YWxpY2U6aHVudGVyMiBvZiBhbGljZQB4",
    ])
    func whatIsNoLogin(field: String) async throws {
        let exporter = try await WebExporter(Self.users)
        #expect(try await exporter.getInTheClear("/", "-H", "Authorization: \(field)").status == 401)
        // The same, written as it should be.
        let right = ["-H", "Authorization: basic  YWxpY2U6aHVudGVyMiBvZiBhbGljZQ=="]
        #expect(try await exporter.getInTheClear("/", right[0], right[1]).status == 200)
        #expect(
            try await exporter.getInTheClear("/", right[0], right[1], "-H", "Authorization: \(field)").status == 401)
    }

    @Test func aHashIsRotated() async throws {
        let exporter = try await WebExporter(Self.users)
        #expect(try await exporter.status("alice:hunter2 of alice") == 200)
        try exporter.directory.rewrite("web.yml", "basic_auth_users: {alice: \(Self.rotated)}")
        #expect(try await eventually { try await exporter.status("alice:hunter2 rotated") == 200 })
        #expect(try await exporter.status("alice:hunter2 of alice") == 401)
        #expect(try await exporter.status("bob:hunter2 of bob") == 401)
    }

    @Test func aBadFileChangesNothing() async throws {
        let exporter = try await WebExporter(Self.users)
        func isSuccessful() async throws -> Bool {
            try await exporter.getInTheClear("/metrics", "-u", "alice:hunter2 of alice").body
                .contains("\nstack_exporter_web_config_last_reload_successful 1\n")
        }
        #expect(try await isSuccessful())
        let file = exporter.directory.path("web.yml")
        for (text, sentence) in [
            ("basic_auth_users: {alice: hunter2}", "\(file):1:27: this should be a bcrypt hash"),
            // What a full disk leaves, and what opens the page.
            ("", "\(file) has no basic_auth_users any more; restart the exporter if it is meant to be without"),
        ] {
            try exporter.directory.rewrite("web.yml", text)
            #expect(try await eventually { try await !isSuccessful() })
            #expect(
                try await eventually {
                    _ = try await isSuccessful(); return exporter.log.contains(sentence)
                })
            for _ in 0..<3 { #expect(try await exporter.getInTheClear().status == 401) }
            #expect(exporter.log.components(separatedBy: sentence).count == 2)
        }
        #expect(!exporter.log.contains("hunter2"))
        try exporter.directory.remove("web.yml")
        #expect(
            try await eventually {
                _ = try await isSuccessful(); return exporter.log.contains("No such file")
            })
        try exporter.directory.rewrite("web.yml", Self.users)
        #expect(try await eventually { try await isSuccessful() })
    }

    @Test func aFileOfHtpasswd() async throws {
        let passwords = "# who\nalice:\(Self.alice)\n\nbob:\(Self.bob)\n"
        let file = try directory.write("htpasswd", passwords)
        let exporter = try await WebExporter(nil, "--http_auth_file=\(file)", "--http_auth_realm=x")
        #expect(try await exporter.getInTheClear().status == 401)
        #expect(try await exporter.status("bob:hunter2 of bob") == 200)
    }

    @Test(arguments: [
        ["--basic-auth-username=alice", "--basic-auth-password=hunter2 of alice"],
        ["--basic-auth-username=alice", "--basic-auth-hash-password=\(alice)"],
    ])
    func aLoginByFlags(flags: [String]) async throws {
        let exporter = try await WebExporter(nil, flags[0], flags[1])
        #expect(try await exporter.getInTheClear().status == 401)
        #expect(try await exporter.status("alice:hunter2 of alice") == 200)
        #expect(try await exporter.status("alice:hunter2") == 401)
        #expect(try await exporter.status("bob:hunter2 of alice") == 401)
        #expect(!exporter.log.contains("hunter2"))
    }

    @Test func headersAreOnEveryAnswer() async throws {
        let exporter = try await WebExporter(
            """
            http_server_config:
              headers:
                Strict-Transport-Security: max-age=31536000
                X-Content-Type-Options: nosniff
                X-Frame-Options: sameorigin
                X-XSS-Protection: 1; mode=block
                Content-Security-Policy: "default-src 'none'"
            """)
        let long = String(repeating: "x", count: 20_000)
        for (status, path, options) in [
            (200, "/", []), (200, "/metrics", []), (404, "/nothing", []), (405, "/", ["-X", "POST"]),
            (431, "/", ["-H", "X: \(long)"]), (414, "/\(long.prefix(9000))", []),
        ] as [(Int, String, [String])] {
            let answer = try await exporter.getInTheClear(path, options.first ?? "-s", options.last ?? "-s")
            #expect(answer.status == status)
            #expect(answer.field("Strict-Transport-Security") == "max-age=31536000")
            #expect(answer.field("X-Content-Type-Options") == "nosniff")
            #expect(answer.field("X-Frame-Options") == "sameorigin")
            #expect(answer.field("X-XSS-Protection") == "1; mode=block")
            #expect(answer.field("Content-Security-Policy") == "default-src 'none'")
        }
    }

    @Test func tooManyRequests() async throws {
        let exporter = try await WebExporter(
            "rate_limit: {interval: 1h, burst: 3}\nhttp_server_config: {headers: {X-Frame-Options: deny}}\n\(Self.users)"
        )
        // It goes before the password.
        for _ in 0..<3 { #expect(try await exporter.getInTheClear().status == 401) }
        let answer = try await exporter.getInTheClear("/", "-u", "alice:hunter2 of alice")
        #expect(answer.status == 429)
        #expect(answer.field("Retry-After").flatMap { Int($0) }.map { 3500...3600 ~= $0 } == true)
        #expect(answer.field("X-Frame-Options") == "deny")
        #expect(answer.body == "Too many requests.\n")
    }

    @Test(arguments: [
        "rate_limit: {interval: 0, burst: 0}", "rate_limit: {}", "rate_limit: {interval: 1ms, burst: 100}",
    ])
    func noLimitWorthTheName(text: String) async throws {
        let exporter = try await WebExporter(text)
        for _ in 0..<10 { #expect(try await exporter.getInTheClear().status == 200) }
    }

    @Test func theModeOfUnixSockets() async throws {
        for (flags, mode) in [(["--web.unix-socket-mode=0660"], 0o660), (["--web.unix-socket-mode=600"], 0o600)] {
            let path = directory.path("web.sock")
            let exporter = try await WebExporter(nil, "--web.listen-address=unix:\(path)", flags[0])
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == mode)
            let answer = try await run(["curl", "-sS", "--unix-socket", path, "http://x/-/healthy"])
            #expect(answer.output == "Healthy.\n", "\(answer.errors) \(exporter.log)")
        }
        let wrong = try await Exporter.run(["--web.unix-socket-mode=rw"])
        #expect(wrong.status == 2)
        #expect(
            wrong.errors
                == "stack-exporter: --web.unix-socket-mode=rw: this should be permissions in octal such as 0660\n")
    }

    @Test func aPrometheusScrapesThroughAllOfIt() async throws {
        let exporter = try await WebExporter(
            """
            tls_server_config:
              cert_file: @/server.pem
              key_file: @/server.key
              client_auth_type: RequireAndVerifyClientCert
              client_ca_file: @/authority.pem
              client_allowed_sans: [scraper.example]
            \(Self.users)
            """)
        let certificates = exporter.certificates
        let login = "{username: alice, password: hunter2 of alice}"
        let tls =
            "{ca_file: \(certificates.path("authority.pem")), cert_file: \(certificates.path("client.pem")), key_file: \(certificates.path("client.key"))}"
        func job(_ name: String, _ lines: String...) -> String {
            "- job_name: \(name)\n  scheme: https\n  static_configs: [{targets: ['127.0.0.1:\(exporter.port)']}]\n"
                + lines.map { "  \($0)\n" }.joined()
        }
        let configuration = """
            global: {scrape_interval: 1s, scrape_timeout: 1s}
            scrape_configs:
            \(job("all", "tls_config: \(tls)", "basic_auth: \(login)"))
            \(job("http1", "tls_config: \(tls)", "basic_auth: \(login)", "enable_http2: false"))
            \(job("nobody", "tls_config: \(tls)"))
            \(job("uncertified", "tls_config: {ca_file: \(certificates.path("authority.pem"))}", "basic_auth: \(login)"))
            """
        let file = try exporter.directory.write("prometheus.yml", configuration)
        let port = freePort()
        let prometheus = try Daemon(
            [
                "prometheus", "--config.file=\(file)", "--storage.tsdb.path=\(exporter.directory.path)/data",
                "--web.listen-address=127.0.0.1:\(port)",
            ], stop: "KILL", log: exporter.directory.path("prometheus.log"))
        defer { prometheus.stop() }
        func value(_ query: String) async throws -> String {
            let result = try await run(
                [
                    "curl", "-sS", "--max-time", "10", "-G", "http://127.0.0.1:\(port)/api/v1/query",
                    "--data-urlencode", "query=\(query)",
                ])
            return result.output.firstMatch(of: /"value":\[[0-9.]+,"([^"]*)"\]/).map { String($0.1) } ?? ""
        }
        let hasScraped = try await eventually(within: 120) {
            for name in ["all", "http1", "nobody", "uncertified"] {
                guard try await Int(value(#"count_over_time(up{job="\#(name)"}[5m])"#)) ?? 0 >= 4 else { return false }
            }
            return true
        }
        #expect(hasScraped)
        #expect(try await value(#"max_over_time(up{job="all"}[5m])"#) == "1")
        #expect(try await value(#"max_over_time(up{job="http1"}[5m])"#) == "1")
        #expect(try await value(#"max_over_time(up{job="nobody"}[5m])"#) == "0")
        #expect(try await value(#"max_over_time(up{job="uncertified"}[5m])"#) == "0")
        #expect(try await value(#"stack_exporter_web_config_last_reload_successful{job="all"}"#) == "1")
    }
}
