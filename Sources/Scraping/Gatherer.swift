public import Exposition
public import Logging
import Synchronization

/// What one gather found, ready to be encoded.
public final class Page: Sendable {
    /// Sorted by name; names and series are legal and differ.
    public let families: [MetricFamily]
    private let encoded = Mutex<[String: [UInt8]]>([:])

    init(families: [MetricFamily]) {
        self.families = families
    }

    /// What `make` returns, made once for each key, so that requests that share a gather share its bytes too.
    public func bytes(for key: String, make: () -> [UInt8]) -> [UInt8] {
        encoded.withLock { encoded in
            if let bytes = encoded[key] { return bytes }
            let bytes = make()
            encoded[key] = bytes
            return bytes
        }
    }
}

/// Scrapes all targets at once and makes a page of what they deliver by the deadline.
///
/// - Requests that come while a gather runs join it and share its result; one that has less time left gets what is there
///   when its own time is up.
/// - A gather always ends. A target that does not return is left behind, and left out until it has returned.
/// - A collector that fails is missing from the page, with its reason; everything else is there.
public final class Gatherer: Sendable {
    /// How long after the deadline a target may still say why it has missed it.
    private static let grace = Duration.milliseconds(50)

    private let targets: [any Target]
    private let targetsOfKind: [String: Int]
    private let limits: Limits
    private let selfMetrics: [any SelfMetrics]
    private let log: Logger
    private let state: Mutex<State>

    /// What a gather may take.
    public struct Limits: Sendable {
        /// The longest a gather may last, whatever the request allows.
        public var timeout: Duration = .seconds(10)
        /// How many series one target may have on the page.
        public var seriesPerTarget = 100_000

        /// The limits that hold where nothing is configured.
        public init() {}
    }

    private struct State {
        var running: Gathering?
        /// Targets whose last scrape has not returned.
        var busy: Set<Int> = []
        var gathers = 0
        var shared = 0
        var dropped = DroppedSamples()
        /// How the last scrape of each target went, by its name.
        var outcomes: [String: ScrapeOutcome] = [:]
        /// What was last said in the log of each failing collector, so that it is said once.
        var reported: [String: FailureReason] = [:]
    }

    private final class Gathering: Sendable {
        let scrapes: [Scrape]
        /// Fires when every target has returned.
        let returned = Signal()
        /// Fires when the page is there.
        let done = Signal()
        let page = Mutex<Page?>(nil)
        private let pending: Mutex<Int>

        init(targets: Int, until deadline: Deadline) {
            scrapes = (0..<targets).map { _ in Scrape(until: deadline) }
            pending = Mutex(targets)
            if targets == 0 { returned.fire() }
        }

        func targetReturned() {
            let isLast = pending.withLock { pending in
                pending -= 1
                return pending == 0
            }
            if isLast { returned.fire() }
        }
    }

    /// - Parameters:
    ///   - targets: In the order in which their samples stand within a family.
    ///   - selfMetrics: Further parts of the exporter that tell of themselves, asked at every gather.
    public init(
        targets: [any Target],
        limits: Limits = Limits(),
        selfMetrics: [any SelfMetrics] = [],
        log: Logger
    ) {
        self.targets = targets
        targetsOfKind = targets.reduce(into: [:]) { $0[type(of: $1).kind, default: 0] += 1 }
        self.limits = limits
        self.selfMetrics = selfMetrics
        self.log = log
        state = Mutex(State())
    }

    /// Every family that it tells of itself.
    public static var metrics: [CatalogueEntry] { GatherMetrics.metrics }

    /// A page that is at most `timeout` in the making.
    public func page(within timeout: Duration? = nil) async -> Page {
        let deadline = Deadline(after: min(timeout ?? limits.timeout, limits.timeout))
        let (gathering, isNew) = join(until: deadline)
        if isNew {
            Task { await gather(gathering, until: deadline) }
        }
        // Whoever started the gather waits for the page that is made at the deadline; the second more is never used up
        // unless the machine stands still.
        let patience = isNew ? Deadline(after: deadline.remaining + .seconds(1)) : deadline
        if await gathering.done.wait(until: patience), let page = gathering.page.withLock({ $0 }) {
            return page
        }
        return assemble(gathering, isFinal: false)
    }

    /// The targets' names, and how the last scrape of each went: `nil` before the first.
    public var lastOutcomes: [(name: String, outcome: ScrapeOutcome?)] {
        let outcomes = state.withLock { $0.outcomes }
        return targets.map { ($0.name, outcomes[$0.name]) }
    }

