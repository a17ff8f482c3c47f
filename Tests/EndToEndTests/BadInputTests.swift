import Foundation
import Lab
import Testing

/// What is wrong at the start is said in one line on standard error, which tells how to mend it, with exit status 2.
struct BadInputTests {
    /// Arguments and environment, and what the line must say.
    struct Case: CustomTestStringConvertible {
        let arguments: [String]
        let environment: [String: String]
        let words: [String]

        init(_ arguments: String..., environment: [String: String] = [:], says words: String...) {
            self.arguments = arguments
            self.environment = environment
            self.words = words
        }

        var testDescription: String { "\(arguments) \(environment)" }
    }

    /// Part of each password, which no message may repeat.
    private static let secret = "hunter2"
    private static let postgresAdvice = "write postgresql://user@host:5432/database"

    @Test(arguments: [
        Case("--colour=red", says: "unknown flag --colour", "--help"),
        Case("--no-log.level", says: "unknown flag --no-log.level", "--help"),
        Case("--collector.nothing", says: "unknown flag --collector.nothing", "--help"),
        Case("--no-collector.nothing", says: "unknown flag --no-collector.nothing", "--help"),
        Case("fly", says: "\"fly\" is no command", "serve, scrape, check, metrics, health"),
        Case("serve", "scrape", says: "\"scrape\" is no command", "serve, scrape, check, metrics, health"),
        Case("--log.level", says: "--log.level needs a value", "--log.level=LEVEL"),
        Case("--log.level=loud", says: "--log.level=loud", "debug, info, warn or error"),
        Case("--log.format=xml", says: "--log.format=xml", "logfmt or json"),
        Case("--scrape.timeout=soon", says: "--scrape.timeout=soon", "a duration such as 10s"),
        Case("--scrape.timeout=0", says: "--scrape.timeout=0", "a duration such as 10s"),
        Case("--scrape.timeout=-1s", says: "--scrape.timeout=-1s", "a duration such as 10s"),
        Case("--scrape.timeout-offset=1parsec", says: "--scrape.timeout-offset=1parsec", "a duration such as 10s"),
        Case("--scrape.series-limit=many", says: "--scrape.series-limit=many", "a whole number above 0"),
        Case("metrics", "--format=xml", says: "--format=xml", "text, markdown or json"),
        Case("--format=json", "scrape", says: "the command scrape has no flag --format", "--help"),
        Case("--collector.settings=perhaps", says: "--collector.settings=perhaps", "true or false"),
        Case("--web.telemetry-path=metrics", says: "--web.telemetry-path=metrics", "such as /metrics"),
        Case("--web.listen-address=nowhere", says: "--web.listen-address=nowhere", "host:port"),
        Case("--web.listen-address=127.0.0.1:65536", says: "--web.listen-address=127.0.0.1:65536", "host:port"),
        Case("--redis.queues.list=%zz", says: "--redis.queues.list=%zz", "keys such as jobs"),
        Case(environment: ["STACK_EXPORTER_LOG_LEVEL": "loud"], says: "STACK_EXPORTER_LOG_LEVEL=loud", "debug, info"),

        Case(environment: ["DATABASE_URL": "mysql://u:hunter2@db/x?y=z"], says: "DATABASE_URL", postgresAdvice),
        Case(environment: ["DATABASE_URL": "postgresql://u:hunter2@db:port/x"], says: "DATABASE_URL", postgresAdvice),
        Case(environment: ["DATABASE_URL": "postgresql://u:hunter2@[::1/x"], says: "DATABASE_URL", postgresAdvice),
        Case(environment: ["DATABASE_URL": "postgresql://u:hunter2%zz@db/x"], says: "DATABASE_URL", "%XX"),
        Case(environment: ["DATA_SOURCE_NAME": "host=db hunter2"], says: "DATA_SOURCE_NAME", postgresAdvice),
        Case(environment: ["DATA_SOURCE_NAME": "host=db pasword=hunter2"], says: "DATA_SOURCE_NAME", postgresAdvice),
        Case(
            environment: ["DATA_SOURCE_NAME": "postgresql://a@b/c,postgresql://u:hunter2@d:x/"],
            says: "DATA_SOURCE_NAME", postgresAdvice),
        Case(environment: ["DATA_SOURCE_URI": "db:hunter2"], says: "DATA_SOURCE_URI", postgresAdvice),
        Case(environment: ["REDIS_URL": "http://u:hunter2@cache"], says: "REDIS_URL", "redis, rediss"),
        Case("--redis.addr=one,redis://u:hunter2@two:x", says: "--redis.addr", "from 1 to 65535"),
        Case("--redis.password-file=/no/such", says: "--redis.password-file", "/no/such cannot be read"),
        Case("--tls-client-key-file=/etc/hostname", says: "--tls-client-key-file", "add --redis.tls.client-cert-file"),
        Case("--script=/no/such.lua", says: "--script", "/no/such.lua cannot be read"),
        Case("--redis.probe.allow=(", says: "--redis.probe.allow=(", "a regular expression"),
        Case(environment: ["REDIS_URL": "redis://:hunter2@cache:port"], says: "REDIS_URL", "1 to 65535"),
        Case(environment: ["REDIS_URL": "redis://:hunter2@cache:6379/x"], says: "REDIS_URL", "a number from 0"),
        Case(environment: ["REDIS_URL": "redis://:hunter2%zz@cache"], says: "REDIS_URL", "two hexadecimal digits"),
        Case(environment: ["REDIS_ADDR": "cache:0"], says: "REDIS_ADDR", "1 to 65535"),

        Case(
            environment: ["DATA_SOURCE_URI": "db/x", "DATA_SOURCE_PASS_FILE": "/nowhere/pw"],
            says: "DATA_SOURCE_PASS_FILE", "/nowhere/pw", "No such file"),
        Case(
            environment: ["DATA_SOURCE_URI": "db/x", "DATA_SOURCE_PASS_FILE": "/etc"],
            says: "DATA_SOURCE_PASS_FILE", "/etc", "Is a directory"),
        Case(
            environment: ["REDIS_ADDR": "cache", "REDIS_PASSWORD_FILE": "/nowhere/pw"],
            says: "REDIS_PASSWORD_FILE", "/nowhere/pw", "No such file"),
        Case(
            environment: ["DATABASE_URL_FILE": "/nowhere/url"], says: "DATABASE_URL_FILE", "/nowhere/url",
            "No such file"),

        Case("--path.cgroupfs=/etc", says: "/etc holds no cgroups", "--path.cgroupfs", "usually /sys/fs/cgroup"),
        Case("--path.cgroupfs=/nowhere", says: "/nowhere holds no cgroups", "usually /sys/fs/cgroup"),
        Case("scrape", "--path.cgroupfs=/nowhere", says: "/nowhere holds no cgroups", "usually /sys/fs/cgroup"),
        Case(
            "--web.listen-address=unix:/nowhere/web.sock", says: "cannot listen on unix:/nowhere/web.sock",
            "--web.listen-address"),
        Case(
            "--web.listen-address=host.invalid:80", says: "cannot listen on host.invalid:80", "--web.listen-address"),
    ])
    func isSaidInOneLine(_ input: Case) async throws {
        let result = try await Exporter.run(input.arguments, input.environment)
        expect(result, says: input.words)
    }

    @Test func aPortInUse() async throws {
        let (descriptor, port) = boundSocket()
        defer { close(descriptor) }
        try #require(listen(descriptor, 1) == 0)
        let address = "127.0.0.1:\(port)"
        expect(
            try await Exporter.run(["--web.listen-address=\(address)"]),
            says: ["cannot listen on \(address)", "in use", "--web.listen-address"])
    }

    private func expect(_ result: CommandResult, says words: [String]) {
        #expect(result.status == 2)
        #expect(result.output == "")
        #expect(result.errors.hasPrefix("stack-exporter: "))
        #expect(result.errors.hasSuffix("\n"))
        #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
        for word in words { #expect(result.errors.contains(word)) }
        #expect(!result.errors.contains(Self.secret))
    }
}
