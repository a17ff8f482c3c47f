public import Exposition
public import NIOCore
public import Scraping
import Synchronization

/// A Redis or Valkey server.
public final class RedisTarget: Target {
    /// `redis`
    public static let kind = "redis"

    /// As in ``RedisSettings/name``.
    public var name: String { settings.name }
    /// Of those asked for, the ones that there are.
    public let collectors: [String]

    private let settings: RedisSettings
    private let selection: CollectorSelection
    private let enabled: [any RedisCollector]
    private let dialer: RedisDialer
    let connection: RedisConnection
    private let cluster: RedisCluster
    private let rounds: RedisRounds
    private let presentation: RedisPresentation
    private let scrapes = Mutex(Scrapes())

    private struct Scrapes {
        var started = 0
        var ended: UInt64 = 0
        var duration = Duration.zero
        /// What the server said of itself in the scrape that was begun last.
        var role: String?
        /// `nil` where the scrape had no ping.
        var ping: Duration?
    }

    /// How many round trips a scrape may take: one for nearly everything, one for what has to be known first, and one more.
    private static let maximumTrips = 3
    /// How much of its time the first scrape may wait for names to be found.
    private static let patience = 0.25

    /// - Parameters:
    ///   - selection: Which collectors run.
    ///   - group: Where the connection lives; it must outlast the target.
    public init(
        _ settings: RedisSettings, collectors selection: CollectorSelection = CollectorSelection(),
        group: any EventLoopGroup
    ) {
        self.settings = settings
        self.selection = selection
        enabled = RedisCollectors.all(settings).filter(selection.isEnabled)
        self.collectors = enabled.map(\.name)
        dialer = RedisDialer(settings, group: group)
        connection = RedisConnection(dialer)
        cluster = RedisCluster(connection, dialer)
        rounds = RedisRounds(enabled, interval: settings.keys.searchInterval)
        presentation = RedisPresentation(settings.options)
    }

    /// One as a rule, one to each further node of a cluster, and those of collectors that have to have their own.
    public var openConnections: Int? {
        cluster.openConnections + enabled.reduce(0) { $0 + $1.openConnections }
    }

    /// `host:port` of all nodes of the cluster, those that are down among them, as far as they are known; none where the
    /// server is no cluster's node. They are looked up every half minute while the target is scraped.
    public var nodes: [String] {
        cluster.addresses(byName: settings.options.findsNodesByName).map(\.description)
    }

    /// The same, looked up where they are not known yet.
    public func nodes(until deadline: Deadline) async -> [String] {
        if nodes.isEmpty, (try? await connection.facts(until: deadline)) != nil {
            try? await cluster.refresh(until: deadline)
        }
        return nodes
    }

    /// Sends the commands of all collectors in one piece and delivers what comes back.
    public func run(_ scrape: Scrape) async {
        let start = ContinuousClock.now
        scrapes.withLock { scrapes in
            scrapes.started += 1
            scrapes.role = nil
            scrapes.ping = nil
        }
        defer {
            let duration = start.duration(to: .now)
            scrapes.withLock { scrapes in
                scrapes.ended += 1
                scrapes.duration += duration
            }
        }
        do throws(CollectorError) {
            var server = try await connection.facts(until: scrape.deadline)
            if settings.options.pings {
                let ping = try await connection.ping(until: scrape.deadline)
                scrapes.withLock { $0.ping = ping }
            }
            let firstRound = rounds.begin(RedisBackground(facts: server, cluster: cluster, dialer: dialer))
            await firstRound?.wait(until: scrape.deadline.limited(to: scrape.deadline.remaining * Self.patience))

            var replies = RedisReplies()
            // INFO is what tells that the server is up, whatever else is asked for.
            let wanted = enabled.map { $0.commands(server) }
            try await ask([.info] + wanted.joined(), &replies, until: scrape.deadline)
            if let info = try? replies.info {
                server = RedisFacts(info)
                scrapes.withLock { $0.role = info["role"]?.text }
                scrape.targetAnswered()
            }
            for _ in 1..<Self.maximumTrips {
                let further = zip(enabled, wanted).flatMap { collector, wanted in
                    wanted.isEmpty ? [] : collector.furtherCommands(replies, server)
                }
                guard try await ask(further, &replies, until: scrape.deadline) else { break }
            }
            for (collector, wanted) in zip(enabled, wanted) { deliver(collector, wanted, replies, server, to: scrape) }
            connection.learn(server)
            _ = try replies.text(.info)
            try replies.check()
        } catch {
            scrape.targetFailed(error)
        }
    }

