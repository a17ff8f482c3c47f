import Exposition

/// How many samples were left out of pages, by reason.
struct DroppedSamples: CustomStringConvertible {
    /// Why a sample was left out.
    enum Reason: String, CaseIterable {
        /// A series of the same name and labels came before it.
        case duplicate
        /// Its target had more series than it may have.
        case budget
        /// A family of the same name and another type came before it.
        case type
        /// Its metric's name is none.
        case name
        /// A counter that is negative or not a number, which OpenMetrics forbids.
        case value
    }

    private var counts: [Reason: Int] = [:]

    subscript(reason: Reason) -> Int {
        get { counts[reason, default: 0] }
        set { counts[reason] = newValue }
    }

    var isEmpty: Bool { counts.values.allSatisfy { $0 == 0 } }

    mutating func add(_ other: DroppedSamples) {
        counts.merge(other.counts, uniquingKeysWith: +)
    }

    var description: String {
        Reason.allCases.filter { self[$0] > 0 }.map { "\($0.rawValue)=\(self[$0])" }.joined(separator: " ")
    }
}

/// Puts the families of all targets together so that nothing a target delivers can void the page.
struct PageAssembly {
    private let seriesPerTarget: Int
    private var merged: [MetricFamily] = []
    private var indices: [String: Int] = [:]
    /// The samples of a family whose label sets were found to differ.
    private var distinct: [Sample] = []
    private(set) var dropped = DroppedSamples()

    init(seriesPerTarget: Int = .max) {
        self.seriesPerTarget = seriesPerTarget
    }

    /// All families, sorted by name.
    var families: [MetricFamily] {
        merged.sorted { $0.descriptor.name < $1.descriptor.name }
    }

    /// Adds what one target delivered.
    ///
    /// - Parameter target: The `target` label that its samples get, if any.
    mutating func add(_ families: [MetricFamily], target: String? = nil) {
        for family in cut(families) {
            var family = family
            if let target {
                for index in family.samples.indices {
                    family.samples[index].labels = family.samples[index].labels.adding("target", target)
                }
            }
            merge(family)
        }
    }

    /// Adds what the exporter says of itself, which no target's budget is for.
    mutating func addOwn(_ families: [MetricFamily]) {
        for family in families { merge(family) }
    }

    private mutating func merge(_ family: MetricFamily) {
        var family = family
        let descriptor = family.descriptor
        guard descriptor.isLegal else {
            dropped[.name] += family.samples.count
            return
        }
        if descriptor.type == .counter {
            dropped[.value] += family.samples.removeAllCounting { sample in
                if case .number(let value) = sample.value { !(value >= 0) } else { false }
            }
        }
        guard let index = indices[descriptor.name] else {
            dropped[.duplicate] += family.removeDuplicates(distinct: &distinct)
            indices[descriptor.name] = merged.count
            merged.append(family)
            return
        }
        guard merged[index].descriptor.type == descriptor.type else {
            dropped[.type] += family.samples.count
            return
        }
        merged[index].samples += family.samples
        dropped[.duplicate] += merged[index].removeDuplicates(distinct: &distinct)
    }

    /// Takes from the end of the largest family, again and again, until what is left fits the budget.
    private mutating func cut(_ families: [MetricFamily]) -> [MetricFamily] {
        var sizes = families.map(\.seriesCount)
        var excess = sizes.reduce(0, +) - seriesPerTarget
        guard excess > 0 else { return families }
        var families = families
        while excess > 0 {
            let order = sizes.indices.sorted { sizes[$0] > sizes[$1] }
            let largest = order[0]
            let next = order.count > 1 ? sizes[order[1]] : 0
            // Down to where the next one is the largest.
            var toCut = min(excess, sizes[largest] - next + 1)
            while toCut > 0, let sample = families[largest].samples.popLast() {
                toCut -= sample.seriesCount
                sizes[largest] -= sample.seriesCount
                excess -= sample.seriesCount
                dropped[.budget] += 1
            }
        }
        return families
    }
}

extension MetricFamily {
    /// How many series its samples are on the page.
    fileprivate var seriesCount: Int {
        let samples = samples.span
        var count = 0
        for index in samples.indices { count += samples[index].seriesCount }
        return count
    }

    /// Keeps the first sample of each label set.
    ///
    /// - Parameter distinct: Samples whose label sets differ, of the family before it at best: those of one source have the
    ///   same ones in the same order.
    /// - Returns: How many were removed.
    fileprivate mutating func removeDuplicates(distinct: inout [Sample]) -> Int {
        guard samples.count > 1, !samples.hasSameLabels(as: distinct) else { return 0 }
        var seen = Set<Labels>(minimumCapacity: samples.count)
        let count = samples.removeAllCounting { !seen.insert($0.labels).inserted }
        distinct = samples
        return count
    }
}

extension [Sample] {
    /// Whether both have label sets of the same identity, one by one.
    fileprivate func hasSameLabels(as other: [Sample]) -> Bool {
        guard count == other.count else { return false }
        let (own, others) = (span, other.span)
        for index in own.indices where !own[index].labels.isIdentical(to: others[index].labels) { return false }
        return true
    }

    fileprivate mutating func removeAllCounting(where isUnwanted: (Sample) -> Bool) -> Int {
        let before = count
        removeAll(where: isUnwanted)
        return before - count
    }
}
