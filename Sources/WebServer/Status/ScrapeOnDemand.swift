public import Scraping
import Synchronization

/// Scrapes for somebody who looks at the status page where nobody else does: without a Prometheus the page would have
/// nothing to show.
public final class ScrapeOnDemand: Sendable {
    /// Within this time of the last scrape nothing is done.
    static let freshness = Duration.seconds(20)
    /// A target that was scraped longer ago is scraped though others were just now: nobody else does it.
    static let patience = Duration.seconds(120)
    /// From one scrape to the next, however many look at the page.
    static let interval = Duration.seconds(10)
    /// How long a scrape may take.
    static let timeout = Duration.seconds(5)
    /// How long the page waits for it; what has come by then is shown.
    static let wait = Duration.seconds(3)

    private let gatherer: Gatherer
    private let history: StatusHistory
    private let last = Mutex<(start: ContinuousClock.Instant, done: Signal)?>(nil)

    /// - Parameter history: The gatherer's observer.
    public init(_ gatherer: Gatherer, history: StatusHistory) {
        self.gatherer = gatherer
        self.history = history
    }

    /// Returns when what is known is fresh, or as fresh as it becomes within ``wait``.
    public func refresh() async {
        let targets = gatherer.targets.map(\.name)
        let isStale = Self.isStale(targets, history.lastScrapes(), at: .now)
        let (done, isNew) = last.withLock { last -> (Signal?, Bool) in
            // Whoever comes while it runs waits for it too.
            if let last, last.start.duration(to: .now) < Self.interval { return (last.done, false) }
            guard isStale else { return (nil, false) }
            let done = Signal()
            last = (.now, done)
            return (done, true)
        }
        guard let done else { return }
        if isNew {
            Task {
                _ = await gatherer.page(within: Self.timeout)
                done.fire()
            }
        }
        await done.wait(until: Deadline(after: Self.wait))
    }

    /// Whether the page would show what is too old.
    static func isStale(
        _ targets: [String], _ lastScrapes: [String: ContinuousClock.Instant], at moment: ContinuousClock.Instant
    ) -> Bool {
        let ages = targets.map { lastScrapes[$0]?.duration(to: moment) }
        guard let newest = ages.compactMap(\.self).min(), newest < freshness else { return !targets.isEmpty }
        return ages.contains { $0.map { $0 >= patience } ?? true }
    }
}
