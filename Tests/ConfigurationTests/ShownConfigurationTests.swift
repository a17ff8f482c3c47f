import Testing

@testable import Configuration

/// What `check --show-config` prints.
@Suite(.timeLimit(.minutes(2)))
struct ShownConfigurationTests {
    private func shown(
        _ text: String, _ arguments: [String] = [], _ environment: [String: String] = [:]
    ) throws(ConfigurationError) -> (text: String, settings: Settings) {
        var shown = ""
        let settings = try load(text, as: "c.yml") { path throws(ConfigurationError) in
            let settings = try Settings.load(
                arguments: ["check", "--show-config", "--config.file=\(path)"] + arguments, environment: environment
            ).settings
            shown = (settings.shownConfiguration ?? "").replacing(path, with: "c.yml")
            return settings
        }
        return (shown, settings)
    }

    private static let file = """
        log: {level: warn, format: json}
        web: {telemetry_path: "/$${HOME}"}
        collectors: {locks: false, stat_statements: {limit: 5}}
        postgres:
          databases: {exclude: ["a{1,2}", 'b"\\\\']}
          constant_labels: ["a=b,c"]
          servers:
            - {name: main, dsn: "host=db user=u", databases: {max: 3}, collectors: {locks: true}}
            - {name: "ü: -", url: "postgresql+psycopg://u@db/app?pool=3"}
        pgbouncer: [{name: pooler, dsn: "host=pooler", user: stats}]
        redis:
          queues: {list: ["true", "a,b"], celery: ["one,two"]}
          servers:
            - {name: cache, url: "rediss://u:@cache:6380/2", queues: {celery: {queues: [x], separator: "\\x06\\x16"}, rq: true}}
            - {name: sentinel, url: "redis+sentinel://one,two:1/ma%20ster/3", search: {indexes: "^a$"}}
            - {name: socket, url: /run/redis.sock}
        containers: {runtime_sockets: [/a, "/b,c"], labels: ["*"], exclude: [systemd]}
        """

    @Test func whatItPrintsSaysTheSame() throws {
        let flags = [
            "--scrape.timeout=3s", "--port=99", "--docker_only", "--redis.keys.check=a,db1=b",
            "--postgres.relations.exclude=a", "--postgres.relations.exclude=b", "--no-collector.wal",
            "--disable_metrics=disk,cpu", "--no-redis.tls.verify",
        ]
        let environment = ["STACK_EXPORTER_LOG_LEVEL": "debug", "CE_QUEUES": "env"]
        let (text, settings) = try shown(Self.file, flags, environment)
        let (again, other) = try shown(text)
        #expect(settings.targets == other.targets)
        #expect(settings.targets.count == 8)
        // All but the sources.
        func values(_ text: String) -> [Substring] { text.split(separator: "\n").map { $0.prefix { $0 != "#" } } }
        #expect(values(text) == values(again))
        let isSame = settings.content == other.content
        #expect(isSame)
    }

    @Test func whatTheEnvironmentNamesIsShownToo() throws {
        let environment = [
            "DATA_SOURCE_NAME": "postgresql://one/a,host=two dbname=b", "REDIS_ADDR": "cache/4,rediss://other",
            "PGBOUNCER_URL": "postgres://pooler/x",
        ]
        let (text, settings) = try shown("", [], environment)
        #expect(
            text.contains(
                "- name: postgres-1  # DATA_SOURCE_NAME\n      dsn: \"postgresql://one/a\"  # DATA_SOURCE_NAME\n"))
        #expect(text.contains("url: \"redis://cache:6379/4\"  # REDIS_ADDR\n"))
        #expect(try shown(text).settings.targets == settings.targets)
    }

    @Test func eachHasItsSource() throws {
        let (text, _) = try shown(
            "log: {level: warn, format: json}", ["--scrape.timeout=3s"], ["STACK_EXPORTER_LOG_FORMAT": "logfmt"])
        for line in [
            "  timeout: 3s  # --scrape.timeout", "  level: warn  # c.yml:1:14",
            "  format: logfmt  # STACK_EXPORTER_LOG_FORMAT", "  # series_limit: 100000  # default",
        ] { #expect(text.contains("\(line)\n")) }
    }

    @Test(arguments: [
        ("postgres: [{dsn: 'postgresql://u:PLANTED@db/a'}]", "dbname='a' host='db' password='<redacted>' user='u'"),
        ("postgres: [{dsn: 'postgresql://u:PLANTED@db/a?sslpassword=PLANTED'}]", "sslpassword='<redacted>'"),
        ("postgres: [{dsn: 'host=db password=PLANTED'}]", "host='db' password='<redacted>'"),
        ("postgres: [{dsn: \"dbname='postgresql://u:PLANTED@db/a' host=x\"}]", #"dsn: "<redacted>""#),
        ("postgres: [{dsn: 'postgresql://u:1/PLANTED@db/a'}]", #"dsn: "<redacted>""#),
        ("postgres: [{url: 'postgresql+x://u:PLANTED@db/a?token=PLANTED'}]", "password='<redacted>'"),
        ("postgres: [{dsn: host=db, password: PLANTED}]", #"password: "<redacted>""#),
        ("postgres: [{dsn: host=db, password: '${SECRET}'}]", #"password: "<redacted>""#),
        ("postgres: [{url: '${URL}'}]", "password='<redacted>'"),
        ("redis: [{url: 'redis://u:PLANTED@c/1'}]", #"url: "redis://u:<redacted>@c:6379/1""#),
        ("redis: [{url: 'redis://PLANTED@c'}]", #"url: "redis://:<redacted>@c:6379""#),
        ("redis: [{url: 'redis://c?password=PLANTED#PLANTED'}]", #"url: "redis://c:6379""#),
        ("redis: [{url: c, password: PLANTED, sentinel_password: PLANTED}]", #"sentinel_password: "<redacted>""#),
        ("redis: {password: PLANTED, servers: [{url: c}]}", #"password: "<redacted>""#),
        (
            "auth_modules: {a: {type: userpass, userpass: {username: u, password: PLANTED}, options: {sslpassword: PLANTED}}}",
            #"password: "<redacted>""#
        ),
    ])
    func noSecretIsShown(file: String, line: String) throws {
        let (text, settings) = try shown(file, [], ["SECRET": "PLANTED", "URL": "postgres://u:PLANTED@db/x"])
        #expect(text.contains(line), "\(text.split(separator: "\n").filter { $0.contains("redacted") })")
        #expect(!text.contains("PLANTED"))
        var dumped = ""
        dump(settings, to: &dumped)
        #expect(!dumped.contains("PLANTED"))
    }

    @Test func noSecretOfTheEnvironmentIsShown() throws {
        let (text, _) = try shown(
            "", ["--redis.password=PLANTED", "--storage_driver_password=PLANTED"],
            [
                "DATA_SOURCE_URI": "db/a?password=PLANTED", "DATA_SOURCE_PASS": "PLANTED", "DATA_SOURCE_USER": "u",
                "REDIS_URL": "redis://u:PLANTED@c,redis://:PLAN,PLANTED@d", "PGBOUNCER_URL": "postgres://u:PLANTED@p",
                "REDIS_SENTINEL_PASSWORD": "PLANTED",
            ])
        #expect(!text.contains("PLANTED") && text.contains("user: u  # DATA_SOURCE_USER"))
    }
}
