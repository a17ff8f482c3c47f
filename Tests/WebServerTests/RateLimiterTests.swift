import Testing

@testable import Configuration
@testable import WebServer

struct RateLimiterTests {
    @Test func aBurstAndThenOneEachInterval() {
        let start = ContinuousClock.now
        let limiter = RateLimiter(.init(interval: .seconds(2), burst: 3), now: start)
        for _ in 0..<3 { #expect(limiter.admit(now: start) == nil) }
        #expect(limiter.admit(now: start) == .seconds(2))
        #expect(limiter.admit(now: start + .seconds(1)) == .seconds(1))
        #expect(limiter.admit(now: start + .seconds(2)) == nil)
        #expect(limiter.admit(now: start + .seconds(2)) == .seconds(2))
        // A long pause is worth no more than a burst.
        let later = start + .seconds(1000)
        for _ in 0..<3 { #expect(limiter.admit(now: later) == nil) }
        #expect(limiter.admit(now: later) == .seconds(2))
    }
}
