import Redis
import Scraping

/// Where Redis is and how to log in there.
extension Option {
    static let redisAccess: [Option] = [
        .secret(
            "redis.addr", "ADDRESSES", default: "none",
            "The Redis servers, with commas between: host:port, redis://, rediss:// (TLS), valkey://, redis+sentinel:// or unix:///path",
            otherVariables: ["REDIS_ADDR", "REDIS_URL", RedisAccess.brokerVariable],
            \.redisAccess.addresses),
        Option(
            "redis.user", "NAME", default: "the default user",
            "Who to log in to Redis as, where the address has no login",
            otherVariables: ["REDIS_USER"], \.redisAccess.username, optionalText),
        .secret(
            "redis.password", "PASSWORD", default: "none",
            "The password for it; a file or a variable is better, since everybody on the machine sees a command line",
            otherVariables: ["REDIS_PASSWORD"], \.redisAccess.password),
        Option(
            "redis.password-file", "FILE", default: "none",
            "A file with that password, or with redis_exporter's JSON map of addresses to passwords; read at every connect",
            otherVariables: ["REDIS_PASSWORD_FILE"], \.redisAccess.passwordFile, optionalText),
        .secret(
            "redis.sentinel.password", "PASSWORD", default: "none",
            "The password of the sentinels of redis+sentinel:// addresses, which is not the server's",
            otherVariables: ["REDIS_SENTINEL_PASSWORD"], \.redisAccess.sentinelPassword),
        Option(
            "redis.connect-timeout", "DURATION", default: "what the scrape has",
            "How long connecting and logging in may take at most",
            formerFlags: ["connection-timeout"], otherVariables: ["REDIS_EXPORTER_CONNECTION_TIMEOUT"],
            \.redisAccess.connectTimeout
        ) { value throws(Expected) in try duration(value) },
        Option(
            "redis.tls.ca-cert-file", "FILE", default: "the system's",
            "PEM file of the authorities that the certificates of rediss:// servers may come from",
            formerFlags: ["tls-ca-cert-file"], otherVariables: ["REDIS_EXPORTER_TLS_CA_CERT_FILE"],
            \.redisAccess.tls.authorityFile, optionalText),
        Option(
            "redis.tls.client-cert-file", "FILE", default: "none",
            "PEM file of our own certificate for rediss:// servers",
            formerFlags: ["tls-client-cert-file"], otherVariables: ["REDIS_EXPORTER_TLS_CLIENT_CERT_FILE"],
            \.redisAccess.tls.certificateFile, optionalText),
        Option(
            "redis.tls.client-key-file", "FILE", default: "none", "PEM file of that certificate's key",
            formerFlags: ["tls-client-key-file"], otherVariables: ["REDIS_EXPORTER_TLS_CLIENT_KEY_FILE"],
            \.redisAccess.tls.keyFile, optionalText),
        Option(
            "redis.tls.server-name", "NAME", default: "the host of the address",
            "The name that the certificates of rediss:// servers must have",
            formerFlags: ["tls-server-name"], otherVariables: ["REDIS_EXPORTER_TLS_SERVER_NAME"],
            \.redisAccess.tls.serverName, optionalText),
        Option(
            "redis.tls.verify", nil, default: "on", "Whether rediss:// servers must prove who they are",
            \.redisAccess.tls.verifiesServer, isOn),
        Option(
            "redis.probe.allow", "PATTERN", default: "none",
            "A regular expression for the whole host:port of servers that /scrape may be asked for by their address",
            \.redisAccess.probedAddresses, regularExpression),
    ]
}

