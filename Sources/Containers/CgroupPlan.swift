import Exposition
import Scraping

/// A table made ready for the hierarchies there are: which files are read, once each, and in which slot each number goes.
///
/// What is read of many cgroups is a matrix: a row for each cgroup, a column for each slot, and no number (NaN) where the
/// kernel tells none. It is filled file by file, not cgroup by cgroup: what the kernel needs to make the same file again
/// stays in the processor's cache, which makes it three times as fast.
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
        /// One of them with a value makes the file necessary; none where it is always read.
        let conditions: [Choice]
        let parser: CgroupParser
    }

    /// How many cgroups may be read until the time is looked at again.
    private static let rowsBetweenChecks = 64

    /// By which cgroups keep what was read of their settings.
    private let number: Int
    private(set) var descriptors: [MetricDescriptor] = []
    private(set) var series: [Series] = []
    /// With the reader's number for their labels.
    private var rows: [(metric: CgroupMetric, labelsIndex: Int)] = []
    private var sources: [Source] = []
    private var sums: [Int] = []
    private var bounds: [Bound] = []
    /// Files that only change when somebody writes to them.
    private var settings: [FileRead] = []
    private var settingSlots: [Int] = []
    /// All others.
    private var files: [FileRead] = []
    private var slotCount = 0

    /// - Parameter number: Different from those of other plans.
    init(_ metrics: [CgroupMetric], number: Int, _ reader: CgroupReader) {
        self.number = number
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
        settingSlots = reads.filter(\.file.isSetting).flatMap { $0.wanted.map(\.slot) }
        for read in reads {
            let file = FileRead(
                index: reader.index(of: read.file),
                isOfTopOnly: read.file.hierarchy == .procfs,
                alternatives: read.alternatives,
                conditions: read.file.isSetting ? [] : conditions(ofFileWith: Set(read.wanted.map(\.slot))),
                parser: CgroupParser(read.wanted))
            if read.file.isSetting { settings.append(file) } else { files.append(file) }
        }
    }

    /// What the settings must say for a file to be of use; none where it is of use in any case.
    private func conditions(ofFileWith fileSlots: Set<Int>) -> [Choice] {
        var conditions: [Choice] = []
        for series in series {
            let used = slots(of: series.value).union(series.ratio.map(slots) ?? [])
            if used.isDisjoint(with: fileSlots) { continue }
            guard let condition = series.condition, slots(of: condition).isSubset(of: settingSlots) else { return [] }
            if !conditions.contains(where: { $0.sources == condition.sources }) { conditions.append(condition) }
        }
        return conditions
    }

    /// The slots that a value may come from.
    private func slots(of choice: Choice) -> Set<Int> {
        var slots: Set<Int> = []
        for source in sources[choice.sources] {
            slots.insert(source.slot)
            slots.formUnion(sums[source.sum])
            slots.formUnion([source.less, source.per].compactMap(\.self))
            for bound in bounds where bound.slot == source.slot { slots.formUnion(sources[bound.sources].map(\.slot)) }
        }
        return slots
    }

    /// Whether the limits of what a cgroup is in have to be read too.
    var hasBounds: Bool { !bounds.isEmpty }

    /// Reads the numbers of cgroups, and marks those that have gone meanwhile: what was read of one would tell half a story.
    ///
    /// - Parameter cgroups: Where there are bounds, with everything that they are in, parents before children.
    /// - Throws: `timeout` when the deadline passes or the task is cancelled between two files.
    func read(
        _ cgroups: [Cgroup], _ reader: CgroupReader, until deadline: Deadline
    ) throws(CollectorError) -> [Double] {
        var numbers = [Double](repeating: .nan, count: cgroups.count * slotCount)
        for (row, cgroup) in cgroups.enumerated() where !cgroup.isGone {
            if row % Self.rowsBetweenChecks == 0 { try deadline.check() }
            try readSettings(of: cgroup, reader, into: &numbers, row: row)
        }
        for file in files {
            // What is only read for its limits has none in the other files, except for the machine's at the top.
            for (row, cgroup) in cgroups.enumerated() where !cgroup.isGone && (cgroup.isExported || cgroup.isRoot) {
                if row % Self.rowsBetweenChecks == 0 { try deadline.check() }
                try read(file, of: cgroup, reader, into: &numbers, row: row)
            }
        }
        if hasBounds {
            for (row, cgroup) in cgroups.enumerated() { descend(to: cgroup, &numbers, row: row) }
        }
        return numbers
    }

    /// Works out the limits that hold for a cgroup from its own, and from those of what it is in.
    private func descend(to cgroup: Cgroup, _ numbers: inout [Double], row: Int) {
        let parent = cgroup.parent?.place
        for bound in bounds {
            var least = parent.map { numbers[$0 * slotCount + bound.slot] } ?? .infinity
            for index in bound.sources {
                if let value = value(of: sources[index], numbers, row: row) { least = min(least, value) }
            }
            numbers[row * slotCount + bound.slot] = least
        }
    }

    /// Reads the files that only change when somebody writes to them, where nobody has seen that nobody did.
    private func readSettings(
        of cgroup: Cgroup, _ reader: CgroupReader, into numbers: inout [Double], row: Int
    ) throws(CollectorError) {
        guard !settings.isEmpty else { return }
        let start = row * slotCount
        let isSeen = reader.tree.seesLimits(of: cgroup)
        if isSeen, let known = cgroup.settings[number], known.writes == cgroup.writes {
            for (index, slot) in settingSlots.enumerated() { numbers[start + slot] = known.numbers[index] }
            return
        }
        for file in settings { try read(file, of: cgroup, reader, keeping: !isSeen, into: &numbers, row: row) }
        cgroup.settings[number] =
            isSeen ? Cgroup.Settings(writes: cgroup.writes, numbers: settingSlots.map { numbers[start + $0] }) : nil
    }

    private func read(
        _ file: FileRead, of cgroup: Cgroup, _ reader: CgroupReader, keeping isKept: Bool = true,
        into numbers: inout [Double], row: Int
    ) throws(CollectorError) {
        if file.isOfTopOnly, !cgroup.isRoot { return }
        if !file.conditions.isEmpty, file.conditions.allSatisfy({ value(of: $0, numbers, row: row) == nil }) { return }
        if !file.alternatives.isEmpty,
            file.alternatives.allSatisfy({ value(of: $0, numbers, row: row).map($0.unit.settles) ?? false })
        {
            return
        }
        let start = row * slotCount
        let outcome = try reader.read(file.index, of: cgroup, keeping: isKept) {
            file.parser.read($0, into: &numbers, from: start)
        }
        if outcome == .gone {
            cgroup.isGone = true
        }
    }

    /// - Returns: `nil` where the kernel does not tell it of this cgroup.
    func value(of series: Series, _ cgroup: Cgroup, _ numbers: [Double], row: Int) -> Double? {
        if let condition = series.condition, value(of: condition, numbers, row: row) == nil { return nil }
        guard var result = value(of: series.value, numbers, row: row) else { return nil }
        if let ratio = series.ratio {
            guard let whole = value(of: ratio, numbers, row: row), whole > 0 else { return nil }
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

    private func value(of choice: Choice, _ numbers: [Double], row: Int) -> Double? {
        var best: Double?
        for index in choice.sources {
            guard let value = value(of: sources[index], numbers, row: row) else { continue }
            best = max(value, best ?? 0)
            if !choice.isLargest, sources[index].unit.settles(value) { break }
        }
        return best
    }

    private func value(of source: Source, _ numbers: [Double], row: Int) -> Double? {
        func number(_ slot: Int) -> Double? {
            let number = numbers[row * slotCount + slot]
            return number.isNaN ? nil : source.unit.value(number)
        }
        var sum = number(source.slot)
        for index in source.sum {
            if let value = number(sums[index]) { sum = (sum ?? 0) + value }
        }
        guard var sum else { return nil }
        if let less = source.less {
            guard let value = number(less) else { return nil }
            sum = max(0, sum - value)
        }
        if let per = source.per {
            guard let value = number(per), value > 0 else { return nil }
            sum /= value
        }
        return sum
    }
}
