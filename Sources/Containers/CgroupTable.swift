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
        var families = plan.descriptors.map(MetricFamily.init)
        for index in families.indices { families[index].samples.reserveCapacity(reader.tree.exported.count) }
        var values = CgroupValues()
        for cgroup in reader.tree.exported {
            try deadline.check()
            guard try plan.read(cgroup, reader, into: &values) else { continue }
            let labels = cgroup.labels
            for series in plan.series {
                guard let value = plan.value(of: series, cgroup, values) else { continue }
                if series.hasLabels {
                    families[series.family].append(value, plan.labels(of: series, cgroup))
                } else {
                    families[series.family].append(value, labels)
                }
            }
        }
        return families
    }
}

/// What a plan has read of a cgroup, and the limits of what the cgroup is in.
struct CgroupValues {
    /// By the plan's slots.
    fileprivate(set) var numbers: [Double?] = []
    /// The cgroup read last and all that it is in, by their depth.
    fileprivate var path: [Cgroup] = []
    /// What holds for each of them, one after the other: as many as the plan has ``CgroupPlan/bounds``.
    fileprivate var pathBounds: [Double] = []

    /// Leaves the path as deep as this.
    fileprivate mutating func cutPath(to depth: Int, bounds: Int) {
        path.removeLast(path.count - depth)
        pathBounds.removeLast(pathBounds.count - depth * bounds)
    }
}

/// A table made ready for the hierarchies there are: which files are read, once each, and in which slot each number goes.
struct CgroupPlan {
    /// Numbers alone, for it is gone through for every cgroup.
    struct Series {
        let family: Int
        /// In the plan's ``rows``.
        fileprivate let row: Int
        /// Whether it has labels beside the cgroup's own.
        let hasLabels: Bool
        fileprivate let hasCorrection: Bool
        fileprivate let value: Choice
        fileprivate let ratio: Choice?
        fileprivate let condition: Choice?
    }

    /// Sources of which one counts.
    fileprivate struct Choice {
        /// In the plan's ``sources``.
        let sources: Range<Int>
        let isLargest: Bool
    }

    fileprivate struct Source {
        let slot: Int
        /// Further numbers that are added, in the plan's ``sums``.
        let sum: Range<Int>
        let less: Int?
        let per: Int?
        let unit: CgroupUnit
    }

    /// The least over a path, and the slot that it goes to.
    private struct Bound {
        let sources: Range<Int>
        let slot: Int
    }

    private struct FileRead {
        /// By the reader's numbering.
        let index: Int
        let isOfTopOnly: Bool
        /// Any of them without a value makes the file necessary; none where it is always read.
        let alternatives: [Source]
        let parser: CgroupParser
    }

    private(set) var descriptors: [MetricDescriptor] = []
    private(set) var series: [Series] = []
    /// With the reader's number for their labels.
    private var rows: [(metric: CgroupMetric, labelsIndex: Int)] = []
    private var sources: [Source] = []
    private var sums: [Int] = []
    private var bounds: [Bound] = []
    /// Files that only change when somebody writes to them.
    private var settings: [FileRead] = []
    /// All others.
    private var files: [FileRead] = []
    private var slotCount = 0

