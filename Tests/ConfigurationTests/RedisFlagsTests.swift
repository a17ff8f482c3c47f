import Foundation
import Redis
import Scraping
import Testing

@testable import Configuration

/// What is said of Redis and of the queues in it, in our words and in those of the replaced exporters.
struct RedisFlagsTests {
    private func load(_ arguments: [String] = [], _ environment: [String: String] = [:]) throws -> Settings {
        try Settings.load(arguments: arguments, environment: environment).settings
    }

    private static func text(_ keys: [RedisKey]) -> String {
        keys.map { "\($0.database):\($0.text)" }.joined(separator: " ")
    }

    private static func flag(
        _ flag: String, former: String, _ variable: String, is expected: String,
        _ field: any KeyPath<Settings, Bool> & Sendable
    ) -> OptionCase {
        OptionCase(flag, nil, variable, former: former, is: expected) { "\($0[keyPath: field])" }
    }

    @Test(arguments: [
        OptionCase(
            "redis.keys.check", "a*,db2=b%2C", "REDIS_EXPORTER_CHECK_KEYS", former: "check-keys", is: "0:a* 2:b,"
        ) {
            text($0.redisKeys.checked)
        },
        OptionCase(
            "redis.keys.check-single", "db1=a", "REDIS_EXPORTER_CHECK_SINGLE_KEYS", former: "check-single-keys",
            is: "1:a"
        ) { text($0.redisKeys.checkedSingle) },
        OptionCase("redis.keys.count", "db0=s:*", "REDIS_EXPORTER_COUNT_KEYS", former: "count-keys", is: "0:s:*") {
            text($0.redisKeys.counted)
        },
        OptionCase("redis.streams.check", "s*", "REDIS_EXPORTER_CHECK_STREAMS", former: "check-streams", is: "0:s*") {
            text($0.redisKeys.streams)
        },
        OptionCase(
            "redis.streams.check-single", "s,t", "REDIS_EXPORTER_CHECK_SINGLE_STREAMS", former: "check-single-streams",
            is: "0:s 0:t"
        ) { text($0.redisKeys.singleStreams) },
        OptionCase(
            "redis.keys.groups", "^(.*):.*$, ^x", "REDIS_EXPORTER_CHECK_KEY_GROUPS", former: "check-key-groups",
            is: #"["^(.*):.*$", "^x"]"#
        ) { "\($0.redisKeys.groups.map(\.text))" },
        OptionCase(
            "redis.keys.groups-limit", "7", "REDIS_EXPORTER_MAX_DISTINCT_KEY_GROUPS", former: "max-distinct-key-groups",
            is: "7"
        ) { "\($0.redisKeys.groupLimit)" },
        OptionCase(
            "redis.keys.batch-size", "50", "REDIS_EXPORTER_CHECK_KEYS_BATCH_SIZE", former: "check-keys-batch-size",
            is: "50"
        ) { "\($0.redisKeys.batchSize)" },
        OptionCase("redis.keys.limit", "5", is: "5") { "\($0.redisKeys.limit)" },
        OptionCase("redis.keys.searched-per-second", "5", is: "5") { "\($0.redisKeys.searchedPerSecond)" },
        OptionCase("no-redis.keys.values", is: "false") { "\($0.redisKeys.includesValues)" },
        OptionCase("no-redis.streams.consumers", is: "false") { "\($0.redisKeys.includesConsumers)" },
        flag(
            "redis.keys.skip-masters", former: "skip-checkkeys-for-role-master",
            "REDIS_EXPORTER_SKIP_CHECKKEYS_FOR_ROLE_MASTER", is: "true", \.redisKeys.skipsMasters),
    ])
    func keys(_ input: OptionCase) throws { try input.check() }

