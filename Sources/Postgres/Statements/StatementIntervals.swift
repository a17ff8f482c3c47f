import Exposition
import Scraping

/// What statements did between two reads, by the difference of their counts.
///
/// An interval ends with the first read that comes ``PostgresOptions/Statements/shortestInterval`` after its beginning or
/// later; a read before that repeats the last one. So whoever scrapes, intervals follow on one another without gaps, and
/// two that scrape in turn see the same whole intervals where that time is more than half of theirs.
struct StatementIntervals: Sendable {
    private let options: PostgresOptions.Statements
    /// The read that the next interval begins with.
    private var base: Base?
    /// The statements that stand by themselves, and when each was last among the first.
    private var ranked: [StatementKey: ContinuousClock.Instant] = [:]
    /// Calls of slow statements since the exporter started, by database and threshold.
    private var slowCalls: [String: [Double]] = [:]
    /// The last interval that ended; `nil` where there is none yet.
    private(set) var latest: Interval?

    private struct Base {
        let time: ContinuousClock.Instant
        let origin: StatementRead.Origin
        let reset: Double?
        let counts: [StatementKey: StatementCounts]
    }

    struct Interval: Sendable {
        let seconds: Double
        /// The statements that stand by themselves, by user, database and id.
        var shown: [(labels: Labels, counts: StatementCounts)] = []
        /// The others of each database.
        var others: [String: StatementCounts] = [:]
        /// How many statements of each database were slow, by threshold.
        var slow: [String: [Double]] = [:]
    }

    init(_ options: PostgresOptions.Statements) {
        self.options = options
    }

    /// How long a statement keeps its series after it was last among the first.
    static let patience = Duration.seconds(300)

    /// The statements that stand by themselves.
    var shown: Set<StatementKey> { Set(ranked.keys) }

    /// Takes a read, which ends an interval unless it comes too soon.
    mutating func update(with read: StatementRead, at now: ContinuousClock.Instant) {
        let names = Set(read.databases.values)
        let zeros = options.slowThresholds.map { _ in 0.0 }
        slowCalls = Dictionary(uniqueKeysWithValues: names.map { ($0, slowCalls[$0] ?? zeros) })
        if let base, base.origin == read.origin {
            let length = base.time.duration(to: now)
            guard length >= options.shortestInterval else { return }
            latest = interval(of: length.seconds, from: base, to: read, at: now)
        } else {
            latest = nil
        }
        base = Base(time: now, origin: read.origin, reset: read.reset, counts: read.counts)
    }

    private mutating func interval(
        of seconds: Double, from base: Base, to read: StatementRead, at now: ContinuousClock.Instant
    ) -> Interval {
        let isReset = base.reset != nil && read.reset != nil && base.reset != read.reset
        let earlier = isReset ? [:] : base.counts
        var active: [(key: StatementKey, counts: StatementCounts)] = []
        for (key, counts) in read.counts {
            let counts = counts.since(earlier[key])
            if counts.calls > 0 { active.append((key, counts)) }
        }
        active.sort { ($0.counts.seconds, $1.key) > ($1.counts.seconds, $0.key) }
        rank(active.map(\.key), at: now)

        var interval = Interval(seconds: seconds)
        for name in read.databases.values {
            interval.others[name] = StatementCounts.zero
            interval.slow[name] = options.slowThresholds.map { _ in 0 }
        }
        var shown: [StatementKey: StatementCounts] = [:]
        for key in ranked.keys where read.counts[key] != nil { shown[key] = StatementCounts.zero }
        for (key, counts) in active {
            let database = read.names(of: key).database
            if shown[key] == nil { interval.others[database]? += counts } else { shown[key] = counts }
            // Of what has no id it is not known how many statements it is.
            guard key.query != 0 else { continue }
            for (index, threshold) in options.slowThresholds.enumerated()
            where counts.seconds / counts.calls > threshold {
                interval.slow[database]?[index] += 1
                slowCalls[database]?[index] += counts.calls
            }
        }
        for key in read.sorted(shown.keys) {
            interval.shown.append((read.labels(of: key), shown[key] ?? .zero))
        }
        return interval
    }

