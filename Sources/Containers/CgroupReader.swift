import CLinux
import Exposition
import Glibc
import Scraping

/// A file of each cgroup in one of the hierarchies.
struct CgroupFile: Hashable {
    let hierarchy: Hierarchy
    let name: String

    /// Whether the kernel makes it page by page.
    var isList: Bool { name == "cgroup.procs" || name == "cgroup.threads" || name == "tasks" }
}

/// Reads the files of cgroups into a buffer that is used again and again, through descriptors that are kept as long as
/// there are some to spare.
///
/// Used by one thread only: the target's.
final class CgroupReader {
    /// How a file was found.
    enum Outcome {
        case read
        /// Not there, or not for us: its numbers are absent.
        case absent
        /// The cgroup itself is no more.
        case gone
    }

    /// What is longer is cut, after a whole number of lines or in the middle of one.
    private static let maximumLength = 1 << 20

    /// What the kernel tells at least of a list that goes on: a page without a line.
    private static let leastPage = 4096 - 16

    /// The controllers that have files which are only ever changed by being written to.
    private static let controllersWithLimits: Set<String> = ["cpu", "cpuset", "memory", "pids"]

    /// Which hierarchies there are.
    let mounts: CgroupMounts
    /// The cgroups found.
    let tree: CgroupTree
    /// Kept descriptors that are still to be had.
    let budget: DescriptorBudget

    /// What `/proc` tells of containers' processes; `nil` where there is none.
    let processes: ProcessFiles?
    /// What `/proc` tells of disks.
    let devices = BlockDevices()
    /// Labels of the network interfaces of containers.
    var interfaces: [String: FurtherLabels] = [:]
    /// What is left out of the page for a reason that its user should know, by collector.
    var omissions: [String: CollectorError] = [:]

    private let roots: [Hierarchy: Root]
    private var files: [(name: String, isList: Bool, root: Root?)] = []
    private var indices: [CgroupFile: Int] = [:]
    private(set) var labelSets: [Labels] = []
    private var plans: [String: CgroupPlan] = [:]
    private var buffer = [UInt8](repeating: 0, count: 32 * 1024)

    /// A directory in which files are opened.
    final class Root {
        let directory: File

        init(_ path: String) throws(SystemError) {
            directory = try File(path, flags: O_DIRECTORY)
        }
    }

    /// - Throws: Where the hierarchy in which containers are looked for cannot be opened.
    init(
        mounts: CgroupMounts, procfs: String, descriptors: Int,
        showing kinds: Set<ContainerKind> = Set(ContainerKind.allCases)
    ) throws(ContainersError) {
        guard let primary = mounts.primary, let path = mounts.directories[primary] else {
            throw ContainersError("no cgroup hierarchy is mounted")
        }
        do {
            let others = mounts.directories(ofAny: Self.controllersWithLimits).subtracting([path])
            tree = try CgroupTree(root: path, others: others.sorted(), showing: kinds)
        } catch {
            throw ContainersError("the cgroups in \(path) cannot be read: \(error)")
        }
        self.mounts = mounts
        budget = DescriptorBudget(descriptors)
        var roots: [Hierarchy: Root] = [.procfs: try? Root(procfs)].compactMapValues(\.self)
        for (hierarchy, path) in mounts.directories { roots[hierarchy] = try? Root(path) }
        self.roots = roots
        if let procfs = roots[.procfs], let cgroups = roots[primary] {
            processes = ProcessFiles(procfs, cgroups: cgroups, isV2: primary == .v2, budget: budget)
        } else {
            processes = nil
        }
    }

    /// The number by which a file is read; the same for the same file.
    func index(of file: CgroupFile) -> Int {
        if let known = indices[file] { return known }
        files.append((file.name, file.isList, roots[file.hierarchy]))
        indices[file] = files.count - 1
        return files.count - 1
    }

    /// The number of a label set beside the cgroups' own, by which they keep theirs with it.
    func index(of labels: Labels) -> Int {
        if let known = labelSets.firstIndex(of: labels) { return known }
        labelSets.append(labels)
        return labelSets.count - 1
    }

    /// How a table is read from these hierarchies, worked out once.
    func plan(of table: CgroupTable) -> CgroupPlan {
        if let known = plans[table.name] { return known }
        let plan = CgroupPlan(table.rows, number: plans.count, self)
        plans[table.name] = plan
        return plan
    }

    /// Reads a file and hands out its text.
    ///
    /// - Parameter isKept: Whether it will be read again soon.
    /// - Throws: Where the exporter has no file descriptor or memory left.
    func read(
        _ index: Int,
        of cgroup: Cgroup,
        keeping isKept: Bool = true,
        _ body: (Span<UInt8>) -> Void
    ) throws(CollectorError) -> Outcome {
        while cgroup.files.count <= index { cgroup.files.append(.unknown) }
        switch cgroup.files[index] {
        case .open(let kept):
            let outcome = try read(kept.file, isList: files[index].isList, body)
            if outcome != .gone { return outcome }
            // A file goes alone where a controller is switched off, and from one hierarchy of v1 where others keep it.
            guard tree.isThere(cgroup) else { return .gone }
            cgroup.files[index] = .unknown
        case .absent: return .absent
        case .unknown: break
        }
        let (name, isList, root) = files[index]
        guard let root else { return .absent }
        let opened: File
        do {
            opened = try File("\(cgroup.relativePath)/\(name)", in: root.directory)
        } catch {
            _ = try Self.outcome(of: error)
            guard tree.isThere(cgroup) else { return .gone }
            // Later on only what switches a controller on brings files, which the tree is told of. In the beginning a
            // runtime makes the directories of the other hierarchies one after the other.
            if tree.isSettled(cgroup) { cgroup.files[index] = .absent }
            return .absent
        }
        let outcome = try read(opened, isList: isList, body)
        if outcome == .gone, tree.isThere(cgroup) { return .absent }
        if isKept, outcome == .read, let kept = budget.keep(opened) { cgroup.files[index] = .open(kept) }
        return outcome
    }

    private func read(
        _ file: borrowing File, isList: Bool, _ body: (Span<UInt8>) -> Void
    ) throws(CollectorError) -> Outcome {
        var length = 0
        while true {
            let count = buffer.withUnsafeMutableBytes {
                pread(file.descriptor, $0.baseAddress?.advanced(by: length), $0.count - length, off_t(length))
            }
            if count < 0 {
                if errno == EINTR { continue }
                return try Self.outcome(of: SystemError())
            }
            length += count
            if length == buffer.count {
                if length >= Self.maximumLength { break }
                buffer.append(contentsOf: repeatElement(0, count: length))
                // What is made in one piece is so anew.
                if !isList { length = 0 }
            } else if !isList || count < Self.leastPage {
                break
            }
        }
        let text = buffer
        body(text.span.extracting(first: length))
        return .read
    }

    private static func outcome(of error: SystemError) throws(CollectorError) -> Outcome {
        if error.isShortage { throw CollectorError(.internal, "a cgroup file cannot be read: \(error)") }
        return error.code == ENODEV ? .gone : .absent
    }
}

extension SystemError {
    /// Whether nothing is wrong but that the exporter, or this machine, has no descriptor or memory left.
    var isShortage: Bool { code == EMFILE || code == ENFILE || code == ENOMEM }
}

extension Deadline {
    /// - Throws: `timeout`, where it has passed or the scrape was given up.
    func check() throws(CollectorError) {
        if hasPassed || Task.isCancelled {
            throw CollectorError(.timeout, "the cgroups could not be read within the scrape's time limit")
        }
    }
}
