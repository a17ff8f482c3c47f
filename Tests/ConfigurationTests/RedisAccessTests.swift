import Lab
import Redis
import Scraping
import Testing

@testable import Configuration

/// Where Redis is and how to log in there.
struct RedisAccessTests {
    private let directory = TemporaryDirectory("redis")

    private func load(_ arguments: [String] = [], _ environment: [String: String] = [:]) throws -> Settings {
        try Settings.load(arguments: arguments, environment: environment).settings
    }

    @Test(arguments: [
        ("one", ["one"]), ("one,two:6380", ["one", "two:6380"]), ("one, two ,", ["one", "two"]), ("", []), (",", []),
        ("redis://one,rediss://two", ["redis://one", "rediss://two"]), ("redis://one,two", ["redis://one", "two"]),
        ("redis://:a,b@one,redis://two", ["redis://:a,b@one", "redis://two"]),
        ("redis://u:a,,b@one/2,two,valkey://p,q@three", ["redis://u:a,,b@one/2", "two", "valkey://p,q@three"]),
        ("redis://:a@one,redis://:b@two", ["redis://:a@one", "redis://:b@two"]),
        ("/run/a.sock,unix:///run/b.sock", ["/run/a.sock", "unix:///run/b.sock"]),
        (
            "redis+sentinel://u:p,q@one:26379,two:26379/main/2,redis://cache",
            ["redis+sentinel://u:p,q@one:26379,two:26379/main/2", "redis://cache"]
        ),
        ("redis+sentinel://one,two/main,cache,u", ["redis+sentinel://one,two/main", "cache", "u"]),
        ("cache,redis+sentinel://one,two/main", ["cache", "redis+sentinel://one,two/main"]),
        ("[::1]:1,[::2]", ["[::1]:1", "[::2]"]),
    ])
    func addressesWithCommasBetween(list: String, addresses: [String]) {
        #expect(RedisAddresses.split(list) == addresses)
    }

