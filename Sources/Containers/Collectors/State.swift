import Exposition
import Scraping

/// What engines tell of their containers, stopped ones too: nothing of an engine that cannot be asked now.
struct State: ContainerCollector {
    private static let state = entry(
        "container_state", .gauge, "1 for what the container is doing, 0 for everything else that it might",
        labels: ["state"], source: "State.Status")
    private static let exitCode = entry(
        "container_exit_code", .gauge, "The exit code of the last run; absent before its end", source: "State.ExitCode")
    private static let outOfMemory = entry(
        "container_oom_killed", .gauge,
        "Whether the last run, or a process of this one, met the end of its memory; absent while a first run goes on without",
        source: "State.OOMKilled")
    private static let restarts = entry(
        "container_restarts_total", .counter,
        "How often the engine started the container again by itself, since somebody did", source: "RestartCount")
    private static let health = entry(
        "container_health_state", .gauge,
        "1 for a running container that is healthy, 0 for one that is not or not yet, -1 for one without a health check",
        source: "State.Health.Status")

    private static func entry(
        _ name: String, _ type: MetricType, _ meaning: String, labels: [String] = [], source: String
    ) -> CatalogueEntry {
        CatalogueEntry(name, type, meaning, labels: Cgroup.labelNames + labels, source: "the engine's \(source)")
    }

    let name = "container_state"

    var metrics: [CatalogueEntry] { [Self.state, Self.exitCode, Self.outOfMemory, Self.restarts, Self.health] }

    /// The engines; `nil` in the catalogue.
    var runtimes: Runtimes?
    /// Says which labels a container has.
    var settings = ContainersTarget.Settings()

    func families(from reader: CgroupReader, until deadline: Deadline) throws(CollectorError) -> [MetricFamily] {
        try deadline.check()
        var families = Families(reader)
        guard let snapshot = runtimes?.snapshot else { return [] }
        var seen: Set<String> = []
        for cgroup in reader.tree.exported where !cgroup.isGone {
            guard let id = cgroup.container?.id, let details = snapshot.current(id)?.details,
                seen.insert(id).inserted
            else { continue }
            families.add(details, cgroup.labels) { cgroup.labels(adding: $0.label, index: $0.index) }
        }
        try deadline.check()
        var stopped: [(path: String, container: Container, details: ContainerDetails)] = []
        for engine in snapshot.engines where engine.isCurrent {
            for (id, entry) in engine.entries where seen.insert(id).inserted {
                guard let path = entry.path(of: id, engine.placement), let container = container(at: path) else {
                    continue
                }
                stopped.append((path, container, entry.details))
            }
        }
        for (path, container, details) in stopped.sorted(by: { $0.path < $1.path }) {
            let labels = Labels(
                ContainerLabels.pairs(id: path, container: container, details: details, settings: settings))
            families.add(details, labels) { labels.adding("state", $0.state.rawValue) }
        }
        return families.all
    }

    /// The container whose cgroup would be there, where such ones are on the page.
    private func container(at path: String) -> Container? {
        let components = path.split(separator: "/").map(String.init)
        guard let name = components.last,
            case .container(let container) = CgroupTree.role(
                of: name, below: components.dropLast(), showing: settings.shownKinds)
        else { return nil }
        return container
    }

    private struct Families {
        var state = MetricFamily(State.state.descriptor)
        var exitCode = MetricFamily(State.exitCode.descriptor)
        var outOfMemory = MetricFamily(State.outOfMemory.descriptor)
        var restarts = MetricFamily(State.restarts.descriptor)
        var health = MetricFamily(State.health.descriptor)
        let states: [LabelledState]

        /// A state, its label, and the reader's number of that.
        typealias LabelledState = (state: ContainerDetails.State, label: [(String, String)], index: Int)

        init(_ reader: CgroupReader) {
            states = ContainerDetails.State.allCases.map { state in
                (state, [("state", state.rawValue)], reader.index(of: ["state": state.rawValue]))
            }
        }

        mutating func add(
            _ details: ContainerDetails, _ labels: Labels, _ stateLabels: (LabelledState) -> Labels
        ) {
            if let current = details.state {
                for other in states { state.append(other.state == current ? 1 : 0, stateLabels(other)) }
            }
            if let code = details.exitCode { exitCode.append(Double(code), labels) }
            if let wasOut = details.wasOutOfMemory { outOfMemory.append(wasOut ? 1 : 0, labels) }
            if let count = details.restartCount { restarts.append(Double(count), labels) }
            if details.processID != nil {
                health.append(details.health.map { $0 == .healthy ? 1 : 0 } ?? -1, labels)
            }
        }

        var all: [MetricFamily] { [state, exitCode, outOfMemory, restarts, health] }
    }
}
