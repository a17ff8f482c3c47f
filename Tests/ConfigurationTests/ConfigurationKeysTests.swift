import Testing

@testable import Configuration
@testable import Postgres
@testable import Redis

/// That a file can say whatever a flag can.
@Suite(.timeLimit(.minutes(5)))
struct ConfigurationKeysTests {
    /// All but the one that no value is right for.
    private static let options = Option.all.filter { $0.isOfFiles && $0.flag != "http_digest_file" }

    /// A value that differs from what holds where nothing is said.
    private static func value(of option: Option) -> String {
        let byFlag = [
            "listen_ip": "127.0.0.1", "redis.scripts": "/dev/null", "extend.query-path": "/dev/null",
            "redis.queues.celery.exchanges": "other", "redis.queues.celery.unacked-index-key": "other",
            "host.node-exporter": "true", "redis.config-command": "SETUP", "web.unix-socket-mode": "0660",
        ]
        if let value = byFlag[option.flag] { return value }
        if option.flag.hasPrefix("redis.tls."), option.placeholder == "FILE" { return "/dev/null" }
        if option.placeholder == nil { return option.defaultText == "on" ? "false" : "true" }
        let byPlaceholder = [
            "COUNT": "7", "DURATION": "7s", "SECONDS": "1,2", "NUMBERS": "0,5", "PORT": "9", "ADDRESS": ":9,:8",
            "LEVEL": "debug", "FORMAT": "json", "KINDS": "docker,podman", "LABELS": "a=b,c=d", "GROUPS": "cpu",
            "PATH": "/path", "DIRECTORY": "/path", "FILE": "/dev/null", "ENDPOINT": "/socket",
        ]
        return byPlaceholder[option.placeholder ?? ""] ?? "other"
    }

    /// `web: {listen_address: VALUE}`
    private static func text(_ path: [String], _ value: String) -> String {
        path.reversed().reduce(value) { "{\($1): \($0)}" }
    }

    private static let keys = ConfigurationKeys.all()
    private static let standard = try? Configuration.Settings([]).content

    private func read(_ text: String) throws(ConfigurationError) -> ConfigurationReader {
        var reader = ConfigurationReader(keys: Self.keys)
        try reader.read(try YAMLNode.parse(Array(text.utf8), file: "c.yml")?.entries() ?? [])
        return reader
    }

    @Test(arguments: options.map(\.flag))
    func everyOptionIsSaidInAFile(flag: String) throws {
        let option = try #require(Self.options.first { $0.flag == flag })
        let value = Self.value(of: option)
        let expected = try Configuration.Settings(try Arguments(["--\(flag)=\(value)"]).assignments).content
        let isStandard = expected == Self.standard
        #expect(isStandard == option.help.hasPrefix("Does nothing"))
        for path in ConfigurationKeys.paths(of: option) {
            for path in [path, path.map { $0.replacing("_", with: "-") }] {
                let assignments = try read(Self.text(path, YAMLText.scalar(value))).assignments
                #expect(assignments.map(\.option.flag) == [flag] && assignments.map(\.value) == [.text(value)])
                #expect(assignments.map { "\($0.source)".prefix(8) } == ["c.yml:1:"])
            }
        }
        let path = ConfigurationKeys.paths(of: option)[0]
        let isSame =
            try Configuration.Settings(try read(Self.text(path, YAMLText.scalar(value))).assignments).content
            == expected
        #expect(isSame)
        guard option.placeholder != nil else { return }
        // A list is what takes commas, and nothing else.
        let list = "[\(value.split(separator: ",").map { YAMLText.scalar(String($0)) }.joined(separator: ", "))]"
        do throws(ConfigurationError) {
            let isSameAsList =
                try Configuration.Settings(try read(Self.text(path, list)).assignments).content == expected
            #expect(isSameAsList)
        } catch {
            #expect(error.description.hasSuffix(": this should be one value and no list"))
            // Those who come from another exporter write text.
            #expect(!value.contains(",") || option.advice != nil)
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

    /// Each option that a server's entry takes is the same there.
    @Test(arguments: NamedServer.Kind.allCases)
    func everyOptionOfAServer(kind: NamedServer.Kind) throws {
        let address = kind == .redis ? "url: cache" : "dsn: host=db"
        var count = 0
        for option in Self.options {
            let value = YAMLText.scalar(Self.value(of: option))
            for path in ConfigurationKeys.paths(of: option) where path[0] == kind.rawValue {
                guard path[1] != "probe", path[1] != "constant_labels" else { continue }
                let entry = Self.text(Array(path.dropFirst()), value).dropFirst().dropLast()
                let reader = try read(
                    "\(kind): [{\(address), \(entry)}, {\(address), name: other}]"
                        .replacing("[{", with: "[{name: one, "))
                #expect(reader.servers.map { $0.assignments.map(\.option.flag) } == [[option.flag], []])
                #expect(reader.assignments.isEmpty)
                count += 1
            }
        }
        #expect(count > (kind == .pgbouncer ? 5 : 50))
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