    @Test(arguments: [
        OptionCase("redis.config-command", "CFG", "REDIS_EXPORTER_CONFIG_COMMAND", former: "config-command", is: "CFG")
        {
            $0.redisOptions.configCommand ?? "none"
        },
        OptionCase("redis.config-command", "-", "REDIS_EXPORTER_CONFIG_COMMAND", former: "config-command", is: "none") {
            $0.redisOptions.configCommand ?? "none"
        },
        flag(
            "no-redis.config.redact", former: "redact-config-metrics", "REDIS_EXPORTER_REDACT_CONFIG_METRICS",
            is: "false",
            \.redisOptions.redactsConfiguration),
        flag(
            "redis.clients.ports", former: "export-client-port", "REDIS_EXPORTER_EXPORT_CLIENT_PORT", is: "true",
            \.redisOptions.includesClientPorts),
        flag(
            "redis.sentinel.peers", former: "include-sentinel-peer-info", "REDIS_EXPORTER_INCL_SENTINEL_PEER_INFO",
            is: "true", \.redisOptions.includesSentinelPeers),
        flag(
            "redis.scripts.read-only", former: "lua-script-read-only", "REDIS_EXPORTER_LUA_SCRIPT_READ_ONLY",
            is: "true",
            \.redisOptions.runsScriptsReadOnly),
        flag(
            "no-redis.empty-databases", former: "include-metrics-for-empty-databases",
            "REDIS_EXPORTER_INCL_METRICS_FOR_EMPTY_DATABASES", is: "false", \.redisOptions.includesEmptyDatabases),
        flag(
            "redis.ping", former: "ping-on-connect", "REDIS_EXPORTER_PING_ON_CONNECT", is: "true", \.redisOptions.pings),
        flag(
            "no-redis.client-name", former: "set-client-name", "REDIS_EXPORTER_SET_CLIENT_NAME", is: "false",
            \.redisOptions.setsClientName),
        flag(
            "redis.role-label", former: "append-instance-role-label", "REDIS_EXPORTER_APPEND_INSTANCE_ROLE_LABEL",
            is: "true", \.redisOptions.hasRoleLabel),
        OptionCase(
            "redis.search.indexes", "^shop", "REDIS_EXPORTER_CHECK_SEARCH_INDEXES", former: "check-search-indexes",
            is: "^shop"
        ) { $0.redisOptions.searchIndexes?.pattern ?? "" },
        OptionCase("redis.namespace", "valkey", "REDIS_EXPORTER_NAMESPACE", former: "namespace", is: "valkey") {
            $0.redisOptions.namespace
        },
        OptionCase("redis.probe.allow", "cache-.*:6379", is: "cache-.*:6379") {
            $0.redisAccess.probedAddresses?.pattern ?? ""
        },
        OptionCase("redis.user", "u", "REDIS_USER", is: "u") { $0.redisAccess.username ?? "" },
        OptionCase("redis.password", "p", "REDIS_PASSWORD", is: "p") {
            (try? $0.redisAccess.password?.reveal()) ?? ""
        },
        OptionCase("redis.tls.server-name", "n", "REDIS_EXPORTER_TLS_SERVER_NAME", former: "tls-server-name", is: "n") {
            $0.redisAccess.tls.serverName ?? ""
        },
        OptionCase("redis.sentinel.password", "p", "REDIS_SENTINEL_PASSWORD", is: "p") {
            (try? $0.redisAccess.sentinelPassword?.reveal()) ?? ""
        },
        OptionCase(
            "redis.connect-timeout", "3s", "REDIS_EXPORTER_CONNECTION_TIMEOUT", former: "connection-timeout",
            is: "3.0 seconds"
        ) { "\($0.redisAccess.connectTimeout ?? .zero)" },
        flag(
            "redis.cluster.hostnames", former: "cluster-discover-hostnames",
            "REDIS_EXPORTER_CLUSTER_DISCOVER_HOSTNAMES", is: "true", \.redisOptions.findsNodesByName),
        OptionCase("no-redis.tls.verify", is: "false") { "\($0.redisAccess.tls.verifiesServer)" },
    ])
    func servers(_ input: OptionCase) throws { try input.check() }

    private static func celery(
        _ flag: String, _ value: String, _ variable: String? = nil, is expected: String,
        _ seen: @escaping @Sendable (RedisQueueOptions.Celery) -> String
    ) -> OptionCase {
        OptionCase("redis.queues.celery\(flag)", value, variable, is: expected) { seen($0.redisQueues.celery) }
    }

