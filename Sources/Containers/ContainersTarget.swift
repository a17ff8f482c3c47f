public import Exposition
import Glibc
public import Scraping
import Synchronization

/// The containers of this host, read from the cgroup file system: no runtime is asked, no privilege is needed.
///
/// All reading is done on a thread of its own, in order of the collectors, while the scrape waits.
public actor ContainersTarget: Target {
    /// Containers are all of one kind.
    public static let kind = "containers"

    private static let scrapeError = CatalogueEntry(
        MetricDescriptor(
            "container_scrape_error", .gauge, "1 if something about the containers could not be read, else 0."),
        source: "the scrape")
    private static let leftOut = CatalogueEntry(
        MetricDescriptor(
            "stack_exporter_cgroups_left_out", .gauge, "Cgroups that were not looked at because there are too many."),
        source: "the scrape")

    /// `container_scrape_error`, and how many cgroups were too many.
    public static let statusMetrics = [scrapeError, leftOut]

    /// The `target` label.
    public nonisolated let name: String
    /// The names of the collectors that run.
    public nonisolated let collectors: [String]
    /// There are none.
    public nonisolated var openConnections: Int? { nil }
    /// The thread that reads.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// What is configured.
    let settings: Settings
    private let executor = ThreadExecutor(name: "cgroups")
    private let enabled: [any ContainerCollector]
    private let leftOut = Mutex(0)
    private var reader: CgroupReader?

    /// Finds the cgroup hierarchies, reading nothing else of them yet.
    ///
    /// - Returns: `nil` where no directory is configured and this host, or what is seen of it, has no cgroups.
    /// - Throws: Where the configured directory holds no cgroups or cannot be opened.
    public init?(
        _ settings: Settings = Settings(), collectors selection: CollectorSelection = CollectorSelection()
    ) throws(ContainersError) {
        guard let mounts = try CgroupMounts.find(cgroupfs: settings.cgroupfs, procfs: settings.procfs) else {
            return nil
        }
        reader = try CgroupReader(
            mounts: mounts,
            procfs: settings.procfs,
            descriptors: min(settings.keptDescriptors, Self.descriptorLimit / 2),
            showing: settings.shownKinds
        )
        self.settings = settings
        enabled = ContainerCollectors.all.filter(selection.isEnabled)
        name = settings.name
        collectors = enabled.map(\.name)
    }

    /// Walks the cgroups and runs the collectors one after the other.
    public func run(_ scrape: Scrape) {
        guard let reader else { return }
        do {
            try reader.tree.refresh(now: time(nil), until: scrape.deadline)
        } catch {
            return scrape.targetFailed(error)
        }
        leftOut.withLock { $0 = reader.tree.leftOut }
        scrape.targetAnswered()
        for collector in enabled {
            scrape.deliver(collector.name) { () throws(CollectorError) in
                try collector.families(from: reader, until: scrape.deadline)
            }
        }
        for (name, reason) in reader.omissions.sorted(by: { $0.key < $1.key }) {
            scrape.leaveOut(name, because: reason)
        }
    }

    /// As in ``statusMetrics``.
    public nonisolated func status(of outcome: ScrapeOutcome) -> [MetricFamily] {
        [
            MetricFamily(Self.scrapeError.descriptor, outcome.error == nil ? 0 : 1),
            MetricFamily(Self.leftOut.descriptor, Double(leftOut.withLock { $0 })),
        ]
    }

    /// Closes all files.
    public func shutdown() {
        reader = nil
    }

    /// How many descriptors the process may have open.
    static var descriptorLimit: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        return Int(clamping: limit.rlim_cur)
    }
}
