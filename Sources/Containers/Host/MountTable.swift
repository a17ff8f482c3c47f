import Glibc
import Scraping

/// A mounted file system, as a line of `mountinfo` tells it.
struct Mount: Hashable {
    /// By which mounts of all namespaces differ.
    let id: String
    /// Major and minor number of the superblock: `8:1`.
    let device: String
    /// What of the file system is mounted: `/`, or the directory that is bound.
    let root: String
    /// Where it is mounted.
    let mountPoint: String
    /// What was mounted: `/dev/sda1`, `server:/export`.
    let source: String
    /// `ext4`.
    let type: String
    /// Whether this mount may not be written through.
    let isReadOnly: Bool
    /// Whether the file system may not be written to by any mount, as after an error.
    let isReadOnlyItself: Bool
}

/// The mounts that a process sees, without those that hold no data.
struct MountTable {
    /// Types that hold no data, or are parts of others; as node_exporter leaves them out.
    private static let excludedTypes: Set<String> = [
        "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "erofs",
        "fusectl", "hugetlbfs", "iso9660", "mqueue", "nsfs", "overlay", "proc", "procfs", "pstore", "rpc_pipefs",
        "securityfs", "selinuxfs", "squashfs", "sysfs", "tracefs",
    ]

    /// What is mounted at `/`, whatever type it is of.
    private(set) var top: Mount?
    /// The mounts in the order of the kernel; of several at one place the last, which hides the others.
    private(set) var mounts: [Mount] = []
    private var indices: [String: Int] = [:]

    /// Reads the text of `mountinfo` (proc_pid_mountinfo(5)).
    init(_ bytes: [UInt8]) {
        var found: [Mount?] = []
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            // A source may be empty.
            let fields = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
            guard let dash = fields.firstIndex(where: { $0.elementsEqual("-".utf8) }), dash >= 6,
                fields.count > dash + 3
            else { continue }
            let mountPoint = String(escapedInMounts: fields[4])
            if let hidden = indices.removeValue(forKey: mountPoint) { found[hidden] = nil }
            let type = String(kernel: fields[dash + 1])
            let isExcluded = Self.excludedTypes.contains(type)
            guard !isExcluded || mountPoint == "/" else { continue }
            let mount = Mount(
                id: String(kernel: fields[0]), device: String(kernel: fields[2]),
                root: String(escapedInMounts: fields[3]),
                mountPoint: mountPoint, source: String(escapedInMounts: fields[dash + 2]), type: type,
                isReadOnly: Self.isReadOnly(fields[5]), isReadOnlyItself: Self.isReadOnly(fields[dash + 3]))
            if mountPoint == "/" { top = mount }
            // A name that is no text can be neither shown nor asked about.
            guard !isExcluded, !mountPoint.unicodeScalars.contains("\u{fffd}") else { continue }
            indices[mountPoint] = found.count
            found.append(mount)
        }
        for case let mount? in found {
            indices[mount.mountPoint] = mounts.count
            mounts.append(mount)
        }
    }

    /// What is mounted at a place.
    subscript(mountPoint: String) -> Mount? {
        mountPoint == "/" ? top : indices[mountPoint].map { mounts[$0] }
    }

    private static func isReadOnly(_ options: ArraySlice<UInt8>) -> Bool {
        options.split(separator: UInt8(ascii: ",")).contains { $0.elementsEqual("ro".utf8) }
    }
}

extension String {
    /// A path or a source as `mountinfo` writes it, with `\040` for a space, and so on for tab, newline and backslash.
    init(escapedInMounts text: some Collection<UInt8>) {
        guard text.contains(UInt8(ascii: "\\")) else {
            self.init(kernel: text)
            return
        }
        var bytes: [UInt8] = []
        var rest = text[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), let code = UInt8(String(kernel: rest.prefix(3)), radix: 8), rest.count >= 3 {
                bytes.append(code)
                rest.removeFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        self.init(kernel: bytes)
    }
}

/// The mounts of a process, read when there may be something new.
final class MountSource {
    /// What is longer is cut; a host with 2,000 containers has 2 MB.
    private static let maximumLength = 16 << 20
    /// What is shorter is read at every scrape, since a file system that an error has made read only is no event.
    private static let ordinaryLength = 64 << 10
    /// What is longer takes the kernel 10 microseconds a mount: it is read when something is mounted or unmounted, and
    /// at the first scrape after so long.
    private static let maximumAge = Duration.seconds(60)

    private let path: String
    private var kept: Kept?

    private final class Kept {
        let file: File
        var table = MountTable([])
        var length = 0
        var date = ContinuousClock.now

