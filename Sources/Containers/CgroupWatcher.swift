import Glibc
import Scraping

/// Tells cgroups what happened to their directories, so that nothing that stayed as it was is looked at again: children
/// that came or went, controllers that were switched on for them, and limits that somebody wrote.
///
/// The kernel tells of all this by inotify, on v1 and v2, whichever mount of the hierarchy it was done through. Where it
/// gives no watch (`fs.inotify.max_user_watches`) a cgroup is looked at in every walk.
final class CgroupWatcher {
    private struct Watched {
        let cgroup: Cgroup
        /// Whether it is the directory that the walk goes through.
        let isPrimary: Bool
    }

    /// What was written to a cgroup's controllers changes which files its children have.
    private static let controllerSwitch = "cgroup.subtree_control"

    private var inotify: Inotify?
    private var watched: [CInt: Watched] = [:]
    private let primary: String
    private let others: [String]
    /// Whether this user has no watch left; looked at again after a while.
    private var isExhausted = false

    /// - Parameters:
    ///   - primary: The directory of the hierarchy that is walked.
    ///   - others: Those of the other hierarchies in which limits are set.
    init(primary: String, others: [String]) {
        inotify = try? Inotify()
        self.primary = primary
        self.others = others
    }

    /// Takes note of what happened since the last call.
    ///
    /// - Returns: Whether nothing was missed.
    func update() -> Bool {
        guard inotify != nil else { return false }
        var isComplete = true
        inotify?.take { watch, event in
            guard let known = watched[watch] else {
                if case .overflow = event { isComplete = false }
                return
            }
            switch event {
            case .directories:
                if known.isPrimary { known.cgroup.needsListing = true }
            case .written(let file):
                known.cgroup.writes += 1
                if file == Self.controllerSwitch {
                    for child in known.cgroup.children { child.haveFilesChanged() }
                }
            case .ended:
                watched[watch] = nil
                known.cgroup.forgetWatches()
            case .overflow:
                isComplete = false
            }
        }
        return isComplete
    }

    /// Watches the directories of a cgroup, those that are not watched yet.
    func watch(_ cgroup: Cgroup) {
        guard !isExhausted else { return }
        if cgroup.watch == nil { cgroup.watch = add(primary, cgroup, isPrimary: true) }
        guard cgroup.watch != nil, cgroup.otherWatches.count < others.count else { return }
        // A runtime makes a container's directories one after the other.
        release(cgroup.otherWatches)
        cgroup.otherWatches = others.compactMap { add($0, cgroup, isPrimary: false) }
    }

    /// Whether limits of the cgroup cannot have changed without its ``Cgroup/writes`` telling.
    func seesLimits(of cgroup: Cgroup) -> Bool {
        cgroup.watch != nil && cgroup.otherWatches.count == others.count
    }

    /// Ends the watches of a cgroup that is gone.
    func end(_ cgroup: Cgroup) {
        release([cgroup.watch].compactMap(\.self) + cgroup.otherWatches)
        cgroup.forgetWatches()
    }

    /// Gives watches another chance.
    func retry() {
        isExhausted = false
    }

    private func add(_ directory: String, _ cgroup: Cgroup, isPrimary: Bool) -> CInt? {
        guard inotify != nil else { return nil }
        do {
            let watch = try inotify?.watch("\(directory)/\(cgroup.relativePath)")
            if let watch { watched[watch] = Watched(cgroup: cgroup, isPrimary: isPrimary) }
            return watch
        } catch {
            isExhausted = isExhausted || error.code == ENOSPC || error.code == ENOMEM
            return nil
        }
    }

    private func release(_ watches: [CInt]) {
        for watch in watches {
            inotify?.end(watch)
            watched[watch] = nil
        }
    }
}
