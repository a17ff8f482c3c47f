import Exposition

/// A number that people look for: what it is called and how it is read.
struct Figure: Sendable {
    /// What the number counts.
    enum Unit: Sendable {
        case count, bytes, seconds, ratio, perSecond, cores
    }

    /// What stands beside it.
    let label: String
    /// Where it comes from.
    let reading: Reading
    let unit: Unit
    /// What it can be at most; no limit where that is zero.
    let limit: Reading?
    /// The family and the label by which it is broken down.
    let parts: (family: String, label: String)?
    /// Whether the last quarter of an hour is drawn.
    let isCharted: Bool
    /// What it has to be more than to be worth telling; `nil` for what is always shown.
    let troubleAbove: Double?

    init(
        _ label: String, _ reading: Reading, _ unit: Unit = .count, of limit: Reading? = nil,
        by parts: (family: String, label: String)? = nil, charted: Bool = false, troubleAbove: Double? = nil
    ) {
        self.label = label
        self.reading = reading
        self.unit = unit
        self.limit = limit
        self.parts = parts
        isCharted = charted
        self.troubleAbove = troubleAbove
    }

    /// Whether it is shown only where something is wrong.
    var isTrouble: Bool { troubleAbove != nil }

    /// What has to be known for it.
    var selections: [Selection] { reading.selections + (limit?.selections ?? []) }
}

/// A table of those of which there is most.
struct Ranking: Sendable {
    /// What a row is called.
    struct RowName: Sendable, Equatable {
        let name: String
        /// Where it belongs.
        var place = ""
    }

    /// Which rows the table is of.
    enum Importance: Sendable {
        case preferred
        /// Where none is preferred.
        case other
        case none
    }

    /// The table's heading.
    let title: String
    /// The heading of the first column.
    let heading: String
    /// What decides: one sample for each row.
    let by: Selection
    /// The labels that tell rows apart, which all columns have; `nil` where they have all labels of `by`.
    let keys: [String]?
    /// Asked of every sample, and so to be answered soon.
    var importance: @Sendable (Labels) -> Importance = { _ in .preferred }
    /// What a row is called.
    let name: @Sendable (Labels) -> RowName
    /// The most rows that are shown.
    let count: Int
    /// Only rows of which the first column is at least this part of its limit, the fullest first.
    var minimumShare: Double?
    /// What is said where there are others, and none that is so full.
    var otherwise = ""
    let columns: [Figure]

    /// The most rows that are looked at, beside those that are shown, for the fullest of them.
    static let considered = 200
}

/// What is shown of targets of one kind.
struct KindOfTarget: Sendable {
    /// As in `Target.kind`.
    let kind: String
    let title: String
    var figures: [Figure] = []
    var rankings: [Ranking] = []

    /// The names of all families that are read.
    var families: Set<String> {
        var names = Set((figures + rankings.flatMap(\.columns)).flatMap(\.selections).map(\.family))
        names.formUnion(figures.compactMap(\.parts?.family))
        names.formUnion(rankings.map(\.by.family))
        return names
    }
}
