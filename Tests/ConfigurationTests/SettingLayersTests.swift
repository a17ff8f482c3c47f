import Lab
import Logging
import Scraping
import Testing

@testable import Configuration
@testable import Postgres
@testable import Redis

/// Which word holds where several are said.
@Suite(.timeLimit(.minutes(2)))
struct SettingLayersTests {
    private let directory = TemporaryDirectory("settings")

    @Test func defaultFileEnvironmentFlag() throws {
        let file = "{scrape: {timeout: 1s, series_limit: 1}, log: {level: error}, web: {listen_address: [':1', ':2']}}"
        let environment = ["STACK_EXPORTER_SCRAPE_TIMEOUT": "2s", "STACK_EXPORTER_SCRAPE_SERIES_LIMIT": "2"]
        let settings = try settings(file, ["--scrape.timeout=3s"], environment)
        #expect(settings.limits.timeout == .seconds(3))
        #expect(settings.limits.seriesPerTarget == 2)
        #expect(settings.logLevel == .error)
        #expect(settings.logFormat == .logfmt)
        #expect(settings.web.addresses == [.tcp(host: "", port: 1), .tcp(host: "", port: 2)])
        // What adds up adds up within a layer alone.
        let flags = try ConfigurationTests.settings(file, ["--web.listen-address=:8", "--web.listen-address=:9"])
        #expect(flags.web.addresses == [.tcp(host: "", port: 8), .tcp(host: "", port: 9)])
        let patterns = try ConfigurationTests.settings(
            "postgres: {databases: {exclude: [a, b]}}", [], ["STACK_EXPORTER_POSTGRES_DATABASES_EXCLUDE": "c"])
        #expect(patterns.postgresOptions.databases.excluded == ["c"])
    }

