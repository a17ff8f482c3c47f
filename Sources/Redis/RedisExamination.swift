import Glibc
public import Scraping

extension RedisTarget: Examinable {
    /// Who the server and the user are, what the user may do, and what is missing.
    public func examine(_ outcome: ScrapeOutcome, until deadline: Deadline) async -> Examination {
        var examination = Examination()
        if outcome.isUp, let server = try? await connection.facts(until: deadline) {
            examination.facts = facts(server)
            if let finding = await forbidden(outcome, on: server, until: deadline) {
                examination.add(finding)
            } else if let finding = await tooManyRights(on: server, until: deadline) {
                examination.add(finding)
            }
            if let finding = renamed(outcome) { examination.add(finding) }
        } else if let finding = login(outcome) {
            examination.add(finding)
            return examination
        }
        examination.add(outcome)
        for secret in [settings.password, settings.sentinelPassword] {
            if let exposure = secret?.exposure { examination.add(exposure) }
        }
        return examination
    }

    /// The command that makes a user with the least rights for all that is enabled, `ACL SETUSER`, as `redis-cli` takes it,
    /// with a placeholder for the password.
    ///
    /// - Returns: `nil` where the server is down, or has no users, as before Redis 6.
    public func accessRules(until deadline: Deadline) async -> String? {
        guard let server = try? await connection.facts(until: deadline), server.isRedis(6) else { return nil }
        let rules = await rights(on: server, until: deadline).rules(on: server)
        return "ACL SETUSER \(ownUser.quotedForRedis) reset on ><password> \(rules)"
    }

    // MARK: What is so

    private func facts(_ server: RedisFacts) -> [Examination.Fact] {
        func text(_ version: [Int]) -> String { version.map(String.init).joined(separator: ".") }
        let version =
            server.valkeyVersion.map { "Valkey \(text($0)) (Redis \(text(server.redisVersion)))" }
            ?? "Redis \(text(server.redisVersion))"
        let role = server.isSentinel ? "sentinel" : server.isReplica ? "replica" : "master"
        var facts = [
            Examination.Fact("server", "\(version), \(role), at \(settings.address)"),
            Examination.Fact("user", settings.username ?? "default"),
            Examination.Fact("TLS", settings.tls == nil ? "off" : "on"),
        ]
        if server.isCluster { facts.append(.init("cluster", "\(max(nodes.count, 1)) nodes")) }
        return facts
    }

    /// The default user is everybody's.
    private var isDefaultUser: Bool { settings.username.map { $0 == "default" } ?? true }

    /// Who has the rights, or is to have them.
    private var ownUser: String { isDefaultUser ? "stack-exporter" : settings.username ?? "" }

    // MARK: Rights

    /// What may not be read and is enabled, with the rules that are missing for it.
    private func forbidden(
        _ outcome: ScrapeOutcome, on server: RedisFacts, until deadline: Deadline
    ) async -> Finding? {
        let failures =
            outcome.collectors.compactMap { collector in collector.error.map { (collector.name, $0) } }
            + outcome.omissions.map { ($0.name, $0.reason) }
        let forbidden = failures.filter { $0.1.reason == .permission && $0.0 != "redis_rdb_file" }
        guard !forbidden.isEmpty,
            let replies = try? await ask(enabled.map { $0.commands(server) }, of: server, until: deadline)
        else { return nil }
        let refused = Set(replies.forbidden.map(\.name))
        var missing = await rights(on: server, until: deadline)
        // One may be allowed for one key and refused for another.
        missing.commands.subtract(replies.answeredNames.subtracting(refused))
        let user = settings.username ?? "default"
        let names = refused.map(\.aclName).sorted().joined(separator: ", ")
        return Finding(
            .mend, "the user \(user) may not do everything that is enabled" + (names.isEmpty ? "" : ": \(names)"),
            [
                Remedy(
                    place(on: server),
                    "ACL SETUSER \(user.quotedForRedis) \(missing.addition(on: server))")
            ], parts: forbidden.map(\.0))
    }

    /// That the exporter does not need what it may.
    private func tooManyRights(on server: RedisFacts, until deadline: Deadline) async -> Finding? {
        guard isDefaultUser, !server.isSentinel, let rules = await accessRules(until: deadline) else { return nil }
        let runsScripts = enabled.contains { $0 is ScriptsCollector } && !settings.options.scripts.isEmpty
        return Finding(
            .hint,
            "the exporter is the default user; one with the least rights does"
                + (runsScripts ? ", with those added that the scripts need" : ""),
            [
                Remedy(place(on: server), rules),
                Remedy(Remedy.environment, "REDIS_USER=\(ownUser)"),
                Remedy(Remedy.environment, "REDIS_PASSWORD=<password>"),
            ])
    }

