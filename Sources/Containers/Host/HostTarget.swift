public import Exposition
import Glibc
public import Scraping

/// The host that the containers run on, under node_exporter's names.
///
/// All reading of `/proc` is done on a thread of its own, and file systems are asked on another, where one that hangs
/// holds up nobody.
public actor HostTarget: Target {
    /// What can be configured.
    public struct Settings: Sendable, Equatable {
        /// The `target` label.
        public var name = "host"
        /// Where the host's root directory is; found from `/proc/self/mountinfo` where it is `nil`.
        public var rootfs: String?
        /// Whether a node_exporter tells of the host, so that this need not.
        public var hasNodeExporter = false

        /// The settings that hold where nothing is configured.
        public init() {}
    }

    /// Hosts are all of one kind.
    public static let kind = "host"

    private static let duration = CatalogueEntry(
        MetricDescriptor(
            "node_scrape_collector_duration_seconds", .gauge, "How long the collector of the host took."),
        labels: ["collector"], source: "the scrape")
    private static let success = CatalogueEntry(
        MetricDescriptor(
            "node_scrape_collector_success", .gauge, "1 if the collector of the host delivered everything, else 0."),
        labels: ["collector"], source: "the scrape")

    /// What node_exporter tells of its collectors.
    public static let statusMetrics = [duration, success]

    /// The `target` label.
    public nonisolated let name: String
    /// The names of the collectors that run.
    public nonisolated let collectors: [String]
    /// There are none.
    public nonisolated var openConnections: Int? { nil }
    /// The thread that reads.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let executor = ThreadExecutor(name: "host")
    private let enabled: [any HostCollector]
    private let fileSystems: FileSystemCollector?
    private let fileSystemReader: FileSystemReader
    private(set) var reader: HostReader?

    /// Reads nothing yet.
    ///
    /// - Parameter procfs: Where `/proc` is mounted.
    /// - Returns: `nil` where a node_exporter tells of the host, or no collector is enabled.
    public init?(
        _ settings: Settings = Settings(), procfs: String = "/proc",
        collectors selection: CollectorSelection = CollectorSelection()
    ) {
        self.init(settings, procfs: procfs, collectors: selection, fileSystemReader: FileSystemReader())
    }

    /// - Parameter fileSystemReader: What asks about file systems.
    init?(
        _ settings: Settings, procfs: String, collectors selection: CollectorSelection,
        fileSystemReader: sending FileSystemReader
    ) {
        let enabled = HostCollectors.all.filter(selection.isEnabled)
        guard !settings.hasNodeExporter, !enabled.isEmpty else { return nil }
        name = settings.name
        collectors = enabled.map(\.name)
        self.enabled = enabled.compactMap { $0 as? any HostCollector }
        fileSystems = enabled.lazy.compactMap { $0 as? FileSystemCollector }.first
        self.fileSystemReader = fileSystemReader
        reader = HostReader(procfs: procfs, rootfs: settings.rootfs)
    }

    /// Runs the collectors one after the other.
    public func run(_ scrape: Scrape) async {
        guard let reader else { return }
        guard access(reader.procfs, X_OK) == 0 else {
            return scrape.targetFailed(
                CollectorError(.connection, "\(reader.procfs) is not there: name the host's /proc by --path.procfs"))
        }
        reader.beginScrape()
        scrape.targetAnswered()
        for collector in enabled {
            if scrape.deadline.hasPassed || Task.isCancelled { return scrape.targetFailed(Self.late) }
            let start = ContinuousClock.now
            do throws(CollectorError) {
                switch try collector.answer(from: reader) {
                case .families(let families):
                    scrape.deliver(collector.name, took: start.duration(to: .now), .success(families))
                case .nothing(let reason):
                    scrape.skip(collector.name, because: reason)
                }
            } catch {
                scrape.deliver(collector.name, took: start.duration(to: .now), .failure(error))
            }
        }
        guard let fileSystems else { return }
        let start = ContinuousClock.now
        guard let mounts = reader.mounts()?.all else {
            return scrape.skip(fileSystems.name, because: FileSystemCollector.noRoot)
        }
        var result = fileSystems.result(
            mounts, await fileSystemReader.answers(of: mounts, until: scrape.deadline))
        result.duration = start.duration(to: .now)
        scrape.deliver(fileSystems.name, result)
    }

    private static let late = CollectorError(
        .timeout, "the host could not be read within the scrape's time limit")

    /// As in ``statusMetrics``, by the names that node_exporter gives its collectors.
    public nonisolated func status(of outcome: ScrapeOutcome) -> [MetricFamily] {
        var duration = MetricFamily(Self.duration.descriptor)
        var success = MetricFamily(Self.success.descriptor)
        for collector in outcome.collectors {
            let labels: Labels = ["collector": String(collector.name.dropFirst("node_".count))]
            duration.append(collector.duration.seconds, labels)
            success.append(collector.error == nil ? 1 : 0, labels)
        }
        return [duration, success]
    }

    /// Closes all files.
    public func shutdown() {
        reader = nil
    }
}
