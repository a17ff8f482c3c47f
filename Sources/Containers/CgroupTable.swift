import Exposition
import Scraping

/// A collector that a table describes.
struct CgroupTable: ContainerCollector {
    let name: String
    let rows: [CgroupMetric]

    init(_ name: String, _ rows: [CgroupMetric]) {
        self.name = name
        self.rows = rows
    }

    func families(from reader: CgroupReader, until deadline: Deadline) throws(CollectorError) -> [MetricFamily] {
        let plan = reader.plan(of: self)
        var families = plan.descriptors.map(MetricFamily.init)
        var values: [Double?] = []
        for cgroup in reader.tree.exported {
            try deadline.check()
            guard try plan.read(cgroup, reader, into: &values) else { continue }
            for series in plan.series {
                if let condition = series.condition, plan.value(of: condition, values) == nil { continue }
                guard let value = plan.value(of: series.choice, values) else { continue }
                families[series.family].append(value, cgroup.labels(adding: series.labels, index: series.labelsIndex))
            }
        }
        return families
    }
}

/// A table made ready for the hierarchies there are: which files are read, once each, and in which slot each number goes.
struct CgroupPlan {
    struct Series {
        let family: Int
        let labels: [(String, String)]
        /// The reader's number for them.
        let labelsIndex: Int
        let choice: Choice
        let condition: Choice?
    }

    struct Choice {
        let sources: [Source]
        let isLargest: Bool
    }

    struct Source {
        let slots: [Int]
        let less: Int?
        let unit: CgroupUnit
    }

    private struct FileRead {
        let index: Int
        let isOfTopOnly: Bool
        var wanted: [CgroupText.Wanted] = []
    }

    private(set) var descriptors: [MetricDescriptor] = []
    private(set) var series: [Series] = []
    private var files: [FileRead] = []
    private var slotCount = 0

    init(_ metrics: [CgroupMetric], _ reader: CgroupReader) {
        var slots: [CgroupFile: (file: Int, slots: [CgroupText.Position: Int])] = [:]

        func slot(_ field: CgroupField, _ hierarchy: Hierarchy) -> Int {
            let file = CgroupFile(hierarchy: hierarchy, name: field.file)
            if slots[file] == nil {
                files.append(FileRead(index: reader.index(of: file), isOfTopOnly: hierarchy == .procfs))
                slots[file] = (files.count - 1, [:])
            }
            if let known = slots[file]?.slots[field.position] { return known }
            if let at = slots[file]?.file { files[at].wanted.append(.init(field.position, slot: slotCount)) }
            slots[file]?.slots[field.position] = slotCount
            slotCount += 1
            return slotCount - 1
        }

        func choice(_ columns: CgroupColumns) -> Choice {
            let sources = columns.sources(in: reader.mounts).map { source, hierarchy in
                Source(
                    slots: source.fields.map { slot($0, hierarchy) },
                    less: source.less.map { slot($0, hierarchy) },
                    unit: source.unit
                )
            }
            return Choice(sources: sources, isLargest: columns.isHybrid)
        }

        for metric in metrics {
            let family: Int
            if let known = descriptors.firstIndex(where: { $0.name == metric.descriptor.name }) {
                family = known
            } else {
                family = descriptors.count
                descriptors.append(metric.descriptor)
            }
            let found = Series(
                family: family,
                labels: metric.labels,
                labelsIndex: reader.index(of: Labels(metric.labels)),
                choice: choice(metric.columns),
                condition: metric.condition.map(choice)
            )
            series.append(found)
        }
    }

    /// Reads the numbers of a cgroup.
    ///
    /// - Returns: Whether it is still there. What was read of one that went meanwhile would tell half a story.
    func read(
        _ cgroup: Cgroup,
        _ reader: CgroupReader,
        into values: inout [Double?]
    ) throws(CollectorError) -> Bool {
        guard !cgroup.isGone else { return false }
        values.removeAll(keepingCapacity: true)
        values.append(contentsOf: repeatElement(nil, count: slotCount))
        var isComplete = true
        for file in files where cgroup.isRoot || !file.isOfTopOnly {
            switch try reader.read(file.index, of: cgroup, { CgroupText.read($0, file.wanted, into: &values) }) {
            case .read:
                break
            case .absent:
                isComplete = false
            case .gone:
                cgroup.isGone = true
                return false
            }
        }
        // A file may be missing because its cgroup has just been removed.
        if !isComplete, !reader.tree.isThere(cgroup) {
            cgroup.isGone = true
            return false
        }
        return true
    }

    func value(of choice: Choice, _ values: [Double?]) -> Double? {
        var best: Double?
        for source in choice.sources {
            guard let value = value(of: source, values) else { continue }
            best = max(value, best ?? 0)
            if value > 0, !choice.isLargest { break }
        }
        return best
    }

    private func value(of source: Source, _ values: [Double?]) -> Double? {
        var sum: Double?
        for slot in source.slots {
            guard let value = values[slot].flatMap(source.unit.value) else { continue }
            sum = (sum ?? 0) + value
        }
        guard let sum, let slot = source.less else { return sum }
        return values[slot].flatMap(source.unit.value).map { max(0, sum - $0) }
    }
}
