import Foundation
import Testing

@testable import Configuration
@testable import Postgres
@testable import Redis

/// That a file can say whatever a flag can.
@Suite(.timeLimit(.minutes(5)))
struct ConfigurationKeysTests {
    private static let options = Option.all.filter(\.isOfFiles)
    private static let file = SecretFile("")

    /// A value that differs from what holds where nothing is said.
    private static func value(of option: Option) -> String {
        let byFlag = [
            "listen_ip": "127.0.0.1", "redis.scripts": file.path, "extend.query-path": file.path,
            "redis.queues.celery.exchanges": "other", "redis.queues.celery.unacked-index-key": "other",
            "host.node-exporter": "true", "redis.config-command": "SETUP",
        ]
        if let value = byFlag[option.flag] { return value }
        if option.flag.hasPrefix("redis.tls."), option.placeholder == "FILE" { return file.path }
        if option.placeholder == nil { return option.defaultText == "on" ? "false" : "true" }
        let byPlaceholder = [
            "COUNT": "7", "DURATION": "7s", "SECONDS": "1,2", "NUMBERS": "0,5", "PORT": "9", "ADDRESS": ":9,:8",
            "LEVEL": "debug", "FORMAT": "json", "KINDS": "docker,podman", "LABELS": "a=b,c=d", "GROUPS": "cpu",
            "PATH": "/path", "DIRECTORY": "/path", "FILE": file.path, "ENDPOINT": "/socket",
        ]
        return byPlaceholder[option.placeholder ?? ""] ?? "other"
    }

    /// `web: {listen_address: VALUE}`
    private static func text(_ path: [String], _ value: String) -> String {
        path.reversed().reduce(value) { "{\($1): \($0)}" }
    }

    private static func pair(_ option: Option) -> [String] {
        // A certificate is none without its key.
        ["cert", "key"].filter { option.flag.hasPrefix("redis.tls.client-") && !option.flag.contains($0) }
            .map { "--redis.tls.client-\($0)-file=\(file.path)" }
    }

    @Test(arguments: options.map(\.flag))
    func everyOptionIsSaidInAFile(flag: String) throws {
        let option = try #require(Self.options.first { $0.flag == flag })
        let value = Self.value(of: option)
        let further = Self.pair(option)
        let flags = ["--\(flag)=\(value)"] + further
        let expected = try Settings.load(arguments: flags, environment: [:], usualFiles: []).settings.content
        if !option.help.hasPrefix("Does nothing"), !["docker_only", "exclude-latency-histogram-metrics"].contains(flag)
        {
            let nothing = try Settings.load(arguments: further, environment: [:], usualFiles: []).settings.content
            let differs = expected != nothing
            #expect(differs)
        }
        for path in ConfigurationKeys.paths(of: option) {
            let quoted = YAMLText.scalar(value)
            let isSame = try settings(Self.text(path, quoted), further).content == expected
            #expect(isSame, "\(path)")
            let dashed = path.map { $0.replacing("_", with: "-") }
            let isSameWithDashes = try settings(Self.text(dashed, quoted), further).content == expected
            #expect(isSameWithDashes, "\(dashed)")
            // A list is what takes commas, and nothing else.
            let list = "[\(value.split(separator: ",").map { YAMLText.scalar(String($0)) }.joined(separator: ", "))]"
            do throws(ConfigurationError) {
                let isSameAsList = try settings(Self.text(path, list), further).content == expected
                #expect(isSameAsList, "\(path)")
            } catch {
                #expect(error.description.hasSuffix(": this should be one value and no list"))
            }
        }
    }

    @Test func anElementMayHaveACommaInIt() throws {
        let file = try settings(
            """
            postgres: {databases: {exclude: ["a{1,2}", b]}, relations: {include: ["x{2,}"]}}
            redis: {queues: {celery: ["one,two"], list: ["a,b", "db3=c,d"]}, keys: {groups: ["^(.,.)"]}}
            """)
        #expect(file.postgresOptions.databases.excluded == ["a{1,2}", "b"])
        #expect(file.postgresOptions.relations.names.included == ["x{2,}"])
        #expect(file.redisQueues.celery.names == ["one,two"])
        #expect(file.redisQueues.lists.map(\.key) == [RedisKey(key: "a,b"), RedisKey(database: 3, key: "c,d")])
        #expect(file.redisKeys.groups.count == 1)
    }

    /// Each option that a server's entry takes does there what its flag does to all.
    @Test(arguments: NamedServer.Kind.allCases)
    func everyOptionOfAServer(kind: NamedServer.Kind) throws {
        let address = kind == .redis ? "url: 'rediss://cache'" : "dsn: host=db"
        let options = Self.options.filter { option in
            ConfigurationKeys.paths(of: option).contains { $0[0] == kind.rawValue }
                && !["postgres.probe.allow", "redis.probe.allow", "constantLabels"].contains(option.flag)
                // These two go together.
                && !option.flag.hasPrefix("redis.tls.client-")
        }
        #expect(options.count > (kind == .pgbouncer ? 5 : 50))
        for option in options {
            let value = Self.value(of: option)
            let further = Self.pair(option)
            let general = try settings("\(kind): [{\(address)}]", ["--\(option.flag)=\(value)"] + further)
            for path in ConfigurationKeys.paths(of: option) where path[0] == kind.rawValue {
                let entry = Self.text(Array(path.dropFirst()), YAMLText.scalar(value)).dropFirst().dropLast()
                let own = try settings(
                    "\(kind): [{\(address), \(entry)}, {\(address), name: other}]"
                        .replacing("[{", with: "[{name: \(kind), "), further)
                let hasIt = own.targets[0] == general.targets[0]
                #expect(hasIt, "\(option.flag)")
                let plain = try settings("\(kind): [{\(address), name: other}]", further)
                let leavesOther = own.targets[1] == plain.targets[0]
                #expect(leavesOther, "\(option.flag)")
            }
        }
    }

    @Test func whatIsOfAllIsNotOfAServer() {
        for (text, key) in [
            ("postgres: [{dsn: '', probe: {allow: x}}]", "probe"),
            ("postgres: [{dsn: '', constant_labels: [a=b]}]", "constant_labels"),
            ("redis: [{url: c, probe: {allow: x}}]", "probe"), ("redis: [{url: c, labels: {a: b}}]", "labels"),
            ("redis: [{url: c, collectors: {locks: true}}]", "locks"),
        ] {
            let error = #expect(throws: ConfigurationError.self) { try settings(text) }
            #expect(error?.description.contains(#""\#(key)" is no key of "#) == true)
        }
    }
}
