import Exposition
import Scraping

/// What the status page knows of a target: numbers, a few names, and why something is missing.
struct TargetRecord: Sendable {
    /// The most series of recent values.
    static let seriesLimit = 40
    /// The most failures, and the most omissions, that are kept.
    static let reasonLimit = 20

    /// How the last scrape went.
    struct LastScrape: Sendable {
        let moment: ContinuousClock.Instant
        let isUp: Bool
        let error: CollectorError?
        let duration: Duration
        let series: Int
        /// Collectors that failed though the target is up, and why.
        let failures: [(name: String, error: CollectorError)]
        let failureCount: Int
        /// What was left out for a reason that can be mended.
        let omissions: [(name: String, error: CollectorError)]
        let omissionCount: Int
    }

    /// A row of a table.
    struct Row: Sendable {
        let name: Ranking.RowName
        var values: FigureValues
    }

    /// What is kept of a table.
    struct Table: Sendable {
        /// Those that are shown and some that were, by what their samples have in common.
        var rows: [Labels: Row] = [:]
        /// Those that are shown, in their order.
        var shown: [Labels] = []
        /// How many there are that could be shown.
        var count = 0
        /// Whether there are any, however full.
        var isEmpty = true
    }

    /// Which target it is: another of the same name starts anew.
    let identity: ObjectIdentifier
    let kind: KindOfTarget
    private(set) var last: LastScrape
    private(set) var figures: FigureValues
    private(set) var tables: [Table]

    init(
        _ target: any Target, _ outcome: ScrapeOutcome, _ families: [MetricFamily],
        at time: (step: Int, moment: ContinuousClock.Instant), seriesLeft: Int
    ) {
        identity = Self.identity(of: target)
        kind = KindOfTarget.of(type(of: target).kind)
        figures = FigureValues(at: time.step)
        tables = kind.rankings.map { _ in Table() }
        last = LastScrape(outcome, series: 0, at: time.moment)
        take(outcome, families, at: time, seriesLeft: seriesLeft)
    }

    static func identity(of target: any Target) -> ObjectIdentifier { ObjectIdentifier(target) }

    /// How many series of recent values there are.
    var seriesCount: Int {
        figures.recent.count
            + tables.reduce(0) { $0 + $1.rows.values.reduce(0) { $0 + $1.values.recent.count } }
    }

    /// - Parameter seriesLeft: How many series more there may be of all targets.
    mutating func take(
        _ outcome: ScrapeOutcome, _ families: [MetricFamily],
        at time: (step: Int, moment: ContinuousClock.Instant), seriesLeft: Int
    ) {
        let delivery = Delivery(families, of: kind)
        last = LastScrape(outcome, series: delivery.series, at: time.moment)
        var left = min(seriesLeft, Self.seriesLimit - seriesCount)
        func mayGrow() -> Bool {
            left -= 1
            return left >= 0
        }
        if outcome.isUp {
            figures.take(
                kind.figures, at: time, number: delivery.number, parts: delivery.parts, mayGrow: mayGrow)
        } else {
            figures.forget(at: time.step)
        }
        for index in kind.rankings.indices {
            tables[index].take(kind.rankings[index], delivery, at: time, mayGrow: mayGrow)
        }
    }
}

extension TargetRecord.Table {
    /// How many rows are kept that are no longer shown, in case they are again.
    private static let spare = 4
    /// The most characters of a row's name that are kept.
    private static let nameLimit = 80

    fileprivate mutating func take(
        _ ranking: Ranking, _ delivery: Delivery, at time: (step: Int, moment: ContinuousClock.Instant),
        mayGrow: () -> Bool
    ) {
        var (found, count) = delivery.rows(ranking)
        isEmpty = count == 0
        let numbers = delivery.numbers(ranking.columns.flatMap(\.selections), in: found)
        if let minimum = ranking.minimumShare, let first = ranking.columns.first {
            let shares = found.map { row in
                let value = { numbers[row]?[$0] }
                let limit = first.limit?.number(value: value, growth: { _ in nil }) ?? 0
                return limit > 0 ? (first.reading.number(value: value, growth: { _ in nil }) ?? 0) / limit : 0
            }
            let full = zip(found, shares).filter { $0.1 >= minimum }.sorted { $0.1 > $1.1 }
            count = full.count
            found = full.prefix(ranking.count).map(\.0)
        }
        self.count = count
        shown = found
        for row in found {
            rows[row] =
                rows[row]
                ?? .init(name: ranking.name(row).shortened(to: Self.nameLimit), values: FigureValues(at: time.step))
            rows[row]?.values.take(
                ranking.columns, at: time, number: { numbers[row]?[$0] }, parts: { _ in [] }, mayGrow: mayGrow)
        }
        let gone = rows.filter { $0.value.values.last < time.step && !shown.contains($0.key) }
            .sorted { $0.value.values.last > $1.value.values.last }
        for (position, row) in gone.enumerated()
        where position >= Self.spare || row.value.values.last <= time.step - RecentValues.capacity {
            rows[row.key] = nil
        }
    }
}

extension Ranking.RowName {
    fileprivate func shortened(to limit: Int) -> Self {
        .init(name: name.shortened(to: limit), place: place.shortened(to: limit))
    }
}

extension TargetRecord.LastScrape {
    fileprivate init(_ outcome: ScrapeOutcome, series: Int, at moment: ContinuousClock.Instant) {
        let failures =
            outcome.isUp
            ? outcome.collectors.compactMap { collector in collector.error.map { (collector.name, $0) } } : []
        self.init(
            moment: moment, isUp: outcome.isUp, error: outcome.error, duration: outcome.duration, series: series,
            failures: Array(failures.prefix(TargetRecord.reasonLimit)), failureCount: failures.count,
            omissions: outcome.omissions.prefix(TargetRecord.reasonLimit).map { ($0.name, $0.reason) },
            omissionCount: outcome.omissions.count)
    }
}
