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

    /// All targets, in the order in which their samples stand within a family.
    public let targets: [any Target]
    private let targetsOfKind: [String: Int]
    let limits: Limits
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
        /// By the index of the one target that is gathered, `nil` for all.
        var gatherings: [Int?: Gathering] = [:]
        /// The scrapes that have not returned, by their target's index.
        var runs: [Int: Run] = [:]
        var gathers = 0
        var shared = 0
        var dropped = DroppedSamples()
        /// How the last scrape of each target went, by its name.
        var outcomes: [String: ScrapeOutcome] = [:]
        /// What was last said in the log of each target's failing collectors, so that it is said once.
        var reported: [String: [String: FailureReason]] = [:]
    }

    /// A scrape of one target, which several gathers may wait for.
    private struct Run {
        let scrape: Scrape
        /// Fires when the target has returned.
        let returned = Signal()
    }

    private final class Gathering: Sendable {
        /// The one target that is gathered; `nil` for all.
        let target: Int?
        /// Of all targets that are gathered, by their index and in their order.
        let runs: [(target: Int, run: Run)]
        /// The targets whose scrapes are this gather's own, to start, to count and to report.
        let begun: Set<Int>
        /// Fires when the page is there.
        let done = Signal()
        let page = Mutex<Page?>(nil)

        init(target: Int?, runs: [(target: Int, run: Run)], begun: Set<Int>) {
            self.target = target
            self.runs = runs
            self.begun = begun
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
        await page(ofTarget: nil, within: timeout)
    }

    /// The page of one target by its name, without its `target` label and without what the exporter says of itself.
    ///
    /// - Returns: `nil` where there is no such target.
    public func page(of name: String, within timeout: Duration? = nil) async -> Page? {
        guard let index = targets.firstIndex(where: { $0.name == name }) else { return nil }
        return await page(ofTarget: index, within: timeout)
    }

    private func page(ofTarget target: Int?, within timeout: Duration?) async -> Page {
        let deadline = Deadline(after: min(timeout ?? limits.timeout, limits.timeout))
        let (gathering, isNew) = join(target, until: deadline)
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

    /// The gather under way, or a new one.
    private func join(_ target: Int?, until deadline: Deadline) -> (Gathering, isNew: Bool) {
        state.withLock { state in
            if let running = state.gatherings[target] {
                state.shared += 1
                return (running, false)
            }
            var begun: Set<Int> = []
            let runs = (target.map { $0..<($0 + 1) } ?? targets.indices).map { index in
                if let run = state.runs[index] { return (index, run.scrape.deadline.hasPassed ? Self.stuck : run) }
                let run = Run(scrape: Scrape(until: deadline))
                state.runs[index] = run
                begun.insert(index)
                return (index, run)
            }
            let gathering = Gathering(target: target, runs: runs, begun: begun)
            state.gatherings[target] = gathering
            state.gathers += 1
            return (gathering, true)
        }
    }

    /// What stands for the scrape of a target that has not returned from the one before.
    private static var stuck: Run {
        let run = Run(scrape: Scrape(until: Deadline(after: .zero)))
        run.scrape.targetFailed(CollectorError(.timeout, "the scrape before this one has not come to an end"))
        run.returned.fire()
        return run
    }

    private func gather(_ gathering: Gathering, until deadline: Deadline) async {
        var tasks: [Task<Void, Never>] = []
        for (index, run) in gathering.runs where gathering.begun.contains(index) {
            let task = Task {
                await targets[index].run(run.scrape)
                run.scrape.finish()
                _ = state.withLock { $0.runs.removeValue(forKey: index) }
                run.returned.fire()
            }
            tasks.append(task)
        }
        // Targets end at the deadline by themselves, and then say best what they waited for.
        let end = Deadline(after: deadline.remaining + Self.grace)
        for (_, run) in gathering.runs { await run.returned.wait(until: end) }
        for task in tasks { task.cancel() }
        let page = assemble(gathering, isFinal: true)
        gathering.page.withLock { $0 = page }
        _ = state.withLock { $0.gatherings.removeValue(forKey: gathering.target) }
        gathering.done.fire()
    }

    /// A page of what has been delivered up to now.
    ///
    /// - Parameter isFinal: Whether the gather has ended, and what it dropped and failed is to be counted and logged.
    private func assemble(_ gathering: Gathering, isFinal: Bool) -> Page {
        var assembly = PageAssembly(seriesPerTarget: limits.seriesPerTarget)
        var outcomes: [(target: any Target, outcome: ScrapeOutcome)] = []
        var begun = outcomes
        var delivered: [String: [String]] = [:]
        for (index, run) in gathering.runs {
            let target = targets[index]
            let (outcome, families) = run.scrape.harvest(target.collectors)
            delivered.merge(run.scrape.delivered, uniquingKeysWith: +)
            let isOneOfMany = gathering.target == nil && targetsOfKind[type(of: target).kind, default: 0] > 1
            assembly.add(families + target.status(of: outcome), target: isOneOfMany ? target.name : nil)
            outcomes.append((target, outcome))
            if gathering.begun.contains(index) { begun.append((target, outcome)) }
        }
        let (gathers, shared, dropped) = state.withLock { state in
            if isFinal {
                state.dropped.add(assembly.dropped)
                for (target, outcome) in begun { state.outcomes[target.name] = outcome }
            }
            return (state.gathers, state.shared, state.dropped)
        }
        if isFinal {
            for (target, outcome) in begun { report(outcome, of: target) }
            if !assembly.dropped.isEmpty { log.debug("samples dropped", metadata: ["samples": "\(assembly.dropped)"]) }
        }
        guard gathering.target == nil else { return Page(families: assembly.families, delivered: delivered) }
        let own =
            GatherMetrics.families(outcomes: outcomes, gathers: gathers, shared: shared, dropped: dropped)
            + selfMetrics.flatMap { $0.families() }
        assembly.addOwn(own)
        return Page(families: assembly.families, delivered: delivered, own: own.map(\.descriptor.name))
    }

    /// Says in the log what has begun to fail and what works again, each once.
    private func report(_ outcome: ScrapeOutcome, of target: any Target) {
        // By the collector's name, which is empty for the target as a whole.
        var failing: [String: (error: CollectorError, level: Logger.Level)] = [:]
        if !outcome.isUp, let error = outcome.error {
            failing[""] = (error, .warning)
        } else {
            for collector in outcome.collectors { failing[collector.name] = collector.error.map { ($0, .warning) } }
            for omission in outcome.omissions { failing[omission.name] = (omission.reason, .info) }
        }
        let reasons = failing.mapValues(\.error.reason)
        let before = state.withLock { $0.reported.updateValue(reasons, forKey: target.name) } ?? [:]
        for (collector, (error, level)) in failing.sorted(by: { $0.key < $1.key })
        where before[collector] != error.reason {
            var metadata: Logger.Metadata = ["target": "\(target.name)", "reason": "\(error.reason.rawValue)"]
            if !collector.isEmpty { metadata["collector"] = "\(collector)" }
            log.log(level: level, "\(error.detail)", metadata: metadata)
        }
        for collector in before.keys.sorted() where failing[collector] == nil {
            let what = collector.isEmpty ? target.name : "\(target.name)/\(collector)"
            log.info("collecting again", metadata: ["target": "\(what)"])
        }
    }
}
