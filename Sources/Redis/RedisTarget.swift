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

    let settings: RedisSettings
    private let selection: CollectorSelection
    let enabled: [any RedisCollector]
    let dialer: RedisDialer
    let connection: RedisConnection
    let cluster: RedisCluster
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

            let wanted = enabled.map { $0.commands(server) }
            let replies = try await ask(wanted, of: server, until: scrape.deadline) { facts, role in
                server = facts
                scrapes.withLock { $0.role = role }
                scrape.targetAnswered()
            }
            for (collector, wanted) in zip(enabled, wanted) { deliver(collector, wanted, replies, server, to: scrape) }
            connection.learn(server)
            _ = try replies.text(.info)
            try replies.check()
        } catch {
            scrape.targetFailed(error)
        }
    }

    /// Asks for everything that collectors want, and for what they want to know when they have seen that.
    ///
    /// - Parameters:
    ///   - wanted: What each collector wants first.
    ///   - answered: Called when the server has said what it is, with its role.
    func ask(
        _ wanted: [[RedisCommand]], of server: RedisFacts, until deadline: Deadline,
        answered: (RedisFacts, String?) -> Void = { _, _ in }
    ) async throws(CollectorError) -> RedisReplies {
        var server = server
        var replies = RedisReplies()
        // INFO is what tells that the server is up, whatever else is asked for.
        try await ask([.info] + wanted.joined(), &replies, until: deadline)
        if let info = try? replies.info {
            server = RedisFacts(info)
            answered(server, info["role"]?.text)
        }
        for _ in 1..<Self.maximumTrips {
            let further = zip(enabled, wanted).flatMap { collector, wanted in
                wanted.isEmpty ? [] : collector.furtherCommands(replies, server)
            }
            guard try await ask(further, &replies, until: deadline) else { break }
        }
        return replies
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
