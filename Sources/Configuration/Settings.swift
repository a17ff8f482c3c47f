public import Containers
import Glibc
public import Logging
public import Postgres
public import Redis
public import Scraping

/// Everything that is configured: read once from flags and environment, then never changed.
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
    /// The PostgreSQL servers to scrape.
    public var postgres: [PostgresSettings] = []
    /// What is collected of each of them.
    public var postgresOptions = PostgresOptions()
    /// The PgBouncers to scrape.
    public var pgbouncer: [PostgresSettings] = []
    /// The Redis servers to scrape.
    public var redis: [RedisSettings] = []
    /// How the catalogue is printed.
    public var catalogueFormat = CatalogueFormat.text
    /// Which servers `/probe` may be asked for by their address; `nil` for none.
    public var probedAddresses: RegularExpression?
    /// What a probe that is asked for by its address may log in with, by name.
    public var authModules: [String: ConfigurationFile.AuthModule] = [:]
    /// What should be said differently: one sentence each, for the log.
    public internal(set) var warnings: [String] = []
    /// The flag or variable that each option was last said by, by its flag.
    private(set) var places: [String: String] = [:]
    /// Where to listen, where it is said.
    var listenAddresses: [ListenAddress] = []
    /// Whether systemd says where to listen.
    var usesSystemdSockets = false
    /// The file with auth modules.
    var configurationFile: String?
    /// The file with user-defined queries.
    var queriesFile: String?
    /// A limit beside ``Gatherer/Limits/timeout``.
    var collectionTimeout: Duration?
    /// Which keys are looked at in each Redis server.
    public var redisKeys = RedisKeyOptions()
    /// Which job queues are looked at in each Redis server.
    public var redisQueues = RedisQueueOptions()
    /// What is shown of each Redis server itself.
    public var redisOptions = RedisServerOptions()
    /// Where the Redis servers are and how to log in there.
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
    /// What the command line and the environment say: flags go before `STACK_EXPORTER_...` variables.
    ///
    /// - Parameter arguments: Without the program's own name.
    /// - Throws: For anything that is not understood, and for a password file that cannot be read.
    public static func load(
        arguments: [String], environment: [String: String]
    ) throws(ConfigurationError) -> (command: Command, settings: Settings) {
        let arguments = try Arguments(arguments)
        let environment = Environment(environment)
        var settings = Settings()
        if arguments.command == .help || arguments.command == .version { return (arguments.command, settings) }

        let onCommandLine = Set(arguments.flags.map(\.option.flag))
        for option in Option.all where !onCommandLine.contains(option.flag) && option.applies(to: arguments.command) {
            guard let variable = option.variables.first(where: { environment[$0] != nil }),
                let value = environment[variable]
            else { continue }
            try settings.apply(option, value, from: variable)
        }
        for (option, name, value) in arguments.flags {
            try settings.apply(option, value, from: "--\(name)")
            if name != option.flag { settings.warnings.append("--\(name) is now --\(option.flag)") }
        }
        // The catalogue is the same whatever there is to scrape.
        if arguments.command == .metrics { return (.metrics, settings) }

        if let address = settings.cadvisor.address { settings.web.addresses = [address] }
        if let path = settings.cadvisor.telemetryPath, settings.places["web.telemetry-path"] == nil {
            settings.web.telemetryPath = path
        }
        if !settings.listenAddresses.isEmpty { settings.web.addresses = settings.listenAddresses }
        if settings.usesSystemdSockets, arguments.command == .serve {
            settings.web.addresses = try environment.systemdSockets()
        }
        settings.limits.timeout = min(settings.limits.timeout, settings.collectionTimeout ?? settings.limits.timeout)
        settings.postgres = try environment.postgres()
        settings.postgresOptions.collectors = settings.collectors
        try settings.readFiles()
        try settings.readWebConfiguration()
        settings.pgbouncer = try environment.pgbouncer()
        try settings.readRedis(environment)
        return (arguments.command, settings)
    }

    /// What the files say whose names are settings.
    private mutating func readFiles() throws(ConfigurationError) {
        let usual = "postgres_exporter.yml"
        if let path = configurationFile ?? (access(usual, F_OK) == 0 ? usual : nil) {
            authModules = try ConfigurationFile.load(path: path).authModules
        }
        if let queriesFile {
            let file = try QueriesFile.load(path: queriesFile, collectors: collectors)
            postgresOptions.customQueries = file.queries
            postgresOptions.customQuerySources = [file.source]
        }
    }

    private mutating func apply(_ option: Option, _ value: String, from place: String) throws(ConfigurationError) {
        places[option.flag] = place
        do {
            try option.apply(&self, value)
        } catch {
            throw ConfigurationError("\(place)\(option.isSecret ? "" : "=\(value)"): this should be \(error.text)")
        }
        // One that is switched off asks for nothing.
        let isAsked = option.placeholder != nil || (try? Option.isOn(value)) == true
        if isAsked, let advice = option.advice {
            warnings.append("\(place) is there for those who come from \(option.origin): \(advice)")
        }
    }

    /// The flag or variable that said it, for an error that is found later.
    func place(of flag: String) -> String { places[flag] ?? "--\(flag)" }
}

/// How log messages are written.
public enum LogFormat: String, Sendable, CaseIterable {
    case logfmt, json
}

extension CollectorSelection {
    /// All collectors that exist, of every kind of target, by name.
    public static let catalogue: [any Collector] =
        (PostgresCollectors.catalogue + PgBouncerCollectors.catalogue + RedisCollectors.catalogue
        + ContainerCollectors.catalogue + HostCollectors.catalogue)
        .sorted { $0.name < $1.name }
}
