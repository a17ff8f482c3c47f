import Containers
import Logging
import Scraping

/// A setting with its flag, its variables and what they do: the one place that knows them, from which the command line,
/// the environment, the keys of the configuration file, `--help` and the table of docs/settings.md come.
struct Option: Sendable {
    /// The flag without its dashes.
    let flag: String
    /// What stands for the value in help; `nil` for a switch, which has a `--no-` form.
    let placeholder: String?
    /// All that the value can be, where that is a few words.
    private(set) var values: [String] = []
    /// What holds where nothing is said, for help.
    let defaultText: String
    let help: String
    /// Flags that mean the same, each of which says in the log which one to use in its place.
    private(set) var formerFlags: [String] = []
    /// Variables of the replaced exporters that mean the same.
    private(set) var otherVariables: [String] = []
    /// For a flag that only those have use for who come from another exporter: what to use in its place, said in the log.
    private(set) var advice: String?
    /// That other exporter.
    private(set) var origin: String
    /// Whether the value is nothing for anybody's eyes, and no error repeats it.
    private(set) var isSecret: Bool
    /// The commands that alone have it; none where all do.
    let commands: [Command]
    /// Whether a flag that is given twice says more, and not something else.
    private(set) var addsUp = false
    /// Takes the value over into the settings. A switch gets `true` or `false`.
    ///
    /// Throws what should stand there: "a duration such as 10s".
    let apply: @Sendable (inout Settings, Value) throws(Expected) -> Void

    /// What a value should have been.
    struct Expected: Error {
        let text: String
        init(_ text: String) { self.text = text }
    }

    /// `web.listen-address` is `STACK_EXPORTER_WEB_LISTEN_ADDRESS`.
    ///
    /// `port` has another one, since Kubernetes sets `STACK_EXPORTER_PORT` to an address in every pod beside a service that
    /// is called `stack-exporter`.
    var variable: String {
        let name = flag == "port" ? "listen.port" : flag
        return "STACK_EXPORTER_" + name.uppercased().map { $0 == "." || $0 == "-" ? "_" : String($0) }.joined()
    }

    /// The variables that set it, the first of which goes first.
    var variables: [String] { [variable] + otherVariables }

    /// Whether the command has it.
    func applies(to command: Command) -> Bool { commands.isEmpty || commands.contains(command) }

    /// The flag with its value, as help shows it.
    var usage: String {
        placeholder.map { "--\(flag)=\($0)" } ?? "--[no-]\(flag)"
    }

    /// All options: the fixed ones, and a switch for each collector.
    static let all: [Option] = named + CollectorSelection.catalogue.map(collectorSwitch)

    /// All options but the collectors' switches.
    static let named: [Option] =
        general + host + containers + cadvisor + redisAccess + redis + redisQueues + redisExporter + postgres
        + postgresExporter

    private static let general: [Option] =
        [
            .several(
                "web.listen-address", "ADDRESS", default: ":19187",
                "Where to listen: host:port, :port or unix:/path; may be repeated, or listed with commas",
                otherVariables: ["PG_EXPORTER_WEB_LISTEN_ADDRESS", "REDIS_EXPORTER_WEB_LISTEN_ADDRESS"], addsUp: true
            ) {
                settings, addresses throws(Expected) in
                for text in addresses {
                    guard let address = try? ListenAddress(text) else {
                        throw Expected("host:port, :port or unix:/path")
                    }
                    settings.listenAddresses.append(address)
                }
            },
            Option(
                "web.systemd-socket", nil, default: "off",
                "Whether to listen on the sockets that systemd hands over, and on no other"
            ) {
                settings, value throws(Expected) in
                settings.usesSystemdSockets = try isOn(value)
            },
            Option(
                "web.telemetry-path", "PATH", default: "/metrics", "The path of the page",
                otherVariables: ["PG_EXPORTER_WEB_TELEMETRY_PATH", "REDIS_EXPORTER_WEB_TELEMETRY_PATH"]
            ) {
                settings, value throws(Expected) in
                settings.web.telemetryPath = try telemetryPath(value)
            },
            Option(
                "web.config.file", "FILE", default: "none",
                "TLS, passwords, headers and a rate limit for those who come, in the format of Prometheus' exporters; read again when it changes",
                \.web.configurationFile, optionalText),
            Option(
                "web.unix-socket-mode", "MODE", default: "by the umask",
                "The permissions of the sockets that --web.listen-address=unix:/path makes, in octal: 0660"
            ) {
                settings, value throws(Expected) in
                guard let mode = UInt32(value, radix: 8), mode <= 0o777 else {
                    throw Expected("permissions in octal such as 0660")
                }
                settings.web.socketMode = mode
            },
            Option(
                "scrape.timeout", "DURATION", default: "10s",
                "The longest a scrape may last, whatever Prometheus allows"
            ) {
                settings, value throws(Expected) in
                settings.limits.timeout = try duration(value)
            },
            Option(
                "scrape.timeout-offset", "DURATION", default: "0.5s, at most a tenth",
                "What is taken off the time limit that Prometheus sends, so that the page arrives in time"
            ) {
                settings, value throws(Expected) in
                settings.web.timeoutOffset = try duration(value, orZero: true)
            },
            Option("scrape.series-limit", "COUNT", default: "100000", "How many series one target may have on the page")
            {
                settings, value throws(Expected) in
                settings.limits.seriesPerTarget = try count(value)
            },
            Option(
                "log.level", "LEVEL", default: "info", "The least severe messages to log: debug, info, warn or error",
                values: ["debug", "info", "warn", "error"], formerFlags: ["log-level"],
                otherVariables: ["REDIS_EXPORTER_LOG_LEVEL"]
            ) {
                settings, value throws(Expected) in
                guard let level = levels[value.lowercased()] else { throw Expected("debug, info, warn or error") }
                settings.logLevel = level
            },
            Option(
                "log.format", "FORMAT", default: "logfmt", "How to write log messages: logfmt or json",
                values: LogFormat.allCases.map(\.rawValue), formerFlags: ["log-format"],
                otherVariables: ["REDIS_EXPORTER_LOG_FORMAT"]
            ) {
                settings, value throws(Expected) in
                guard let format = value == "txt" ? .logfmt : LogFormat(rawValue: value) else {
                    throw Expected("logfmt or json")
                }
                settings.logFormat = format
            },
            Option("path.cgroupfs", "DIRECTORY", default: "found by itself", "Where the host's cgroups are mounted") {
                settings, value throws(Expected) in
                settings.containers.cgroupfs = value
            },
            Option("path.procfs", "DIRECTORY", default: "found by itself", "Where the host's procfs is mounted") {
                settings, value throws(Expected) in
                settings.containers.procfs = value
            },
            Option(
                "format", "FORMAT", default: "text", of: [.metrics, .check],
                "How the commands metrics and check print: text or json; metrics also markdown",
                values: CatalogueFormat.allCases.map(\.rawValue)
            ) {
                settings, value throws(Expected) in
                guard let format = CatalogueFormat(rawValue: value) else { throw Expected("text, markdown or json") }
                settings.catalogueFormat = format
            },
            Option(
                "web.enable-lifecycle", nil, default: "off",
                "Whether POST /-/reload reads the configuration again, as SIGHUP does"
            ) {
                settings, value throws(Expected) in
                settings.web.enablesLifecycle = try isOn(value)
            },
            Option(
                "show-config", nil, default: "off", of: [.check],
                "Whether the command check prints all settings and where each comes from, and does nothing else"
            ) {
                settings, value throws(Expected) in
                settings.showsConfiguration = try isOn(value)
            },
        ]

