import Exposition
import Glibc
import Scraping

/// Since when cgroups have been there, and until when.
struct Lifetime: ContainerCollector {
    private static let created = entry(
        "container_creation_time_seconds",
        "When the cgroup was made, by the date of its directory, in seconds since 1970.")
    private static let started = entry(
        "container_start_time_seconds",
        "When the container was started, in seconds since 1970; the runtime makes the cgroup anew for each start.")
    private static let lastSeen = entry(
        "container_last_seen",
        "When the cgroup was last there, in seconds since 1970; a container's stays for five minutes after it is gone.")

    private static func entry(_ name: String, _ help: String) -> CatalogueEntry {
        CatalogueEntry(
            MetricDescriptor(name, .gauge, help), labels: Cgroup.labelNames, source: "the cgroup's directory")
    }

    var metrics: [CatalogueEntry] { [Self.created, Self.started, Self.lastSeen] }

    let name = "container_lifetime"

    func families(from reader: CgroupReader, until deadline: Deadline) throws(CollectorError) -> [MetricFamily] {
        try deadline.check()
        var created = MetricFamily(Self.created.descriptor)
        var started = MetricFamily(Self.started.descriptor)
        var lastSeen = MetricFamily(Self.lastSeen.descriptor)
        let now = Double(time(nil))
        for cgroup in reader.tree.exported where !cgroup.isGone {
            created.append(Double(cgroup.created), cgroup.labels)
            started.append(Double(cgroup.created), cgroup.labels)
            lastSeen.append(now, cgroup.labels)
        }
        // cAdvisor's samples have timestamps, which keep them visible to rules for "container killed" when they are no
        // longer served. Ours have none, so the last one goes on being served for as long.
        for container in reader.tree.departed {
            lastSeen.append(Double(container.lastSeen), container.labels)
        }
        return [created, started, lastSeen]
    }
}