    @Test(arguments: [
        celery("", "a, b", "CE_QUEUES", is: #"["a", "b"]"#) { "\($0.names)" },
        celery(".exchanges", "x,y", is: #"["x", "y"]"#) { "\($0.exchanges)" },
        celery(".separator", ":", is: ":") { $0.separator },
        celery(".priority-steps", "0, 5,9", is: "[0, 5, 9]") { "\($0.prioritySteps)" },
        celery(".key-prefix", "app:", is: "app:") { $0.keyPrefix },
        celery(".unacked-key", "u", is: "u") { $0.unackedKey },
        celery(".unacked-index-key", "i", is: "i") { $0.unackedIndexKey },
        celery(".visibility-timeout", "12h", is: "43200.0") { "\($0.visibilityTimeout)" },
        celery(".timestamp-headers", "t", is: #"["t"]"#) { "\($0.timestampHeaders)" },
        celery(".event-exchange", "ev", is: "ev") { $0.eventExchange },
        celery(".default-queue", "mail", "CE_DEFAULT_QUEUE_NAME", is: "mail") { $0.defaultQueue },
        celery(".worker-timeout", "30", "CE_WORKER_TIMEOUT", is: "30.0") { "\($0.workerTimeout)" },
        celery(".worker-purge", "90", "CE_PURGE_OFFLINE_WORKER_METRICS", is: "90.0") { "\($0.workerPurge)" },
        celery(".worker-purge", "0", "CE_PURGE_OFFLINE_WORKER_METRICS", is: "0.0") { "\($0.workerPurge)" },
        celery(".runtime-buckets", "1, 2,inf", "CE_BUCKETS", is: "[1.0, 2.0]") { "\($0.runtimeBuckets)" },
        celery(".runtime-buckets", "1,+Inf", "CE_BUCKETS", is: "[1.0]") { "\($0.runtimeBuckets)" },
        celery(".wait-buckets", "5,60", "CE_QUEUE_WAIT_BUCKETS", is: "[5.0, 60.0]") { "\($0.waitBuckets)" },
    ])
    func celeryQueues(_ input: OptionCase) throws { try input.check() }

    @Test(arguments: [
        OptionCase("redis.queues.rq-prefix", "app:rq:", is: "app:rq:") { $0.redisQueues.rqPrefix },
        OptionCase("redis.search-interval", "2m", is: "120.0 seconds") { "\($0.redisKeys.searchInterval)" },
        OptionCase("redis.queues.celery.search", "false", is: "false") { "\($0.redisQueues.celery.searchesExchanges)" },
        OptionCase("redis.queues.celery.messages", "false", is: "false") { "\($0.redisQueues.celery.readsMessages)" },
        OptionCase("redis.queues.celery.fanout-prefix", "{{db}}.", is: "{{db}}.") {
            $0.redisQueues.celery.fanoutPrefix
        },
        OptionCase("redis.queues.celery.fanout-patterns", "false", is: "false") {
            "\($0.redisQueues.celery.fanoutPatterns)"
        },
        OptionCase("redis.queues.celery.senders", "false", is: "true") { "\($0.redisQueues.celery.hidesSenders)" },
        OptionCase("redis.queues.celery.workers", "false", is: "true") { "\($0.redisQueues.celery.hidesWorkers)" },
        OptionCase("redis.queues.rq", "a,b", is: #"["a", "b"]"#) { "\($0.redisQueues.rq)" },
        OptionCase("redis.queues.sidekiq", "a", is: #"["a"]"#) { "\($0.redisQueues.sidekiq)" },
        OptionCase("redis.queues.sidekiq-prefix", "app:", is: "app:") { $0.redisQueues.sidekiqPrefix },
        OptionCase("redis.queues.bullmq", "a", is: #"["a"]"#) { "\($0.redisQueues.bullmq)" },
        OptionCase("redis.queues.bullmq-prefixes", "bull,mq", is: #"["bull", "mq"]"#) {
            "\($0.redisQueues.bullmqPrefixes)"
        },
        OptionCase("redis.queues.resque", "a", is: #"["a"]"#) { "\($0.redisQueues.resque)" },
        OptionCase("redis.queues.resque-prefix", "r:", is: "r:") { $0.redisQueues.resquePrefix },
        OptionCase("redis.queues.list", "a,db1=b", is: "0:a 1:b last") { lists($0) },
        OptionCase("redis.queues.list-rpush", "a", is: "0:a first") { lists($0) },
        OptionCase("redis.queues.sorted-set", "a,db1=b", is: "0:a*1.0 1:b*1.0") { sortedSets($0) },
        OptionCase("redis.queues.sorted-set-ms", "a", is: "0:a*1000.0") { sortedSets($0) },
        OptionCase("redis.queues.stream", "db4=a", is: "4:a") { text($0.redisQueues.streams) },
        OptionCase("redis.queues.limit", "9", is: "9") { "\($0.redisQueues.limit)" },
    ])
    func otherQueues(_ input: OptionCase) throws { try input.check() }

    private static func lists(_ settings: Settings) -> String {
        let lists = settings.redisQueues.lists
        return "\(text(lists.map(\.key))) \(lists.allSatisfy(\.isOldestFirst) ? "first" : "last")"
    }

    private static func sortedSets(_ settings: Settings) -> String {
        settings.redisQueues.sortedSets.map { "\(text([$0.key]))*\($0.unitsPerSecond)" }.joined(separator: " ")
    }

    @Test func listsOfBothDirections() throws {
        let flags = [
            "--redis.queues.list-timestamp=meta.sent_at", "--redis.queues.list=old", "--redis.queues.list-rpush=right",
            "--redis.queues.list=left", "--no-redis.queues.list-jobs", "--redis.queues.sorted-set-ms=m",
            "--redis.queues.sorted-set=s", "--redis.addr=cache",
        ]
        let queues = try #require(try load(flags).redis.first).queues
        #expect(
            queues.lists == [
                .init(
                    RedisKey(key: "right"), isOldestFirst: true, readsJobs: false, timestampPath: ["meta", "sent_at"]),
                .init(RedisKey(key: "left"), readsJobs: false, timestampPath: ["meta", "sent_at"]),
            ])
        #expect(queues.sortedSets.map(\.unitsPerSecond) == [1000, 1])
        #expect(try load(["--redis.queues.list=a"]).redisQueues.lists == [.init(RedisKey(key: "a"))])
    }

    @Test func allOfItReachesEachServer() throws {
        let servers = try load(
            ["--redis.keys.count=a", "--redis.ping", "--redis.queues.rq=q"], ["REDIS_ADDR": "one,two"]
        ).redis
        #expect(servers.count == 2)
        for server in servers {
            #expect(server.keys.counted == [RedisKey(key: "a")])
            #expect(server.options.pings)
            #expect(server.queues.rq == ["q"])
        }
    }

    @Test(arguments: [
        ("redis.keys.check=db-1=x", "keys such as jobs,db1=mails"), ("check-keys=%zz", "keys such as jobs,db1=mails"),
        ("redis.streams.check=%f", "keys such as jobs,db1=mails"),
        ("redis.queues.stream=%f", "keys such as jobs,db1=mails"),
        ("redis.queues.sorted-set=%f", "keys such as jobs,db1=mails"),
        ("redis.queues.list-rpush=%f", "keys such as jobs,db1=mails"),
        ("redis.keys.groups=^(a", "Lua patterns; a capture has no ) in ^(a"),
        ("redis.keys.groups-limit=0", "a whole number above 0"), ("redis.keys.batch-size=x", "a whole number above 0"),
        ("redis.keys.limit=-1", "a whole number above 0"),
        ("redis.keys.searched-per-second=", "a whole number above 0"),
        ("redis.queues.limit=0", "a whole number above 0"), ("redis.ping=maybe", "true or false"),
        ("export-client-list=yes", "true or false"), ("is-cluster=2", "true or false"),
        ("skip-tls-verification=x", "true or false"), ("redis.config-command=", "the name of a command, or - for none"),
        ("redis.config-command=A B", "the name of a command, or - for none"),
        ("redis.search.indexes=(", "a regular expression"), ("redis.probe.allow=[", "a regular expression"),
        ("redis.namespace=", "letters, digits and _, and no digit first"),
        ("namespace=my-redis", "letters, digits and _, and no digit first"),
        ("connection-timeout=soon", "a duration such as 10s or 500ms"),
        ("redis.queues.celery.visibility-timeout=0", "a duration such as 10s or 500ms"),
        ("redis.queues.celery.worker-timeout=-5", "a duration such as 10s or 500ms"),
        ("redis.queues.celery.worker-purge=x", "a duration such as 10s or 500ms"),
        ("redis.queues.celery.priority-steps=3,0", "rising whole numbers such as 0,3,6,9"),
        ("redis.queues.celery.priority-steps=0,,3", "rising whole numbers such as 0,3,6,9"),
        ("redis.queues.celery.priority-steps=", "rising whole numbers such as 0,3,6,9"),
        ("redis.queues.celery.runtime-buckets=2,1", "rising numbers of seconds such as 0.1,0.5,1"),
        ("redis.queues.celery.runtime-buckets=inf", "rising numbers of seconds such as 0.1,0.5,1"),
        ("redis.queues.celery.wait-buckets=0", "rising numbers of seconds such as 0.1,0.5,1"),
        ("redis.queues.celery.separator=", "not empty"), ("redis.queues.celery.unacked-key=", "not empty"),
    ])
    func badValuesAreOneSentence(flag: String, expected: String) {
        #expect(throws: ConfigurationError("--\(flag): this should be \(expected)")) { try load(["--\(flag)"]) }
    }
}

/// What somebody who runs redis_exporter has in the command line and the environment.
struct RedisExporterTests {
    private func load(_ arguments: [String] = [], _ environment: [String: String] = [:]) throws -> Settings {
        try Settings.load(arguments: arguments, environment: environment).settings
    }

    private static func chosen(_ settings: Settings) -> String {
        settings.collectors.chosen.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
    }

    @Test(arguments: [
        OptionCase("export-client-list", nil, "REDIS_EXPORTER_EXPORT_CLIENT_LIST", is: "redis_clients=true", chosen),
        OptionCase(
            "export-client-list", "false", "REDIS_EXPORTER_EXPORT_CLIENT_LIST", is: "redis_clients=false", chosen),
        OptionCase(
            "include-config-metrics", nil, "REDIS_EXPORTER_INCL_CONFIG_METRICS",
            is: "redis_config_values=true redis_sentinel_config=true", chosen),
        OptionCase(
            "include-modules-metrics", nil, "REDIS_EXPORTER_INCL_MODULES_METRICS", is: "redis_modules=true", chosen),
        OptionCase(
            "include-search-indexes-metrics", nil, "REDIS_EXPORTER_INCL_SEARCH_INDEXES_METRICS",
            is: "redis_search=true",
            chosen),
        OptionCase(
            "include-rdb-file-size-metric", nil, "REDIS_EXPORTER_INCL_RDB_FILE_SIZE_METRIC", is: "redis_rdb_file=true",
            chosen),
        OptionCase("is-tile38", nil, "REDIS_EXPORTER_IS_TILE38", is: "redis_tile38=true", chosen),
        OptionCase(
            "exclude-latency-histogram-metrics", nil, "REDIS_EXPORTER_EXCLUDE_LATENCY_HISTOGRAM_METRICS",
            is: "redis_latency=false redis_latency_histogram=false", chosen),
        OptionCase(
            "exclude-latency-histogram-metrics", "false", "REDIS_EXPORTER_EXCLUDE_LATENCY_HISTOGRAM_METRICS", is: "",
            chosen),
        OptionCase(
            "streams-exclude-consumer-metrics", nil, "REDIS_EXPORTER_STREAMS_EXCLUDE_CONSUMER_METRICS", is: "false"
        ) { "\($0.redisKeys.includesConsumers)" },
        OptionCase("disable-exporting-key-values", nil, "REDIS_EXPORTER_DISABLE_EXPORTING_KEY_VALUES", is: "false") {
            "\($0.redisKeys.includesValues)"
        },
        OptionCase("skip-tls-verification", nil, "REDIS_EXPORTER_SKIP_TLS_VERIFICATION", is: "false") {
            "\($0.redisAccess.tls.verifiesServer)"
        },
        OptionCase("debug", nil, "REDIS_EXPORTER_DEBUG", is: "debug") { "\($0.logLevel)" },
        OptionCase("log.level", "WARN", "REDIS_EXPORTER_LOG_LEVEL", former: "log-level", is: "warning") {
            "\($0.logLevel)"
        },
        OptionCase("log.format", "txt", "REDIS_EXPORTER_LOG_FORMAT", former: "log-format", is: "logfmt") {
            "\($0.logFormat)"
        },
        OptionCase("log.format", "json", "REDIS_EXPORTER_LOG_FORMAT", former: "log-format", is: "json") {
            "\($0.logFormat)"
        },
        OptionCase("web.listen-address", "0.0.0.0:9121", "REDIS_EXPORTER_WEB_LISTEN_ADDRESS", is: "[0.0.0.0:9121]") {
            "\($0.web.addresses)"
        },
        OptionCase("web.telemetry-path", "/m", "REDIS_EXPORTER_WEB_TELEMETRY_PATH", is: "/m") { $0.web.telemetryPath },
    ])
    func flagsAndVariables(_ input: OptionCase) throws { try input.check() }

    /// All flags of redis_exporter 1.88, with a value that it takes.
    private static let all = """
        redis.addr=cache redis.user=u redis.password=p redis.password-file= namespace=redis check-keys=a
        check-single-keys=a check-key-groups=^a check-streams=a check-single-streams=a streams-exclude-consumer-metrics=true
        count-keys=a check-keys-batch-size=9 script= lua-script-read-only=true web.listen-address=:9121
        web.telemetry-path=/metrics config-command=CONFIG connection-timeout=15s tls-client-key-file= tls-client-cert-file=
        tls-ca-cert-file= tls-server-name= tls-server-key-file=k tls-server-cert-file=c tls-server-ca-cert-file=a
        tls-server-min-version=TLS1.2 max-distinct-key-groups=100 debug=true log-level=INFO log-format=txt
        set-client-name=true is-tile38=false is-cluster=true cluster-discover-hostnames=true export-client-list=true
        export-client-port=true redis-only-metrics=true include-go-runtime-metrics=true ping-on-connect=true
        include-config-metrics=true include-modules-metrics=true include-search-indexes-metrics=true
        include-sentinel-peer-info=true check-search-indexes=.* disable-exporting-key-values=true
        exclude-latency-histogram-metrics=true redact-config-metrics=true include-system-metrics=true
        include-rdb-file-size-metric=true skip-tls-verification=false skip-checkkeys-for-role-master=true
        basic-auth-username=u basic-auth-password=hunter2 basic-auth-hash-password= disable-scrape-endpoint=true
        include-metrics-for-empty-databases=true append-instance-role-label=true
        """.split { $0 == " " || $0 == "\n" }.map(String.init)

    private static func variable(of flag: some StringProtocol) -> String {
        if flag.hasPrefix("redis.") { return flag.uppercased().replacing(/[.-]/, with: "_") }
        let isShort = flag.hasPrefix("include-") && !flag.hasPrefix("include-go")
        let shortened = isShort ? "incl-\(flag.dropFirst("include-".count))" : String(flag)
        return "REDIS_EXPORTER_" + shortened.uppercased().replacing(/[.-]/, with: "_")
    }

    @Test func itKnowsEveryFlagAndVariable() throws {
        #expect(Self.all.count == 58)
        for argument in Self.all {
            let flag = argument.prefix { $0 != "=" }
            // What says who may connect says nothing by itself.
            if flag == "tls-server-name" || !["tls-server-", "basic-auth-"].contains(where: flag.hasPrefix) {
                #expect(throws: Never.self, "\(argument)") { try load(["-\(argument)"]) }
            }
            let variable = Self.variable(of: flag)
            #expect(Option.all.contains { $0.variables.contains(variable) }, "\(variable)")
        }
        let together = try load(Self.all.map { "--\($0)" })
        #expect(together.redis.map { "\($0.address)" } == ["cache:6379"])
        #expect(!together.warnings.contains { $0.contains("hunter2") })
        #expect(try load(["--version"]).redis.isEmpty)
    }

    @Test func whatDoesNothingSaysWhy() throws {
        let prefix = "is there for those who come from redis_exporter:"
        for (argument, advice) in [
            ("include-go-runtime-metrics", "there is no Go runtime here"), ("debug", "use --log.level=debug"),
            ("export-client-list", "use --collector.redis_clients"),
            (
                "exclude-latency-histogram-metrics",
                "use --no-collector.redis_latency --no-collector.redis_latency_histogram"
            ),
            ("streams-exclude-consumer-metrics", "use --no-redis.streams.consumers"),
        ] {
            #expect(try load(["--\(argument)"]).warnings == ["--\(argument) \(prefix) \(advice)"])
            // What is switched off asks for nothing.
            #expect(try load(["--\(argument)=false"]).warnings == [])
        }
        let login = ["REDIS_EXPORTER_BASIC_AUTH_USERNAME": "u", "REDIS_EXPORTER_BASIC_AUTH_PASSWORD": "hunter2"]
        let warnings = try load([], login).warnings
        #expect(warnings.sorted() == login.keys.sorted().map { "\($0) \(prefix) use --web.config.file" }.sorted())
    }

    @Test func aCollectorAskedForByNameStays() throws {
        for arguments in [
            ["--no-collector.redis_info", "--is-tile38"], ["--is-tile38", "--no-collector.redis_info"],
        ] {
            #expect(try load(arguments).collectors.chosen == ["redis_info": false, "redis_tile38": true])
        }
        var selection = CollectorSelection(["redis_clients": false])
        selection.choose("redis_clients", true)
        #expect(selection.chosen == ["redis_clients": false])
    }
}
