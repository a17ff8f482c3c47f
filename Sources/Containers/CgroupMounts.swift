import Glibc
import Scraping

/// Where a file lies: in the one hierarchy of cgroup v2, in that of a v1 controller, or in `/proc`.
enum Hierarchy: Hashable {
    case v2
    case v1(String)
    /// Not a hierarchy: what the kernel tells of the whole machine, which stands in for the top cgroup's missing files.
    case procfs
}

/// The directories of the cgroup hierarchies.
///
/// A host has only v2, only v1, or both ("hybrid"); in the last case each controller is bound to one of the two.
struct CgroupMounts: Equatable {
    /// The controllers v1 knows up to Linux 6.18; every other mount option is none.
    private static let v1Controllers: Set<String> = [
        "blkio", "cpu", "cpuacct", "cpuset", "devices", "freezer", "hugetlb", "memory", "misc", "net_cls", "net_prio",
        "perf_event", "pids", "rdma",
    ]

    /// Where the hierarchies of the host are found in a container that is given them, though not as mounts of their own.
    private static let usualDirectories = ["/host/sys/fs/cgroup", "/rootfs/sys/fs/cgroup"]

    /// The mount point of each hierarchy; controllers that are mounted together have the same one.
    private(set) var directories: [Hierarchy: String] = [:]

    /// The hierarchy in which containers are looked for.
    ///
    /// Runtimes make a container's directory in every v1 hierarchy under the same path, and systemd makes those of its
    /// units most reliably below `memory`, so one walk sees what three would. Where none of the controllers that are
    /// read is v1's, the rest of v1 (a lone `net_cls`) does not matter.
    var primary: Hierarchy? {
        [.v1("memory"), .v1("cpuacct"), .v1("cpu"), .v2].first { directories[$0] != nil }
    }

    /// `v1`, `v2` or `hybrid`, for people.
    var mode: String {
        guard directories[.v2] != nil else { return "v1" }
        return directories.keys.contains { if case .v1 = $0 { true } else { false } } ? "hybrid" : "v2"
    }

    /// Those of the hierarchies that any of some controllers are bound to.
    func directories(ofAny controllers: Set<String>) -> Set<String> {
        var found = Set(controllers.compactMap { directories[.v1($0)] })
        if let unified = directories[.v2], let text = try? File.contents(of: "\(unified)/cgroup.controllers"),
            !controllers.isDisjoint(
                with: String(decoding: text, as: UTF8.self).split { $0.isWhitespace }.map(String.init))
        {
            found.insert(unified)
        }
        return found
    }

    /// Finds the hierarchies.
    ///
    /// - Parameters:
    ///   - cgroupfs: The directory that holds them, where it is not to be found out.
    ///   - procfs: Where `/proc` is mounted.
    /// - Returns: `nil` where no directory is given and none is found.
    /// - Throws: Where the given directory holds none.
    static func find(cgroupfs: String?, procfs: String) throws(ContainersError) -> CgroupMounts? {
        if let cgroupfs {
            let mounts = CgroupMounts(directory: cgroupfs)
            guard mounts.primary != nil else {
                throw ContainersError(
                    "\(cgroupfs) holds no cgroups (neither cgroup.controllers nor a directory such as memory or "
                        + "cpu,cpuacct): give --path.cgroupfs the directory they are mounted in, usually /sys/fs/cgroup"
                )
            }
            return mounts
        }
        // A procfs of processes among which we are not has no `self`.
        let mountinfo =
            (try? File.contents(of: "\(procfs)/self/mountinfo")) ?? (try? File.contents(of: "/proc/self/mountinfo"))
        let mounted = CgroupMounts(mountinfo: String(decoding: mountinfo ?? [], as: UTF8.self))
        if mounted.primary != nil, mounted.areWhole { return mounted }
        let found = usualDirectories.map(CgroupMounts.init(directory:)).filter { $0.primary != nil }
        return found.first(where: \.areWhole) ?? (mounted.primary != nil ? mounted : found.first)
    }

    /// Whether the hierarchy in which containers are looked for is seen from its top, and not from that of a cgroup
    /// namespace or of a part that is mounted alone: the top, and nothing else, has a `release_agent` on v1 and has no
    /// `cgroup.events` on v2.
    var areWhole: Bool {
        guard let primary, let directory = directories[primary] else { return false }
        return if primary == .v2 {
            access("\(directory)/cgroup.events", F_OK) != 0
        } else {
            access("\(directory)/release_agent", F_OK) == 0
        }
    }

    /// Reads the layout off a directory: `cgroup.controllers` in it is v2, directories named after controllers
    /// (`memory`, `cpu,cpuacct`) are v1, `unified/cgroup.controllers` beside them is hybrid.
    init(directory: String) {
        guard let names = try? Directory.names(in: directory) else { return }
        if names.contains("cgroup.controllers") {
            directories[.v2] = directory
            return
        }
        if let unified = try? Directory.names(in: "\(directory)/unified"), unified.contains("cgroup.controllers") {
            directories[.v2] = "\(directory)/unified"
        }
        // `cpu` may be a link to `cpu,cpuacct`, which is what counts then.
        for name in names.sorted(by: { ($0.utf8.count, $0) < ($1.utf8.count, $1) }) {
            let controllers = name.split(separator: ",").map(String.init)
            guard controllers.allSatisfy(Self.v1Controllers.contains) else { continue }
            for controller in controllers { directories[.v1(controller)] = "\(directory)/\(name)" }
        }
    }

    /// Reads the layout off `/proc/self/mountinfo`.
    ///
    /// Of several mounts of a hierarchy the one that shows most of it wins: one whose root lies above the cgroup
    /// namespace's (`/..`, the host's tree bound into a container), then the root itself, then a part of the tree.
    init(mountinfo: String) {
        var depths: [Hierarchy: Int] = [:]
        for line in mountinfo.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard let separator = fields.firstIndex(of: "-"), separator >= 6, fields.count > separator + 3 else {
                continue
            }
            let hierarchies: [Hierarchy]
            switch fields[separator + 1] {
            case "cgroup2":
                hierarchies = [.v2]
            case "cgroup":
                let options = fields[separator + 3].split(separator: ",").map(String.init)
                hierarchies = options.filter(Self.v1Controllers.contains).map(Hierarchy.v1)
            default:
                continue
            }
            let depth = Self.depth(ofRoot: fields[3])
            let mountPoint = String(escapedInMounts: fields[4].utf8)
            for hierarchy in hierarchies where depth < depths[hierarchy, default: .max] {
                depths[hierarchy] = depth
                directories[hierarchy] = mountPoint
            }
        }
    }

    /// How far below the namespace's root a mount begins; negative above it.
    private static func depth(ofRoot root: Substring) -> Int {
        let names = root.split(separator: "/")
        return names.allSatisfy { $0 == ".." } ? -names.count : names.count
    }
}
