import Exposition
import Scraping

/// A cgroup that was seen in the walk, and what is kept of it between scrapes.
final class Cgroup {
    /// What becomes of a cgroup that the walk meets.
    enum Role: Equatable {
        /// A container: on the page with `id` and `name`.
        case container(Container)
        /// Worth showing though no container: on the page with `id` alone, so that `name!=""` selects containers.
        case group
        /// Only on the way to others.
        case passage
        /// Neither shown nor entered.
        case ignored
    }

    /// The components of its path; none for the root.
    let components: [String]
    /// Below the hierarchy's root, without a slash before it; `.` for the root itself.
    let relativePath: String
    /// What the walk does with it.
    let role: Role
    /// Its directory's, by which it is told from a later cgroup of the same name.
    let inode: UInt64
    /// `id`, and a container's `name`.
    let labels: Labels
    /// The names that they may have.
    static let labelNames = ["id", "name"]
    /// Seconds since 1970. The kernel dates a directory when it is first looked up, and anew when it had to forget that
    /// in between, so the earliest date ever seen is the one that is nearest to the truth.
    private(set) var created: Int
    /// In order of their names.
    var children: [Cgroup] = []
    /// Whether the kernel said so; a cgroup that is gone never comes back.
    var isGone = false
    /// By the reader's numbering of files.
    var descriptors: [KeptDescriptor?] = []
    /// By the reader's numbering of label sets.
    private var extendedLabels: [Labels?] = []

    init(components: [String], role: Role, status: Directory.Status) {
        self.components = components
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

    var isRoot: Bool { components.isEmpty }

    var isExported: Bool {
        switch role {
        case .container, .group: true
        case .passage, .ignored: false
        }
    }

    var isContainer: Bool {
        if case .container = role { true } else { false }
    }

    func wasModified(_ seconds: Int) {
        created = min(created, seconds)
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
