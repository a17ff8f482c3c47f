import Foundation
import Lab
import Testing

/// TLS as curl and openssl see it.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct WebTLSTests {
    private static let pair = "cert_file: @/server.pem\n  key_file: @/server.key"

    private func tls(_ lines: String..., more: String = "") -> String {
        "tls_server_config:\n  \(Self.pair)\n" + lines.map { "  \($0)\n" }.joined() + more
    }

    @Test func httpsByHTTP1AndHTTP2() async throws {
        let exporter = try await WebExporter(tls())
        let usual = try await exporter.get("/metrics")
        #expect(usual.status == 200 && usual.version == "2")
        #expect(usual.body.contains("\nstack_exporter_web_config_last_reload_successful 1\n"))
        #expect(usual.field("connection") == nil)
        let old = try await exporter.get("/metrics", "--http1.1")
        #expect(old.status == 200 && old.version == "1.1")
        #expect(try await exporter.get("/-/healthy", "-X", "POST").status == 405)
        #expect(try await exporter.get("/nothing").status == 404)
        let head = try await exporter.get("/metrics", "-I")
        #expect(head.status == 200 && head.body == "" && Int(head.field("content-length") ?? "") ?? 0 > 1000)

        // Both authority and name are looked at by a client.
        #expect(try await exporter.get("/", "--cacert", "@/otherauthority.pem").errors.contains("certificate"))
        let address = "https://localhost:\(exporter.port)/-/healthy"
        let named = try await run(["curl", "-sS", "--cacert", exporter.certificates.path("authority.pem"), address])
        #expect(named.output == "Healthy.\n")
    }

    @Test func aRequestInTheClearIsToldSo() async throws {
        let exporter = try await WebExporter(tls(more: "http_server_config: {headers: {X-Frame-Options: deny}}"))
        let answer = try await exporter.getInTheClear("/metrics")
        #expect(answer.status == 400)
        #expect(answer.body == "Client sent an HTTP request to an HTTPS server.\n")
        #expect(answer.field("X-Frame-Options") == "deny")
        // And one by TLS where there is none.
        let plain = try await WebExporter(nil)
        #expect(try await plain.get().status == 0)
        #expect(try await plain.getInTheClear().status == 200)
    }

    @Test(arguments: ["", "# nothing", "{}", "tls_server_config:\nbasic_auth_users:", "basic_auth_users: {}"])
    func aFileThatAsksForNothing(text: String) async throws {
        let exporter = try await WebExporter(text)
        #expect(try await exporter.getInTheClear().status == 200)
    }

    @Test func certificateAndKeyInTheFileItself() async throws {
        let certificates = try await Certificates.shared
        func indented(_ name: String) -> String {
            certificates.directory.text(name).split(separator: "\n").map { "    \($0)\n" }.joined()
        }
        let exporter = try await WebExporter(
            """
            tls_server_config:
              cert: |
            \(indented("server.pem"))
              key: |
            \(indented("server.key"))
              client_ca: |
            \(indented("authority.pem"))
              client_auth_type: RequireAndVerifyClientCert
            """)
        #expect(try await exporter.get().status == 0)
        #expect(try await exporter.get("/-/healthy", "--cert", "@/client.pem", "--key", "@/client.key").status == 200)
    }

    @Test func pathsBeginAtTheFile() async throws {
        let certificates = try await Certificates.shared
        let exporter = try await WebExporter(
            "tls_server_config: {cert_file: c.pem, key_file: ./k.pem}",
            files: [
                "c.pem": certificates.directory.text("server.pem"), "k.pem": certificates.directory.text("server.key"),
            ])
        #expect(try await exporter.get().status == 200)
    }

    @Test func versions() async throws {
        let usual = try await WebExporter(tls())
        #expect(try await usual.handshake("-tls1_3")?.contains("TLSv1.3") == true)
        #expect(try await usual.handshake("-tls1_2")?.contains("TLSv1.2") == true)
        for old in ["-tls1", "-tls1_1"] {
            #expect(try await usual.handshake(old, "-cipher", "DEFAULT:@SECLEVEL=0") == nil)
        }
        let newest = try await WebExporter(tls("min_version: TLS13"))
        #expect(try await newest.handshake("-tls1_2") == nil)
        #expect(try await newest.handshake("-tls1_3") != nil)
        let oldest = try await WebExporter(tls("min_version: TLS10", "max_version: TLS11"))
        for (option, isSpoken) in [("-tls1", true), ("-tls1_1", true), ("-tls1_2", false), ("-tls1_3", false)] {
            // By itself openssl no longer speaks the old ones.
            let answer = try await oldest.handshake(option, "-cipher", "DEFAULT:@SECLEVEL=0")
            #expect((answer != nil) == isSpoken, "\(option)")
        }
    }

    @Test func cipherSuites() async throws {
        let some = try await WebExporter(
            tls(
                "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]",
                "max_version: TLS12", "prefer_server_cipher_suites: true"))
        for cipher in ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384"] {
            #expect(try await some.handshake("-tls1_2", "-cipher", cipher)?.contains("Cipher is \(cipher)") == true)
        }
        #expect(try await some.handshake("-tls1_2", "-cipher", "ECDHE-RSA-AES256-SHA") == nil)
        #expect(try await some.get().version == "2")

        let all = try await WebExporter(
            """
            tls_server_config:
              \(Self.pair)
              client_auth_type: VerifyClientCertIfGiven
              cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
                TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256,
                TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
                TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, TLS_RSA_WITH_AES_128_CBC_SHA,
                TLS_RSA_WITH_AES_256_CBC_SHA, TLS_RSA_WITH_AES_128_GCM_SHA256, TLS_RSA_WITH_AES_256_GCM_SHA384]
            """)
        for cipher in ["ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-RSA-AES256-SHA", "AES128-GCM-SHA256", "AES256-SHA"] {
            #expect(try await all.handshake("-tls1_2", "-cipher", cipher)?.contains("Cipher is \(cipher)") == true)
        }
        #expect(try await all.handshake("-tls1_3") != nil)

        // Those of TLS 1.3 alone leave nothing for older versions.
        let newest = try await WebExporter(
            tls("cipher_suites: [TLS_AES_256_GCM_SHA384]", more: "http_server_config: {http2: false}"))
        #expect(try await newest.handshake("-tls1_2") == nil)
        #expect(try await newest.handshake("-tls1_3") != nil)
    }

    @Test func curves() async throws {
        let one = try await WebExporter(tls("curve_preferences: [CurveP521]"))
        #expect(try await one.handshake("-groups", "P-521") != nil)
        #expect(try await one.handshake("-groups", "P-384") == nil)
        let all = try await WebExporter(
            tls("curve_preferences: [X25519MLKEM768, X25519, CurveP256, CurveP384, CurveP521]"))
        for group in ["X25519", "P-256", "P-384", "P-521"] {
            #expect(try await all.handshake("-groups", group) != nil, "\(group)")
        }
    }

    @Test func http2IsSwitchedOff() async throws {
        let exporter = try await WebExporter(
            tls(
                "client_auth_type: VerifyClientCertIfGiven", "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]",
                "max_version: TLS12", more: "http_server_config:\n  http2: false\n"))
        let answer = try await exporter.get("/-/healthy", "--http2")
        #expect(answer.status == 200 && answer.version == "1.1")
        #expect(try await exporter.handshake("-alpn", "h2,http/1.1")?.contains("ALPN protocol: http/1.1") == true)
    }

    /// What a client shows, and whether it gets in.
    @Test(
        arguments: [
            ("NoClientCert", false, [true, true, true]),
            ("RequestClientCert", false, [true, true, true]),
            ("RequireAnyClientCert", false, [false, true, true]),
            ("RequireClientCert", false, [false, true, true]),
            ("requireanyclientcert", false, [false, true, true]),
            ("VerifyClientCertIfGiven", true, [true, false, true]),
            // Nobody has signed what nobody is known by.
            ("VerifyClientCertIfGiven", false, [true, false, false]),
            ("RequireAndVerifyClientCert", true, [false, false, true]),
        ] as [(String, Bool, [Bool])])
    func clientCertificates(policy: String, hasAuthority: Bool, admits: [Bool]) async throws {
        let authority = hasAuthority ? "client_ca_file: @/authority.pem" : "min_version: TLS12"
        let exporter = try await WebExporter(tls("client_auth_type: \(policy)", authority))
        for version in ["1.2", "1.3"] {
            let options = ["--tls-max", version, "--tlsv\(version)"]
            let none = try await exporter.get("/-/healthy", options[0], options[1], options[2])
            #expect((none.status == 200) == admits[0], "\(version) \(none.errors)")
            for (name, isAdmitted) in zip(["stranger", "client"], admits.dropFirst()) {
                let answer = try await exporter.get(
                    "/-/healthy", options[0], options[1], options[2], "--cert", "@/\(name).pem", "--key",
                    "@/\(name).key")
                #expect((answer.status == 200) == isAdmitted, "\(version) \(name) \(answer.errors)")
            }
        }
    }

    @Test(arguments: [
        ("scraper.example", true), ("scraper@example.org", true), ("10.1.2.3", true), ("2001:db8::7", true),
        ("spiffe://example/scraper", true), ("example", false), ("*.example", false), ("SCRAPER.EXAMPLE", false),
        ("10.1.2.4", false), ("client", false),
    ])
    func clientNames(name: String, isAdmitted: Bool) async throws {
        let exporter = try await WebExporter(
            tls(
                "client_auth_type: RequireAndVerifyClientCert", "client_ca_file: @/authority.pem",
                "client_allowed_sans: [nobody.example, '\(name)']"))
        for http in ["--http1.1", "--http2"] {
            let answer = try await exporter.get(
                "/-/healthy", http, "--cert", "@/client.pem", "--key", "@/client.key")
            #expect((answer.status == 200) == isAdmitted, "\(answer.errors)")
        }
        #expect(
            try await exporter.get("/-/healthy", "--cert", "@/nameless.pem", "--key", "@/nameless.key").status == 0)
    }

    @Test func certificateIsRotated() async throws {
        let certificates = try await Certificates.shared
        let exporter = try await WebExporter(
            "tls_server_config: {cert_file: c.pem, key_file: k.pem}",
            files: [
                "c.pem": certificates.directory.text("server.pem"), "k.pem": certificates.directory.text("server.key"),
            ])
        func subject() async throws -> String? {
            try await exporter.handshake()?.split(separator: "\n").first { $0.hasPrefix("subject=") }.map(String.init)
        }
        #expect(try await subject() == "subject=CN = server")

        // A certificate without its key changes nothing, and is told of once.
        try exporter.directory.rewrite("c.pem", certificates.directory.text("other.pem"))
        let isTold = try await eventually {
            try await exporter.get("/metrics").body.contains("\nstack_exporter_web_config_last_reload_successful 0\n")
        }
        #expect(isTold)
        #expect(try await subject() == "subject=CN = server")
        let sentence = "is not the key to the server's certificate \(exporter.directory.path)/c.pem"
        #expect(exporter.log.matches(of: try Regex(NSRegularExpression.escapedPattern(for: sentence))).count == 1)

        try exporter.directory.rewrite("k.pem", certificates.directory.text("other.key"))
        #expect(try await eventually { try await subject() == "subject=CN = other" })
        #expect(
            try await exporter.get("/metrics").body.contains("\nstack_exporter_web_config_last_reload_successful 1\n"))
    }

    @Test func anExpiredCertificateIsServedAndToldOf() async throws {
        let exporter = try await WebExporter("tls_server_config: {cert_file: @/expired.pem, key_file: @/expired.key}")
        #expect(try await exporter.get().errors.contains("expired"))
        #expect(try await exporter.get("/-/healthy", "--insecure").status == 200)
        #expect(exporter.log.contains("level=warn"))
        #expect(exporter.log.contains("expired.pem has expired; put a new one in its place"))
    }

    @Test func theFlagsOfRedisExporter() async throws {
        let exporter = try await WebExporter(
            nil, "--tls-server-cert-file=@/server.pem", "--tls-server-key-file=@/server.key",
            "--tls-server-ca-cert-file=@/authority.pem", "--tls-server-min-version=TLS1.3",
            "--basic-auth-username=alice", "--basic-auth-password=hunter2 of alice")
        let certificate = ["--cert", "@/client.pem", "--key", "@/client.key"]
        #expect(try await exporter.get("/-/healthy", "-u", "alice:hunter2 of alice").status == 0)
        #expect(
            try await exporter.get("/-/healthy", certificate[0], certificate[1], certificate[2], certificate[3]).status
                == 401)
        #expect(
            try await exporter.get(
                "/-/healthy", certificate[0], certificate[1], certificate[2], certificate[3], "-u",
                "alice:hunter2 of alice"
            ).status == 200)
        #expect(try await exporter.handshake("-tls1_2", "-cert", "@/client.pem", "-key", "@/client.key") == nil)
        #expect(!exporter.log.contains("hunter2"))
    }

    /// Connections that go nowhere, each with what it says and then does no more.
    @Test(arguments: ["", "\\x16", "\\x16\\x03\\x01\\x02\\x00\\x01"])
    func aHandshakeThatDoesNotEnd(bytes: String) async throws {
        let exporter = try await WebExporter(tls())
        let script = "exec 3<>/dev/tcp/127.0.0.1/$0; printf '\(bytes)' >&3; cat <&3 >/dev/null"
        async let silent = run(["timeout", "60", "bash", "-c", script, "\(exporter.port)"])
        // Others are served meanwhile.
        #expect(try await exporter.get().status == 200)
        #expect(try await silent.status != 124)
    }

    @Test func manyRequestsOnOneConnection() async throws {
        let exporter = try await WebExporter(tls())
        let answers = try await run([
            "curl", "-sS", "--max-time", "60", "--cacert", exporter.certificates.path("authority.pem"), "--parallel",
            "--parallel-max", "50", "-o", "/dev/null", "-w", "%{http_code} %{http_version} %{num_connects}\n",
            "https://127.0.0.1:\(exporter.port)/-/healthy?[1-200]",
        ])
        let lines = answers.output.split(separator: "\n")
        #expect(lines.count == 200 && lines.allSatisfy { $0.hasPrefix("200 2 ") }, "\(answers.errors)")
    }

    @Test func aStopWaitsForNobody() async throws {
        let exporter = try await WebExporter(tls())
        func openFiles() async throws -> Double {
            try await exporter.get("/metrics").body.firstMatch(of: /\nprocess_open_fds (\d+)/).flatMap { Double($0.1) }
                ?? 0
        }
        let before = try await openFiles()
        // One that does not begin its handshake, and one of HTTP/2 that asks for nothing.
        let script = "exec 3<>/dev/tcp/127.0.0.1/$0; cat <&3"
        async let silent = run(["timeout", "60", "bash", "-c", script, "\(exporter.port)"])
        async let idle = run([
            "timeout", "60", "openssl", "s_client", "-quiet", "-alpn", "h2", "-connect", "127.0.0.1:\(exporter.port)",
        ])
        #expect(try await eventually { try await openFiles() >= before + 2 })
        exporter.daemon.signal(SIGTERM)
        #expect(try await exporter.daemon.exitStatus(within: 30) == 0)
        #expect(try await silent.status != 124)
        #expect(try await idle.status != 124)
    }
}
