import Exposition
import Glibc
import Scraping

/// A file that tells of the host.
struct HostFile: Hashable {
    /// Whose it is to be.
    enum Scope: Hashable {
        /// The same for everybody on the machine.
        case machine
        /// Of a network namespace, in the directory `net` of a process.
        case network
        /// A setting of the reader's own network namespace, whoever's `/proc` it is read through.
        case networkSetting
    }

    let name: String
    let scope: Scope

    /// A file directly below `/proc`.
    static func proc(_ name: String) -> HostFile { HostFile(name: name, scope: .machine) }
    /// A file in `/proc/net`.
    static func net(_ name: String) -> HostFile { HostFile(name: name, scope: .network) }
    /// A file in `/proc/sys/net`.
    static func sysctl(_ name: String) -> HostFile { HostFile(name: name, scope: .networkSetting) }

    /// As the catalogue names it.
    var path: String {
        switch scope {
        case .machine: "/proc/\(name)"
        case .network: "/proc/net/\(name)"
        case .networkSetting: "/proc/sys/net/\(name)"
        }
    }
}

/// Reads the files of a host through descriptors that are kept, each file once a scrape.
///
/// Used by one thread only: the target's.
final class HostReader {
    /// What is longer is cut: `/proc/net/dev` with 30,000 devices.
    private static let maximumLength = 4 << 20

    /// What it may be told of a file.
    enum Content {
        case bytes([UInt8])
        /// This kernel has no such file.
        case none
        /// There is one, and it is not the host's.
        case notOfTheHost
    }

    /// Where `/proc` is mounted.
    let procfs: String
    /// What can be seen of the host from here.
    let view: HostView

    private let configuredRoot: String?
    private let hostMounts: MountSource
    private let ownMounts: MountSource
    /// Whether both are of the same mount namespace.
    private var isInHostMounts = false
    private var files: [HostFile: KeptFile] = [:]
    private var scrape = 0
    private var rowCaches: [String: HostRowCache] = [:]
    private var nameCaches: [String: HostNameCache] = [:]

    private final class KeptFile {
        let file: File
        var bytes: [UInt8] = []
        var scrape = -1

        init(_ path: String) throws(SystemError) { file = try File(path) }
    }

    /// - Parameter rootfs: Where the host's root directory is; found out where it is `nil`.
    init(procfs: String, rootfs: String? = nil) {
        self.procfs = procfs
        configuredRoot = rootfs.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
        view = HostView(procfs: procfs)
        hostMounts = MountSource("\(procfs)/1/mountinfo")
        ownMounts = MountSource("\(procfs)/self/mountinfo")
    }

    /// The mounts that can be asked about, and where the host's root directory is, as a prefix without a slash behind
    /// it; `nil` where that cannot be seen.
    ///
    /// What process 1 of the host sees goes before what the exporter sees, to which systemd may have added some.
    func mounts() -> (root: String, all: [HostMount])? {
        let host = view.isProcOfHost ? hostMounts.table() : nil
        let own: MountTable?
        if let host, isInHostMounts {
            own = host
        } else {
            own = ownMounts.table()
            if let id = own?.top?.id { isInHostMounts = id == host?.top?.id }
        }
        guard let own, let root = configuredRoot ?? HostMount.root(own: own, host: host) else { return nil }
        return (root, HostMount.all(own: own, host: host, root: root))
    }

    /// Whatever was read is to be read anew.
    func beginScrape() { scrape += 1 }

    /// - Throws: Where it is there and cannot be read.
    func content(of file: HostFile) throws(CollectorError) -> Content {
        do {
            if let kept = files[file] {
                do {
                    return .bytes(try read(kept))
                } catch {
                    files[file] = nil
                }
            }
            guard let path = path(of: file) else { return .notOfTheHost }
            let opened = try KeptFile(path)
            let bytes = try read(opened)
            files[file] = opened
            return .bytes(bytes)
        } catch {
            switch error.code {
            // A kernel that has pressure and was told to leave it off says so when the file is read.
            case ENOENT, ENOTDIR, EOPNOTSUPP: return .none
            case EACCES, EPERM: throw CollectorError(.permission, "\(file.path) cannot be read: \(error)")
            default: throw CollectorError(.internal, "\(file.path) cannot be read: \(error)")
            }
        }
    }

    private func path(of file: HostFile) -> String? {
        switch file.scope {
        case .machine: "\(procfs)/\(file.name)"
        case .network: view.networkDirectory.map { "\($0)/\(file.name)" }
        case .networkSetting: view.isInHostNetwork ? "\(procfs)/sys/net/\(file.name)" : nil
        }
    }

    private func read(_ kept: KeptFile) throws(SystemError) -> [UInt8] {
        if kept.scrape != scrape {
            try kept.file.read(into: &kept.bytes, limit: Self.maximumLength)
            kept.scrape = scrape
        }
        return kept.bytes
    }

    /// What a table of rows remembers from scrape to scrape.
    func rowCache(of collector: String) -> HostRowCache {
        if let known = rowCaches[collector] { return known }
        let cache = HostRowCache()
        rowCaches[collector] = cache
        return cache
    }

    /// The metrics that a collector makes of a file's own words.
    func nameCache(of collector: String) -> HostNameCache {
        if let known = nameCaches[collector] { return known }
        let cache = HostNameCache()
        nameCaches[collector] = cache
        return cache
    }
}
