/// The moment by which an answer must be there.
public struct Deadline: Sendable, Comparable {
    /// The moment on the clock that never jumps.
    public let instant: ContinuousClock.Instant

    /// The moment that comes after `duration`.
    public init(after duration: Duration) {
        instant = .now.advanced(by: duration)
    }

    private init(_ instant: ContinuousClock.Instant) {
        self.instant = instant
    }

    /// What is left, at least zero.
    public var remaining: Duration {
        max(.zero, ContinuousClock.now.duration(to: instant))
    }

    /// Whether nothing is left.
    public var hasPassed: Bool {
        ContinuousClock.now >= instant
    }

    /// What is left in whole milliseconds, rounded up and at most a day: what `poll(2)` and PostgreSQL's timeouts take.
    public var remainingMilliseconds: Int32 {
        let (seconds, attoseconds) = min(remaining, .seconds(86_400)).components
        return Int32(seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }

    /// The sooner of this one and `duration` from now.
    public func limited(to duration: Duration) -> Deadline {
        min(self, Deadline(after: duration))
    }

    /// Orders by time.
    public static func < (left: Deadline, right: Deadline) -> Bool {
        left.instant < right.instant
    }
}

extension Duration {
    /// The duration in seconds.
    public var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}
