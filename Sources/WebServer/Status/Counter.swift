/// Makes of a number that only grows what it grows by in a second.
struct Counter: Sendable {
    /// What is nearer than this says little: a scrape may come right after another.
    static let shortest = Duration.seconds(8)

    private var value: Double
    private var moment: ContinuousClock.Instant
    /// Between the last two values that were far enough apart; `nil` before there are two, and after it began anew.
    private(set) var growth: Double?

    init(_ value: Double, at moment: ContinuousClock.Instant) {
        self.value = value
        self.moment = moment
    }

    mutating func record(_ value: Double, at moment: ContinuousClock.Instant) {
        let elapsed = self.moment.duration(to: moment)
        // What has become less was counted from zero again, at once.
        guard value >= self.value else {
            self = Counter(value, at: moment)
            return
        }
        guard elapsed >= Self.shortest else { return }
        growth =
            (value - self.value) / (Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18)
        self.value = value
        self.moment = moment
    }
}
