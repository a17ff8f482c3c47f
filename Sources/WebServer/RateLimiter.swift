import Configuration
import Synchronization

/// Lets so many requests in at once, and then one each interval.
final class RateLimiter: Sendable {
    private let limit: WebConfiguration.RateLimit
    /// When the last one would be let in if all had waited for each other: a bucket of tokens, told by one time.
    private let next: Mutex<ContinuousClock.Instant>

    /// With all requests to go.
    init(_ limit: WebConfiguration.RateLimit, now: ContinuousClock.Instant = .now) {
        self.limit = limit
        next = Mutex(now)
    }

    /// Takes one request.
    ///
    /// - Returns: `nil` where it is let in, else after how long one would be.
    func admit(now: ContinuousClock.Instant = .now) -> Duration? {
        next.withLock { next in
            let earliest = next - limit.interval * (limit.burst - 1)
            guard earliest <= now else { return now.duration(to: earliest) }
            next = max(next, now) + limit.interval
            return nil
        }
    }
}