    init(_ metrics: [CgroupMetric], _ reader: CgroupReader) {
        var reads: [(file: CgroupFile, alternatives: [Source], wanted: [(position: CgroupText.Position, slot: Int)])] =
            []
        var known: [CgroupColumns: Choice] = [:]

        func newSlot() -> Int {
            slotCount += 1
            return slotCount - 1
        }

        func slot(_ field: CgroupField, _ hierarchy: Hierarchy, unless alternative: Source?) -> Int {
            let file = CgroupFile(hierarchy: hierarchy, name: field.file)
            let at: Int
            if let read = reads.firstIndex(where: { $0.file == file }) {
                at = read
                if let alternative, !reads[at].alternatives.isEmpty {
                    reads[at].alternatives.append(alternative)
                } else {
                    reads[at].alternatives = []
                }
            } else {
                at = reads.count
                reads.append((file, alternative.map { [$0] } ?? [], []))
            }
            if let known = reads[at].wanted.first(where: { $0.position == field.position }) { return known.slot }
            let slot = newSlot()
            reads[at].wanted.append((field.position, slot))
            return slot
        }

        func choice(_ columns: CgroupColumns?) -> Choice? {
            guard let columns else { return nil }
            if let known = known[columns] { return known }
            var found: [Source] = []
            for (source, hierarchy) in columns.sources(in: reader.mounts) {
                let alternative = columns.rule == .first && hierarchy != .procfs ? found.last : nil
                let slots = source.fields.map { slot($0, hierarchy, unless: alternative) }
                guard let first = slots.first else { continue }
                sums += slots.dropFirst()
                found.append(
                    Source(
                        slot: first,
                        sum: (sums.count - slots.count + 1)..<sums.count,
                        less: source.less.map { slot($0, hierarchy, unless: alternative) },
                        per: source.per.map { slot($0, hierarchy, unless: alternative) },
                        unit: source.unit))
            }
            guard !found.isEmpty else { return nil }
            if columns.rule == .leastOfPath {
                let slot = newSlot()
                bounds.append(Bound(sources: sources.count..<(sources.count + found.count), slot: slot))
                sources += found
                found = [Source(slot: slot, sum: 0..<0, less: nil, per: nil, unit: .plain)]
            }
            let choice = Choice(
                sources: sources.count..<(sources.count + found.count), isLargest: columns.rule == .hybrid)
            sources += found
            known[columns] = choice
            return choice
        }

        for metric in metrics {
            let condition = choice(metric.condition)
            let ratio = choice(metric.ratio)
            // A row without a source on this kind of host gives nothing.
            guard (condition == nil) == (metric.condition == nil), (ratio == nil) == (metric.ratio == nil),
                let value = choice(metric.columns)
            else { continue }
            let family: Int
            if let known = descriptors.firstIndex(where: { $0.name == metric.descriptor.name }) {
                family = known
            } else {
                family = descriptors.count
                descriptors.append(metric.descriptor)
            }
            series.append(
                Series(
                    family: family,
                    row: rows.count,
                    hasLabels: !metric.labels.isEmpty,
                    hasCorrection: metric.correction != nil,
                    value: value,
                    ratio: ratio,
                    condition: condition
                ))
            rows.append((metric, reader.index(of: Labels(metric.labels))))
        }
        for read in reads {
            let read = (
                isSetting: read.file.isSetting,
                file: FileRead(
                    index: reader.index(of: read.file),
                    isOfTopOnly: read.file.hierarchy == .procfs,
                    alternatives: read.alternatives,
                    parser: CgroupParser(read.wanted))
            )
            if read.isSetting { settings.append(read.file) } else { files.append(read.file) }
        }
    }

    /// Reads the numbers of a cgroup.
    ///
    /// - Returns: Whether it is still there. What was read of one that went meanwhile would tell half a story.
    func read(
        _ cgroup: Cgroup,
        _ reader: CgroupReader,
        into values: inout CgroupValues
    ) throws(CollectorError) -> Bool {
        guard !cgroup.isGone else { return false }
        if !bounds.isEmpty { try readPath(to: cgroup, reader, into: &values) }
        var outcome = try readSettings(of: cgroup, reader, into: &values.numbers)
        if outcome != .gone {
            let other = try read(files, of: cgroup, reader, into: &values.numbers)
            if other != .read { outcome = other }
        }
        // A file may be missing because its cgroup has just been removed.
        if outcome == .gone || outcome == .absent && !reader.tree.isThere(cgroup) {
            cgroup.isGone = true
            return false
        }
        if !bounds.isEmpty { descend(to: cgroup, &values) }
        return true
    }