    /// By their names here and in redis_exporter, which has more of them.
    private static let levels: [String: Logger.Level] = [
        "trace": .trace, "debug": .debug, "info": .info, "warn": .warning, "warning": .warning, "error": .error,
        "fatal": .critical, "panic": .critical,
    ]

    /// The switch of a collector.
    static func collectorSwitch(_ collector: any Collector) -> Option {
        Option(
            "collector.\(collector.name)", nil, default: collector.isEnabledByDefault ? "on" : "off",
            "Whether the \(collector.name) collector runs",
            formerFlags: formerCollectors[collector.name].map { ["collector.\($0)"] } ?? []
        ) {
            settings, value throws(Expected) in
            settings.collectors.chosen[collector.name] = try isOn(value)
        }
    }

    /// What collectors were called in older releases of postgres_exporter.
    private static let formerCollectors = ["replication_slots": "replication_slot"]

    init(
        _ flag: String, _ placeholder: String?, default defaultText: String, of commands: [Command] = [],
        _ help: String, values: [String] = [],
        formerFlags: [String] = [], otherVariables: [String] = [], advice: String? = nil,
        from origin: String = "postgres_exporter", isSecret: Bool = false,
        apply: @escaping @Sendable (inout Settings, String) throws(Expected) -> Void
    ) {
        self.flag = flag
        self.placeholder = placeholder
        self.values = values
        self.defaultText = defaultText
        self.commands = commands
        self.help = help
        self.formerFlags = formerFlags
        self.otherVariables = otherVariables
        self.advice = advice
        self.origin = origin
        self.isSecret = isSecret || placeholder == "PASSWORD" || placeholder == "HASH"
        self.apply = { settings, value throws(Expected) in
            guard case .text(let text) = value else { throw Expected("one value and no list") }
            try apply(&settings, text)
        }
    }

    /// An option that sets one field to what its value reads as.
    init<Field>(
        _ flag: String, _ placeholder: String?, default defaultText: String, _ help: String,
        formerFlags: [String] = [], otherVariables: [String] = [], isSecret: Bool = false,
        _ field: any WritableKeyPath<Settings, Field> & Sendable,
        _ read: @escaping @Sendable (String) throws(Expected) -> Field
    ) {
        self.init(
            flag, placeholder, default: defaultText, help, formerFlags: formerFlags, otherVariables: otherVariables,
            isSecret: isSecret
        ) {
            settings, value throws(Expected) in
            settings[keyPath: field] = try read(value)
        }
    }

    /// An option that reads its value itself.
    init(
        _ flag: String, _ placeholder: String, default defaultText: String, _ help: String,
        formerFlags: [String] = [], otherVariables: [String] = [], advice: String? = nil,
        from origin: String = "postgres_exporter",
        isSecret: Bool = false,
        addsUp: Bool = false, value apply: @escaping @Sendable (inout Settings, Value) throws(Expected) -> Void
    ) {
        self.flag = flag
        self.placeholder = placeholder
        self.defaultText = defaultText
        self.help = help
        self.formerFlags = formerFlags
        self.otherVariables = otherVariables
        self.advice = advice
        self.isSecret = isSecret
        self.addsUp = addsUp
        self.apply = apply
        commands = []
        values = []
        self.origin = origin
    }
}
