import Foundation
import Glibc
import Lab
import Postgres
import Scraping
import Testing

@testable import Configuration

/// What somebody who runs postgres_exporter has in the command line and the environment.
struct PostgresExporterTests {
    private let directory = TemporaryDirectory("files")

    private func load(_ arguments: [String] = [], _ environment: [String: String] = [:]) throws -> Settings {
        try Settings.load(arguments: arguments, environment: environment).settings
    }

    @Test(arguments: [
        OptionCase("web.telemetry-path", "/m", "PG_EXPORTER_WEB_TELEMETRY_PATH", is: "/m") { $0.web.telemetryPath },
        OptionCase("web.listen-address", ":9187", "PG_EXPORTER_WEB_LISTEN_ADDRESS", is: "[:9187]") {
            "\($0.web.addresses)"
        },
        OptionCase("disable-default-metrics", nil, "PG_EXPORTER_DISABLE_DEFAULT_METRICS", is: "false false") {
            settings in
            ["static", "stat_database_conflicts"].map { "\(settings.collectors.chosen[$0] ?? true)" }
                .joined(separator: " ")
        },
        OptionCase("disable-settings-metrics", nil, "PG_EXPORTER_DISABLE_SETTINGS_METRICS", is: #"["settings": false]"#)
        {
            "\($0.collectors.chosen)"
        },
        OptionCase("auto-discover-databases", nil, "PG_EXPORTER_AUTO_DISCOVER_DATABASES", is: "true") {
            "\($0.postgresOptions.customQueriesInAllDatabases)"
        },
        OptionCase("exclude-databases", "a.b, c_d-é,,", "PG_EXPORTER_EXCLUDE_DATABASES", is: #"["a\\.b", "c_d-é"]"#) {
            "\($0.postgresOptions.databases.excluded)"
        },
        OptionCase("include-databases", "x+y", "PG_EXPORTER_INCLUDE_DATABASES", is: #"["x\\+y"]"#) {
            "\($0.postgresOptions.databases.included)"
        },
        OptionCase("constantLabels", "env=prod, dc = b,", "PG_EXPORTER_CONSTANT_LABELS", is: "env=prod;dc=b") {
            $0.postgresOptions.constantLabels.map { "\($0.name)=\($0.value)" }.joined(separator: ";")
        },
        OptionCase("metric-prefix", "my_pg", "PG_EXPORTER_METRIC_PREFIX", is: "my_pg") {
            $0.postgresOptions.metricPrefix
        },
        OptionCase("collection-timeout", "1500ms", "PG_EXPORTER_COLLECTION_TIMEOUT", is: "1.5 seconds") {
            "\($0.limits.timeout)"
        },
        OptionCase("collection-timeout", "1m", "PG_EXPORTER_COLLECTION_TIMEOUT", is: "10.0 seconds") {
            "\($0.limits.timeout)"
        },
        OptionCase("no-wrap-large-counters", is: "false") { "\($0.postgresOptions.wrapsLargeCounters)" },
        OptionCase("wrap-large-counters", nil, "PG_EXPORTER_WRAP_LARGE_COUNTERS", is: "true") {
            "\($0.postgresOptions.wrapsLargeCounters)"
        },
        OptionCase("collector.stat_statements.include_query", is: "true") {
            "\($0.postgresOptions.statements.includesText)"
        },
        OptionCase("collector.stat_statements.query_length", "50", is: "50") {
            "\($0.postgresOptions.statements.textLength)"
        },
        OptionCase("collector.stat_statements.limit", "7", is: "7") { "\($0.postgresOptions.statements.limit)" },
        OptionCase("collector.stat_statements.exclude_databases", "a,b", is: #"["a", "b"]"#) {
            "\($0.postgresOptions.statements.excludedDatabases)"
        },
        OptionCase("collector.stat_statements.exclude_users", "rdsadmin", is: #"["rdsadmin"]"#) {
            "\($0.postgresOptions.statements.excludedUsers)"
        },
        OptionCase("collector.stat_statements.slow-thresholds", "0.5, 2", is: "[0.5, 2.0]") {
            "\($0.postgresOptions.statements.slowThresholds)"
        },
        OptionCase("postgres.databases.include", "app.*,shop", is: #"["app.*", "shop"]"#) {
            "\($0.postgresOptions.databases.included)"
        },
        OptionCase("postgres.databases.exclude", "template[01]", is: #"["template[01]"]"#) {
            "\($0.postgresOptions.databases.excluded)"
        },
        OptionCase("postgres.relations.limit", "9", is: "9") { "\($0.postgresOptions.relations.limit)" },
        OptionCase("postgres.relations.include", "public[.].*", is: #"["public[.].*"]"#) {
            "\($0.postgresOptions.relations.names.included)"
        },
        OptionCase("postgres.relations.exclude", ".*_tmp", is: #"[".*_tmp"]"#) {
            "\($0.postgresOptions.relations.names.excluded)"
        },
        OptionCase("postgres.slow-interval", "1h", is: "3600.0 seconds") { "\($0.postgresOptions.slowInterval)" },
        OptionCase("postgres.probe.allow", "db-.*:5432", is: "db-.*:5432") { $0.probedAddresses?.pattern ?? "" },
        OptionCase("compat.legacy-names", is: "true") { "\($0.postgresOptions.hasLegacyNames)" },
    ])
    func flagsAndVariables(_ input: OptionCase) throws { try input.check() }

    @Test(arguments: [
        ("collector.stat_statements.limit=0", "a whole number above 0"),
        ("collector.stat_statements.query_length=x", "a whole number above 0"),
        ("collector.stat_statements.slow-thresholds=1,0.5", "rising numbers of seconds such as 0.1,0.5,1"),
        ("collector.stat_statements.slow-thresholds=0", "rising numbers of seconds such as 0.1,0.5,1"),
        ("collector.stat_statements.slow-thresholds=1,,2", "rising numbers of seconds such as 0.1,0.5,1"),
        ("collector.stat_statements.slow-thresholds=inf", "rising numbers of seconds such as 0.1,0.5,1"),
        ("postgres.databases.include=a(b", "regular expressions with commas between, and no comma within one"),
        ("postgres.databases.exclude=[a,b]", "regular expressions with commas between, and no comma within one"),
        ("postgres.relations.include=*)", "regular expressions with commas between, and no comma within one"),
        ("postgres.probe.allow=[", "a regular expression"),
        ("metric-prefix=", "letters, digits and _, and no digit first"),
        ("metric-prefix=1pg", "letters, digits and _, and no digit first"),
        ("metric-prefix=pé", "letters, digits and _, and no digit first"),
        ("constantLabels=a", "name=value pairs with commas between, each name once and legal for Prometheus"),
        ("constantLabels=a=1,a=2", "name=value pairs with commas between, each name once and legal for Prometheus"),
        ("constantLabels=__a=1", "name=value pairs with commas between, each name once and legal for Prometheus"),
        ("constantLabels=a-b=1", "name=value pairs with commas between, each name once and legal for Prometheus"),
        ("collection-timeout=0s", "a duration such as 10s or 500ms"),
        ("disable-default-metrics=maybe", "true or false"),
    ])
    func badValuesAreOneSentence(flag: String, expected: String) {
        #expect(throws: ConfigurationError("--\(flag): this should be \(expected)")) { try load(["--\(flag)"]) }
    }

    @Test func switchesAreReadAsGoReadsThem() throws {
        for (value, isOn) in [("1", true), ("t", true), ("TRUE", true), ("0", false), ("F", false), ("False", false)] {
            let settings = try load([], ["PG_EXPORTER_AUTO_DISCOVER_DATABASES": value])
            #expect(settings.postgresOptions.customQueriesInAllDatabases == isOn)
        }
    }

    @Test func whatIsAskedForByNameStays() throws {
        for arguments in [
            ["--collector.static", "--disable-default-metrics"], ["--disable-default-metrics", "--collector.static"],
        ] {
            #expect(try load(arguments).collectors.chosen["static"] == true)
        }
        #expect(try load(["--disable-settings-metrics=false"]).collectors.chosen.isEmpty)
    }

    @Test func theTimeLimitIsTheLeastOfAll() throws {
        #expect(try load(["--collection-timeout=5s", "--scrape.timeout=20s"]).limits.timeout == .seconds(5))
        #expect(try load(["--collection-timeout=30s", "--scrape.timeout=20s"]).limits.timeout == .seconds(20))
    }

    @Test func literalNamesAndPatternsAddUp() throws {
        let settings = try load(
            ["--exclude-databases=a", "--postgres.databases.exclude=b.*"], ["PG_EXPORTER_INCLUDE_DATABASES": "c"])
        #expect(Set(settings.postgresOptions.databases.excluded) == ["a", "b.*"])
        #expect(settings.postgresOptions.databases.included == ["c"])
    }

    @Test func whatIsOutdatedSaysWhatToUse() throws {
        #expect(try load(["--exclude-databases=a", "--collection-timeout=1m"]).warnings.isEmpty)
        let prefix = "is there for those who come from postgres_exporter:"
        #expect(
            try load(["--disable-settings-metrics"]).warnings == [
                "--disable-settings-metrics \(prefix) use --no-collector.settings"
            ])
        #expect(
            try load([], ["PG_EXPORTER_INCLUDE_DATABASES": "a"]).warnings == [
                "PG_EXPORTER_INCLUDE_DATABASES \(prefix) use --postgres.databases.include"
            ])
        #expect(try load(["--auto-discover-databases"]).warnings.count == 1)
    }

    @Test func aFormerFlagGoesOnWorking() throws {
        let settings = try load(["--no-collector.replication_slot"])
        #expect(settings.collectors.chosen == ["replication_slots": false])
        #expect(settings.warnings == ["--collector.replication_slot is now --collector.replication_slots"])

        let option = Option("new.name", nil, default: "off", "Test.", formerFlags: ["old"]) { _, _ in }
        let arguments = try Arguments(["--old", "--no-old", "--new.name"], options: [option])
        #expect(
            arguments.flags.map { "\($0.option.flag) \($0.name) \($0.value)" } == [
                "new.name old true", "new.name old false", "new.name new.name true",
            ])
    }

    @Test func itsFilesAreRead() throws {
        let modules = try directory.write(
            "c.yml", "auth_modules: {m: {type: userpass, userpass: {username: u, password: hunter2}}}")
        let queries = try directory.write("q.yml", "shop: {query: SELECT 1 AS x, metrics: [x: {usage: GAUGE}]}")
        let settings = try load(["--config.file=\(modules)"], ["PG_EXPORTER_EXTEND_QUERY_PATH": queries])
        #expect(settings.authModules["m"]?.username == "u")
        #expect(settings.postgresOptions.customQueries.map(\.namespace) == ["shop"])
        #expect(settings.postgresOptions.customQuerySources.map(\.path) == [queries])

        #expect(try load().authModules.isEmpty)
        for flag in ["config.file", "extend.query-path"] {
            let error = #expect(throws: ConfigurationError.self) { try load(["--\(flag)=/nowhere.yml"]) }
            #expect(error?.description.contains("/nowhere.yml") == true)
        }
    }

    @Test func systemdsSocketsTakeThePlaceOfAddresses() throws {
        let environment = ["LISTEN_PID": "\(getpid())", "LISTEN_FDS": "2"]
        let arguments = ["--web.systemd-socket", "--web.listen-address=:1"]
        #expect(
            try load(arguments, environment).web.addresses == [.inherited(descriptor: 3), .inherited(descriptor: 4)])
        // The one that asks for health has been handed none.
        #expect(try load(["health"] + arguments).web.addresses == [.tcp(host: "", port: 1)])
        for environment in [
            [:], ["LISTEN_PID": "1", "LISTEN_FDS": "2"], ["LISTEN_PID": "\(getpid())", "LISTEN_FDS": "0"],
            ["LISTEN_PID": "\(getpid())", "LISTEN_FDS": "x"],
        ] {
            #expect(
                throws: ConfigurationError(
                    "--web.systemd-socket: systemd has handed over no socket; start the service by its .socket unit")
            ) { try load(arguments, environment) }
        }
    }
}