        init(_ path: String) throws(SystemError) { file = try File(path) }

        /// Whether something was mounted or unmounted since this was last asked (proc_pid_mountinfo(5)).
        var hasChanged: Bool {
            var request = pollfd(fd: file.descriptor, events: Int16(POLLPRI), revents: 0)
            return poll(&request, 1, 0) != 0
        }
    }

    /// - Parameter path: Of a `mountinfo`.
    init(_ path: String) { self.path = path }

    /// The mounts; `nil` where they cannot be read.
    func table() -> MountTable? {
        do {
            let kept = try self.kept ?? Kept(path)
            self.kept = kept
            if kept.length > Self.ordinaryLength, !kept.hasChanged, kept.date.duration(to: .now) < Self.maximumAge {
                return kept.table
            }
            var bytes: [UInt8] = []
            try kept.file.read(into: &bytes, limit: Self.maximumLength)
            (kept.table, kept.length, kept.date) = (MountTable(bytes), bytes.count, .now)
            return kept.table
        } catch {
            kept = nil
            return nil
        }
    }
}

/// A mount of the host's, and where it is seen from here.
struct HostMount: Hashable {
    let mount: Mount
    /// What to ask the kernel about.
    let path: String
    /// Whether the host may not write to it.
    let isReadOnly: Bool

    /// Mount points that are no places for data, or of containers, and everything below them; as node_exporter leaves
    /// them out.
    private static let excludedPlaces = ["/dev", "/proc", "/sys"]
    /// Of these only what is below them.
    private static let excludedDirectories = ["/run/credentials/", "/var/lib/docker/", "/var/lib/containers/storage/"]
    /// Where the host's root directory may be mounted in a container.
    private static let usualRoots = ["", "/rootfs", "/host"]

    /// Finds the host's root directory, as a prefix without a slash behind it: empty on the host itself.
    ///
    /// - Parameters:
    ///   - own: What the exporter sees.
    ///   - host: What the host's process 1 sees, where that can be told.
    /// - Returns: `nil` where it is not mounted where the exporter runs.
    static func root(own: MountTable, host: MountTable?) -> String? {
        if let top = host?.top {
            return usualRoots.first { root in
                guard let mount = own[root.isEmpty ? "/" : root] else { return false }
                return mount.device == top.device && mount.root == top.root
            }
        }
        // Another process 1 than the host's: this is a container, and its own root is not the host's.
        return usualRoots.dropFirst().first { root in
            guard let mount = own[root] else { return false }
            // A bound directory is no root, except for a btrfs subvolume such as `/@`.
            return mount.root == "/" || mount.type == "btrfs"
        }
    }

    /// The host's mounts that can be asked about from here, without those that are left out.
    ///
    /// What is at a mount point below another root may be another file system than the host has there, such as the
    /// directory beneath where the mount came later than the container; that is left out, and not shown with another's
    /// figures.
    static func all(own: MountTable, host: MountTable?, root: String) -> [HostMount] {
        guard let host else {
            return own.mounts.compactMap { mount in
                guard let place = stripped(mount.mountPoint, of: root), !isExcluded(place) else { return nil }
                // That the mount in the container is read only says nothing of the host's.
                return HostMount(
                    mount: mount.moved(to: place), path: mount.mountPoint,
                    isReadOnly: mount.isReadOnlyItself || root.isEmpty && mount.isReadOnly)
            }
        }
        return host.mounts.compactMap { mount in
            guard !isExcluded(mount.mountPoint) else { return nil }
            let path = mount.mountPoint == "/" && !root.isEmpty ? root : root + mount.mountPoint
            guard own[path]?.device == mount.device else { return nil }
            return HostMount(mount: mount, path: path, isReadOnly: mount.isReadOnlyItself || mount.isReadOnly)
        }
    }

    private static func isExcluded(_ mountPoint: String) -> Bool {
        excludedPlaces.contains { mountPoint == $0 || mountPoint.hasPrefix("\($0)/") }
            || excludedDirectories.contains { mountPoint.hasPrefix($0) }
    }

    /// A path without what it begins with; `nil` where it begins with something else.
    private static func stripped(_ path: String, of root: String) -> String? {
        if root.isEmpty { return path }
        if path == root { return "/" }
        return path.hasPrefix("\(root)/") ? String(path.dropFirst(root.count)) : nil
    }
}

extension Mount {
    fileprivate func moved(to place: String) -> Mount {
        Mount(
            id: id, device: device, root: root, mountPoint: place, source: source, type: type, isReadOnly: isReadOnly,
            isReadOnlyItself: isReadOnlyItself)
    }
}
