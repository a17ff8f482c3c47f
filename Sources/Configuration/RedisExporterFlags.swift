import Logging
import Redis
import Scraping

/// Flags that are there for those who come from redis_exporter: they say what others say too, or nothing at all.
extension Option {
    static let redisExporter: [Option] = switched + inverted + without + access

    /// Flags that switch collectors.
    private static let switched: [Option] = [
        switching("export-client-list", ["redis_clients"], on: true),
        switching("include-config-metrics", ["redis_config_values", "redis_sentinel_config"], on: true),
        switching("include-modules-metrics", ["redis_modules"], on: true),
        switching("include-search-indexes-metrics", ["redis_search"], on: true),
        switching("include-rdb-file-size-metric", ["redis_rdb_file"], on: true),
        switching("is-tile38", ["redis_tile38"], on: true),
        switching("exclude-latency-histogram-metrics", ["redis_latency", "redis_latency_histogram"], on: false),
    ]

    private static func switching(_ flag: String, _ collectors: [String], on: Bool) -> Option {
        let flags = collectors.map { "--\(on ? "" : "no-")collector.\($0)" }.joined(separator: " ")
        return Option(
            flag, nil, default: "off",
            "Switches \(collectors.joined(separator: " and ")) \(on ? "on" : "off"), unless something is said of it by name",
            otherVariables: [redisExporterVariable(flag)], advice: "use \(flags)", from: "redis_exporter"
        ) {
            settings, value throws(Expected) in
            let isAsked = try isOn(value)
            for collector in collectors where isAsked || on { settings.collectors.choose(collector, isAsked == on) }
        }
    }

    /// Switches that say the contrary of ours.
    private static let inverted: [Option] = [
        inverse("streams-exclude-consumer-metrics", of: "redis.streams.consumers", \.redisKeys.includesConsumers),
        inverse("disable-exporting-key-values", of: "redis.keys.values", \.redisKeys.includesValues),
        inverse("skip-tls-verification", of: "redis.tls.verify", \.redisAccess.tls.verifiesServer),
    ]

    private static func inverse(
        _ flag: String, of ours: String, _ field: any WritableKeyPath<Settings, Bool> & Sendable
    ) -> Option {
        Option(
            flag, nil, default: "off", "The contrary of --\(ours)", otherVariables: [redisExporterVariable(flag)],
            advice: "use --no-\(ours)", from: "redis_exporter"
        ) {
            settings, value throws(Expected) in
            if try isOn(value) { settings[keyPath: field] = false }
        }
    }

    /// Flags that have little or nothing to say here.
    private static let without: [Option] =
        [
            Option(
                "debug", nil, default: "off", "The same as --log.level=debug",
                otherVariables: [redisExporterVariable("debug")], advice: "use --log.level=debug",
                from: "redis_exporter"
            ) {
                settings, value throws(Expected) in
                if try isOn(value) { settings.logLevel = .debug }
            }
        ] + withoutEffect.map(accepted)

    /// What says nothing here, with the reason.
    private static let withoutEffect: [(flag: String, placeholder: String?, why: String)] = [
        ("is-cluster", nil, "a node of a cluster is known by what it says of itself"),
        ("include-system-metrics", nil, "redis_total_system_memory_bytes is always there"),
        ("redis-only-metrics", nil, "what the exporter says of itself is on the page, and /scrape has Redis alone"),
        ("include-go-runtime-metrics", nil, "there is no Go runtime here"),
        ("disable-scrape-endpoint", nil, "/scrape only reaches what is configured or --redis.probe.allow admits"),
    ]

    /// Who may connect, which ``Settings/readWebConfiguration()`` makes a ``WebConfiguration`` of.
    private static let access: [Option] = [
        access("tls-server-cert-file", "FILE", "The server's certificate, for TLS", \.certificateFile),
        access("tls-server-key-file", "FILE", "The key to the server's certificate", \.keyFile),
        access(
            "tls-server-ca-cert-file", "FILE", "Whose certificates clients must have", \.clientAuthorityFile),
        access(
            "tls-server-min-version", "VERSION", "The oldest version of TLS that is spoken: TLS1.0 to TLS1.3",
            \.minimumVersion),
        access("basic-auth-username", "NAME", "Who has to log in to see the page", \.username),
        secretAccess(
            "basic-auth-password", "PASSWORD", "The password to see the page", \.formerAccess.password),
        secretAccess(
            "basic-auth-hash-password", "HASH", "The password to see the page, hashed by bcrypt",
            \.formerAccess.passwordHash),
    ]

    private static let accessAdvice = "use --web.config.file"

    private static func access(
        _ flag: String, _ placeholder: String, _ help: String,
        _ field: any WritableKeyPath<FormerAccess, String?> & Sendable
    ) -> Option {
        Option(
            flag, placeholder, default: "none", help, otherVariables: [redisExporterVariable(flag)],
            advice: accessAdvice, from: "redis_exporter"
        ) {
            settings, value throws(Expected) in
            settings.formerAccess[keyPath: field] = optionalText(value)
        }
    }

    private static func secretAccess(
        _ flag: String, _ placeholder: String, _ help: String,
        _ field: any WritableKeyPath<Settings, Secret?> & Sendable
    ) -> Option {
        .secret(
            flag, placeholder, default: "none", help, otherVariables: [redisExporterVariable(flag)],
            advice: accessAdvice, from: "redis_exporter", field)
    }

    private static func accepted(_ flag: String, _ placeholder: String?, because why: String) -> Option {
        Option(
            flag, placeholder, default: placeholder == nil ? "off" : "none", "Does nothing: \(why)",
            otherVariables: [redisExporterVariable(flag)], advice: why, from: "redis_exporter"
        ) {
            _, value throws(Expected) in
            if placeholder == nil { _ = try isOn(value) }
        }
    }

    /// As redis_exporter names it, which is short with most that begin alike.
    private static func redisExporterVariable(_ flag: String) -> String {
        let name = flag.uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
        let isShort = name.hasPrefix("INCLUDE_") && name != "INCLUDE_GO_RUNTIME_METRICS"
        return "REDIS_EXPORTER_" + (isShort ? "INCL_\(name.dropFirst("INCLUDE_".count))" : name)
    }
}
