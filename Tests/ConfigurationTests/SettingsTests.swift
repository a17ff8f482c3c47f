import Configuration
import Containers
import Lab
import Logging
import Postgres
import Redis
import Scraping
import Testing

struct SettingsTests {
    private let directory = TemporaryDirectory("settings")

    private func load(_ arguments: [String] = [], _ environment: [String: String] = [:]) throws -> Settings {
        try Settings.load(arguments: arguments, environment: environment).settings
    }

    @Test func nothingSaidIsTheDefault() throws {
        let (command, settings) = try Settings.load(arguments: [], environment: [:])
        #expect(command == .serve)
        #expect(settings.web.addresses == [.tcp(host: "", port: 19187)])
        #expect(settings.web.telemetryPath == "/metrics")
        #expect(settings.web.timeoutOffset == nil)
        #expect(settings.limits.timeout == .seconds(10))
        #expect(settings.logLevel == .info)
        #expect(settings.postgres.isEmpty)
        #expect(settings.redis.isEmpty)
        #expect(settings.containers.procfs == "/proc")
    }

    @Test(arguments: [
        (["serve"], Command.serve), (["scrape"], .scrape), (["health", "--log.level=debug"], .health),
        (["--log.level", "debug", "scrape"], .scrape), (["--format=json", "metrics"], .metrics), (["--help"], .help),
        (["-h"], .help),
        (["serve", "-help"], .help), (["--web.listen-address=:1", "--dumpmaps"], .metrics),
        (["--version"], .version), (["version"], .version), (["help"], .help),
    ])
    func commands(arguments: [String], command: Command) throws {
        #expect(try Settings.load(arguments: arguments, environment: [:]).command == command)
    }

