import Exposition

/// Some samples of a family, and how they make one number.
struct Selection: Hashable, Sendable {
    /// What is made of the samples.
    enum Together: Sendable {
        case sum, greatest, count
    }

    /// The family's name.
    let family: String
    /// The label that tells which samples are meant; `nil` for all of them.
    let label: String?
    /// The values that it may have.
    let values: [String]
    /// What is made of the samples.
    let together: Together

    init(_ family: String, where label: String? = nil, is values: String..., together: Together = .sum) {
        self.family = family
        self.label = label
        self.values = values
        self.together = together
    }

    /// Whether a sample is among them.
    func matches(_ labels: Labels) -> Bool {
        guard let label else { return true }
        return labels[label].map(values.contains) ?? false
    }

    /// The whole label sets of the samples that are meant in a row of a table.
    ///
    /// - Parameter row: What all samples of the row have in common.
    func labels(of row: Labels) -> [Labels] {
        guard let label else { return [row] }
        return values.map { row.adding(label, $0) }
    }

    /// One number; `nil` where there is no sample.
    func number(_ values: some Sequence<Double>) -> Double? {
        var result: Double?
        for value in values {
            switch together {
            case .sum: result = (result ?? 0) + value
            case .greatest: result = max(result ?? value, value)
            case .count: result = (result ?? 0) + 1
            }
        }
        return result
    }
}

/// How a figure is read from what scrapes deliver.
indirect enum Reading: Sendable {
    /// As it is now.
    case value(Selection)
    /// What it grows by in a second, between two scrapes.
    case growth(Selection)
    case sum(Reading, Reading)
    case difference(Reading, Reading)
    /// The first as a part of the second; `nil` of nothing.
    case share(Reading, of: Reading)

    /// All that has to be known for it.
    var selections: [Selection] {
        switch self {
        case .value(let selection), .growth(let selection): [selection]
        case .sum(let one, let other), .difference(let one, let other), .share(let one, let other):
            one.selections + other.selections
        }
    }

    /// The number; `nil` where a part of it is not known.
    func number(value: (Selection) -> Double?, growth: (Selection) -> Double?) -> Double? {
        func both(_ one: Reading, _ other: Reading, _ combine: (Double, Double) -> Double) -> Double? {
            // Both, whatever the first is: a counter has to be read each time.
            let numbers = [one, other].map { $0.number(value: value, growth: growth) }
            guard let one = numbers[0], let other = numbers[1] else { return nil }
            let result = combine(one, other)
            return result.isFinite ? result : nil
        }
        return switch self {
        case .value(let selection): value(selection).flatMap { $0.isFinite ? $0 : nil }
        case .growth(let selection): growth(selection).flatMap { $0.isFinite ? $0 : nil }
        case .sum(let one, let other): both(one, other, +)
        case .difference(let one, let other): both(one, other, -)
        case .share(let one, let other): both(one, other, /)
        }
    }
}
