import Exposition

/// What is known of a figure.
struct FigureValue: Sendable, Equatable {
    let value: Double
    /// What it can be at most; `nil` where there is no limit.
    var limit: Double?
    /// What it is made of, the most first.
    var parts: [Part] = []

    /// One value of the label by which a figure is broken down.
    struct Part: Sendable, Equatable {
        let name: String
        let value: Double
    }

    /// How much of the limit it is.
    var share: Double? {
        limit.map { min(1, max(0, value / $0)) }
    }
}

/// The values of a list of figures from one scrape to the next: those of a target, or of a row of a table.
struct FigureValues: Sendable {
    /// In the order of the figures; `nil` for what is not known.
    private(set) var values: [FigureValue?] = []
    /// By a figure's place in the list.
    private(set) var recent: [Int: RecentValues] = [:]
    private var counters: [Selection: Counter] = [:]
    /// The last step at which it was taken.
    private(set) var last: Int

    init(at step: Int) {
        last = step
    }

    /// - Parameters:
    ///   - number: What a selection is now; `nil` where nothing was delivered.
    ///   - parts: What a figure is made of.
    ///   - mayGrow: Whether one more figure may have its recent values kept.
    mutating func take(
        _ figures: [Figure], at time: (step: Int, moment: ContinuousClock.Instant),
        number: (Selection) -> Double?, parts: (Figure) -> [FigureValue.Part], mayGrow: () -> Bool
    ) {
        last = time.step
        var counters = counters
        func growth(_ selection: Selection) -> Double? {
            guard let value = number(selection), value.isFinite else { return nil }
            if counters[selection]?.record(value, at: time.moment) == nil {
                counters[selection] = Counter(value, at: time.moment)
            }
            return counters[selection]?.growth
        }
        values = figures.map { figure in
            guard let value = figure.reading.number(value: number, growth: growth) else { return nil }
            let limit = figure.limit?.number(value: number, growth: growth)
            return FigureValue(
                value: value, limit: limit.flatMap { $0 > 0 ? $0 : nil },
                parts: figure.parts == nil ? [] : parts(figure))
        }
        self.counters = counters
        for (index, figure) in figures.enumerated() where figure.isCharted {
            if recent[index] == nil {
                guard values[index] != nil, mayGrow() else { continue }
                recent[index] = RecentValues(at: time.step)
            }
            recent[index]?.record(values[index]?.value, at: time.step)
        }
    }

    /// Says that nothing is known now.
    mutating func forget(at step: Int) {
        values = []
        for index in recent.keys { recent[index]?.record(nil, at: step) }
    }
}
