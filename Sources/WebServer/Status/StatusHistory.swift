public import Exposition
public import Scraping
import Synchronization

/// What the status page remembers of scrapes: of each target the last one, and a few numbers of the last quarter of an
/// hour.
public final class StatusHistory: ScrapeObserver {
    /// The most series of recent values of all targets together.
    static let seriesLimit = 200

    private let start = ContinuousClock.now
    private let records = Mutex<[String: TargetRecord]>([:])

    /// Nothing has been scraped yet.
    public init() {}

    /// Takes of a scrape what the page shows.
    public func scraped(_ target: any Target, _ outcome: ScrapeOutcome, _ families: [MetricFamily]) {
        scraped(target, outcome, families, at: .now)
    }

    func scraped(
        _ target: any Target, _ outcome: ScrapeOutcome, _ families: [MetricFamily], at moment: ContinuousClock.Instant
    ) {
        let time = (step: step(at: moment), moment: moment)
        records.withLock { records in
            let left = Self.seriesLimit - records.values.reduce(0) { $0 + $1.seriesCount }
            if records[target.name]?.identity == TargetRecord.identity(of: target) {
                records[target.name]?.take(outcome, families, at: time, seriesLeft: left)
            } else {
                records[target.name] = TargetRecord(target, outcome, families, at: time, seriesLeft: left)
            }
        }
    }

    /// What is known of some targets; others are forgotten.
    func records(of targets: [any Target]) -> [String: TargetRecord] {
        let names = Set(targets.map(\.name))
        return records.withLock { records in
            for name in Set(records.keys).subtracting(names) { records[name] = nil }
            return records
        }
    }

    /// When each target was scraped last.
    func lastScrapes() -> [String: ContinuousClock.Instant] {
        records.withLock { $0.mapValues(\.last.moment) }
    }

    /// The number of the step that a moment is in.
    func step(at moment: ContinuousClock.Instant) -> Int {
        Int(start.duration(to: moment) / RecentValues.step)
    }
}