struct RegularExpressionTests {
    @Test(arguments: [
        ("db", "db", true), ("db", "db2", false), ("db", "a db", false), ("db|x", "x", true), ("db|x", "xx", false),
        ("db-[0-9]+:5432", "db-12:5432", true), ("db.*", "db\nevil", true), ("db", "db\n", false), ("", "", true),
        ("d|db|b", "db", true), ("(a)|b)", "ax", false), ("(a)|b)", "xb)", false), ("(a)|b)", "a", true),
    ])
    func aWholeTextHasToMatch(pattern: String, text: String, matches: Bool) throws {
        #expect(try #require(RegularExpression(pattern)).matches(text) == matches)
    }

    @Test(arguments: ["(", "[", "*)", "a{2,1}", "\\", "a)|(b"])
    func whatIsNoneIsRefused(pattern: String) {
        #expect(RegularExpression(pattern) == nil)
    }

    @Test(arguments: ["plain_1", "a.b", "(x)|[y]*+?{1}^$\\", "with space", "größe", "-#&~'\"/"])
    func aLiteralMatchesItselfAlone(text: String) throws {
        let expression = try #require(RegularExpression(RegularExpression.literal(text)))
        #expect(expression.matches(text))
        #expect(!expression.matches(text + "x"))
        #expect(!expression.matches(text.replacing(".", with: "x")) || !text.contains("."))
    }
}

