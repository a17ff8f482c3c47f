import Exposition
public import Scraping

/// One part of what is read from a Redis server: the commands that it takes, and what their replies mean.
///
/// The commands of all collectors go out as one pipeline. A command that several ask for, such as
/// ``RedisCommand/info``, is sent once, and each finds its reply.
protocol RedisCollector: Collector {
    /// What it wants to know; none where nothing of it is configured.
    func commands(_ settings: RedisSettings) -> [RedisCommand]

    /// What the replies to its commands say. A value that cannot be read is left out; it is never 0.
    ///
    /// - Throws: Why it has nothing to say at all.
    func families(_ replies: RedisReplies, _ settings: RedisSettings) throws(CollectorError) -> [MetricFamily]
}

/// The collectors that there are.
public enum RedisCollectors {
    static let all: [any RedisCollector] = [
        InfoCollector(),
        ListsCollector(),
        CeleryCollector(),
    ]

    /// Their names and whether they are on where nobody said anything, in the order of their families on the page.
    public static var catalogue: [any Collector] { all }
}