    @Test func severalAddressesAreSeveralTargets() throws {
        let settings = try load([], ["REDIS_ADDR": "one:1, rediss://:a,b@two/3"])
        #expect(
            settings.redis.map { "\($0.name) \($0.address) \($0.database)" } == [
                "redis-1 one:1 0", "redis-2 two:6379 3",
            ])
        #expect(try settings.redis.last?.password?.reveal() == "a,b")
        #expect(settings.redis.map { $0.tls != nil } == [false, true])
    }

    @Test(arguments: [
        (["--redis.addr=flag"], ["STACK_EXPORTER_REDIS_ADDR": "own", "REDIS_ADDR": "addr"], "flag:6379"),
        ([], ["STACK_EXPORTER_REDIS_ADDR": "own", "REDIS_ADDR": "addr"], "own:6379"),
        ([], ["REDIS_ADDR": "addr", "REDIS_URL": "url"], "addr:6379"),
        ([], ["REDIS_URL": "url", "CE_BROKER_URL": "redis://url"], "url:6379"),
        ([], ["CE_BROKER_URL": "redis://broker:1/2"], "broker:1"),
        (["--redis.addr="], ["REDIS_ADDR": "addr"], ""),
    ])
    func whichAddressGoesFirst(arguments: [String], environment: [String: String], address: String) throws {
        #expect(try load(arguments, environment).redis.map { "\($0.address)" }.joined() == address)
    }

    @Test func theBrokerTellsTheDatabase() throws {
        let same = try load([], ["REDIS_ADDR": "cache", "CE_BROKER_URL": "redis://:p@cache:6379/4"])
        #expect(same.redis.map(\.database) == [4])
        #expect(same.warnings.isEmpty)
        #expect(
            try load([], ["REDIS_ADDR": "redis://cache/2", "CE_BROKER_URL": "redis://cache/4"]).redis.map(\.database)
                == [2])

        let other = try load([], ["REDIS_ADDR": "cache", "CE_BROKER_URL": "redis://:hunter2@broker"])
        #expect(
            other.warnings == [
                "CE_BROKER_URL names another server than REDIS_ADDR, which goes first: name both there, with a comma between"
            ])
        let rabbit = try load([], ["CE_BROKER_URL": "amqp://u:hunter2@broker"])
        #expect(rabbit.redis.isEmpty)
        #expect(rabbit.warnings == ["CE_BROKER_URL is no address of Redis, so that its queues are not looked at"])
        #expect(try load([], ["REDIS_ADDR": "cache", "CE_BROKER_URL": "amqp://broker"]).warnings.isEmpty)
    }

    @Test func theCatalogueIsTheSameWhateverThereIsToScrape() throws {
        #expect(try load(["metrics"], ["REDIS_URL": "http://nonsense"]).redis.isEmpty)
    }

    @Test func loginsApartFromTheAddress() throws {
        let servers = try load(
            ["--redis.user=flag", "--redis.addr=redis://one,redis://own:inner@two,redis://:inner@three"],
            ["REDIS_PASSWORD": "outer"]
        ).redis
        #expect(servers.map(\.username) == ["flag", "own", "flag"])
        #expect(try servers.map { try $0.password?.reveal() } == ["outer", "inner", "inner"])
    }

    /// redis_exporter's map, by addresses as people write them.
    @Test(arguments: [
        (#"{"redis://cache:6379": "p"}"#, "p"), (#" {"cache:6379" : "p"}"# + "\n", "p"), (#"{"cache": "p"}"#, "p"),
        (#"{"redis://exporter@cache:6379": "own", "redis://cache:6379": "any"}"#, "own"),
        (#"{"redis://cache:6379": "any", "redis://exporter@cache": "own"}"#, "own"),
        (#"{"redis://else@cache:6379": "no", "redis://cache:6379": "any"}"#, "any"),
        (#"{"redis://exporter:ignored@cache:6379": "own"}"#, "own"), (#"{"exporter@cache": "own"}"#, "own"),
        (#"{"redis://cache:6379": ""}"#, ""), (#"{"redis://cache:6379": "a\"b\u0041"}"#, #"a"bA"#),
        (#"{"redis://else@cache:6379": "no"}"#, "outer"), (#"{"redis://cache:6380": "no"}"#, "outer"),
        ("plain\n", "plain"), (#"plain{"redis://cache:6379": "p"}"#, #"plain{"redis://cache:6379": "p"}"#),
    ])
    func passwordFiles(content: String, password: String) throws {
        let file = try directory.write("file", content)
        let settings = try load(
            ["--redis.password-file=\(file)"],
            ["REDIS_ADDR": "redis://cache", "REDIS_USER": "exporter", "REDIS_PASSWORD": "outer"])
        #expect(try settings.redis.first?.password?.reveal() == password)
    }

    @Test func aServerThatTheMapDoesNotHaveLogsInWithoutPassword() throws {
        let file = try directory.write("file", #"{"redis://one": "p"}"#)
        let servers = try load([], ["REDIS_ADDR": "one,two,redis://:own@one", "REDIS_PASSWORD_FILE": file]).redis
        #expect(try servers.map { try $0.password?.reveal() } == ["p", "", "own"])
    }

    @Test func passwordFilesAreReadAtEachConnect() throws {
        let file = try directory.write("file", #"{"cache": "first"}"#)
        let password = try load([], ["REDIS_ADDR": "cache", "REDIS_PASSWORD_FILE": file]).redis.first?.password
        #expect(try password?.reveal() == "first")
        try directory.write("file", #"{"cache": "second"}"#)
        #expect(try password?.reveal() == "second")
        try directory.write("file", #"{"cache": "hunter2""#)
        let error = #expect(throws: CollectorError.self) { try password?.reveal() }
        #expect(error?.reason == .authentication)
        #expect(error?.detail.contains("hunter2") == false)
    }

    @Test(arguments: [
        #"{"redis://cache:6379": "hunter2""#, #"{"redis://cache:6379": 12}"#, #"{"redis://cache:x": "hunter2"}"#,
        #"{"cache": "hunter2"} more"#, #"{"cache": "hunter2" "two": "p"}"#, #"{"cache" "hunter2"}"#,
        #"{"cache": "p", "two"}"#, "{}", "{hunter2}", #"{"http://cache": "hunter2"}"#,
        #"{"cache": {"password": "hunter2"}}"#,
    ])
    func whatIsNoMapIsSaidAtTheStart(content: String) throws {
        let file = try directory.write("file", content)
        let sentence =
            #"REDIS_PASSWORD_FILE: the password file \#(file) begins with a brace and is not written as {"redis://host:6379": "password"}"#
        #expect(throws: ConfigurationError(sentence)) { _ = try load([], ["REDIS_PASSWORD_FILE": file]) }
    }

    @Test func aPasswordFileHasALimit() throws {
        let file = try directory.write("file", String(repeating: "x", count: 65_537))
        #expect(
            throws: ConfigurationError("--redis.password-file: the password file \(file) is longer than 64 KiB")
        ) {
            try load(["--redis.password-file=\(file)"])
        }
    }

    @Test func theSettingsOfTLS() throws {
        let file = try directory.write("file", "pem")
        let flags = [
            "--tls-ca-cert-file=\(file)", "--tls-client-cert-file=\(file)", "--tls-client-key-file=\(file)",
            "--tls-server-name=name", "--skip-tls-verification",
        ]
        var tls = RedisSettings.TLS()
        (tls.authorityFile, tls.certificateFile, tls.keyFile) = (file, file, file)
        (tls.serverName, tls.verifiesServer) = ("name", false)
        let settings = try load(flags, ["REDIS_ADDR": "rediss://one,valkeys://two,redis://three"])
        #expect(settings.redis.map(\.tls) == [tls, tls, nil])
        #expect(!settings.warnings.contains { $0.contains("rediss://") })

        let warning =
            "no address of Redis begins with rediss:// or valkeys://, so that the settings of TLS do nothing"
        #expect(try load(flags, ["REDIS_ADDR": "one"]).warnings.last == warning)
        #expect(!(try load(flags).warnings.contains(warning)))
        #expect(try load([], ["REDIS_ADDR": "one"]).warnings.isEmpty)

        #expect(
            throws: ConfigurationError(
                "REDIS_EXPORTER_TLS_CLIENT_KEY_FILE: a certificate and its key go together; add --redis.tls.client-cert-file"
            )
        ) { try load([], ["REDIS_EXPORTER_TLS_CLIENT_KEY_FILE": file]) }
        #expect(
            throws: ConfigurationError(
                "--redis.tls.client-cert-file: a certificate and its key go together; add --redis.tls.client-key-file"
            )
        ) { try load(["--redis.tls.client-cert-file=\(file)"]) }
        for flag in [
            "redis.tls.ca-cert-file", "redis.tls.client-cert-file", "redis.tls.client-key-file", "redis.scripts",
        ] {
            let sentence = "--\(flag): the file /no/such cannot be read: No such file or directory"
            #expect(throws: ConfigurationError(sentence)) { try load(["--\(flag)=/no/such"]) }
        }
    }

    @Test func scriptsAreReadAtTheStart() throws {
        let file = try directory.write("file", "return {'a', '1'}")
        let settings = try load(["--script=\(file), \(file)"], ["REDIS_ADDR": "cache"])
        let script = RedisServerOptions.Script(fileName: file, text: "return {'a', '1'}")
        #expect(settings.redis.first?.options.scripts == [script, script])
    }

    @Test(arguments: [
        (["--redis.addr=redis://u:hunter2@cache:x"], [:], "--redis.addr: the port is not a number from 1 to 65535"),
        (["--redis.addr=one,http://u:hunter2@cache"], [:], "--redis.addr: the scheme is none of"),
        ([], ["STACK_EXPORTER_REDIS_ADDR": "redis://hunter2@[::1"], "STACK_EXPORTER_REDIS_ADDR: the IPv6 address"),
        ([], ["CE_BROKER_URL": "redis://u:hunter2@broker/x"], "CE_BROKER_URL: the database is not a number from 0"),
    ])
    func malformedAddressesAreRefusedWithoutRepeatingThem(
        arguments: [String], environment: [String: String], beginning: String
    ) throws {
        let error = #expect(throws: ConfigurationError.self) { try load(arguments, environment) }
        #expect(error?.description.hasPrefix(beginning) == true, "\(String(describing: error))")
        #expect(error?.description.contains("hunter2") == false)
    }

    @Test func settingsPrintNoSecret() throws {
        let settings = try load(
            ["--redis.password=hunter2", "--basic-auth-username=u", "--basic-auth-password=hunter2"],
            ["REDIS_ADDR": "redis://:hunter2@one,two", "CE_BROKER_URL": "redis://:hunter2@three"])
        var dumped = ""
        dump(settings, to: &dumped)
        #expect(!dumped.contains("hunter2"))
    }
}