    @Test func flagsOfEveryForm() throws {
        let settings = try load([
            "--web.listen-address=127.0.0.1:1", "-web.listen-address", "[::1]:2", "--web.listen-address=unix:/a,:3",
            "--web.telemetry-path=/prom/", "--scrape.timeout=1m30s", "--scrape.timeout-offset", "0",
            "--scrape.series-limit=5", "--log.level=warn", "--log.format=json", "--path.cgroupfs=/cg",
            "--path.procfs=/pr", "--path.rootfs=/rf", "--host.node-exporter", "--no-collector.settings",
            "--collector.stat_statements", "--collector.database=false",
        ])
        #expect(
            settings.web.addresses == [
                .tcp(host: "127.0.0.1", port: 1), .tcp(host: "::1", port: 2), .unix(path: "/a"),
                .tcp(host: "", port: 3),
            ])
        #expect(settings.web.telemetryPath == "/prom")
        #expect(settings.limits.timeout == .seconds(90))
        #expect(settings.web.timeoutOffset == .zero)
        #expect(settings.limits.seriesPerTarget == 5)
        #expect(settings.logLevel == .warning)
        #expect(settings.logFormat == .json)
        #expect(settings.containers.cgroupfs == "/cg")
        #expect(settings.containers.procfs == "/pr")
        #expect(settings.host.rootfs == "/rf")
        #expect(settings.host.hasNodeExporter)
        #expect(settings.collectors.chosen == ["settings": false, "stat_statements": true, "database": false])
    }

    @Test func everyFlagHasAVariableAndTheFlagGoesFirst() throws {
        let environment = [
            "STACK_EXPORTER_WEB_LISTEN_ADDRESS": ":1,:2", "STACK_EXPORTER_SCRAPE_TIMEOUT": "500ms",
            "STACK_EXPORTER_COLLECTOR_REDIS_INFO": "false", "STACK_EXPORTER_LOG_LEVEL": "debug",
            "STACK_EXPORTER_SCRAPE_SERIES_LIMIT": "",
        ]
        let settings = try load(["--web.listen-address=:9", "--log.level=error"], environment)
        #expect(settings.web.addresses == [.tcp(host: "", port: 9)])
        #expect(settings.logLevel == .error)
        #expect(settings.limits.timeout == .milliseconds(500))
        #expect(settings.collectors.chosen == ["redis_info": false])
        #expect(settings.limits.seriesPerTarget == 100_000)
    }

    @Test(arguments: [
        (["--nonsense"], "unknown flag --nonsense; see --help for those there are"),
        (["--nonsense=hunter2"], "unknown flag --nonsense; see --help for those there are"),
        (["--collector.pg_locks"], "unknown flag --collector.pg_locks; see --help for those there are"),
        (["--no-web.listen-address"], "unknown flag --no-web.listen-address; see --help for those there are"),
        (["--no-collector.database=true"], "unknown flag --no-collector.database; see --help for those there are"),
        (
            ["dance"],
            #""dance" is no command; the commands are serve, scrape, check, metrics, health, completion, man, version, help, see --help"#
        ),
        (
            ["serve", "scrape"],
            #""scrape" is no command; the commands are serve, scrape, check, metrics, health, completion, man, version, help, see --help"#
        ),
        (["--log.level"], "the flag --log.level needs a value: --log.level=LEVEL"),
        (["--log.level=loud"], "--log.level=loud: this should be debug, info, warn or error"),
        (["--scrape.timeout=0"], "--scrape.timeout=0: this should be a duration such as 10s or 500ms"),
        (["--scrape.timeout=ten"], "--scrape.timeout=ten: this should be a duration such as 10s or 500ms"),
        (["--web.listen-address=19187"], "--web.listen-address=19187: this should be host:port, :port or unix:/path"),
        (["--web.telemetry-path=metrics"], "--web.telemetry-path=metrics: this should be a path such as /metrics"),
        (["--scrape.series-limit=-1"], "--scrape.series-limit=-1: this should be a whole number above 0"),
        (["--path.rootfs=rootfs"], "--path.rootfs=rootfs: this should be a path such as /rootfs"),
        (["--collector.database=maybe"], "--collector.database=maybe: this should be true or false"),
        (["--redis.queues.list=db-1=x"], "--redis.queues.list=db-1=x: this should be keys such as jobs,db1=mails"),
    ])
    func badFlagsAreOneSentence(arguments: [String], sentence: String) {
        #expect(throws: ConfigurationError(sentence)) { try load(arguments) }
    }

    /// A flag or variable of one command says nothing to the others.
    @Test func theFormatIsOfTheCatalogueAlone() throws {
        #expect(try load(["metrics"], ["STACK_EXPORTER_FORMAT": "json"]).catalogueFormat == .json)
        #expect(try load(["scrape"], ["STACK_EXPORTER_FORMAT": "xml"]).catalogueFormat == .text)
        for (arguments, command) in [
            (["--format=json"], "serve"), (["scrape", "--format=json"], "scrape"),
            (["--format", "json", "health"], "health"),
        ] {
            let sentence = "the command \(command) has no flag --format; see --help for who has it"
            #expect(throws: ConfigurationError(sentence)) { try load(arguments) }
        }
    }

    @Test func aBadVariableIsNamed() {
        #expect(throws: ConfigurationError("STACK_EXPORTER_LOG_FORMAT=xml: this should be logfmt or json")) {
            try load([], ["STACK_EXPORTER_LOG_FORMAT": "xml"])
        }
    }

    @Test(arguments: [
        (["DATA_SOURCE_NAME": "postgresql://u:p@one:1/a"], ["postgres one:1"]),
        (
            ["DATA_SOURCE_NAME": "postgresql://u:p,q@one:1,two:2/a,postgres://x@three/b"],
            ["postgres-1 one:1", "postgres-2 three:5432"]
        ),
        (["DATA_SOURCE_NAME": "host=db password='a,b'", "DATABASE_URL": "postgresql://other"], ["postgres db:5432"]),
        (["DATA_SOURCE_URI": "db:6432/app?sslmode=disable", "DATA_SOURCE_USER": "u"], ["postgres db:6432"]),
        (["DATABASE_URL": "postgresql://u:p@db/app"], ["postgres db:5432"]),
        (["DATABASE_URL": "postgresql+asyncpg://u:p@db/app"], ["postgres db:5432"]),
        (["DATABASE_URL": "", "REDIS_URL": ""], []),
        ([:], []),
    ])
    func postgresFromTheEnvironment(environment: [String: String], targets: [String]) throws {
        #expect(try load([], environment).postgres.map { "\($0.name) \($0.server)" } == targets)
    }

    @Test(arguments: [
        (["PGBOUNCER_URL": "postgresql://stats@pooler:6432"], ["pgbouncer pooler:6432"]),
        (
            ["PGBOUNCER_EXPORTER_CONNECTION_STRING": "host=one port=6432", "PGBOUNCER_URL": "postgresql://two"],
            ["pgbouncer one:6432"]
        ),
        (
            ["PGBOUNCER_URL": "postgresql://u:p,q@one:1,two:2,postgres://u@three:6432/pgbouncer"],
            ["pgbouncer-1 one:1", "pgbouncer-2 three:6432"]
        ),
        (["PGBOUNCER_URL": ""], []),
    ])
    func pgbouncerFromTheEnvironment(environment: [String: String], targets: [String]) throws {
        let settings = try load([], environment)
        #expect(settings.pgbouncer.map { "\($0.name) \($0.server)" } == targets)
        #expect(settings.postgres.isEmpty)
    }

    @Test func redisFromTheEnvironment() throws {
        let plain = try #require(try load([], ["REDIS_URL": "redis://cache:6380/2"]).redis.first)
        #expect(plain.address == .tcp(host: "cache", port: 6380))
        #expect(plain.database == 2)
        #expect(plain.name == "redis")
        #expect(plain.queues.celery.names == [])
        #expect(plain.password == nil)

        let environment = [
            "REDIS_ADDR": "rediss://:inner@one", "REDIS_URL": "redis://two", "REDIS_USER": "u",
            "REDIS_PASSWORD": "outer",
        ]
        let queues = ["--redis.queues.celery=mail,slow", "--redis.queues.list=jobs,db3=more"]
        let secure = try #require(try load(queues, environment).redis.first)
        #expect(secure.address == .tcp(host: "one", port: 6379))
        #expect(secure.tls != nil)
        #expect(secure.username == "u")
        #expect(try secure.password?.reveal() == "inner")
        #expect(secure.queues.celery.names == ["mail", "slow"])
        #expect(secure.queues.lists.map(\.key) == [RedisKey(key: "jobs"), RedisKey(database: 3, key: "more")])
        #expect(try load([], ["REDIS_ADDR": "db", "REDIS_PASSWORD": "p"]).redis.first?.password?.reveal() == "p")
    }

    @Test func secretsFromFiles() throws {
        let file = try directory.write("secret", "from file\n")
        let settings = try load(
            [], ["REDIS_URL": "cache", "REDIS_PASSWORD_FILE": file, "REDIS_PASSWORD": "not this"])
        #expect(try settings.redis.first?.password?.reveal() == "from file")

        try directory.write("secret", "postgresql://u@from-file/db\n")
        #expect(try load([], ["DATA_SOURCE_NAME_FILE": file]).postgres.map(\.server) == ["from-file:5432"])
        for variable in ["PGBOUNCER_EXPORTER_CONNECTION_STRING_FILE", "PGBOUNCER_URL_FILE"] {
            #expect(try load([], [variable: file]).pgbouncer.map(\.server) == ["from-file:5432"])
        }

        for variable in ["DATA_SOURCE_PASS_FILE", "DATA_SOURCE_USER_FILE", "PGBOUNCER_URL_FILE", "REDIS_PASSWORD_FILE"]
        {
            let environment = [variable: "/no/such/file", "DATA_SOURCE_URI": "db/app", "REDIS_URL": "cache"]
            #expect(
                throws: ConfigurationError(
                    "\(variable): the password file /no/such/file cannot be read: No such file or directory")
            ) { try load([], environment) }
        }
    }

    @Test(arguments: [
        ["DATABASE_URL": "mysql://u:hunter2@db/app"], ["DATABASE_URL": "postgresql://u:hunter2@db:x/app"],
        ["DATA_SOURCE_NAME": "postgresql://u:hunter2@db/app?nonsense=1"],
        ["PGBOUNCER_URL": "postgresql://u:hunter2@pooler:x"], ["REDIS_URL": "http://u:hunter2@cache"],
        ["REDIS_ADDR": "redis://u:hunter2@cache:x"], ["REDIS_URL": "redis://u:hunter2%zz@cache"],
    ])
    func malformedAddressesAreRefusedWithoutRepeatingThem(environment: [String: String]) throws {
        let error = #expect(throws: ConfigurationError.self) { try load([], environment) }
        let variable = try #require(environment.keys.first)
        #expect(error?.description.hasPrefix(variable) == true)
        #expect(error?.description.contains("hunter2") == false)
    }

    @Test(arguments: [
        ["REDIS_URL": "redis://:hunter2@cache", "DATA_SOURCE_PASS": "hunter2", "DATA_SOURCE_URI": "db/app"],
        ["DATABASE_URL": "postgresql://u:hunter2@db/app"],
    ])
    func settingsPrintNoSecret(environment: [String: String]) throws {
        let settings = try load([], environment)
        var dumped = ""
        dump(settings, to: &dumped)
        #expect(!dumped.contains("hunter2"))
        #expect(!"\(settings)".contains("hunter2"))
    }
}

struct DurationTextTests {
    @Test(arguments: [
        ("10s", Duration.seconds(10)), ("500ms", .milliseconds(500)), ("1m30s", .seconds(90)), ("1h", .seconds(3600)),
        ("0.5s", .milliseconds(500)), ("15", .seconds(15)), ("2.5", .milliseconds(2500)), ("0", .zero),
        ("1d", .seconds(86_400)),
    ])
    func durations(text: String, duration: Duration) throws {
        let settings = try Settings.load(
            arguments: ["--scrape.timeout-offset=\(text)"], environment: [:]
        ).settings
        #expect(settings.web.timeoutOffset == duration)
    }

    @Test(arguments: ["", "s", "10 s", "-1s", "1x", "s10", "1e99", "nan", "inf", "1..5s", "5s-"])
    func noDurations(text: String) {
        #expect(throws: ConfigurationError.self) {
            try Settings.load(arguments: ["--scrape.timeout-offset=\(text)"], environment: [:])
        }
    }
}