    /// Decides who stands by themselves, such that series do not come and go with every interval.
    ///
    /// A statement comes in among the first ``PostgresOptions/Statements/intervalLimit``. It stays while it is among twice
    /// as many, and until it has not been for five minutes; and never more than thrice as many stay, the latest ranked.
    private mutating func rank(_ keys: [StatementKey], at now: ContinuousClock.Instant) {
        let limit = options.intervalLimit
        for (rank, key) in keys.prefix(2 * limit).enumerated() where rank < limit || ranked[key] != nil {
            ranked[key] = now
        }
        ranked = ranked.filter { $0.value.duration(to: now) <= Self.patience }
        guard ranked.count > 3 * limit else { return }
        let latest = ranked.sorted { ($0.value, $1.key) > ($1.value, $0.key) }
        ranked = Dictionary(uniqueKeysWithValues: latest.prefix(3 * limit).map { ($0.key, $0.value) })
    }
}

// MARK: Families

extension StatementIntervals {
    /// The families of the last interval, and the calls of slow statements counted so far.
    var families: [MetricFamily] {
        var length = MetricFamily(Descriptors.duration)
        var means = MetricFamily(Descriptors.mean)
        var calls = MetricFamily(Descriptors.calls)
        var seconds = MetricFamily(Descriptors.seconds)
        var slow = MetricFamily(Descriptors.slow)
        var slowCalls = MetricFamily(Descriptors.slowCalls)
        if let latest {
            length.append(latest.seconds)
            let others = latest.others.sorted { $0.key < $1.key }.map { name, counts in
                (labels: ["user": "", "datname": name, "queryid": "other"] as Labels, counts: counts)
            }
            for (labels, counts) in latest.shown + others {
                if counts.calls > 0 { means.append(counts.seconds / counts.calls, labels) }
                calls.append(counts.calls, labels)
                seconds.append(counts.seconds, labels)
            }
            append(latest.slow, to: &slow)
        }
        append(self.slowCalls, to: &slowCalls)
        return [length, means, calls, seconds, slow, slowCalls]
    }

    private func append(_ values: [String: [Double]], to family: inout MetricFamily) {
        for (name, values) in values.sorted(by: { $0.key < $1.key }) {
            for (threshold, value) in zip(options.slowThresholds, values) {
                let label = Int(exactly: threshold).map(String.init) ?? "\(threshold)"
                family.append(value, ["datname": name, "threshold": label])
            }
        }
    }

    /// What ``families`` may have.
    static let metrics =
        [
            CatalogueEntry(Descriptors.duration, source: source)
        ]
        + [Descriptors.mean, Descriptors.calls, Descriptors.seconds].map {
            CatalogueEntry($0, labels: ["user", "datname", "queryid"], source: source)
        }
        + [Descriptors.slow, Descriptors.slowCalls].map {
            CatalogueEntry($0, labels: ["datname", "threshold"], source: source)
        }

    private static let source = "pg_stat_statements(false)"

    private enum Descriptors {
        static let duration = MetricDescriptor(
            "pg_stat_statements_interval_duration_seconds", .gauge,
            """
            How long the interval was that the other interval metrics are of: the time between the last two reads that were \
            at least the shortest interval apart. Absent until there are two.
            """)
        static let mean = MetricDescriptor(
            "pg_stat_statements_interval_mean_exec_seconds", .gauge,
            """
            Mean execution time of the statement in the interval, absent where it did not run. Statements with the most time \
            in the interval stand by themselves; queryid "other" is all others of the database together.
            """)
        static let calls = MetricDescriptor(
            "pg_stat_statements_interval_calls", .gauge, "How often the statement ran in the interval.")
        static let seconds = MetricDescriptor(
            "pg_stat_statements_interval_seconds", .gauge, "Seconds spent executing the statement in the interval.")
        static let slow = MetricDescriptor(
            "pg_slow_statements", .gauge,
            """
            How many statements had a mean execution time of more than the threshold (seconds) in the interval, each role's \
            counted apart.
            """)
        static let slowCalls = MetricDescriptor(
            "pg_slow_statement_calls_total", .counter,
            """
            Calls of statements in intervals in which their mean execution time was more than the threshold (seconds), added \
            up since the exporter started. A single slow call of a statement that is fast on the whole is not among them.
            """)
    }
}
