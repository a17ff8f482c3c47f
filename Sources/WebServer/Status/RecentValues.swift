/// A figure's values of the last quarter of an hour, one for each ten seconds at most.
struct RecentValues: Sendable {
    /// How long one value stands for.
    static let step = Duration.seconds(10)
    /// How many there are.
    static let capacity = 90

    /// What happened at a step.
    enum Entry: Equatable {
        case value(Double)
        /// A scrape that brought no value: a line is not drawn across it.
        case nothing
    }

    // Not a number where there was no scrape, infinite where it brought nothing.
    private var values = [Float](repeating: .nan, count: capacity)
    /// The last step at which there was anything.
    private(set) var last: Int

    /// - Parameter step: The number of the step, counted from any moment.
    init(at step: Int) {
        last = step
    }

    /// Of several values at one step the last one stays.
    mutating func record(_ value: Double?, at step: Int) {
        guard step > last - Self.capacity else { return }
        if step > last {
            for empty in max(last + 1, step - Self.capacity + 1)...step { values[Self.index(empty)] = .nan }
            last = step
        }
        values[Self.index(step)] = value.map { Float($0) } ?? .infinity
    }

    /// What there is up to a step, oldest first: how many steps before it, and what happened.
    func entries(until step: Int) -> [(age: Int, entry: Entry)] {
        let first = max(step - Self.capacity + 1, last - Self.capacity + 1)
        guard first <= last else { return [] }
        return (first...last).compactMap { at in
            let value = values[Self.index(at)]
            guard !value.isNaN, at <= step else { return nil }
            return (step - at, value.isFinite ? .value(Double(value)) : .nothing)
        }
    }

    private static func index(_ step: Int) -> Int {
        let rest = step % capacity
        return rest < 0 ? rest + capacity : rest
    }
}