    /// Sends what has no reply yet.
    ///
    /// - Returns: Whether there was anything to send, and there may be more.
    @discardableResult
    private func ask(
        _ wanted: [RedisCommand], _ replies: inout RedisReplies, until deadline: Deadline
    ) async throws(CollectorError) -> Bool {
        var commands: [RedisCommand] = []
        var known: Set<RedisCommand> = []
        for command in wanted where !replies.has(command) && known.insert(command).inserted {
            commands.append(command)
        }
        guard !commands.isEmpty else { return false }
        do throws(CollectorError) {
            replies.add(try await cluster.run(commands, until: deadline))
        } catch {
            replies.add(RedisReplies(failure: error))
        }
        return (try? replies.check()) != nil
    }

    private func deliver(
        _ collector: any RedisCollector, _ wanted: [RedisCommand], _ replies: RedisReplies, _ server: RedisFacts,
        to scrape: Scrape
    ) {
        // The server has nothing of the kind, or nobody named anything.
        guard !wanted.isEmpty else { return scrape.skip(collector.name) }
        let start = ContinuousClock.now
        var result = collector.result(replies, server)
        result.duration += start.duration(to: .now)
        if let error = result.error, error.reason == .permission || error.reason == .unsupportedVersion,
            !collector.readsWhatWasNamed, !selection.isRequested(collector)
        {
            guard !result.families.allSatisfy(\.samples.isEmpty) else {
                return scrape.skip(collector.name, because: error)
            }
            scrape.leaveOut(collector.name, because: error)
            result.error = nil
        }
        if let error = rounds.failures[collector.name] { result.error = result.error ?? error }
        result.families = presented(result.families)
        scrape.deliver(collector.name, result)
    }

    private func presented(_ families: [MetricFamily]) -> [MetricFamily] {
        presentation.apply(to: families, role: scrapes.withLock { $0.role })
    }

    /// Whether the server answered, and the exporter's own figures, as redis_exporter has them.
    public func status(of outcome: ScrapeOutcome) -> [MetricFamily] {
        let scrapes = scrapes.withLock { $0 }
        let error = outcome.isUp ? nil : outcome.error?.reason ?? .internal
        var families = [
            MetricFamily(Self.up.descriptor, outcome.isUp ? 1 : 0),
            MetricFamily(Self.scrapesTotal.descriptor, Double(scrapes.started)),
            {
                var family = MetricFamily(Self.scrapeDuration.descriptor)
                family.append(Summary(quantiles: [], count: scrapes.ended, sum: scrapes.duration.seconds))
                return family
            }(),
            MetricFamily(Self.lastScrapeDuration.descriptor, outcome.duration.seconds),
            MetricFamily(Self.lastConnectDuration.descriptor, connection.connectDuration.seconds),
            MetricFamily(Self.lastScrapeError.descriptor, error == nil ? 0 : 1, ["err": error?.rawValue ?? ""]),
        ]
        if let ping = scrapes.ping { families.append(MetricFamily(Self.lastPingDuration.descriptor, ping.seconds)) }
        return presented(families)
    }

    /// Closes the connections. Scrapes fail from now on.
    public func shutdown() async {
        await connection.shutDown()
        await cluster.shutDown()
        await rounds.shutdown()
        for collector in enabled { await collector.shutdown() }
    }

