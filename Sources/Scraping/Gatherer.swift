import Exposition
public import Logging
import Synchronization

/// Scrapes all targets at once and makes a page of what they deliver by the deadline.
///
/// - Requests that come while a gather runs join it and share its result; one that has less time left gets what is there
///   when its own time is up.
/// - One target's page, for a probe, is a gather of its own. Whatever gathers, a target is scraped once at a time: who
///   finds it being scraped takes what that scrape delivers.
/// - A gather always ends. A target that does not return is left behind, and left out until it has returned.
/// - A collector that fails is missing from the page, with its reason; everything else is there.
public final class Gatherer: Sendable {
    /// How long after the deadline a target may still say why it has missed it.
    private static let grace = Duration.milliseconds(50)

    private let selfMetrics: [any SelfMetrics]
    private let observer: (any ScrapeObserver)?
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
        var targets: [any Target]
        var limits: Limits
        /// By the one target that is gathered, `nil` for all.
        var gatherings: [ObjectIdentifier?: Gathering] = [:]
        /// The scrapes that have not returned, by their target, which may have been replaced meanwhile.
        var runs: [ObjectIdentifier: Run] = [:]
        /// By the target, as long as it is not replaced.
        var records: [ObjectIdentifier: Record] = [:]
        var gathers = 0
        var shared = 0
        var dropped = DroppedSamples()
    }

    /// What is remembered of a target from one scrape to the next.
    private struct Record {
        /// How the last scrape went.
        private(set) var outcome: ScrapeOutcome?
        private var failures = FailureLog()

        /// - Returns: What there is to say of it in the log.
        mutating func take(_ outcome: ScrapeOutcome) -> [FailureLog.Line] {
            self.outcome = outcome
            return failures.take(outcome)
        }
    }

    /// - Parameters:
    ///   - targets: In the order in which their samples stand within a family.
    ///   - selfMetrics: Further parts of the exporter that tell of themselves, asked at every gather.
    ///   - observer: Who is told how each scrape went.
    public init(
        targets: [any Target],
        limits: Limits = Limits(),
        selfMetrics: [any SelfMetrics] = [],
        observer: (any ScrapeObserver)? = nil,
        log: Logger
    ) {
        self.selfMetrics = selfMetrics
        self.observer = observer
        self.log = log
        state = Mutex(
            State(
                targets: targets, limits: limits,
                records: .init(uniqueKeysWithValues: targets.map { (ObjectIdentifier($0), Record()) })))
    }

    /// All targets, in the order in which their samples stand within a family.
    public var targets: [any Target] { state.withLock { $0.targets } }

    var limits: Limits { state.withLock { $0.limits } }

    /// Every family that it tells of itself.
    public static var metrics: [CatalogueEntry] { GatherMetrics.metrics }

    /// A page that is at most `timeout` in the making.
    public func page(within timeout: Duration? = nil) async -> Page {
        let deadline = deadline(within: timeout)
        // There is always a gather of all.
        guard let joined = join(until: deadline) else { return Page(families: []) }
        return await page(joined, until: deadline)
    }

    /// The page of one target by its name, without its `target` label and without what the exporter says of itself; or
    /// ``ownPage()`` by ``ownName``.
    ///
    /// - Returns: `nil` where there is no such target.
    public func page(of name: String, within timeout: Duration? = nil) async -> Page? {
        if name == Self.ownName { return ownPage() }
        let deadline = deadline(within: timeout)
        guard let joined = join(name, until: deadline) else { return nil }
        return await page(joined, until: deadline)
    }

    /// The name of the page of what the exporter says of itself, which no target has.
    public static let ownName = "exporter"

    /// What the exporter says of itself, and of each target as its last scrape went; nothing is scraped for it.
    public func ownPage() -> Page {
        var assembly = PageAssembly(seriesPerTarget: limits.seriesPerTarget)
        assembly.addOwn(ownFamilies(lastScrapes.compactMap { target, outcome in outcome.map { (target, $0) } }))
        return Page(families: assembly.families)
    }

    private func ownFamilies(_ outcomes: [(target: any Target, outcome: ScrapeOutcome)]) -> [MetricFamily] {
        let (gathers, shared, dropped) = state.withLock { ($0.gathers, $0.shared, $0.dropped) }
        return GatherMetrics.families(outcomes: outcomes, gathers: gathers, shared: shared, dropped: dropped)
            + selfMetrics.flatMap { $0.families() }
    }

    private func page(_ joined: (gathering: Gathering, isNew: Bool), until deadline: Deadline) async -> Page {
        let (gathering, isNew) = joined
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

    private func deadline(within timeout: Duration?) -> Deadline {
        let limit = limits.timeout
        return Deadline(after: min(timeout ?? limit, limit))
    }

    /// The targets' names, and how the last scrape of each went: `nil` before the first.
    public var lastOutcomes: [(name: String, outcome: ScrapeOutcome?)] {
        lastScrapes.map { ($0.target.name, $0.outcome) }
    }

    /// The same by the targets themselves.
    public var lastScrapes: [(target: any Target, outcome: ScrapeOutcome?)] {
        state.withLock { state in
            state.targets.map { ($0, state.records[ObjectIdentifier($0)]?.outcome) }
        }
    }

    /// Puts other targets, and limits, in the place of those there are. Targets that are in both keep their connections
    /// and what is remembered of them.
    ///
    /// A gather under way ends with the targets that it began with; the next page is of the new ones. Targets that are
    /// not among them are forgotten at once and closed when their last scrape has ended, which is waited for no longer
    /// than a gather may last.
    public func replaceTargets(_ targets: [any Target], limits: Limits) async {
        let kept = Set(targets.map { ObjectIdentifier($0) })
        let removed = state.withLock { state in
            let removed = state.targets.filter { !kept.contains(ObjectIdentifier($0)) }
            state.targets = targets
            state.limits = limits
            for id in kept where state.records[id] == nil { state.records[id] = Record() }
            // Nobody joins a gather of targets that are gone.
            state.gatherings[nil] = nil
            for target in removed {
                state.gatherings[ObjectIdentifier(target)] = nil
                state.records[ObjectIdentifier(target)] = nil
            }
            return removed.map { (target: $0, run: state.runs[ObjectIdentifier($0)]) }
        }
        let closed = removed.map { target, run in
            let isClosed = Signal()
            Task {
                if let run {
                    await run.returned.wait(until: Deadline(after: run.scrape.deadline.remaining + Self.grace))
                }
                await target.shutdown()
                isClosed.fire()
            }
            return isClosed
        }
        let end = Deadline(after: limits.timeout + .seconds(1))
        for isClosed in closed { await isClosed.wait(until: end) }
    }

    /// Closes all targets.
    public func shutdown() async {
        await withDiscardingTaskGroup { group in
            for target in targets { group.addTask { await target.shutdown() } }
        }
    }

    /// The gather under way of one target or of all, or a new one.
    ///
    /// - Parameter name: The one target; `nil` for all.
    /// - Returns: `nil` where there is no such target.
    private func join(_ name: String? = nil, until deadline: Deadline) -> (gathering: Gathering, isNew: Bool)? {
        state.withLock { state in
            let wanted = name.map { name in state.targets.filter { $0.name == name }.prefix(1) } ?? state.targets[...]
            if name != nil, wanted.isEmpty { return nil }
            let key = name == nil ? nil : wanted.first.map { ObjectIdentifier($0) }
            if let running = state.gatherings[key] {
                state.shared += 1
                return (running, false)
            }
            var begun: Set<ObjectIdentifier> = []
            let runs = wanted.map { target in
                let id = ObjectIdentifier(target)
                if let run = state.runs[id] { return run.scrape.deadline.hasPassed ? Self.stuck(target) : run }
                let run = Run(target: target, scrape: Scrape(until: deadline))
                state.runs[id] = run
                begun.insert(id)
                return run
            }
            let gathering = Gathering(
                target: key, runs: runs, begun: begun, seriesPerTarget: state.limits.seriesPerTarget)
            state.gatherings[key] = gathering
            state.gathers += 1
            return (gathering, true)
        }
    }

    /// What stands for the scrape of a target that has not returned from the one before.
    private static func stuck(_ target: any Target) -> Run {
        let run = Run(target: target, scrape: Scrape(until: Deadline(after: .zero)))
        run.scrape.targetFailed(CollectorError(.timeout, "the scrape before this one has not come to an end"))
        run.returned.fire()
        return run
    }

    private func gather(_ gathering: Gathering, until deadline: Deadline) async {
        var tasks: [Task<Void, Never>] = []
        for run in gathering.runs where gathering.hasBegun(run) {
            let task = Task {
                await run.target.run(run.scrape)
                run.scrape.finish()
                _ = state.withLock { $0.runs.removeValue(forKey: ObjectIdentifier(run.target)) }
                tell(run)
                run.returned.fire()
            }
            tasks.append(task)
        }
        // Targets end at the deadline by themselves, and then say best what they waited for.
        let end = Deadline(after: deadline.remaining + Self.grace)
        for run in gathering.runs { await run.returned.wait(until: end) }
        for task in tasks { task.cancel() }
        for run in gathering.runs where gathering.hasBegun(run) { tell(run) }
        let page = assemble(gathering, isFinal: true)
        gathering.page.withLock { $0 = page }
        state.withLock { state in
            // After a change of the targets it may be another's place.
            if state.gatherings[gathering.target] === gathering { state.gatherings[gathering.target] = nil }
        }
        gathering.done.fire()
    }

    /// Tells the observer, unless it knows already.
    private func tell(_ run: Run) {
        guard let observer, run.scrape.isToldFirst() else { return }
        let (outcome, families) = run.scrape.harvest(run.target.collectors)
        observer.scraped(run.target, outcome, families)
    }

    /// A page of what has been delivered up to now.
    ///
    /// - Parameter isFinal: Whether the gather has ended, and what it dropped and failed is to be counted and logged.
    private func assemble(_ gathering: Gathering, isFinal: Bool) -> Page {
        let ofKind = gathering.runs.reduce(into: [:]) { $0[type(of: $1.target).kind, default: 0] += 1 }
        var assembly = PageAssembly(seriesPerTarget: gathering.seriesPerTarget)
        var outcomes: [(target: any Target, outcome: ScrapeOutcome)] = []
        var begun = outcomes
        var delivered: [String: [String]] = [:]
        for run in gathering.runs {
            let target = run.target
            let (outcome, families) = run.scrape.harvest(target.collectors)
            delivered.merge(run.scrape.delivered, uniquingKeysWith: +)
            let isOneOfMany = ofKind[type(of: target).kind, default: 0] > 1
            assembly.add(families + target.status(of: outcome), target: isOneOfMany ? target.name : nil)
            outcomes.append((target, outcome))
            if gathering.hasBegun(run) { begun.append((target, outcome)) }
        }
        if isFinal { record(begun, dropped: assembly.dropped) }
        guard gathering.target == nil else { return Page(families: assembly.families, delivered: delivered) }
        let own = ownFamilies(outcomes)
        assembly.addOwn(own)
        return Page(families: assembly.families, delivered: delivered, own: own.map(\.descriptor.name))
    }

    /// Remembers how a gather went, and says in the log what is new of it.
    private func record(_ outcomes: [(target: any Target, outcome: ScrapeOutcome)], dropped: DroppedSamples) {
        let news = state.withLock { state in
            state.dropped.add(dropped)
            return outcomes.map { target, outcome in
                (target, state.records[ObjectIdentifier(target)]?.take(outcome) ?? [])
            }
        }
        for (target, lines) in news {
            for line in lines {
                log.log(
                    level: line.level, "\(line.text)",
                    metadata: line.fields.merging(["target": "\(target.name)"]) { $1 })
            }
        }
        if !dropped.isEmpty { log.debug("samples dropped", metadata: ["samples": "\(dropped)"]) }
    }
}
