import Exposition
import Scraping

/// How full the host's file systems are.
struct FileSystemCollector: Collector {
    private static let labels = ["device", "fstype", "mountpoint"]
    private static let source = "statfs of each mount in /proc/1/mountinfo"

    private static let deviceError = entry(
        "device_error", "1 where the kernel refused to tell, or does not answer; else 0")
    private static let readOnly = entry("readonly", "1 where nothing can be written; else 0")
    /// What an answer has.
    private static let values: [(CatalogueEntry, @Sendable (FileSystemSpace) -> Double)] = [
        (entry("size_bytes", "Bytes that it can hold"), { $0.size }),
        (entry("free_bytes", "Bytes that are free"), { $0.free }),
        (entry("avail_bytes", "Bytes that are free for others than root"), { $0.available }),
        (entry("files", "Files that it can hold; 0 where it has no such limit"), { $0.files }),
        (entry("files_free", "Files that there is room for"), { $0.filesFree }),
    ]

    private static func entry(_ name: String, _ meaning: String) -> CatalogueEntry {
        CatalogueEntry("node_filesystem_\(name)", .gauge, meaning, labels: labels, source: source)
    }

    let name = "node_filesystem"
    var metrics: [CatalogueEntry] { Self.values.map(\.0) + [Self.readOnly, Self.deviceError] }

    /// What is said where the host's root directory is not to be seen.
    static let noRoot = CollectorError(
        .permission,
        "the host's file systems cannot be seen: mount its root directory at /rootfs (/:/rootfs:ro,rslave), or say by "
            + "--path.rootfs where it is")

    /// Families of what was answered.
    func result(_ mounts: [HostMount], _ answers: [FileSystemReader.Answer]) -> CollectorResult {
        var errors = MetricFamily(Self.deviceError.descriptor)
        var readOnly = MetricFamily(Self.readOnly.descriptor)
        var families = Self.values.map { MetricFamily($0.0.descriptor) }
        var late: CollectorError?
        for (mount, answer) in zip(mounts, answers) {
            let labels: Labels = [
                "device": mount.mount.source, "fstype": mount.mount.type, "mountpoint": mount.mount.mountPoint,
            ]
            switch answer {
            case .notAsked:
                late = CollectorError(.timeout, "not all file systems answered within the scrape's time limit")
            case .failed:
                errors.append(1, labels)
            case .space(let space):
                errors.append(0, labels)
                readOnly.append(mount.isReadOnly ? 1 : 0, labels)
                for (index, value) in Self.values.enumerated() { families[index].append(value.1(space), labels) }
            }
        }
        return CollectorResult(families: families + [readOnly, errors], error: late)
    }
}
