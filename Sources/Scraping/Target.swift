public import Exposition

/// One part of what is read from a target: a view, an INFO section, a kind of cgroup file.
///
/// Each kind of target refines this with what its transport needs (a statement, commands, files) and with how the answer
/// becomes families; a collector is one file, and one line in its kind's list.
public protocol Collector: Sendable {
    /// As in `--collector.<name>` and the `collector` label; unique among all kinds.
    var name: String { get }
    /// Whether it runs where nobody said anything.
    var isEnabledByDefault: Bool { get }
    /// Every family that it can deliver.
    var metrics: [CatalogueEntry] { get }
}

extension Collector {
    /// On, where a collector does not say otherwise.
    public var isEnabledByDefault: Bool { true }
}

/// What is scraped: a PostgreSQL server, a Redis server, the containers of this host.
///
/// An object, since two with the same settings are still two, each with connections of its own.
public protocol Target: AnyObject, Sendable {
    /// The `target` label; unique among all targets.
    var name: String { get }
    /// Targets of one kind have the same families. Where there are several of a kind, their samples get a `target` label.
    static var kind: String { get }
    /// Every family that ``status(of:)`` can tell.
    static var statusMetrics: [CatalogueEntry] { get }
    /// The names of the collectors that a scrape runs, in the order of their families on the page.
    var collectors: [String] { get }
    /// How many connections are open to it; `nil` for a target that has none.
    var openConnections: Int? { get }

    /// Runs all collectors and hands what they deliver to `scrape`, each as soon as it is there.
    ///
    /// It should return by the scrape's deadline and when its task is cancelled. Where it does not, the gather goes on
    /// without it, and it is not called again until it has returned.
    func run(_ scrape: Scrape) async

    /// Families that tell how the scrape went (`pg_up`, `redis_up`), made for every scrape, also for one that was late.
    func status(of outcome: ScrapeOutcome) -> [MetricFamily]

    /// Closes what is open.
    func shutdown() async
}

/// How the scrape of one target ended.
public struct ScrapeOutcome: Sendable {
    /// How one collector fared.
    public struct CollectorOutcome: Sendable {
        /// As in ``Collector/name``.
        public let name: String
        /// The work itself, without waiting for others; zero where it did not come to work.
        public let duration: Duration
        /// How old the oldest of what it delivered is; `nil` where all is of this scrape.
        public private(set) var age: Duration? = nil
        /// `nil` where it delivered everything.
        public let error: CollectorError?
    }

    /// What was left out.
    public struct Omission: Sendable {
        /// A collector's name, or what a part of the target is called: `database shop`.
        public let name: String
        /// What the target lacks, and how to mend it.
        public let reason: CollectorError
    }

    /// Whether the target answered within the deadline.
    public let isUp: Bool
    /// Why the target as a whole failed, or else the first failure among its collectors.
    public let error: CollectorError?
    /// From the start of the scrape to the end of it, or to the deadline.
    public let duration: Duration
    /// In the order of ``Target/collectors``.
    public let collectors: [CollectorOutcome]
    /// What was left out for a reason worth knowing.
    public private(set) var omissions: [Omission] = []
}

/// What a collector made of one scrape.
public struct CollectorResult: Sendable {
    /// Everything that could be read.
    public var families: [MetricFamily]
    /// The collector's own work, without waiting for others.
    public var duration: Duration
    /// How old the oldest of it is; `nil` where all is of this scrape.
    public var age: Duration?
    /// Why something is missing; of several reasons the first.
    public var error: CollectorError?

    /// A result; by default an empty one.
    public init(
        families: [MetricFamily] = [], duration: Duration = .zero, age: Duration? = nil, error: CollectorError? = nil
    ) {
        self.families = families
        self.duration = duration
        self.age = age
        self.error = error
    }

    /// Adds another part: its samples go behind those of the same family.
    public mutating func add(_ part: CollectorResult) {
        for family in part.families {
            if let index = families.firstIndex(where: { $0.descriptor.name == family.descriptor.name }) {
                families[index].samples += family.samples
            } else {
                families.append(family)
            }
        }
        duration += part.duration
        if let other = part.age { age = max(age ?? .zero, other) }
        error = error ?? part.error
    }
}
