public import Exposition
import Synchronization

/// One scrape of one target: its deadline, and the place where collectors deliver.
///
/// When the deadline passes, the gather takes what is there; what comes later is dropped. So nothing that a target does,
/// or fails to do, can hold up a page or change it afterwards.
public final class Scrape: Sendable {
    /// When the gather takes what is there.
    public let deadline: Deadline
    private let start = ContinuousClock.now
    private let state = Mutex(State())

    private struct State {
        var isUp = false
        var failure: CollectorError?
        var end: ContinuousClock.Instant?
        var skipped: [String: CollectorError?] = [:]
        var omissions: [ScrapeOutcome.Omission] = []
        var results: [String: CollectorResult] = [:]
    }

    /// A scrape that starts now.
    public init(until deadline: Deadline) {
        self.deadline = deadline
    }

    /// Says that the target has answered.
    public func targetAnswered() {
        state.withLock { $0.isUp = true }
    }

    /// Whether anything has come from the target.
    public var hasAnswer: Bool {
        state.withLock { $0.isUp }
    }

    /// Says that the target as a whole cannot be scraped: every collector that has not delivered fails for this reason.
    public func targetFailed(_ error: CollectorError) {
        state.withLock { if $0.failure == nil { $0.failure = error } }
    }

    /// Leaves a collector out: the target has nothing that it could collect.
    ///
    /// - Parameter reason: What the target lacks and how to mend it, for the log to say once.
    public func skip(_ collector: String, because reason: CollectorError? = nil) {
        state.withLock { _ = $0.skipped.updateValue(reason, forKey: collector) }
    }

    /// Says that a part of the target is left out, for the log to say once.
    public func leaveOut(_ part: String, because reason: CollectorError) {
        state.withLock { $0.omissions.append(.init(name: part, reason: reason)) }
    }

    /// Hands in what a collector made, all of it or the reason why there is nothing.
    ///
    /// - Parameter duration: The collector's own work, without waiting for others.
    public func deliver(
        _ collector: String,
        took duration: Duration,
        _ families: Result<[MetricFamily], CollectorError>
    ) {
        switch families {
        case .success(let families): deliver(collector, CollectorResult(families: families, duration: duration))
        case .failure(let error): deliver(collector, CollectorResult(duration: duration, error: error))
        }
    }

    /// Hands in what a collector made, which may be of several parts, some of them failed and some older than this scrape.
    public func deliver(_ collector: String, _ result: CollectorResult) {
        state.withLock { $0.results[collector] = result }
    }

    /// Runs a collector's work and hands in what it returns or throws.
    public func deliver(_ collector: String, _ work: () throws(CollectorError) -> [MetricFamily]) {
        let start = ContinuousClock.now
        let families: Result<[MetricFamily], CollectorError>
        do {
            families = .success(try work())
        } catch {
            families = .failure(error)
        }
        deliver(collector, took: start.duration(to: .now), families)
    }

    /// Says that the target has returned, so that the scrape's duration is known.
    func finish() {
        state.withLock { $0.end = .now }
    }

    /// The names of the families that each collector has delivered up to now.
    var delivered: [String: [String]] {
        state.withLock { $0.results.mapValues { $0.families.map(\.descriptor.name) } }
    }

    /// What has been delivered up to now. A collector that has not delivered failed as its target did, or is late.
    func harvest(_ collectors: [String]) -> (outcome: ScrapeOutcome, families: [MetricFamily]) {
        let state = state.withLock { $0 }
        let missing =
            state.failure
            ?? (state.end == nil
                ? CollectorError(.timeout, "no answer within the scrape's time limit")
                : CollectorError(.internal, "the target ended its scrape without running this collector"))
        var families: [MetricFamily] = []
        var outcomes: [ScrapeOutcome.CollectorOutcome] = []
        var omissions = state.omissions
        for name in collectors {
            if let reason = state.skipped[name] {
                if let reason { omissions.append(.init(name: name, reason: reason)) }
            } else if let result = state.results[name] {
                families += result.families
                outcomes.append(.init(name: name, duration: result.duration, age: result.age, error: result.error))
            } else {
                outcomes.append(.init(name: name, duration: .zero, age: nil, error: missing))
            }
        }
        let isLate = state.end == nil
        let outcome = ScrapeOutcome(
            // A target that answered and then was late with the rest is slow, not down.
            isUp: state.isUp && (state.failure == nil || state.failure?.reason == .timeout),
            error: state.failure ?? (isLate && !state.isUp ? missing : outcomes.lazy.compactMap(\.error).first),
            duration: start.duration(to: state.end ?? .now),
            collectors: outcomes,
            omissions: omissions
        )
        return (outcome, families)
    }
}
