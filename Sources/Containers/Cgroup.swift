import Exposition
import Scraping

/// A cgroup that was seen in the walk, and what is kept of it between scrapes.
final class Cgroup {
    /// The components of its path; none for the root.
    let components: [String]
    /// Below the hierarchy's root, without a slash before it; `.` for the root itself.
    let relativePath: String
    /// What the walk does with it.
    let role: Role
    /// Its directory's, by which it is told from a later cgroup of the same name.
    let inode: UInt64
    /// What it is in; `nil` for the root.
    private(set) weak var parent: Cgroup?
    /// What its runtime told of it, where it is a container and somebody was found who knows it.
    private(set) var details: ContainerDetails?
    /// `id`; of a container also `name`, `image`, those of its labels that are wanted, and where it is in Kubernetes.
    private(set) var labels: Labels
    /// The names that they may have, but for `container_label_...`.
    static let labelNames = ["id", "name", "image", "namespace", "pod", "container"]
    /// Seconds since 1970. The kernel dates a directory when it is first looked up, and anew when it had to forget that
    /// in between, so the earliest date ever seen is the one that is nearest to the truth.
    private(set) var created: Int
    /// Seconds since 1970 of the walk that met it first.
    let firstSeen: Int
    /// In order of their names.
    var children: [Cgroup] = []
    /// Whether the kernel said so; a cgroup that is gone never comes back.
    var isGone = false
    /// Whether children may be there that are not known.
    var needsListing = true
    /// Goes up when a file of it was, or may have been, written to, which is how limits change; see ``CgroupWatcher``.
    var writes = 0
    /// By which the kernel tells of its directories, first of all of the one that is walked through.
    var watches: [CInt] = []
    /// Whether directories of it may be there that are not watched.
    var needsWatches = true
    /// By the reader's numbering of files.
    var files: [FileState] = []
    /// What was read of the files that only change when somebody writes to them, by the plan's number.
    var settings: [Int: Settings] = [:]
    /// Where it stands in ``CgroupTree/lineage``.
    var place = 0
    /// A process that stands for it, once one was looked for.
    var process: ContainerProcess?
    /// By the reader's numbering of label sets.
    private var extendedLabels: [Labels?] = []

    init(components: [String], role: Role, parent: Cgroup?, status: Directory.Status, firstSeen: Int) {
        self.firstSeen = firstSeen
        self.components = components
        self.parent = parent
        self.role = role
        relativePath = components.isEmpty ? "." : components.joined(separator: "/")
        inode = status.inode
        created = status.modified
        let id = "/" + components.joined(separator: "/")
        if case .container(let container) = role {
            labels = ["id": id, "name": container.name]
        } else {
            labels = ["id": id]
        }
    }

    /// Takes over what was found out about the container; labels are only made anew where that changes something.
    func learn(_ details: ContainerDetails?, labels pairs: @autoclosure () -> [(String, String)]) {
        guard details != self.details else { return }
        self.details = details
        let labels = Labels(pairs())
        guard labels != self.labels else { return }
        self.labels = labels
        extendedLabels = []
    }

    /// What is known of one of its files.
    enum FileState {
        case unknown
        case open(KeptDescriptor)
        /// It was not there when it was looked for, though the cgroup was.
        case absent
    }

    /// Numbers that hold as long as nobody writes to a file of the cgroup.
    struct Settings {
        /// As in ``Cgroup/writes`` when they were read.
        let writes: Int
        let numbers: [Double]
    }

    var isRoot: Bool { components.isEmpty }

    var isExported: Bool { role.isExported }

    /// The container that it is.
    var container: Container? {
        if case .container(let container) = role { container } else { nil }
    }

    func wasModified(_ seconds: Int) {
        created = min(created, seconds)
    }

    /// Whether the kernel tells what comes to and goes from its directory.
    var isWatched: Bool { !watches.isEmpty }

    /// Has all files read again, also those that were not there.
    func mayHaveChanged() {
        writes += 1
        for index in files.indices {
            if case .absent = files[index] { files[index] = .unknown }
        }
    }

    /// Its labels and further ones, rendered once.
    ///
    /// - Parameter index: By the reader's numbering of label sets.
    func labels(adding further: [(String, String)], index: Int) -> Labels {
        if further.isEmpty { return labels }
        while extendedLabels.count <= index { extendedLabels.append(nil) }
        if let known = extendedLabels[index] { return known }
        let result = further.reduce(labels) { $0.adding($1.0, $1.1) }
        extendedLabels[index] = result
        return result
    }
}