struct DataSourcesTests {
    private let directory = TemporaryDirectory("sources")

    @Test(arguments: [
        ("postgresql://u:p,q@one,two/a", ["postgresql://u:p,q@one,two/a"]),
        ("postgresql://a/b,postgres://c/d", ["postgresql://a/b", "postgres://c/d"]),
        ("host=a user=x,host=b user=y", ["host=a user=x", "host=b user=y"]),
        ("host=a,b port=1,2", ["host=a,b port=1,2"]),
        ("host=a password='x,host=b'", ["host=a password='x,host=b'"]),
        (#"host=a password='it\'s,host=b', user = y"#, [#"host=a password='it\'s,host=b'"#, "user = y"]),
        ("host=a password=x,hosts=b", ["host=a password=x,hosts=b"]),
        ("host=a, postgresql://b", ["host=a", "postgresql://b"]),
        ("postgresql://u:it's@a/b,host=c", ["postgresql://u:it's@a/b", "host=c"]),
    ])
    func commasTellConnectionStringsApartAndNothingElse(list: String, expected: [String]) {
        #expect(DataSources(list).connectionStrings == expected)
    }

    @Test(arguments: [
        "postgresql://db/app?binary_parameters=yes&sslmode=disable",
        "postgresql://db/app?disable_prepared_binary_result=yes",
    ])
    func parametersOfGoAreLeftOut(source: String) throws {
        for variable in ["DATA_SOURCE_NAME", "DATA_SOURCE_URI"] {
            let value = variable == "DATA_SOURCE_URI" ? String(source.dropFirst("postgresql://".count)) : source
            #expect(
                try Settings.load(arguments: [], environment: [variable: value]).settings.postgres.map(\.server) == [
                    "db:5432"
                ])
        }
    }

    @Test func filesGoBeforeValuesAndAreTrimmed() throws {
        let environment = [
            "DATA_SOURCE_URI": "not-this/db",
            "DATA_SOURCE_URI_FILE": try directory.write("uri", " db:6000/app?sslmode=disable \n"),
            "DATA_SOURCE_USER": "nobody", "DATA_SOURCE_USER_FILE": try directory.write("user", "exporter\r\n"),
            "DATA_SOURCE_PASS_FILE": try directory.write("password", " p@ss/w%rd, '1\n"),
        ]
        let settings = try Settings.load(arguments: [], environment: environment).settings
        #expect(settings.postgres.map(\.server) == ["db:6000"])
        // DATA_SOURCE_NAME goes before all of them.
        let named = environment.merging(["DATA_SOURCE_NAME": "host=first user=x,host=second user=y"]) { $1 }
        #expect(
            try Settings.load(arguments: [], environment: named).settings.postgres.map { "\($0.name) \($0.server)" }
                == [
                    "postgres-1 first:5432", "postgres-2 second:5432",
                ])
    }
}
