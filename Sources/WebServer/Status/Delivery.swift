import Exposition

/// What one scrape of a target delivered, by the names that figures are read from.
struct Delivery {
    private var families: [String: [MetricFamily]] = [:]
    /// All series, whatever is read of them.
    private(set) var series = 0

    init(_ delivered: [MetricFamily], of kind: KindOfTarget) {
        let wanted = kind.families
        for family in delivered {
            for sample in family.samples { series += sample.seriesCount }
            if wanted.contains(family.descriptor.name) { families[family.descriptor.name, default: []].append(family) }
        }
    }

    /// All samples of a family that are numbers.
    func samples(of family: String) -> some Sequence<(labels: Labels, value: Double)> {
        families[family, default: []].lazy.flatMap(\.samples).compactMap { sample in
            if case .number(let value) = sample.value { (sample.labels, value) } else { nil }
        }
    }

    /// The number that a selection makes of all samples.
    func number(_ selection: Selection) -> Double? {
        selection.number(samples(of: selection.family).filter { selection.matches($0.labels) }.map(\.value))
    }

    /// What a figure is made of by the values of a label, the most first and zeros left out.
    func parts(_ figure: Figure) -> [FigureValue.Part] {
        guard let (family, label) = figure.parts else { return [] }
        var sums: [String: Double] = [:]
        for (labels, value) in samples(of: family) where value > 0 {
            sums[labels[label] ?? "", default: 0] += value
        }
        return sums.map { .init(name: $0.key.isEmpty ? "unknown" : $0.key, value: $0.value) }
            .sorted { ($1.value, $0.name) < ($0.value, $1.name) }.prefix(8).map(\.self)
    }

    /// The label sets by which rows differ, of those of which there is most, and how many rows there are.
    func rows(_ ranking: Ranking) -> (rows: [Labels], count: Int) {
        var preferred: [(labels: Labels, value: Double)] = []
        var others = preferred
        for sample in samples(of: ranking.by.family) where ranking.by.matches(sample.labels) {
            switch ranking.importance(sample.labels) {
            case .preferred: preferred.append(sample)
            case .other: others.append(sample)
            case .none: break
            }
        }
        let all = preferred.isEmpty ? others : preferred
        let most = ranking.minimumShare == nil ? ranking.count : Ranking.considered
        let rows = all.sorted { $0.value > $1.value }.prefix(most).map { labels, _ in
            ranking.keys.map { keys in Labels(keys.compactMap { key in labels[key].map { (key, $0) } }) } ?? labels
        }
        return (rows, all.count)
    }

    /// The numbers of all selections in some rows, each family being gone through once.
    func numbers(_ selections: some Sequence<Selection>, in rows: [Labels]) -> [Labels: [Selection: Double]] {
        var numbers: [Labels: [Selection: Double]] = [:]
        for selection in Set(selections) {
            var rowsByLabels: [Labels: Labels] = [:]
            for row in rows {
                for labels in selection.labels(of: row) { rowsByLabels[labels] = row }
            }
            for (labels, value) in samples(of: selection.family) {
                guard let row = rowsByLabels[labels] else { continue }
                let before = numbers[row]?[selection]
                numbers[row, default: [:]][selection] = selection.number([before, value].compactMap(\.self))
            }
        }
        return numbers
    }
}
