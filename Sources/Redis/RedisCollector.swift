import Exposition
public import Scraping

/// One part of what is read from a Redis server: the commands that it takes, and what their replies mean.
///
/// The commands of all collectors go out as one pipeline. A command that several ask for, such as
/// ``RedisCommand/info``, is sent once, and each finds its reply. One that compares a scrape with the one before, or keeps
/// what it found in the background, is a class with a mutex.
protocol RedisCollector: Collector {
    /// Whether it reads what somebody named, so that it is an error, and not just left out, where we may not.
    var readsWhatWasNamed: Bool { get }

    /// What it wants to know; none where there is nothing to collect: nothing is configured, or the server has no such thing.
    func commands(_ server: RedisFacts) -> [RedisCommand]

    /// What else it has to ask now that some replies are there; none as a rule, since it takes another round trip. Called
    /// again with the replies to that.
    func furtherCommands(_ replies: RedisReplies, _ server: RedisFacts) -> [RedisCommand]

    /// What a user has to be allowed for all that it asks on such a server: for ``commands(_:)``,
    /// ``furtherCommands(_:_:)`` and ``look(_:)``, and for nothing that is not configured. What every connection needs is
    /// not among it.
    func rights(_ server: RedisFacts) -> RedisRights

    /// What the replies to its commands say. A value that cannot be read is left out; it is never 0.
    ///
    /// - Throws: Why it has nothing to say at all.
    func families(_ replies: RedisReplies, _ server: RedisFacts) throws(CollectorError) -> [MetricFamily]

    /// The same, with what only some collectors have to add: why a part is missing, how old it is.
    func result(_ replies: RedisReplies, _ server: RedisFacts) -> CollectorResult

    /// Looks between scrapes for what cannot be asked for directly, the names of keys above all, and keeps what it finds.
    ///
    /// Called in rounds while the target is scraped, never twice at a time. What it throws is logged and tried again.
    func look(_ server: RedisBackground) async throws(CollectorError)

    /// Connections of its own that are open.
    var openConnections: Int { get }

    /// Closes what it has opened.
    func shutdown() async
}

extension RedisCollector {
    var readsWhatWasNamed: Bool { false }
    func furtherCommands(_ replies: RedisReplies, _ server: RedisFacts) -> [RedisCommand] { [] }
    func families(_ replies: RedisReplies, _ server: RedisFacts) throws(CollectorError) -> [MetricFamily] { [] }
    func look(_ server: RedisBackground) async throws(CollectorError) {}
    var openConnections: Int { 0 }
    func shutdown() async {}

    func result(_ replies: RedisReplies, _ server: RedisFacts) -> CollectorResult {
        do throws(CollectorError) {
            return CollectorResult(families: try families(replies, server))
        } catch {
            return CollectorResult(error: error)
        }
    }
}

/// The collectors that there are.
public enum RedisCollectors {
    /// New ones for one target.
    static func all(_ settings: RedisSettings) -> [any RedisCollector] {
        let events = CeleryEventsCollector(settings)
        return [
            InfoCollector(settings.options),
            HitRatioCollector(),
            LatencyCollector(),
            LatencyHistogramCollector(),
            SlowlogCollector(),
            CommandlogCollector(settings.options),
            ConfigurationCollector(settings.options),
            ConfigurationValuesCollector(settings.options),
            ClientsCollector(settings.options),
            RDBFileCollector(settings),
            ModulesCollector(),
            SearchCollector(settings),
            ScriptsCollector(settings),
            SentinelCollector(settings),
            SentinelConfigurationCollector(settings),
            Tile38Collector(),
            KeysCollector(settings),
            KeyCountsCollector(settings),
            KeyGroupsCollector(settings),
            StreamsCollector(settings),
            PlainQueuesCollector(settings),
            CeleryCollector(settings, sentTime: events.sentTime),
            events,
            RQCollector(settings),
            SidekiqCollector(settings),
            BullMQCollector(settings),
            ResqueCollector(settings),
        ]
    }

    /// Their names and whether they are on where nobody said anything, in the order of their families on the page.
    public static let catalogue: [any Collector] = all(RedisSettings(name: "", address: .unix(path: "")))
}