/// What is collected of Redis.
extension Option {
    static let redis: [Option] = [
        .several(
            "redis.keys.check", "KEYS", default: "none",
            "Keys, or patterns that keys are searched for by, whose size and value are shown: key or db1=key, with commas between",
            formerFlags: ["check-keys"], otherVariables: ["REDIS_EXPORTER_CHECK_KEYS"], \.redisKeys.checked, keys),
        .several(
            "redis.keys.check-single", "KEYS", default: "none", "The same for keys that are no patterns",
            formerFlags: ["check-single-keys"], otherVariables: ["REDIS_EXPORTER_CHECK_SINGLE_KEYS"],
            \.redisKeys.checkedSingle, keys),
        .several(
            "redis.keys.count", "KEYS", default: "none", "Patterns whose keys are counted",
            formerFlags: ["count-keys"], otherVariables: ["REDIS_EXPORTER_COUNT_KEYS"], \.redisKeys.counted, keys),
        Option(
            "redis.keys.values", nil, default: "on", "Whether the values of checked strings are shown",
            \.redisKeys.includesValues, isOn),
        .several(
            "redis.keys.groups", "PATTERNS", default: "none",
            "Lua patterns, with commas between; the first that matches a key names the key's group by what it captures",
            formerFlags: ["check-key-groups"], otherVariables: ["REDIS_EXPORTER_CHECK_KEY_GROUPS"],
            \.redisKeys.groups, luaPatterns),
        Option(
            "redis.keys.groups-limit", "COUNT", default: "100",
            "How many groups of a database stand by themselves, those with the most memory",
            formerFlags: ["max-distinct-key-groups"], otherVariables: ["REDIS_EXPORTER_MAX_DISTINCT_KEY_GROUPS"],
            \.redisKeys.groupLimit, count),
        Option(
            "redis.keys.limit", "COUNT", default: "10000", "How many keys that match patterns stand by themselves",
            \.redisKeys.limit, count),
        Option(
            "redis.keys.skip-masters", nil, default: "off",
            "Whether checked keys are left out where the server is not a replica",
            formerFlags: ["skip-checkkeys-for-role-master"],
            otherVariables: ["REDIS_EXPORTER_SKIP_CHECKKEYS_FOR_ROLE_MASTER"], \.redisKeys.skipsMasters, isOn),
        Option(
            "redis.keys.batch-size", "COUNT", default: "1000", "How many keys one step of a search takes",
            formerFlags: ["check-keys-batch-size"], otherVariables: ["REDIS_EXPORTER_CHECK_KEYS_BATCH_SIZE"],
            \.redisKeys.batchSize, count),
        Option(
            "redis.keys.searched-per-second", "COUNT", default: "10000",
            "How many keys a second searches take at most", \.redisKeys.searchedPerSecond, count),
        Option(
            "redis.search-interval", "DURATION", default: "30s",
            "How long after a search for keys, queues or nodes began the next may begin",
            \.redisKeys.searchInterval
        ) { value throws(Expected) in try duration(value) },
        .several(
            "redis.streams.check", "KEYS", default: "none",
            "Streams, or patterns that streams are searched for by, whose groups and consumers are shown",
            formerFlags: ["check-streams"], otherVariables: ["REDIS_EXPORTER_CHECK_STREAMS"], \.redisKeys.streams, keys),
        .several(
            "redis.streams.check-single", "KEYS", default: "none", "The same for streams that are no patterns",
            formerFlags: ["check-single-streams"], otherVariables: ["REDIS_EXPORTER_CHECK_SINGLE_STREAMS"],
            \.redisKeys.singleStreams, keys),
        Option(
            "redis.streams.consumers", nil, default: "on", "Whether the consumers of streams are shown one by one",
            \.redisKeys.includesConsumers, isOn),
        Option(
            "redis.config-command", "NAME", default: "CONFIG",
            "What the command CONFIG is called, where it was renamed; - where there is none",
            formerFlags: ["config-command"], otherVariables: ["REDIS_EXPORTER_CONFIG_COMMAND"],
            \.redisOptions.configCommand, command),
        Option(
            "redis.config.redact", nil, default: "on",
            "Whether the collector redis_config_values leaves out passwords and the like",
            formerFlags: ["redact-config-metrics"], otherVariables: ["REDIS_EXPORTER_REDACT_CONFIG_METRICS"],
            \.redisOptions.redactsConfiguration, isOn),
        Option(
            "redis.clients.ports", nil, default: "off", "Whether the list of clients has their ports",
            formerFlags: ["export-client-port"], otherVariables: ["REDIS_EXPORTER_EXPORT_CLIENT_PORT"],
            \.redisOptions.includesClientPorts, isOn),
        Option(
            "redis.search.indexes", "PATTERN", default: ".*",
            "A regular expression for a part of the names of the search indexes that are shown",
            formerFlags: ["check-search-indexes"], otherVariables: ["REDIS_EXPORTER_CHECK_SEARCH_INDEXES"],
            \.redisOptions.searchIndexes
        ) { value throws(Expected) in try regularExpression(value) },
        Option(
            "redis.sentinel.peers", nil, default: "off",
            "Whether the other sentinels of a master are shown, each with its address",
            formerFlags: ["include-sentinel-peer-info"], otherVariables: ["REDIS_EXPORTER_INCL_SENTINEL_PEER_INFO"],
            \.redisOptions.includesSentinelPeers, isOn),
        Option(
            "redis.cluster.hostnames", nil, default: "off",
            "Whether the nodes of a cluster are found by the names that they announce, and not by their addresses",
            formerFlags: ["cluster-discover-hostnames"],
            otherVariables: ["REDIS_EXPORTER_CLUSTER_DISCOVER_HOSTNAMES"], \.redisOptions.findsNodesByName, isOn),
        .several(
            "redis.scripts", "FILES", default: "none",
            "Lua scripts, with commas between, each of which returns names and numbers to show",
            formerFlags: ["script"], otherVariables: ["REDIS_EXPORTER_SCRIPT"], \.redisAccess.scripts, list),
        Option(
            "redis.scripts.read-only", nil, default: "off", "Whether they run by EVAL_RO, as Redis 7 has it",
            formerFlags: ["lua-script-read-only"], otherVariables: ["REDIS_EXPORTER_LUA_SCRIPT_READ_ONLY"],
            \.redisOptions.runsScriptsReadOnly, isOn),
        Option(
            "redis.empty-databases", nil, default: "on", "Whether databases without keys are shown, with 0",
            formerFlags: ["include-metrics-for-empty-databases"],
            otherVariables: ["REDIS_EXPORTER_INCL_METRICS_FOR_EMPTY_DATABASES"],
            \.redisOptions.includesEmptyDatabases, isOn),
        Option(
            "redis.ping", nil, default: "off", "Whether a scrape begins with a PING whose time is shown",
            formerFlags: ["ping-on-connect"], otherVariables: ["REDIS_EXPORTER_PING_ON_CONNECT"],
            \.redisOptions.pings, isOn),
        Option(
            "redis.client-name", nil, default: "on",
            "Whether the connection has a name in the server's list of clients",
            formerFlags: ["set-client-name"], otherVariables: ["REDIS_EXPORTER_SET_CLIENT_NAME"],
            \.redisOptions.setsClientName, isOn),
        Option(
            "redis.namespace", "NAME", default: "redis",
            "What the names of Redis' metrics begin with in place of redis",
            formerFlags: ["namespace"], otherVariables: ["REDIS_EXPORTER_NAMESPACE"], \.redisOptions.namespace
        ) { value throws(Expected) in
            guard isLegalName(value) else { throw Expected("letters, digits and _, and no digit first") }
            return value
        },
        Option(
            "redis.role-label", nil, default: "off", "Whether all metrics of a server have its role as a label",
            formerFlags: ["append-instance-role-label"],
            otherVariables: ["REDIS_EXPORTER_APPEND_INSTANCE_ROLE_LABEL"], \.redisOptions.hasRoleLabel, isOn),
    ]

    static func keys(_ values: [String]) throws(Expected) -> [RedisKey] {
        var keys: [RedisKey] = []
        for value in values {
            // What stands between commas has none.
            guard let key = try? RedisKey.list(value.replacing(",", with: "%2C")) else {
                throw Expected("keys such as jobs,db1=mails")
            }
            keys += key
        }
        return keys
    }

    static func luaPatterns(_ values: [String]) throws(Expected) -> [LuaPattern] {
        var patterns: [LuaPattern] = []
        for text in list(values) {
            do throws(LuaPattern.Malformed) {
                patterns.append(try LuaPattern(text))
            } catch {
                throw Expected("Lua patterns; \(error.reason) in \(text)")
            }
        }
        return patterns
    }

    static func optionalText(_ value: String) -> String? { value.isEmpty ? nil : value }

    private static func command(_ value: String) throws(Expected) -> String? {
        guard !value.isEmpty, !value.contains(where: \.isWhitespace) else {
            throw Expected("the name of a command, or - for none")
        }
        return value == "-" ? nil : value
    }
}
