import Scraping

/// How soon after a failure to connect the next attempt may be: 250 ms, doubling up to 5 s.
///
/// It spares a server that is in trouble the connects of everybody who asks for a page meanwhile.
struct Backoff {
    private var delay: Duration = .zero
    private var last: (error: CollectorError, next: ContinuousClock.Instant)?

    /// - Throws: The last error, while it is too early for another attempt.
    func check() throws(CollectorError) {
        if let last, ContinuousClock.now < last.next { throw last.error }
    }

    mutating func failed(_ error: CollectorError) {
        delay = min(max(delay * 2, .milliseconds(250)), .seconds(5))
        last = (error, .now.advanced(by: delay))
    }

    mutating func succeeded() {
        self = Backoff()
    }
}
