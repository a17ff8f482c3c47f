import Foundation
import Glibc
import Lab
import Testing

/// Broken set-ups of the exporter itself and of where it runs: what `check` says of them, done where it says, mends them.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct CheckExporterTests {
    private let directory = TemporaryDirectory("check")

    private func path(_ name: String) -> String { directory.path(name) }

    private func shell(_ line: String) async throws {
        let result = try await Lab.run(["sh", "-c", line])
        #expect(result.status == 0, "\(line): \(result.errors)")
    }

    private static let nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    private static let isRoot: ConditionTrait = .enabled(if: geteuid() == 0, "takes root to become somebody else")

    // MARK: TLS

    /// - Parameter days: How long it is valid from now; negative for one that has ended.
    private func makeCertificate(_ name: String, days: Int) async throws {
        let key = path("\(name).key")
        try await shell(
            """
            set -e
            openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out \(key) 2>/dev/null || \
            openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out \(key)
            openssl req -new -key \(key) -subj /CN=localhost -out \(key).csr
            openssl x509 -req -in \(key).csr -signkey \(key) -days \(days) -out \(path("\(name).crt"))
            """)
    }

    @Test func aCertificateThatHasExpired() async throws {
        try await makeCertificate("server", days: -1)
        // Paths begin where the file is.
        try directory.write("web.yml", "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n")
        let setup = try BrokenSetup([:], flags: ["--web.config.file=\(path("web.yml"))"])
        let expired = try await setup.broken("\(path("server.crt")) expired on ")
        #expect(expired.remedies.first?.line.hasPrefix("renew the certificate in \(path("server.crt"))") == true)

        try await makeCertificate("server", days: 13)
        let checked = try await setup.mended()
        #expect(checked.exporter.facts.contains { $0.name == "certificate" })
        #expect(checked.exporter.findings.map(\.severity) == ["hint"])
        #expect(checked.exporter.findings.first?.what.firstMatch(of: /expires in 1[23] days/) != nil)
        try await makeCertificate("server", days: 90)
        #expect(try await setup.mended().exporter.findings.isEmpty)

        try await makeCertificate("other", days: 90)
        try directory.write("web.yml", "tls_server_config:\n  cert_file: server.crt\n  key_file: other.key\n")
        let other = try await setup.broken("the server's key \(path("other.key")) is not the key to")
        // It shows which is which.
        try await shell(try #require(other.remedies.first?.line))
        try directory.write("web.yml", "tls_server_config:\n  cert_file: other.crt\n  key_file: other.key\n")
        try await setup.mended()
    }

    // MARK: Files and flags

    @Test(isRoot) func aPasswordFileThatMayNotBeRead() async throws {
        let redis = try await RedisServer("--requirepass", "hunter2")
        try directory.write("pass word", "hunter2\n")
        chmod(path("pass word"), 0o600)
        let setup = try BrokenSetup(
            ["REDIS_ADDR": "127.0.0.1:\(redis.port)", "REDIS_PASSWORD_FILE": path("pass word")], prefix: Self.nobody,
            secrets: ["hunter2"])
        let refused = try await setup.run()
        #expect(refused.status == 2 && refused.output == "")
        #expect(refused.errors.contains("Permission denied"))
        let remedy = try #require(refused.errors.firstMatch(of: /chown .*/))
        try await shell(String(remedy.0))
        try await setup.mended()

        // What everybody may read is said, and is no reason for another exit status.
        chmod(path("pass word"), 0o644)
        let hints = try await setup.mended().target("redis").findings.filter { $0.what.contains("everybody") }
        try await shell(try #require(hints.first?.remedies.first?.line))
        #expect(try await setup.mended().target("redis").findings.allSatisfy { !$0.what.contains("everybody") })
    }

    @Test func aKeyThatIsMisspelt() async throws {
        try directory.write(
            "queries.yaml", "orders:\n  query: SELECT 1 AS open\n  metrics:\n    - open:\n        usgae: GAUGE\n")
        let setup = try BrokenSetup([:], flags: ["--extend.query-path=\(path("queries.yaml"))"])
        let refused = try await setup.run()
        #expect(refused.status == 2 && refused.output == "")
        let meant = try #require(refused.errors.firstMatch(of: /queries.yaml:5:9: .*did you mean ([a-z]+)\?/))
        try directory.write(
            "queries.yaml", directory.text("queries.yaml").replacing("usgae", with: meant.1))
        try await setup.mended()
        #expect(try await setup.run(["--format=markdown"]).status == 2)
    }

    @Test func anAddressThatIsTaken() async throws {
        let (descriptor, port) = boundSocket()
        defer { close(descriptor) }
        try #require(listen(descriptor, 1) == 0)
        let setup = try BrokenSetup([:])
        let checked = try await setup.mended(further: ["--web.listen-address=127.0.0.1:\(port)"])
        #expect(checked.exporter.findings.first?.what.contains("somebody listens on 127.0.0.1:\(port) already") == true)
        let foreign = try await setup.broken(
            "nobody can listen on 192.0.2.1:9187", further: ["--web.listen-address=192.0.2.1:9187"])
        #expect(foreign.remedies.first?.line == "--web.listen-address=<another one>")
    }

    @Test func coloursAreForTerminals() async throws {
        let setup = try BrokenSetup([:])
        let command = "\(Exporter.binary) check --path.cgroupfs=\(setup.cgroups.path) --containers.runtime-socket=none"
        for (variable, isColoured) in [("NO_COLOR=", true), ("NO_COLOR=1", false), ("TERM=dumb", false)] {
            // script gives it a terminal of its own.
            let result = try await Lab.run(
                ["timeout", "60", "script", "-q", "-e", "-c", "env TERM=xterm \(variable) \(command)", "/dev/null"])
            #expect(result.output.contains("containers (containers): "), "\(result.output)")
            #expect(result.output.contains("\u{1b}[32mup\u{1b}[0m") == isColoured, "\(variable)")
        }
        #expect(try await !setup.run().output.contains("\u{1b}"))
    }

    // MARK: Containers

    @Test func aMachineThatCountsNoMemory() async throws {
        let setup = try BrokenSetup([:], flags: ["--path.procfs=\(path("proc"))"], controllers: "cpu io pids")
        try directory.write("proc/1/stat", "1 (init) S\n")
        try directory.write("proc/cmdline", "quiet cgroup_disable=memory\n")
        let flag = "--host.node-exporter"
        let finding = try await setup.broken("memory is not counted by cgroup", further: [flag])
        let remedy = try #require(finding.remedies.first)
        #expect(remedy.place == "the kernel's command line")
        let word = try #require(remedy.line.split(separator: " ").last)
        try directory.write(
            "proc/cmdline", directory.text("proc/cmdline").replacing(word, with: ""))
        // Which is what the kernel then does.
        try setup.write(controllers: "cpu io memory pids")
        let checked = try await setup.mended(further: [flag])
        // This machine measures no pressure, which many do not.
        let hint = try #require(try checked.target("containers").findings.first { $0.what.contains("pressure") })
        #expect(hint.severity == "hint" && hint.remedies.first?.line == "psi=1")
    }

    @Test(isRoot) func anEngineWhoseSocketMayNotBeUsed() async throws {
        let engine = try Daemon(
            ["python3", "-c", Self.engine, path("engine.sock")], stop: "KILL", log: directory.path("log"))
        defer { engine.stop() }
        #expect(try await eventually { access(path("engine.sock"), F_OK) == 0 })
        chown(path("engine.sock"), 0, 64_999)
        chmod(path("engine.sock"), 0o660)
        let setup = try BrokenSetup(
            [:], flags: ["--containers.runtime-socket=\(path("engine.sock"))"], prefix: Self.nobody)
        let finding = try await setup.broken("engine.sock may not be used")
        #expect(finding.remedies.first?.line == #"group_add: ["64999"]"#)
        let alternative = try #require(finding.remedies.first { $0.place == "docker run" })
        let group = try #require(alternative.line.split(separator: " ").last)
        let prefix: [String] = Self.nobody.dropLast() + ["--groups", String(group)]
        let target = try await setup.mended(prefix: prefix).target("containers")
        #expect(target.fact("sockets") == path("engine.sock"))
    }

    /// An engine without containers.
    private static let engine = """
        import http.server, os, socketserver, sys, time
        class Answer(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def address_string(self): return "engine"
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                if self.path.startswith("/events"):
                    self.send_header("Transfer-Encoding", "chunked")
                    self.end_headers()
                    self.wfile.flush()
                    time.sleep(600)
                else:
                    self.send_header("Content-Length", "2")
                    self.end_headers()
                    self.wfile.write(b"[]")
        class Engine(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True
        Engine(sys.argv[1], Answer).serve_forever()
        """
}
