import Foundation
import Lab
import Testing

/// Broken set-ups of Redis: what `check` says of them, typed where it says, mends them.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct CheckRedisTests {
    private static let password = "hunter2 of Redis"

    private func setup(
        _ server: RedisServer, scheme: String = "redis", flags: [String] = [], _ environment: [String: String] = [:]
    ) throws -> BrokenSetup {
        let address = ["REDIS_ADDR": "\(scheme)://localhost:\(server.port)"]
        return try BrokenSetup(
            address.merging(environment) { $1 }, flags: flags + ["--redis.queues.celery=celery"],
            secrets: [Self.password, "hunter2"])
    }

    private let login = ["REDIS_USER": "exporter", "REDIS_PASSWORD": Self.password]

    /// Types what is meant for redis-cli.
    private func apply(_ remedies: [Checked.Remedy], to server: RedisServer, as password: String? = nil) async throws {
        let lines = remedies.filter { $0.place == "redis-cli" }
        #expect(!lines.isEmpty)
        for remedy in lines {
            let line = remedy.line.replacing("><password>", with: "\">\(Self.password)\"")
            let answer = try await Lab.run(["redis-cli", "-s", server.socket], input: line).output
            #expect(answer == "OK\n", "\(line): \(answer)")
        }
    }

    @Test func aUserWithTheLeastRightsHasNothingToMend() async throws {
        let server = try await RedisServer()
        let checked = try await setup(server).mended()
        let target = try checked.target("redis")
        #expect(target.fact("user") == "default")
        let hint = try #require(target.findings.first)
        #expect(target.findings.count == 1 && hint.severity == "hint")
        try await apply(hint.remedies, to: server)
        let variables = hint.remedies.filter { $0.place == "the exporter's environment" }.map { remedy in
            let parts = remedy.line.replacing("<password>", with: Self.password).split(separator: "=", maxSplits: 1)
            return (String(parts[0]), String(parts[1]))
        }
        let limited = try setup(server, Dictionary(uniqueKeysWithValues: variables))
        #expect(try await limited.mended().target("redis").findings.isEmpty)
    }

    /// One that may be changed stays what it is besides.
    @Test func aUserWithTooFewRights() async throws {
        let server = try await RedisServer()
        try await server.cli(
            "ACL", "SETUSER", "exporter", "on", ">\(Self.password)", "+info", "+config", "~jobs:*", "+set")
        let setup = try setup(server, login)
        let finding = try await setup.broken("the user exporter may not do everything", "slowlog|get")
        #expect(finding.parts.contains("redis_slowlog"))
        try await apply(finding.remedies, to: server)
        let target = try await setup.mended().target("redis")
        #expect(target.findings.isEmpty)
        #expect(try await server.cli("ACL", "GETUSER", "exporter").contains("~jobs:*"))
    }

    @Test func aUserWhoMayNotEvenAskWhoTheServerIs() async throws {
        let server = try await RedisServer()
        try await server.cli("ACL", "SETUSER", "exporter", "on", ">\(Self.password)")
        let setup = try setup(server, login)
        let first = try await setup.broken("+info")
        try await apply(first.remedies, to: server)
        try await apply(try await setup.broken("may not do everything").remedies, to: server)
        try await setup.mended()
    }

    @Test func aPasswordThatIsMissing() async throws {
        let server = try await RedisServer("--requirepass", Self.password)
        let setup = try setup(server)
        let finding = try await setup.broken("the server wants a password (NOAUTH)")
        #expect(finding.remedies.map(\.line) == ["REDIS_PASSWORD=<password>"])
        #expect(finding.remedies.first?.place == "the exporter's environment")
        try await setup.mended(environment: ["REDIS_PASSWORD": Self.password])
    }

    @Test func aPasswordThatIsWrong() async throws {
        let server = try await RedisServer()
        try await server.cli("ACL", "SETUSER", "exporter", "on", ">another", "~*", "+@all")
        let setup = try setup(server, login)
        let finding = try await setup.broken("does not take this user name and password (WRONGPASS)")
        try await apply(finding.remedies, to: server)
        try await setup.mended()
    }

    @Test func aPortWithTLSAndOneWithout() async throws {
        let encrypted = try await RedisServer(isTLS: true, "--tls-auth-clients", "no")
        let authority = "--redis.tls.ca-cert-file=\(encrypted.directory.path)/server.crt"
        let plain = try await RedisServer()
        for (server, scheme, right) in [(encrypted, "redis", "rediss"), (plain, "rediss", "redis")] {
            let flags = scheme == "rediss" ? ["--scrape.timeout=3s"] : []
            let finding = try await setup(server, scheme: scheme, flags: [authority] + flags).broken(
                "localhost", of: "redis")
            #expect(finding.remedies.first?.line.contains("address it by \(right):// in place of \(scheme)://") == true)
            try await setup(server, scheme: right, flags: [authority]).mended()
        }
        let distrusted = try await setup(encrypted, scheme: "rediss").broken("certificate is not trusted")
        #expect(distrusted.remedies.first?.place == "the exporter's flags")
        let flag = distrusted.remedies.first?.line.replacing(
            "<file with its authority>", with: "\(encrypted.directory.path)/server.crt")
        try await setup(encrypted, scheme: "rediss", flags: [try #require(flag)]).mended()
    }

    @Test func aConfigurationByAnotherName() async throws {
        let server = try await RedisServer("--rename-command", "CONFIG", "hidden")
        let setup = try setup(server)
        let finding = try await setup.broken("no command CONFIG")
        #expect(finding.parts == ["redis_config"])
        let flag = try #require(finding.remedies.first?.line)
        try await setup.mended(further: [flag.replacing("<its name>", with: "hidden")])
        let alternative = try #require(finding.remedies.last)
        #expect(alternative.alternative)
        try await setup.mended(further: [alternative.line])
    }

    @Test func aServerThatIsNotThereAndOneThatHangs() async throws {
        let server = try await RedisServer()
        let setup = try setup(server, flags: ["--scrape.timeout=2s"])
        server.signal(SIGSTOP)
        let hanging = try await setup.broken("no answer within the scrape's time limit", of: "redis")
        #expect(hanging.remedies.first?.line.contains("whether it hangs or is stopped") == true)
        try await server.stop()
        let gone = try await setup.broken("Connection refused", of: "redis")
        #expect(gone.remedies.first?.line.contains("whether it runs and where it listens") == true)
        try await server.start()
        try await BrokenSetup(setup.environment).mended()
    }
}
