public import Containers
public import Logging
public import Postgres
public import Redis
public import Scraping

/// Everything that is configured: read once from a file, environment and flags, then never changed.
public struct Settings: Sendable {
    /// The HTTP server.
    public var web = WebSettings()
    /// What a gather may take.
    public var limits = Gatherer.Limits()
    /// The least severe messages that are logged.
    public var logLevel = Logger.Level.info
    /// How messages are written.
    public var logFormat = LogFormat.logfmt
    /// Which collectors run.
    public var collectors = CollectorSelection()
    /// All targets, in the order in which their samples stand within a family, each with what is configured of it.
    public internal(set) var targets: [TargetSettings] = []
    /// What is collected of PostgreSQL servers that nothing else is said of.
    public var postgresOptions = PostgresOptions()
    /// How the catalogue is printed.
    public var catalogueFormat = CatalogueFormat.text
    /// Which shell the command completion is for; `nil` with every other command.
    public var completionShell: Shell?
    /// Which servers `/probe` may be asked for by their address; `nil` for none.
    public var probedAddresses: RegularExpression?
    /// What a probe that is asked for by its address may log in with, by name.
    public var authModules: [String: ConfigurationFile.AuthModule] = [:]
    /// What should be said differently: one sentence each, for the log.
    public internal(set) var warnings: [String] = []
    /// What `check` prints where it is asked for it: all settings and where they come from, as a configuration file; `nil`
    /// where it is not.
    public internal(set) var shownConfiguration: String?
    /// Where each option was said, by its flag.
    private var sources: [String: SettingSource] = [:]
    /// Where to listen, where it is said.
    var listenAddresses: [ListenAddress] = []
    /// Whether systemd says where to listen.
    var usesSystemdSockets = false
    /// The file that says what flags and variables do not; `nil` where there is none.
    public internal(set) var configurationFile: String?
    /// The files with user-defined queries.
    var queriesFiles: [String] = []
    /// Whether `check` shows the settings, and nothing else.
    var showsConfiguration = false
    /// A limit beside ``Gatherer/Limits/timeout``.
    var collectionTimeout: Duration?
    /// Which keys are looked at in Redis servers that nothing else is said of.
    public var redisKeys = RedisKeyOptions()
    /// Which job queues are looked at in them.
    public var redisQueues = RedisQueueOptions()
    /// What is shown of the servers themselves.
    public var redisOptions = RedisServerOptions()
    /// Where Redis servers are and how to log in there.
    var redisAccess = RedisAccess()
    /// Where the containers are looked for.
    public var containers = ContainersTarget.Settings()
    /// How the host is looked at.
    public var host = HostTarget.Settings()
    /// Who may connect, as those say it who come from redis_exporter and cAdvisor.
    var formerAccess = FormerAccess()
    /// What those say who come from cAdvisor.
    var cadvisor = CadvisorSettings()
}

extension Settings {
    /// What is said, each option once, and what the files say that are settings.
    init(_ assignments: [Assignment]) throws(ConfigurationError) {
        for assignment in assignments { try apply(assignment) }
        limits.timeout = min(limits.timeout, collectionTimeout ?? limits.timeout)
        postgresOptions.collectors = collectors
    }

    private mutating func apply(_ assignment: Assignment) throws(ConfigurationError) {
        let (option, source) = (assignment.option, assignment.source)
        sources[option.flag] = source
        do {
            try option.apply(&self, assignment.value)
        } catch {
            // A file's text may come from a variable, and has its place.
            if case .file = source { throw source.error("this should be \(error.text)") }
            let value = option.isSecret ? "" : "=\(assignment.value.elements.joined(separator: ","))"
            throw ConfigurationError("\(source)\(value): this should be \(error.text)")
        }
    }

    /// Who said it; `nil` where nobody did.
    func source(of flag: String) -> SettingSource? { sources[flag] }

    /// Who said it, for an error that is found later.
    func place(of flag: String) -> SettingSource { sources[flag] ?? .flag(flag) }
}

/// How log messages are written.
public enum LogFormat: String, Sendable, CaseIterable {
    case logfmt, json
}

extension CollectorSelection {
    /// The collectors of each kind of target, by its key in the configuration file.
    static let kinds: [(kind: String, collectors: [any Collector])] = [
        ("postgres", PostgresCollectors.catalogue), ("pgbouncer", PgBouncerCollectors.catalogue),
        ("redis", RedisCollectors.catalogue), ("containers", ContainerCollectors.catalogue),
        ("host", HostCollectors.catalogue),
    ]

    /// All collectors that exist, of every kind of target, by name.
    public static let catalogue: [any Collector] = kinds.flatMap(\.collectors).sorted { $0.name < $1.name }
}