    private static let up = entry(
        "redis_up", .gauge, "Whether the server answered INFO in this scrape, by its deadline.")
    private static let scrapesTotal = entry(
        "redis_exporter_scrapes_total", .counter, "Scrapes of the server that were begun.")
    private static let scrapeDuration = entry(
        "redis_exporter_scrape_duration_seconds", .summary, "Seconds that scrapes of the server took.")
    private static let lastScrapeDuration = entry(
        "redis_exporter_last_scrape_duration_seconds", .gauge, "Seconds that this scrape of the server took.")
    private static let lastConnectDuration = entry(
        "redis_exporter_last_scrape_connect_time_seconds", .gauge,
        "Seconds that this scrape waited for a connection; 0 where the one from before was still open.")
    private static let lastPingDuration = entry(
        "redis_exporter_last_scrape_ping_time_seconds", .gauge,
        "Seconds that the server took to answer the PING at the beginning of this scrape, where one was asked for.")
    private static let lastScrapeError = entry(
        "redis_exporter_last_scrape_error", .gauge,
        "Whether this scrape failed as a whole, with the reason as err; a failure of one collector is not one.",
        labels: ["err"])

    /// `redis_up` and the exporter's own families, as redis_exporter has them.
    public static let statusMetrics = [
        up, scrapesTotal, scrapeDuration, lastScrapeDuration, lastConnectDuration, lastScrapeError, lastPingDuration,
    ]

    private static func entry(
        _ name: String, _ type: MetricType, _ help: String, labels: [String] = []
    ) -> CatalogueEntry {
        CatalogueEntry(MetricDescriptor(name, type, help), labels: labels, source: "the scrape")
    }
}

extension RedisTarget: DiscoversTargets {
    /// The nodes of its cluster, as far as they are known.
    public var discovered: [String] { urls(nodes) }

    /// The nodes of its cluster.
    public func discover(until deadline: Deadline) async -> [String] { urls(await nodes(until: deadline)) }

    private func urls(_ nodes: [String]) -> [String] {
        nodes.map { "\(settings.tls == nil ? "redis" : "rediss")://\($0)" }
    }
}

extension RedisTarget: AdvisesOnAccess {
    /// The command that makes a user with the least rights, and what it does not say.
    public func accessAdvice(until deadline: Deadline) async -> [String] {
        guard let rules = await accessRules(until: deadline) else { return [] }
        var advice = ["the least rights for all that is enabled, with a password of your own:", "  \(rules)"]
        if enabled.contains(where: { $0 is ScriptsCollector }), !settings.options.scripts.isEmpty {
            advice.append("beside them, those that the scripts need for what they do")
        }
        if connection.facts.isCluster { advice.append("each node of the cluster has to have this user") }
        if dialer.sentinels != nil {
            advice += [
                "each sentinel has to let its default user ask for the master:",
                "  ACL SETUSER default +\(RedisSentinels.questionName.aclName)",
            ]
        }
        return advice
    }

    /// The command that makes a user with the least rights for all that is enabled, `ACL SETUSER`, as `redis-cli` takes it,
    /// with a placeholder for the password.
    ///
    /// - Returns: `nil` where the server is down, or has no users, as before Redis 6.
    public func accessRules(until deadline: Deadline) async -> String? {
        guard let server = try? await connection.facts(until: deadline), server.isRedis(6) else { return nil }
        let rights = enabled.reduce(RedisRights(ofConnection: settings.options, on: server)) { rights, collector in
            rights + collector.rights(server)
        }
        let known = await known(rights, on: server, until: deadline)
        // The default user is everybody's.
        let user = settings.username.flatMap { $0 == "default" ? nil : $0 } ?? "stack-exporter"
        return "ACL SETUSER \(user.quotedForRedis) reset on ><password> \(known.rules(on: server))"
    }

    /// The same rights with those commands alone that the server has, by the names that its rules have for them: it takes
    /// no rule for any other.
    private func known(_ rights: RedisRights, on server: RedisFacts, until deadline: Deadline) async -> RedisRights {
        let names = rights.commands.sorted()
        // A command that has another name there has its own in rules.
        let config = settings.options.configCommand ?? "CONFIG"
        let serverNames = names.map { $0 == "CONFIG GET" ? "\(config) GET" : $0 }
        let question = Capabilities.question(about: serverNames, of: server)
        let replies = try? await connection.run([question], until: deadline)
        // Where it does not say, all are taken to be there.
        let entries = (try? replies?.array(question)) ?? []
        let missing = zip(names, entries).filter { $0.1.elements.isEmpty }.map(\.0)
        var known = rights
        known.commands.subtract(missing)
        return known
    }
}