    /// Each node has its own users.
    private func place(on server: RedisFacts) -> String {
        server.isCluster ? "redis-cli, on each node of the cluster" : "redis-cli"
    }

    private func rights(on server: RedisFacts, until deadline: Deadline) async -> RedisRights {
        let rights = enabled.reduce(RedisRights(ofConnection: settings.options, on: server)) { rights, collector in
            rights + collector.rights(server)
        }
        return await known(rights, on: server, until: deadline)
    }

    /// The same rights with those commands alone that the server has, by the names that its rules have for them: it takes
    /// no rule for any other.
    private func known(_ rights: RedisRights, on server: RedisFacts, until deadline: Deadline) async -> RedisRights {
        let names = rights.commands.sorted()
        // A command that has another name there has its own in rules.
        let config = settings.options.configCommand ?? "CONFIG"
        let serverNames = names.map { $0 == "CONFIG GET" ? "\(config) GET" : $0 }
        let question = Capabilities.question(about: serverNames, of: server)
        let entries = try? await connection.run([question], until: deadline).array(question)
        let missing: [String]
        if let entries {
            missing = zip(names, entries).filter { $0.1.elements.isEmpty }.map(\.0)
        } else {
            missing = await unknown(Array(zip(names, serverNames)), until: deadline)
        }
        var known = rights
        known.commands.subtract(missing)
        return known
    }

    /// Those of some commands that the server does not know, for a user who may not ask: whether there is such a command a
    /// server says before it looks at its arguments, and at who asks. All of them are harmless without arguments.
    private func unknown(
        _ names: [(name: String, serverName: String)], until deadline: Deadline
    ) async -> [String] {
        // These every server has, and without arguments they tell of everything.
        let asked = names.filter { !["COMMAND INFO", "INFO"].contains($0.name) }.map { name, serverName in
            RedisCommand(name, called: serverName, arguments: [])
        }
        guard let replies = try? await connection.run(asked, until: deadline) else { return [] }
        return asked.filter { command in
            guard case .error(let text) = replies.refusal(of: command) else { return false }
            let sentence = String(decoding: text.prefix(64), as: UTF8.self).lowercased()
            // Before Redis 7, a subcommand that is not known may as well lack its arguments.
            return sentence.hasPrefix("err unknown command") || sentence.hasPrefix("err unknown subcommand '")
        }.map(\.name)
    }

    // MARK: What else is missing

    /// That `CONFIG` is not there by its name.
    private func renamed(_ outcome: ScrapeOutcome) -> Finding? {
        let name = "redis_config"
        let omission = outcome.omissions.first { $0.name == name && $0.reason.reason == .unsupportedVersion }
        guard omission != nil, let command = settings.options.configCommand else { return nil }
        return Finding(
            .mend, "the server has no command \(command == "CONFIG" ? command : "of that name for CONFIG")",
            [
                Remedy(Remedy.flags, "--redis.config-command=<its name>"),
                Remedy(Remedy.flags, "--redis.config-command=-", isAlternative: true),
            ], parts: [name])
    }

    /// Why the server does not take the login.
    private func login(_ outcome: ScrapeOutcome) -> Finding? {
        guard let error = outcome.error, error.remedies.isEmpty else { return nil }
        switch error.reason {
        case .permission:
            let rules = RedisRights(ofConnection: settings.options, on: RedisFacts()).addition(on: RedisFacts())
            let user = (settings.username ?? "default").quotedForRedis
            return Finding(.mend, error.what, [Remedy("redis-cli", "ACL SETUSER \(user) \(rules)")])
        case .authentication where isDefaultUser || settings.password == nil:
            return Finding(
                .mend, "\(error.what); one in the address goes before others",
                [Remedy(Remedy.environment, "REDIS_PASSWORD=<password>")])
        case .authentication:
            return Finding(
                .mend, error.what, [Remedy("redis-cli", "ACL SETUSER \(ownUser.quotedForRedis) on ><password>")])
        case .timeout where settings.tls != nil:
            let remedy = Remedy(nil, "where the port is one without TLS, address it by redis:// in place of rediss://")
            return Finding(.mend, error.what, [remedy])
        // Who sends a server what is no TLS finds the connection closed.
        case .connection
        where settings.tls == nil && !error.what.hasSuffix(SystemError(ECONNREFUSED).description):
            let remedy = Remedy(nil, "where the port is one with TLS, address it by rediss:// in place of redis://")
            return Finding(.mend, error.what, [remedy])
        default: return nil
        }
    }
}