    /// Reads the limits of what the cgroup is in, as far as that was not just done for another in it.
    private func readPath(
        to cgroup: Cgroup, _ reader: CgroupReader, into values: inout CgroupValues
    ) throws(CollectorError) {
        var missing: [Cgroup] = []
        var depth = 0
        var ancestor = cgroup.parent
        while let cgroup = ancestor {
            depth = cgroup.components.count
            if depth < values.path.count, values.path[depth] === cgroup { break }
            missing.append(cgroup)
            ancestor = cgroup.parent
        }
        values.cutPath(to: ancestor == nil ? 0 : depth + 1, bounds: bounds.count)
        for ancestor in missing.reversed() {
            _ = try readSettings(of: ancestor, reader, into: &values.numbers)
            // Where the machine's own limits stand.
            if ancestor.isRoot { _ = try read(files, of: ancestor, reader, into: &values.numbers) }
            descend(to: ancestor, &values)
        }
    }

    /// Works out the limits that hold for a cgroup from its own, and from those of what it is in.
    private func descend(to cgroup: Cgroup, _ values: inout CgroupValues) {
        for bound in bounds {
            // As many places before the end as there are bounds, whichever of them it is.
            var least = values.path.isEmpty ? .infinity : values.pathBounds[values.pathBounds.count - bounds.count]
            for source in bound.sources {
                if let value = value(of: sources[source], values.numbers) { least = min(least, value) }
            }
            values.numbers[bound.slot] = least
            values.pathBounds.append(least)
        }
        values.path.append(cgroup)
    }

    /// Reads the files that only change when somebody writes to them, as the first of the cgroup's files.
    private func readSettings(
        of cgroup: Cgroup, _ reader: CgroupReader, into numbers: inout [Double?]
    ) throws(CollectorError) -> CgroupReader.Outcome {
        if numbers.count != slotCount { numbers = [Double?](repeating: nil, count: slotCount) }
        for slot in numbers.indices { numbers[slot] = nil }
        return try read(settings, of: cgroup, reader, into: &numbers)
    }

    private func read(
        _ files: [FileRead], of cgroup: Cgroup, _ reader: CgroupReader, into numbers: inout [Double?]
    ) throws(CollectorError) -> CgroupReader.Outcome {
        var outcome = CgroupReader.Outcome.read
        for file in files {
            if file.isOfTopOnly, !cgroup.isRoot { continue }
            if !file.alternatives.isEmpty, !file.alternatives.contains(where: { value(of: $0, numbers) ?? 0 == 0 }) {
                continue
            }
            switch try reader.read(file.index, of: cgroup, { file.parser.read($0, into: &numbers) }) {
            case .read: break
            case .absent: outcome = .absent
            case .gone: return .gone
            }
        }
        return outcome
    }

    /// - Returns: `nil` where the kernel does not tell it of this cgroup.
    func value(of series: Series, _ cgroup: Cgroup, _ values: CgroupValues) -> Double? {
        if let condition = series.condition, value(of: condition, values.numbers) == nil { return nil }
        guard var result = value(of: series.value, values.numbers) else { return nil }
        if let ratio = series.ratio {
            guard let whole = value(of: ratio, values.numbers), whole > 0 else { return nil }
            result /= whole
        }
        if series.hasCorrection, let details = cgroup.details, let correction = rows[series.row].metric.correction {
            return correction(result, details)
        }
        return result
    }

    func labels(of series: Series, _ cgroup: Cgroup) -> Labels {
        cgroup.labels(adding: rows[series.row].metric.labels, index: rows[series.row].labelsIndex)
    }

    private func value(of choice: Choice, _ numbers: [Double?]) -> Double? {
        var best: Double?
        for index in choice.sources {
            guard let value = value(of: sources[index], numbers) else { continue }
            best = max(value, best ?? 0)
            if value > 0, !choice.isLargest { break }
        }
        return best
    }

    private func value(of source: Source, _ numbers: [Double?]) -> Double? {
        var sum = numbers[source.slot].flatMap(source.unit.value)
        for index in source.sum {
            if let value = numbers[sums[index]].flatMap(source.unit.value) { sum = (sum ?? 0) + value }
        }
        guard var sum else { return nil }
        if let less = source.less {
            guard let value = numbers[less].flatMap(source.unit.value) else { return nil }
            sum = max(0, sum - value)
        }
        if let per = source.per {
            guard let value = numbers[per].flatMap(source.unit.value), value > 0 else { return nil }
            sum /= value
        }
        return sum
    }
}
