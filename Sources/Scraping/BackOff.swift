/// Keeps a server that is down, or does not have us, from being bothered at every scrape.
///
/// After a failure nothing is tried for 250 ms, and for twice as long after each further one, up to 5 s.
public struct BackOff: Sendable {
    private static let shortest = Duration.milliseconds(250)
    private static let longest = Duration.seconds(5)

    private var delay = Duration.zero
    private var failure: (error: CollectorError, until: ContinuousClock.Instant)?

    /// No failure yet.
    public init() {}

    /// - Throws: The last failure, where it is too early to try again.
    public func check(at now: ContinuousClock.Instant = .now) throws(CollectorError) {
        if let failure, now < failure.until { throw failure.error }
    }

    /// Notes that it has failed.
    public mutating func fail(_ error: CollectorError, at now: ContinuousClock.Instant = .now) {
        delay = min(max(Self.shortest, delay * 2), Self.longest)
        failure = (error, now.advanced(by: delay))
    }

    /// Notes that it works.
    public mutating func succeed() {
        self = BackOff()
    }
}
