import Exposition
import Scraping

/// A collector that a table describes.
struct CgroupTable: ContainerCollector {
    let name: String
    let isEnabledByDefault: Bool
    let rows: [CgroupMetric]

    init(_ name: String, isEnabledByDefault: Bool = true, _ rows: [CgroupMetric]) {
        self.name = name
        self.isEnabledByDefault = isEnabledByDefault
        self.rows = rows
    }

    func families(from reader: CgroupReader, until deadline: Deadline) throws(CollectorError) -> [MetricFamily] {
        let plan = reader.plan(of: self)
        let cgroups = plan.hasBounds ? reader.tree.lineage : reader.tree.exported
        let numbers = try plan.read(cgroups, reader, until: deadline)
        var families = plan.descriptors.map(MetricFamily.init)
        for index in families.indices { families[index].samples.reserveCapacity(cgroups.count) }
        for (row, cgroup) in cgroups.enumerated() where cgroup.isExported && !cgroup.isGone {
            for series in plan.series {
                guard let value = plan.value(of: series, cgroup, numbers, row: row) else { continue }
                families[series.family].append(
                    value, series.hasLabels ? plan.labels(of: series, cgroup) : cgroup.labels)
            }
        }
        return families
    }
}
