/// The containers of an engine, stopped ones too, as far as it has told of them.
struct RuntimeInventory: Sendable {
    /// The most containers that are kept of one engine.
    static let maximumCount = 10_000

    struct Entry: Sendable {
        /// What the engine told; without what ends with a run where it could not be asked lately.
        fileprivate(set) var details: ContainerDetails
        /// The cgroup that the user wants it in, as he wrote it.
        fileprivate(set) var parent: String?
        /// Where its cgroup was when it was last seen.
        fileprivate(set) var seenPath: String?
        /// Whether the engine was asked for it alone since it can be reached, and nothing is known to have changed.
        fileprivate(set) var isInspected: Bool

        /// The path of its cgroup, also while it has none.
        func path(of id: String, _ placement: RuntimeAnswers.Placement?) -> String? {
            // Where its users wanted it is only known once it was asked for.
            seenPath ?? details.cgroupPath ?? (isInspected ? placement?.path(of: id, parent: parent) : nil)
        }
    }

    /// By the container's id.
    private(set) var entries: [String: Entry] = [:]
    /// Grows with every change of what an entry tells.
    private(set) var revision = 0

    /// Takes over a complete list. What is known of a container beyond the list stays until it was asked for again, but for
    /// what may have changed in the meantime.
    mutating func list(_ listed: [String: ContainerDetails]) {
        entries = entries.filter { listed[$0.key] != nil }
        for (id, details) in listed {
            var merged = entries[id]?.details.withoutRun ?? details
            merged.name = details.name ?? merged.name
            merged.image = merged.image ?? details.image
            merged.labels = details.labels
            merged.pod = details.pod
            merged.state = details.state
            set(merged, parent: entries[id]?.parent, isInspected: false, of: id)
        }
    }

    /// Takes over what the engine told of one container.
    mutating func learn(_ details: ContainerDetails, parent: String?, of id: String) {
        set(details, parent: parent, isInspected: true, of: id)
    }

    private mutating func set(_ details: ContainerDetails, parent: String?, isInspected: Bool, of id: String) {
        guard var entry = entries[id] else {
            guard entries.count < Self.maximumCount else { return }
            revision += 1
            entries[id] = Entry(details: details, parent: parent, isInspected: isInspected)
            return
        }
        if entry.details != details || entry.isInspected != isInspected { revision += 1 }
        entry.details = details
        entry.parent = parent
        entry.isInspected = isInspected
        entries[id] = entry
    }

    /// Keeps the name and the like alone: the engine does not tell how the container is.
    mutating func doubt(_ id: String) {
        guard let entry = entries[id] else { return }
        set(entry.details.withoutRun, parent: entry.parent, isInspected: false, of: id)
    }

    /// Does so with all.
    mutating func doubtAll() {
        for id in entries.keys { doubt(id) }
    }

    /// Forgets a container that is no more.
    mutating func forget(_ id: String) {
        entries[id] = nil
    }

    /// Notes where a container's cgroup is.
    mutating func remember(path: String, of id: String) {
        entries[id]?.seenPath = path
    }
}

extension ContainerDetails {
    /// Without what may be another by the time that it is looked at: the state, and what began with the last start.
    var withoutRun: ContainerDetails {
        keepingRun(of: nil)
    }

    /// With the state and the run of another, which are a cgroup's as long as it is there.
    func keepingRun(of other: ContainerDetails?) -> ContainerDetails {
        var details = self
        details.state = other?.state
        details.exitCode = other?.exitCode
        details.wasOutOfMemory = other?.wasOutOfMemory
        details.restartCount = other?.restartCount
        details.health = other?.health
        details.started = other?.started
        details.processID = other?.processID
        details.cpuShares = other?.cpuShares
        return details
    }
}
