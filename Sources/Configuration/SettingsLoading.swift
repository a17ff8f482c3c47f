import Containers
import Glibc
import Postgres
import Redis

extension Settings {
    /// What the configuration file, the environment and the command line say; each goes before those named first.
    ///
    /// - Parameters:
    ///   - arguments: Without the program's own name.
    ///   - usualFiles: Where no configuration file is named, the first of these counts that is there.
    /// - Throws: For anything that is not understood, and for a file that cannot be read.
    public static func load(
        arguments: [String], environment: [String: String], usualFiles: [String] = ConfigurationFile.usualPaths
    ) throws(ConfigurationError) -> (command: Command, settings: Settings) {
        let arguments = try Arguments(arguments)
        let environment = Environment(environment)
        let command = arguments.command
        if [.help, .version, .completion, .man].contains(command) {
            var settings = Settings()
            settings.completionShell = arguments.shell
            return (command, settings)
        }
        // By the flag: a password beside redis_exporter's map of passwords is for servers that the map does not have.
        var said = environment.assignments(for: command).overridden(by: arguments.assignments, subject: \.flag)
        var settings = try Settings(said)
        settings.warnings = said.compactMap(\.advice) + arguments.renamings
        // The catalogue is the same whatever there is to scrape.
        if command == .metrics { return (command, settings) }

        var warnings = arguments.renamings
        let path = settings.configurationFile ?? usualFiles.first { access($0, F_OK) == 0 }
        let file = try path.map { path throws(ConfigurationError) in
            try ConfigurationFile.load(path: path, environment: environment)
        }
        var servers = try (file ?? ConfigurationFile()).servers(beside: environment, &said, &warnings)
        let fromFile = file?.assignments ?? []
        settings = try Settings(fromFile.overridden(by: said))
        try settings.readFiles()
        try settings.readWebConfiguration()
        settings.configurationFile = path
        settings.authModules = file?.authModules ?? [:]
        try settings.listen(environment, for: command)
        if !servers.contains(where: { $0.kind == .redis }) { servers += try settings.redisServers(&warnings) }
        try servers.checkNames()

        for server in servers {
            guard !server.assignments.isEmpty else {
                settings.targets.append(try settings.target(server))
                continue
            }
            var own = try Settings(fromFile.overridden(by: server.assignments).overridden(by: said))
            try own.readFiles(sharing: settings)
            settings.targets.append(try own.target(server))
        }
        settings.adoptBroker(environment, &warnings)
        settings.targets += [
            .containers(settings.containers, settings.collectors),
            .host(settings.host, procfs: settings.containers.procfs, settings.collectors),
        ]
        let assignments = fromFile.overridden(by: said) + servers.flatMap(\.assignments)
        settings.warnings = assignments.compactMap(\.advice) + warnings + settings.remarks
        if settings.showsConfiguration {
            for index in servers.indices {
                servers[index].assignments = servers[index].assignments.remaining(under: said)
            }
            settings.shownConfiguration = try ShownConfiguration(
                fromFile.overridden(by: said), servers, settings.authModules
            ).text
        }
        return (command, settings)
    }

    /// Where to listen, by our own settings, by those who come from cAdvisor or by systemd.
    private mutating func listen(
        _ environment: Environment, for command: Command
    ) throws(ConfigurationError) {
        if let address = cadvisor.address { web.addresses = [address] }
        if let path = cadvisor.telemetryPath, source(of: "web.telemetry-path") == nil { web.telemetryPath = path }
        if !listenAddresses.isEmpty { web.addresses = listenAddresses }
        if usesSystemdSockets, command == .serve { web.addresses = try environment.systemdSockets() }
    }

    /// What the files say whose names are settings.
    ///
    /// - Parameter other: Settings that have read theirs, of which is taken what is the same.
    private mutating func readFiles(sharing other: Settings? = nil) throws(ConfigurationError) {
        if let other, other.queriesFiles == queriesFiles, other.collectors == collectors {
            postgresOptions.customQueries = other.postgresOptions.customQueries
            postgresOptions.customQuerySources = other.postgresOptions.customQuerySources
        } else {
            let files = try QueriesFile.load(paths: queriesFiles, collectors: collectors)
            postgresOptions.customQueries = files.flatMap(\.queries)
            postgresOptions.customQuerySources = files.map(\.source)
        }
        try readRedisFiles(sharing: other)
    }

    /// The server with what these settings say of it.
    private func target(_ server: NamedServer) throws(ConfigurationError) -> TargetSettings {
        switch server.kind {
        case .postgres: .postgres(try server.postgres(), postgresOptions)
        case .pgbouncer: .pgbouncer(try server.postgres(), postgresOptions)
        case .redis: .redis(complete(try server.redis()), collectors)
        }
    }
}

extension ConfigurationFile {
    /// The servers to scrape but those of `--redis.addr`: of each kind those of the file, or else those that variables
    /// name.
    ///
    /// - Parameter said: Loses what variables say of Redis that are shared with applications, where the file names Redis
    ///   servers: their passwords are nobody else's business.
    fileprivate func servers(
        beside environment: Environment, _ said: inout [Assignment], _ warnings: inout [String]
    ) throws(ConfigurationError) -> [NamedServer] {
        var result: [NamedServer] = []
        for kind in NamedServer.Kind.allCases {
            let named = servers.filter { $0.kind == kind }
            let variable = environment.variable(naming: kind)
            if named.isEmpty, let variable {
                result += try environment.servers(kind, from: variable)
            } else if !named.isEmpty {
                // libpq's own fill in what an address does not say.
                var unused = variable.flatMap { $0.hasPrefix("PG") && kind == .postgres ? nil : [$0] } ?? []
                if kind == .redis {
                    if let address = said.first(where: { $0.option.flag == "redis.addr" && !$0.isOfApplications }) {
                        warnings.append("\(address.source) goes before the Redis servers of the configuration file")
                        continue
                    }
                    unused = said.filter(\.isOfApplications).map { "\($0.source)" }
                    said.removeAll(where: \.isOfApplications)
                }
                result += named
                for variable in unused where !variables.contains(variable) {
                    warnings.append("\(variable) is left out, since the configuration file names the \(kind.plural)")
                }
            }
        }
        return result
    }
}

extension Assignment {
    /// Whether a variable names or logs in to a Redis server that is not ours alone.
    fileprivate var isOfApplications: Bool {
        let flags = [
            "redis.addr", "redis.user", "redis.password", "redis.password-file", "redis.sentinel.password",
        ]
        guard case .variable(let variable) = source, flags.contains(option.flag) else { return false }
        return variable != option.variable
    }

    /// What to say in its place; `nil` where that is well said, or switched off and asks for nothing.
    fileprivate var advice: String? {
        guard let advice = option.advice else { return nil }
        if option.placeholder == nil, case .text(let text) = value, (try? Option.isOn(text)) != true { return nil }
        return "\(source) is there for those who come from \(option.origin): \(advice)"
    }
}

extension Arguments {
    /// What was said by a former name.
    fileprivate var renamings: [String] {
        flags.filter { $0.name != $0.option.flag }.map { "--\($0.name) is now --\($0.option.flag)" }
    }
}
