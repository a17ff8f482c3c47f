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
/// The kernel tells what comes and goes, see ``CgroupWatcher``. What it does not tell, and everything once a minute, is
/// found by a `stat` per cgroup: a cgroup directory's link count is 2 + the number of its children, so one whose known
/// children are all there and as many as it counts has no others, and is not listed again.
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

    /// How many seconds may pass until nothing is taken for granted any more.
    private static let trust = 60

    /// How many seconds a runtime takes at most to make all directories of a container.
    private static let settlingTime = 10

    private let path: String
    private let root: File
    private let limit: Int
    let watcher: CgroupWatcher
    private let kinds: Set<ContainerKind>
    private var count = 0
    private var now = 0
    private var lastWalk = 0
    /// `nil` where one is owed.
    private var lastWholeWalk: Int?
    private var isWholeWalk = true

    /// The root; `nil` before the first walk.
    private(set) var top: Cgroup?
    /// What is on the page, parents before their children, by name among siblings.
    private(set) var exported: [Cgroup] = []
    /// What is on the page and everything that it is in, in the same order.
    private(set) var lineage: [Cgroup] = []
    /// Why the last walk could not list a directory that is there; `nil` where it could.
    private(set) var unlisted: SystemError?
    /// How many cgroups the last walk met and left out for their number.
    private(set) var leftOut = 0
    /// Containers that went within the last five minutes.
    private(set) var departed: [Departed] = []

    /// - Parameters:
    ///   - others: The roots of the other hierarchies in which limits are set.
    ///   - watches: How many watches there may be, at most one for each directory.
    ///   - kinds: What is on the page beside the root.
    /// - Throws: Where the root cannot be opened.
    init(
        root: String, others: [String] = [], limit: Int = maximumCount,
        watches: @escaping () -> Int = CgroupWatcher.usualLimit,
        showing kinds: Set<ContainerKind> = Set(ContainerKind.allCases)
    ) throws(SystemError) {
        path = root
        self.root = try File(root, flags: O_DIRECTORY)
        self.limit = limit
        self.kinds = kinds
        watcher = CgroupWatcher(primary: root, others: others, limit: watches)
    }

    /// Walks.
    ///
    /// - Parameter now: Seconds since 1970.
    /// - Throws: `timeout`; `connection` where the hierarchy is not there any more.
    func refresh(now: Int, until deadline: Deadline) throws(CollectorError) {
        guard Directory.leads(path, to: root), let status = Directory.Status(of: ".", in: root) else {
            throw CollectorError(.connection, "the cgroup hierarchy's root is gone, or another one is in its place")
        }
        // Owed until it is done: a walk may end before its time.
        if !watcher.update() { lastWholeWalk = nil }
        lastWalk = min(self.now, now)
        self.now = now
        isWholeWalk = lastWholeWalk.map { !($0..<$0 + Self.trust).contains(now) } ?? true
        if isWholeWalk { watcher.retry() }
        count = 0
        leftOut = 0
        unlisted = nil
        let top: Cgroup
        if let known = self.top, !known.isGone, known.inode == status.inode {
            top = known
        } else {
            if let former = self.top { depart(former) }
            top = Cgroup(components: [], role: .group, parent: nil, status: status, firstSeen: now)
            self.top = top
        }
        try visit(top, until: deadline)
        if isWholeWalk { lastWholeWalk = now }
        lineage.removeAll(keepingCapacity: true)
        _ = collect(top)
        exported = lineage.filter(\.isExported)
        if !departed.isEmpty { forgetDeparted() }
    }

    /// Forgets containers that went long ago, or more than once.
    private func forgetDeparted() {
        var seen: Set<Labels> = []
        let kept = departed.reversed().filter {
            // The clock may have been set back.
            (now - Self.memory.seconds...now).contains($0.lastSeen) && seen.insert($0.labels).inserted
        }
        departed = kept.prefix(Self.memory.count).reversed()
    }

    /// Whether the cgroup has not been removed, or replaced by one of the same name.
    func isThere(_ cgroup: Cgroup) -> Bool {
        Directory.Status(of: cgroup.relativePath, in: root)?.inode == cgroup.inode
    }

    /// Whether the cgroup was met long enough ago for its runtime to have made all that belongs to it.
    func isSettled(_ cgroup: Cgroup) -> Bool {
        cgroup.isWatched && !(0..<Self.settlingTime).contains(now - cgroup.firstSeen)
    }

    /// Whether limits of the cgroup cannot have changed without its ``Cgroup/writes`` telling.
    func seesLimits(of cgroup: Cgroup) -> Bool { cgroup.isWatched && !cgroup.needsWatches }

    private func visit(_ cgroup: Cgroup, until deadline: Deadline) throws(CollectorError) {
        try deadline.check()
        count += 1
        guard cgroup.role != .ignored, cgroup.components.count < Self.maximumDepth else { return }
        if isWholeWalk { cgroup.mayHaveChanged() }
        // What happened before it was watched nobody tells.
        let isToldOf = cgroup.isWatched && !isWholeWalk
        watcher.watch(cgroup)

        let isCertain = isToldOf && !cgroup.needsListing
        var areAllThere = true
        for child in cgroup.children {
            if !child.isGone, isCertain || isThere(child) {
                try visit(child, until: deadline)
            } else {
                child.isGone = true
                areAllThere = false
            }
        }
        if areAllThere, !cgroup.needsListing {
            guard !isToldOf, let status = Directory.Status(of: cgroup.relativePath, in: root) else { return }
            cgroup.wasModified(status.modified)
            if status.links == 2 + cgroup.children.count { return }
        }
        try list(cgroup, until: deadline)
    }

    /// Reads a directory, and visits the children that are new.
    private func list(_ cgroup: Cgroup, until deadline: Deadline) throws(CollectorError) {
        for child in cgroup.children where child.isGone { depart(child) }
        cgroup.children.removeAll(where: \.isGone)
        let names: [String]
        do {
            names = try Directory.subdirectories(of: cgroup.relativePath, in: root)
        } catch {
            // One that went in this moment, or may not be read, has no children to show.
            cgroup.needsListing = error.isShortage
            if error.isShortage { unlisted = error }
            return
        }
        // Strings of other bytes can be the same characters.
        let known = Set(cgroup.children.compactMap { $0.components.last.map { Array($0.utf8) } })
        var areAllKnown = true
        for name in names.sorted() where !known.contains(Array(name.utf8)) {
            guard count < limit else {
                leftOut += 1
                areAllKnown = false
                continue
            }
            let path = cgroup.components + [name]
            guard let status = Directory.Status(of: path.joined(separator: "/"), in: root) else { continue }
            let child = Cgroup(
                components: path, role: Self.role(of: name, below: cgroup.components, showing: kinds), parent: cgroup,
                status: status, firstSeen: now)
            cgroup.children.append(child)
            if child.container != nil { departed.removeAll { $0.labels == child.labels } }
            try visit(child, until: deadline)
        }
        cgroup.children.sort { $0.relativePath < $1.relativePath }
        cgroup.needsListing = !areAllKnown
    }

    /// - Returns: Whether it, or something in it, is on the page.
    private func collect(_ cgroup: Cgroup) -> Bool {
        let place = lineage.count
        cgroup.place = place
        lineage.append(cgroup)
        var isNeeded = cgroup.isExported
        for child in cgroup.children where collect(child) { isNeeded = true }
        if !isNeeded { lineage.removeLast(lineage.count - place) }
        return isNeeded
    }

    private func depart(_ cgroup: Cgroup) {
        cgroup.isGone = true
        watcher.end(cgroup)
        if cgroup.container != nil { departed.append(Departed(labels: cgroup.labels, lastSeen: lastWalk)) }
        for child in cgroup.children { depart(child) }
    }
}
