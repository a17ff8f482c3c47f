import Exposition
import Lab
import NIOPosix
import Testing

@testable import Redis
@testable import Scraping

extension RedisTarget {
    convenience init(_ settings: RedisSettings) {
        self.init(settings, group: MultiThreadedEventLoopGroup.singleton)
    }

    /// A target with lists to look at.
    convenience init(port: Int, lists: [RedisKey] = [], _ change: (inout RedisSettings) -> Void = { _ in }) {
        var settings = RedisSettings(name: "test", address: .tcp(host: "127.0.0.1", port: port))
        settings.queues.lists = lists.map { .init($0) }
        change(&settings)
        self.init(settings)
    }

    /// One scrape as the gather does it, without the gather's own patience.
    func scrape(
        within timeout: Duration = .seconds(20)
    ) async -> (outcome: ScrapeOutcome, series: [String: Double]) {
        let scrape = Scrape(until: Deadline(after: timeout))
        await run(scrape)
        scrape.finish()
        let (outcome, families) = scrape.harvest(collectors)
        return (outcome, (families + status(of: outcome)).series)
    }
}

extension ScrapeOutcome {
    /// How a collector failed.
    func error(of collector: String) -> CollectorError? {
        collectors.first { $0.name == collector }?.error
    }
}
