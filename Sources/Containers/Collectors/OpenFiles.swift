import Exposition
import Glibc
import Scraping

/// How many files the processes of containers have open, and may have.
///
/// Of a container everything below its cgroup is counted, containers within it too; of other cgroups their own
/// processes, so that the root does not add up the whole machine.
struct OpenFiles: ContainerCollector {
    private static let descriptors = entry(
        "container_file_descriptors", "Files, sockets and whatever else processes have open, added up.",
        source: "/proc/<pid>/fd", versions: "for all users Linux 6.2+, else for root")
    private static let sockets = entry(
        "container_sockets", "Sockets that processes have open, added up.",
        source: "/proc/<pid>/fd", versions: "for root")
    private static let limit = entry(
        "container_ulimits_soft", "How much of something the first process may have; -1 for any number.",
        labels: ["ulimit"], source: "/proc/<pid>/limits: Max open files")

    private static func entry(
        _ name: String, _ help: String, labels: [String] = [], source: String, versions: String? = nil
    ) -> CatalogueEntry {
        CatalogueEntry(
            MetricDescriptor(name, .gauge, help), labels: Cgroup.labelNames + labels, source: source, versions: versions
        )
    }

    let name = "container_open_files"

    /// Off: it takes a look at every process.
    var isEnabledByDefault: Bool { false }

    var metrics: [CatalogueEntry] { [Self.descriptors, Self.sockets, Self.limit] }

    func families(from reader: CgroupReader, until deadline: Deadline) throws(CollectorError) -> [MetricFamily] {
        reader.omissions[name] = nil
        guard let files = reader.processes else { return [] }
        var descriptors = MetricFamily(Self.descriptors.descriptor)
        var sockets = MetricFamily(Self.sockets.descriptor)
        var limits = MetricFamily(Self.limit.descriptor)
        let ulimit = reader.further([("ulimit", "max_open_files")])
        let tellsCounts = files.tellsCounts
        for cgroup in reader.tree.exported where !cgroup.isGone {
            try deadline.check()
            let processes = try processes(of: cgroup, files)
            let areHidden = processes.isEmpty ? try files.mayLeaveOut() : processes.contains(0)
            if areHidden, cgroup.container != nil { reader.omissions[name] = Self.isInvisible }
            guard !processes.isEmpty, !areHidden else { continue }
            var sum = OpenDescriptors()
            for process in processes {
                try deadline.check()
                try sum.add(process, files, tellsCounts: tellsCounts)
            }
            if let count = sum.count { descriptors.append(Double(count), cgroup.labels) }
            if let count = sum.sockets { sockets.append(Double(count), cgroup.labels) }
            if sum.sockets == nil { reader.omissions[name] = Self.isRefused }
            if case .found(let first) = try files.process(of: cgroup) {
                if let limit = try files.openFilesLimit(of: first) {
                    limits.append(limit, cgroup.labels(adding: ulimit))
                } else {
                    cgroup.process = nil
                }
            }
        }
        return [descriptors, sockets, limits]
    }

    /// Those of a cgroup, and where it is a container those of everything in it.
    private func processes(of cgroup: Cgroup, _ files: ProcessFiles) throws(CollectorError) -> [UInt32] {
        var processes = try files.processes(of: cgroup)
        guard cgroup.container != nil else { return processes }
        var below = cgroup.children
        while let next = below.popLast() {
            processes += try files.processes(of: next)
            below += next.children
        }
        return processes
    }

    private static let isInvisible = CollectorError(
        .permission,
        "open files are counted in /proc/<pid>/fd, and the processes of containers are in another PID namespace: run "
            + "this container with pid: host (docker run --pid=host)")
    private static let isRefused = CollectorError(
        .permission,
        "which open files are sockets, and before Linux 6.2 how many there are, is told to root alone (or whoever has "
            + "CAP_SYS_PTRACE)")
}

/// What processes have open; `nil` where one of them could not be looked at.
private struct OpenDescriptors {
    private(set) var count: Int? = 0
    private(set) var sockets: Int? = 0

    /// Adds those of a process, none where it has ended.
    mutating func add(_ process: UInt32, _ files: ProcessFiles, tellsCounts: Bool) throws(CollectorError) {
        if sockets != nil {
            switch try files.listDescriptors(of: process) {
            case .listed(let own, let sockets):
                count? += own
                self.sockets? += sockets
                return
            case .ended: return
            case .refused: sockets = nil
            }
        }
        count = tellsCounts ? count.map { $0 + files.countDescriptors(of: process) } : nil
    }
}

extension ProcessFiles {
    fileprivate enum Listing {
        case listed(count: Int, sockets: Int)
        case refused
        case ended
    }

    /// Goes through `/proc/<pid>/fd`, whose entries are links to `socket:[1234]` and the like.
    fileprivate func listDescriptors(of process: UInt32) throws(CollectorError) -> Listing {
        let descriptor = openat(root.directory.descriptor, "\(process)/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            let error = SystemError()
            if error.isShortage { throw CollectorError(.internal, "open files cannot be counted: \(error)") }
            return error.code == EACCES || error.code == EPERM ? .refused : .ended
        }
        guard let stream = fdopendir(descriptor) else {
            let error = SystemError()
            close(descriptor)
            throw CollectorError(.internal, "open files cannot be counted: \(error)")
        }
        defer { closedir(stream) }
        let socket = "socket:".utf8.map(CChar.init)
        var target = [CChar](repeating: 0, count: socket.count)
        var (count, sockets) = (0, 0)
        while let entry = readdir(stream) {
            withUnsafeBytes(of: &entry.pointee.d_name) { name in
                guard let name = name.assumingMemoryBound(to: CChar.self).baseAddress,
                    name.pointee != CChar(UInt8(ascii: "."))
                else { return }
                count += 1
                let length = readlinkat(descriptor, name, &target, target.count)
                if length == target.count, target == socket { sockets += 1 }
            }
        }
        return .listed(count: count, sockets: sockets)
    }

    /// The size of `/proc/<pid>/fd` is the number of its entries, and told to everybody, since Linux 6.2.
    fileprivate func countDescriptors(of process: UInt32) -> Int {
        var status = stat()
        return fstatat(root.directory.descriptor, "\(process)/fd", &status, 0) == 0 ? status.st_size : 0
    }

    /// Whether this kernel tells the number.
    fileprivate var tellsCounts: Bool {
        var status = stat()
        return fstatat(root.directory.descriptor, "self/fd", &status, 0) == 0 && status.st_size > 0
    }
}