    /// All five layers of one setting, in each of two servers.
    @Test(arguments: [
        ([String](), [String: String](), [200, 100]),
        ([], ["STACK_EXPORTER_POSTGRES_RELATIONS_LIMIT": "300"], [300, 300]),
        (["--postgres.relations.limit=400"], ["STACK_EXPORTER_POSTGRES_RELATIONS_LIMIT": "300"], [400, 400]),
    ])
    func aServersOwnWordGoesBeforeTheFiles(flags: [String], environment: [String: String], limits: [Int]) throws {
        let settings = try settings(
            """
            postgres:
              relations: {limit: 100}
              servers:
                - {name: one, dsn: host=one, relations: {limit: 200}}
                - {name: two, dsn: host=two}
            """, flags, environment)
        #expect(
            settings.targets.prefix(2).map { target in
                if case .postgres(let server, let options) = target {
                    "\(server.name) \(options.relations.limit)"
                } else {
                    ""
                }
            } == ["one \(limits[0])", "two \(limits[1])"])
    }

    @Test func serversHaveSettingsOfTheirOwn() throws {
        let settings = try settings(
            """
            collectors: {redis_latency: false, locks: false}
            postgres:
              - name: main
                dsn: postgresql://exporter@db/postgres
                databases: {exclude: ["template.*", rdsadmin], max: 16}
                collectors: {locks: true, stat_statements: {limit: 50, query_text: true}}
              - {name: other, url: "postgresql+asyncpg://other/app?pool=5"}
            pgbouncer: [{name: pooler, dsn: host=pooler port=6432}]
            redis:
              user: exporter
              servers:
                - name: cache
                  url: rediss://cache:6379/1
                  tls: {server_name: cache.internal}
                  queues: {celery: {queues: [celery, emails], visibility_timeout: 10m}, rq: false, list: [jobs]}
                  collectors: {redis_latency: true}
                - {name: sessions, url: sessions, user: other, queues: {stream: [events]}, keys: {count: ["s:*"]}}
            """)
        guard case .postgres(let main, let options) = settings.targets[0],
            case .postgres(let other, let otherOptions) = settings.targets[1]
        else {
            Issue.record("\(settings.targets)")
            return
        }
        #expect("\(main)" == "main db:5432" && "\(other)" == "other other:5432")
        #expect(options.databases.excluded == ["template.*", "rdsadmin"] && options.databaseLimit == 16)
        #expect(options.statements.limit == 50 && options.statements.includesText)
        #expect(options.collectors.chosen == ["locks": true, "redis_latency": false])
        #expect(otherOptions == settings.postgresOptions && otherOptions.databaseLimit == nil)
        #expect(settings.pgbouncer.map { "\($0)" } == ["pooler pooler:6432"])

        let redis = settings.redisTargets
        #expect(redis.map(\.server.name) == ["cache", "sessions"])
        #expect(redis.map(\.server.username) == ["exporter", "other"])
        #expect(redis.map(\.server.queues.celery.names) == [["celery", "emails"], []])
        #expect(redis.map(\.server.queues.celery.visibilityTimeout) == [600, 3600])
        #expect(redis.map(\.server.queues.lists.count) == [1, 0])
        #expect(redis.map(\.server.queues.streams) == [[], [RedisKey(key: "events")]])
        #expect(redis.map(\.server.keys.counted) == [[], [RedisKey(key: "s:*")]])
        #expect(redis.map(\.server.tls?.serverName) == ["cache.internal", nil])
        #expect(redis[0].collectors.chosen == ["locks": false, "redis_latency": true, "redis_rq": false])
        #expect(redis[1].collectors == settings.collectors)
    }

    @Test(arguments: [
        ("true", ["redis_rq": true], []), ("yes", ["redis_rq": true], []), ("off", ["redis_rq": false], []),
        ("'true'", [:], ["true"]), ("[true, mail]", [:], ["true", "mail"]), ("'mail,slow'", [:], ["mail", "slow"]),
    ])
    func queuesAreNamedOrSwitched(value: String, chosen: [String: Bool], names: [String]) throws {
        let settings = try settings("redis: {queues: {rq: \(value)}}")
        #expect(settings.collectors.chosen == chosen)
        #expect(settings.redisQueues.rq == names)
    }

    // MARK: The environment's servers

    @Test func theFilesServersAreAllOfTheirKind() throws {
        let environment = [
            "DATABASE_URL": "postgresql://app", "REDIS_URL": "redis://:hunter2@app", "REDIS_PASSWORD": "hunter2",
            "PGBOUNCER_URL": "postgresql://pooler",
        ]
        let both = try settings("{postgres: [{dsn: host=db}], redis: [{url: cache}]}", [], environment)
        #expect(both.postgres.map(\.server) == ["db:5432"])
        #expect(both.redis.map { "\($0.address)" } == ["cache:6379"])
        #expect(both.redis.map { $0.password == nil } == [true])
        #expect(both.pgbouncer.map(\.server) == ["pooler:5432"])
        for (variable, kind) in [
            ("DATABASE_URL", "PostgreSQL servers"), ("REDIS_URL", "Redis servers"), ("REDIS_PASSWORD", "Redis servers"),
        ] {
            #expect(
                both.warning(variable)
                    == "\(variable) is left out, since the configuration file names the \(kind)")
        }
        let none = try settings("{log: {level: debug}}", [], environment)
        #expect(none.postgres.map(\.server) == ["app:5432"])
        #expect(none.redis.map { "\($0.address)" } == ["app:6379"])
        #expect(none.warnings == [])
    }

    @Test func aVariableThatTheFileUsesIsNotLeftOut() throws {
        let environment = [
            "DATABASE_URL": "postgresql+asyncpg://u:p@app/a?pool=3", "REDIS_URL": "redis://app", "REDIS_PASSWORD": "p",
        ]
        let settings = try settings(
            "{postgres: [{url: '${DATABASE_URL}'}], redis: [{url: '${REDIS_URL}', password: '${REDIS_PASSWORD}'}]}", [],
            environment)
        #expect(settings.postgres.map(\.server) == ["app:5432"])
        #expect(try settings.redis.first?.password?.reveal() == "p")
        #expect(settings.warnings == [])
    }

    @Test func whoNamesServersByAFlagMeansThem() throws {
        let file = "redis: [{name: a, url: a, password: x}, {name: b, url: b}]"
        for (flags, environment, source) in [
            (["--redis.addr=flag"], [:], "--redis.addr"),
            ([], ["STACK_EXPORTER_REDIS_ADDR": "flag"], "STACK_EXPORTER_REDIS_ADDR"),
        ] {
            let settings = try settings(file, flags, environment)
            #expect(settings.redis.map { "\($0.name) \($0.address)" } == ["redis flag:6379"])
            #expect(settings.redis.first?.password == nil)
            #expect(settings.warnings == ["\(source) goes before the Redis servers of the configuration file"])
        }
        // Our own variables and flags are of all servers, as of every other setting.
        let login = try settings(file, ["--redis.password=y"], [:])
        #expect(try login.redis.map { try $0.password?.reveal() } == ["y", "y"])
    }

    // MARK: Passwords

    @Test func ofAPasswordAndItsFileTheNearerHolds() throws {
        let file = try directory.write("secret", "from file")
        let settings = try settings(
            """
            redis:
              password_file: \(file)
              servers: [{name: a, url: a}, {name: b, url: b, password: own}]
            """)
        #expect(try settings.redis.map { try $0.password?.reveal() } == ["from file", "own"])
    }

    @Test func secretsOfFilesAreReadWhenTheyAreUsed() throws {
        let file = try directory.write("secret", "one\n")
        let address = try directory.write("address", "redis+sentinel://s/m\n")
        let settings = try settings(
            """
            redis: [{url_file: \(address), password_file: \(file), sentinel_password_file: \(file)}]
            postgres: [{dsn: host=db, user: u, password_file: \(file)}]
            auth_modules: {a: {type: userpass, userpass: {username: u, password_file: \(file)}}}
            """)
        let redis = try #require(settings.redis.first)
        let postgres = try #require(settings.postgres.first)
        #expect("\(redis.address)" == "m@s:26379")
        for password in ["one", "two"] {
            try directory.write("secret", "\(password)\n")
            #expect(try redis.password?.reveal() == password)
            #expect(try redis.sentinelPassword?.reveal() == password)
            #expect(try postgres.password?.reveal() == password)
            #expect(try settings.authModules["a"]?.password?.reveal() == password)
        }
    }

    // MARK: Variables

    @Test(arguments: [
        ("${A}", "a"), ("x${A}y$$z", "xay$z"), ("${NONE:-d}", "d"), ("${NONE:-}", ""), ("${A:-d}", "a"), ("$A", "$A"),
        ("^a$", "^a$"), ("$${A}", "${A}"), ("${EMPTY:-d}", "d"), ("${NONE:-a:-b}", "a:-b"), ("$", "$"),
        ("${YAML}", "[x: {"),
    ])
    func variables(text: String, value: String) throws {
        let settings = try settings(
            "redis: {user: '\(text)'}", [], ["A": "a", "EMPTY": "", "YAML": "[x: {"])
        #expect(settings.redisAccess.username ?? "" == value)
    }

    @Test func keysAndAuthModulesKnowNoVariables() throws {
        let settings = try settings(
            "auth_modules: {'${A}': {type: userpass, userpass: {username: u, password: 'a$$b${C}'}}}", [], ["A": "x"])
        #expect(try settings.authModules["${A}"]?.password?.reveal() == "a$$b${C}")
        #expect(throws: ConfigurationError.self) {
            try ConfigurationTests.settings("${A}: {level: info}", [], ["A": "log"])
        }
    }

    // MARK: Which file

    @Test func theFirstUsualFileThatIsThere() throws {
        let first = try directory.write("first", "log: {level: error}")
        let second = try directory.write("second", "log: {level: debug}")
        func load(_ flags: [String], _ usual: [String]) throws -> Configuration.Settings {
            try Configuration.Settings.load(arguments: flags, environment: [:], usualFiles: usual).settings
        }
        #expect(try load([], ["/no/such", first, second]).logLevel == .error)
        #expect(try load(["--config.file=\(second)"], [first]).logLevel == .debug)
        #expect(try load([], ["/no/such"]).configurationFile == nil)
        #expect(ConfigurationFile.usualPaths == ["/etc/stack-exporter/config.yml", "postgres_exporter.yml"])
    }

    @Test func aHundredServersShareWhatIsTheSame() throws {
        let queries = try directory.write("queries", "a: {query: SELECT 1 AS x, metrics: [{x: {usage: GAUGE}}]}")
        let entries = (1...100).map { "  - {name: p\($0), dsn: host=h\($0), relations: {limit: \($0)}}" }
        let settings = try settings(
            "postgres:\n  queries: [\(queries)]\n  servers:\n" + entries.map { "  \($0)\n" }.joined())
        #expect(settings.postgres.count == 100)
        let addresses = settings.targets.compactMap { target -> UInt? in
            guard case .postgres(_, let options) = target else { return nil }
            return options.customQueries.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) }
        }
        #expect(addresses.count == 100 && Set(addresses).count == 1)
    }
}
