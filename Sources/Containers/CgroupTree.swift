import Exposition
import Glibc
import Scraping

/// The cgroups of a hierarchy, found by walking down from its root.
///
/// On the page are the root, everything directly below it (slices, `/init.scope`, `/docker`), the services below
/// `/system.slice`, and every container wherever it is, also within another container. Everything else, the hundreds of
/// cgroups of user sessions and of what runs within containers, is only passed through; mount units and the monitors of
/// LXC are not even entered.
///
/// A walk costs a `stat` per cgroup: a cgroup directory's link count is 2 + the number of its children, so one whose
/// known children are all there and as many as it counts has no others, and is not listed again.
final class CgroupTree {
    /// The most cgroups that are looked at, so that a host with a leak of them does not become ours.
    static let maximumCount = 10_000
    /// The deepest that is looked into; a container in a pod in a rootless cluster in a container is at 10.
    static let maximumDepth = 16
    /// How long and how many containers are remembered when they are gone.
    static let memory = (seconds: 300, count: 1_000)

    /// A container that is no more.
    struct Departed {
        let labels: Labels
        /// Seconds since 1970 of the last walk that met it.
        let lastSeen: Int
    }

    private let root: File
    private let limit: Int
    private let kinds: Set<ContainerKind>
    private var count = 0
    private var lastWalk = 0

    /// The root; `nil` before the first walk.
    private(set) var top: Cgroup?
    /// What is on the page, parents before their children, by name among siblings.
    private(set) var exported: [Cgroup] = []
    /// How many cgroups the last walk met and left out for their number.
    private(set) var leftOut = 0
    /// Containers that went within the last five minutes.
    private(set) var departed: [Departed] = []

    /// - Parameter kinds: What is on the page beside the root.
    /// - Throws: Where the root cannot be opened.
    init(
        root: String, limit: Int = maximumCount, showing kinds: Set<ContainerKind> = Set(ContainerKind.allCases)
    ) throws(SystemError) {
        self.root = try File(root, flags: O_DIRECTORY)
        self.limit = limit
        self.kinds = kinds
    }

    /// Walks.
    ///
    /// - Parameter now: Seconds since 1970.
    /// - Throws: `timeout`; `connection` where the hierarchy is not there any more.
    func refresh(now: Int, until deadline: Deadline) throws(CollectorError) {
        guard let status = Directory.Status(of: ".", in: root) else {
            throw CollectorError(.connection, "the cgroup hierarchy's root is gone: \(SystemError())")
        }
        count = 0
        leftOut = 0
        let top: Cgroup
        if let known = self.top, !known.isGone, known.inode == status.inode {
            top = known
        } else {
            top = Cgroup(components: [], role: .group, parent: nil, status: status)
            self.top = top
        }
        try visit(top, status, until: deadline)
        exported.removeAll(keepingCapacity: true)
        collect(top)
        lastWalk = now
        departed.removeAll { $0.lastSeen < now - Self.memory.seconds }
        departed.removeFirst(max(0, departed.count - Self.memory.count))
    }

    /// Whether the cgroup has not been removed, or replaced by one of the same name.
    func isThere(_ cgroup: Cgroup) -> Bool {
        Directory.Status(of: cgroup.relativePath, in: root)?.inode == cgroup.inode
    }

    private func visit(_ cgroup: Cgroup, _ status: Directory.Status, until deadline: Deadline) throws(CollectorError) {
        try deadline.check()
        count += 1
        cgroup.wasModified(status.modified)
        guard cgroup.role != .ignored, cgroup.components.count < Self.maximumDepth else { return }

        for child in cgroup.children {
            if !child.isGone, let status = Directory.Status(of: child.relativePath, in: root),
                status.inode == child.inode
            {
                try visit(child, status, until: deadline)
            } else {
                child.isGone = true
            }
        }
        let areAllThere = cgroup.children.allSatisfy { !$0.isGone }
        if areAllThere, status.links == 2 + cgroup.children.count { return }
        try list(cgroup, until: deadline)
    }

    /// Reads a directory, and visits the children that are new.
    private func list(_ cgroup: Cgroup, until deadline: Deadline) throws(CollectorError) {
        var known: [String: Cgroup] = [:]
        for child in cgroup.children {
            if child.isGone {
                depart(child)
            } else if let name = child.components.last {
                known[name] = child
            }
        }
        // A directory that went in this moment, or may not be read, has no children to show.
        let names = (try? Directory.subdirectories(of: cgroup.relativePath, in: root)) ?? []
        cgroup.children.removeAll { $0.isGone }
        for name in names.sorted() where known[name] == nil {
            guard count < limit else {
                leftOut += 1
                continue
            }
            let path = cgroup.components + [name]
            guard let status = Directory.Status(of: path.joined(separator: "/"), in: root) else { continue }
            let child = Cgroup(
                components: path, role: Self.role(of: name, below: cgroup.components, showing: kinds), parent: cgroup,
                status: status)
            cgroup.children.append(child)
            departed.removeAll { $0.labels == child.labels }
            try visit(child, status, until: deadline)
        }
        cgroup.children.sort { $0.relativePath < $1.relativePath }
    }

    private func collect(_ cgroup: Cgroup) {
        if cgroup.isExported { exported.append(cgroup) }
        for child in cgroup.children { collect(child) }
    }

    private func depart(_ cgroup: Cgroup) {
        cgroup.isGone = true
        if cgroup.container != nil { departed.append(Departed(labels: cgroup.labels, lastSeen: lastWalk)) }
        for child in cgroup.children { depart(child) }
    }
}
