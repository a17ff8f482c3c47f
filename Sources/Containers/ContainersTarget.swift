public import Exposition
import Glibc
public import NIOCore
public import Scraping
import Synchronization

/// The containers of this host, read from the cgroup file system, which takes no privilege, with names and states from the
/// engines whose sockets may be opened.
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

    /// The kind of hierarchy that was found: `v1`, `v2` or `hybrid`.
    public nonisolated let cgroupMode: String

    /// What is configured.
    let settings: Settings
    private let executor = ThreadExecutor(name: "cgroups")
    private let enabled: [any ContainerCollector]
    private let leftOut = Mutex(0)
    private let runtimes: Runtimes
    private let files: RuntimeFiles
    /// ``RuntimeSnapshot/revision`` of what the cgroups have learnt.
    private var learnt = 0
    private var reader: CgroupReader?

    /// Finds the cgroup hierarchies, reading nothing else of them yet.
    ///
    /// - Parameter group: Where the connections to engines live; it must outlast the target. No engine is asked where it is
    ///   `nil`.
    /// - Returns: `nil` where no directory is configured and this host, or what is seen of it, has no cgroups.
    /// - Throws: Where the configured directory holds no cgroups or cannot be opened.
    public init?(
        _ settings: Settings = Settings(), collectors selection: CollectorSelection = CollectorSelection(),
        group: (any EventLoopGroup)? = nil
    ) throws(ContainersError) {
        try self.init(settings, collectors: selection, runtimes: Runtimes(settings, group: group))
    }

    init?(
        _ settings: Settings, collectors selection: CollectorSelection = CollectorSelection(), runtimes: Runtimes
    ) throws(ContainersError) {
        guard let mounts = try CgroupMounts.find(cgroupfs: settings.cgroupfs, procfs: settings.procfs) else {
            return nil
        }
        reader = try Self.reader(of: mounts, settings)
        cgroupMode = mounts.mode
        enabled = ContainerCollectors.all.filter(selection.isEnabled).map { collector in
            collector is State ? State(runtimes: runtimes, settings: settings) : collector
        }
        self.settings = settings
        self.runtimes = runtimes
        files = RuntimeFiles(settings: settings)
        name = settings.name
        collectors = enabled.map(\.name)
    }

    private static func reader(
        of mounts: CgroupMounts, _ settings: Settings
    ) throws(ContainersError) -> CgroupReader {
        try CgroupReader(
            mounts: mounts, procfs: settings.procfs,
            descriptors: min(settings.keptDescriptors, DescriptorLimit.current / 2),
            showing: settings.shownKinds)
    }

    /// Walks the cgroups and runs the collectors one after the other. Engines have a quarter of a second to tell of
    /// containers that are new.
    public func run(_ scrape: Scrape) async {
        guard let reader else { return }
        let look = runtimes.begin(until: scrape.deadline)
        do throws(CollectorError) {
            try reader.tree.refresh(now: time(nil), until: scrape.deadline)
        } catch {
            // What is mounted there now is for the next scrape.
            if error.reason == .connection, let renewed = try? Self.reader(of: reader.mounts, settings) {
                self.reader = renewed
            }
            return scrape.targetFailed(error)
        }
        leftOut.withLock { $0 = reader.tree.leftOut }
        scrape.targetAnswered()
        await learn(look, of: reader.tree)
        if let error = reader.tree.unlisted {
            scrape.leaveOut(
                "cgroups", because: CollectorError(.internal, "not all cgroups could be looked for: \(error)"))
        }
        for (path, error) in runtimes.failures { scrape.leaveOut("engine \(path)", because: error) }
        for collector in enabled {
            scrape.deliver(collector.name) { () throws(CollectorError) in
                try collector.families(from: reader, until: scrape.deadline)
            }
        }
        for (name, reason) in reader.omissions.sorted(by: { $0.key < $1.key }) {
            scrape.leaveOut(name, because: reason)
        }
        runtimes.end()
    }

    /// Gives containers and pods the names and the like that are found out about them, once, and anew where something has
    /// changed.
    private func learn(_ look: Runtimes.Look, of tree: CgroupTree) async {
        let filesHaveChanged = files.haveChanged()
        let new = tree.exported.filter { $0.container != nil && $0.details == nil }
        let told = await runtimes.finish(look, new: new.compactMap { $0.container?.id })
        let engineHasNews = told.revision != learnt
        learnt = told.revision
        for cgroup in tree.exported {
            switch cgroup.role {
            case .container(let container):
                let isNew = cgroup.details == nil
                if let entry = told[container.id] {
                    guard isNew || engineHasNews else { continue }
                    // What began with the last start holds for as long as the cgroup is there.
                    let details =
                        entry.isInspected ? entry.details : entry.details.keepingRun(of: cgroup.details)
                    learn(details, of: cgroup, container)
                    if entry.seenPath == nil { runtimes.remember(path: "/\(cgroup.relativePath)", of: container.id) }
                } else if isNew || filesHaveChanged && cgroup.details?.isIncomplete == true {
                    let details = files.details(of: container, cgroup: cgroup) ?? cgroup.details ?? ContainerDetails()
                    learn(details, of: cgroup, container)
                }
            case .pod(let uid) where cgroup.details == nil || filesHaveChanged:
                let pod = files.pod(uid: uid)
                cgroup.learn(
                    ContainerDetails(pod: pod), labels: ContainerLabels.pairs(id: "/\(cgroup.relativePath)", pod: pod))
            case .pod, .group, .passage, .ignored:
                continue
            }
        }
    }

    private func learn(_ details: ContainerDetails, of cgroup: Cgroup, _ container: Container) {
        cgroup.learn(
            details,
            labels: ContainerLabels.pairs(
                id: "/\(cgroup.relativePath)", container: container, details: details, settings: settings))
    }

    /// As in ``statusMetrics``.
    public nonisolated func status(of outcome: ScrapeOutcome) -> [MetricFamily] {
        [
            MetricFamily(Self.scrapeError.descriptor, outcome.error == nil ? 0 : 1),
            MetricFamily(Self.leftOut.descriptor, Double(leftOut.withLock { $0 })),
        ]
    }

    /// Closes all files and connections.
    public func shutdown() async {
        reader = nil
        await runtimes.shutdown()
    }
}
