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

    private var inotify: Inotify?
    private var watched: [CInt: Watched] = [:]
    private let primary: String
    private let others: [String]
    private let limit: () -> Int
    /// How many watches there may be now.
    private var room = 0
    /// Whether there is none left; looked at again after a while.
    private var isExhausted = false

    /// - Parameters:
    ///   - primary: The directory of the hierarchy that is walked.
    ///   - others: Those of the other hierarchies in which limits are set.
    ///   - limit: How many watches there may be.
    init(primary: String, others: [String], limit: @escaping () -> Int) {
        self.primary = primary
        self.others = others
        self.limit = limit
        retry()
    }

    /// Half of what a user may have: all that runs as the same user shares it, and before Linux 5.11 it was 8,192.
    static func usualLimit() -> Int {
        let text = (try? File.contents(of: "/proc/sys/fs/inotify/max_user_watches")) ?? []
        return (Int(String(decoding: text.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)) ?? 8192) / 2
    }

    /// How many watches there are.
    var count: Int { watched.count }

    /// Takes note of what happened since the last call.
    ///
    /// - Returns: Whether nothing was missed.
    func update() -> Bool {
        guard inotify != nil else { return false }
        var isComplete = true
        var ended: [Cgroup] = []
        inotify?.take { watch, event in
            guard let known = watched[watch] else {
                if case .overflow = event { isComplete = false }
                return
            }
            switch event {
            case .directory where known.isPrimary:
                known.cgroup.needsListing = true
            case .directory(let name):
                guard let child = known.cgroup.children.first(where: { $0.components.last == name }) else { return }
                child.needsWatches = true
                child.mayHaveChanged()
            case .written(let file):
                known.cgroup.writes += 1
                // Each brings files, or takes them away: of the controllers that children have, and of pressure.
                if file == "cgroup.subtree_control" {
                    for child in known.cgroup.children { child.mayHaveChanged() }
                } else if file == "cgroup.pressure" {
                    known.cgroup.mayHaveChanged()
                }
            case .ended:
                watched[watch] = nil
                ended.append(known.cgroup)
            case .overflow:
                isComplete = false
            }
        }
        for cgroup in ended { end(cgroup) }
        return isComplete
    }

    /// Watches the directories of a cgroup, where not all that are there are watched yet.
    func watch(_ cgroup: Cgroup) {
        guard cgroup.needsWatches, !isExhausted else { return }
        let former = cgroup.watches
        cgroup.watches = []
        cgroup.needsWatches = false
        if add(primary, to: cgroup) {
            for directory in others { add(directory, to: cgroup) }
        }
        release(former.filter { !cgroup.watches.contains($0) }, of: cgroup)
        // Nobody told what happened until now; and where it was in no such hierarchy, what is in it was not either.
        cgroup.writes += 1
        for child in cgroup.children { child.needsWatches = true }
    }

    /// Ends the watches of a cgroup.
    func end(_ cgroup: Cgroup) {
        release(cgroup.watches, of: cgroup)
        cgroup.watches = []
        cgroup.needsWatches = true
    }

    /// Gives watches another chance.
    func retry() {
        if inotify == nil { inotify = try? Inotify() }
        room = limit()
        isExhausted = inotify == nil
    }

    /// - Returns: Whether the directory is watched now.
    @discardableResult
    private func add(_ directory: String, to cgroup: Cgroup) -> Bool {
        do throws(SystemError) {
            guard let watch = try inotify?.watch("\(directory)/\(cgroup.relativePath)") else { return false }
            guard watched[watch] != nil || watched.count < room else {
                inotify?.end(watch)
                throw SystemError(ENOSPC)
            }
            watched[watch] = Watched(cgroup: cgroup, isPrimary: directory == primary)
            cgroup.watches.append(watch)
            return true
        } catch {
            isExhausted = isExhausted || error.code == ENOSPC || error.code == ENOMEM
            // When it comes to another hierarchy later, the watch of what it is in tells.
            if error.code != ENOENT || directory == primary { cgroup.needsWatches = true }
            return false
        }
    }

    private func release(_ watches: [CInt], of cgroup: Cgroup) {
        for watch in watches where watched[watch]?.cgroup === cgroup {
            inotify?.end(watch)
            watched[watch] = nil
        }
    }
}
