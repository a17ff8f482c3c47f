import Exposition
import Glibc
import Scraping

/// Since when cgroups have been there, and until when.
struct Lifetime: ContainerCollector {
    private static let created = entry(
        "container_creation_time_seconds",
        "When the container was made, in seconds since 1970; where no runtime tells, when its cgroup was.",
        source: "the runtime's Created, or the date of the cgroup's directory")
    private static let started = entry(
        "container_start_time_seconds",
        "When the container was last started, in seconds since 1970; where no runtime tells, when its cgroup was made.",
        source: "the runtime's State.StartedAt, or the date of the cgroup's directory, which each start makes anew")
    private static let lastSeen = entry(
        "container_last_seen",
        "When the cgroup was last there, in seconds since 1970; a container's stays for five minutes after it is gone.",
        source: "the cgroup's directory")

    private static func entry(_ name: String, _ help: String, source: String) -> CatalogueEntry {
        CatalogueEntry(MetricDescriptor(name, .gauge, help), labels: Cgroup.labelNames, source: source)
    }

    var metrics: [CatalogueEntry] { [Self.created, Self.started, Self.lastSeen] }

    let name = "container_lifetime"

    func families(from reader: CgroupReader, until deadline: Deadline) throws(CollectorError) -> [MetricFamily] {
        try deadline.check()
        var created = MetricFamily(Self.created.descriptor)
        var started = MetricFamily(Self.started.descriptor)
        var lastSeen = MetricFamily(Self.lastSeen.descriptor)
        let now = Double(time(nil))
        for cgroup in reader.tree.exported {
            // A container that went since the walk was there in it, and will be among those that went.
            if cgroup.container != nil || !cgroup.isGone { lastSeen.append(now, cgroup.labels) }
            guard !cgroup.isGone else { continue }
            created.append(cgroup.details?.created ?? Double(cgroup.created), cgroup.labels)
            started.append(cgroup.details?.started ?? Double(cgroup.created), cgroup.labels)
        }
        // cAdvisor's samples have timestamps, which keep them visible to rules for "container killed" when they are no
        // longer served. Ours have none, so the last one goes on being served for as long.
        guard !reader.tree.departed.isEmpty else { return [created, started, lastSeen] }
        // One that was started again has the same labels as before; one that was made anew, all but the id and perhaps the
        // image. The newest one speaks for all of a name, so that nobody misses what was replaced.
        var told = Set(reader.tree.exported.lazy.filter { !$0.isGone && $0.container != nil }.map { Name($0.labels) })
        for container in reader.tree.departed.reversed() where told.insert(Name(container.labels)).inserted {
            lastSeen.append(Double(container.lastSeen), container.labels)
        }
        return [created, started, lastSeen]
    }

    /// What people call a container.
    private struct Name: Hashable {
        private let parts: [String?]

        init(_ labels: Labels) {
            parts = ["name", "namespace", "pod"].map { labels[$0] }
        }
    }
}