    /// Closes all targets.
    public func shutdown() async {
        await withDiscardingTaskGroup { group in
            for target in targets { group.addTask { await target.shutdown() } }
        }
    }

    private func join(until deadline: Deadline) -> (Gathering, isNew: Bool) {
        state.withLock { state in
            if let running = state.running {
                state.shared += 1
                return (running, false)
            }
            let gathering = Gathering(targets: targets.count, until: deadline)
            state.running = gathering
            state.gathers += 1
            return (gathering, true)
        }
    }

    private func gather(_ gathering: Gathering, until deadline: Deadline) async {
        var tasks: [Task<Void, Never>] = []
        for (index, (target, scrape)) in zip(targets, gathering.scrapes).enumerated() {
            let isBusy = state.withLock { !$0.busy.insert(index).inserted }
            if isBusy {
                scrape.targetFailed(CollectorError(.timeout, "the scrape before this one has not come to an end"))
                gathering.targetReturned()
                continue
            }
            let task = Task {
                await target.run(scrape)
                scrape.finish()
                _ = state.withLock { $0.busy.remove(index) }
                gathering.targetReturned()
            }
            tasks.append(task)
        }
        // Targets end at the deadline by themselves, and then say best what they waited for.
        await gathering.returned.wait(until: Deadline(after: deadline.remaining + Self.grace))
        for task in tasks { task.cancel() }
        let page = assemble(gathering, isFinal: true)
        gathering.page.withLock { $0 = page }
        state.withLock { $0.running = nil }
        gathering.done.fire()
    }

    /// A page of what has been delivered up to now.
    ///
    /// - Parameter isFinal: Whether the gather has ended, and what it dropped and failed is to be counted and logged.
    private func assemble(_ gathering: Gathering, isFinal: Bool) -> Page {
        var assembly = PageAssembly(seriesPerTarget: limits.seriesPerTarget)
        var outcomes: [(target: any Target, outcome: ScrapeOutcome)] = []
        for (target, scrape) in zip(targets, gathering.scrapes) {
            let (outcome, families) = scrape.harvest(target.collectors)
            let isOneOfMany = targetsOfKind[type(of: target).kind, default: 0] > 1
            assembly.add(families + target.status(of: outcome), target: isOneOfMany ? target.name : nil)
            outcomes.append((target, outcome))
        }
        let (gathers, shared, dropped) = state.withLock { state in
            if isFinal {
                state.dropped.add(assembly.dropped)
                for (target, outcome) in outcomes { state.outcomes[target.name] = outcome }
            }
            return (state.gathers, state.shared, state.dropped)
        }
        if isFinal { report(outcomes, dropped: assembly.dropped) }
        assembly.addOwn(
            GatherMetrics.families(outcomes: outcomes, gathers: gathers, shared: shared, dropped: dropped)
                + selfMetrics.flatMap { $0.families() }
        )
        return Page(families: assembly.families)
    }

    /// Says in the log what has begun to fail and what works again, each once.
    private func report(
        _ outcomes: [(target: any Target, outcome: ScrapeOutcome)],
        dropped: DroppedSamples
    ) {
        var failing: [String: (error: CollectorError, level: Logger.Level, metadata: Logger.Metadata)] = [:]
        for (target, outcome) in outcomes {
            if !outcome.isUp, let error = outcome.error {
                failing[target.name] = (error, .warning, ["target": "\(target.name)"])
                continue
            }
            func note(_ collector: String, _ error: CollectorError, _ level: Logger.Level) {
                failing["\(target.name)/\(collector)"] = (
                    error, level, ["target": "\(target.name)", "collector": "\(collector)"]
                )
            }
            for collector in outcome.collectors {
                if let error = collector.error { note(collector.name, error, .warning) }
            }
            for omission in outcome.omissions { note(omission.name, omission.reason, .info) }
        }
        let before = state.withLock { state in
            defer { state.reported = failing.mapValues(\.error.reason) }
            return state.reported
        }
        for (what, failure) in failing.sorted(by: { $0.key < $1.key }) where before[what] != failure.error.reason {
            var metadata = failure.metadata
            metadata["reason"] = "\(failure.error.reason.rawValue)"
            log.log(level: failure.level, "\(failure.error.detail)", metadata: metadata)
        }
        for what in before.keys.sorted() where failing[what] == nil {
            log.info("collecting again", metadata: ["target": "\(what)"])
        }
        if !dropped.isEmpty {
            log.debug("samples dropped", metadata: ["samples": "\(dropped)"])
        }
    }
}
