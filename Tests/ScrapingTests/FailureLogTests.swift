import Logging
import Testing

@testable import Scraping

struct FailureLogTests {
    private let start = ContinuousClock.now
    private let locked = CollectorError(.locked, "somebody holds a lock")
    private let late = CollectorError(.timeout, "no answer")

    private func outcome(
        _ errors: [String: CollectorError?], isUp: Bool = true, error: CollectorError? = nil,
        omissions: [ScrapeOutcome.Omission] = []
    ) -> ScrapeOutcome {
        ScrapeOutcome(
            isUp: isUp, error: error, duration: .zero,
            collectors: errors.map { .init(name: $0.key, duration: .zero, error: $0.value) }, omissions: omissions)
    }

    private func text(_ lines: [FailureLog.Line]) -> [String] {
        lines.map { line in
            let fields = line.fields.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
            return "\(line.level) \(line.text)\(fields)"
        }
    }

    @Test func aFailureIsSaidOnceAndCountedAtItsEnd() {
        var log = FailureLog()
        #expect(
            text(log.take(outcome(["a": locked, "b": nil]), at: start)) == [
                "warning somebody holds a lock collector=a reason=locked"
            ])
        for scrape in 1...16 {
            #expect(log.take(outcome(["a": locked]), at: start + .seconds(15 * scrape)).isEmpty)
        }
        #expect(
            text(log.take(outcome(["a": nil]), at: start + .seconds(255))) == [
                "info collecting again collector=a failures=17 for=4m15s"
            ])
        #expect(log.take(outcome(["a": nil]), at: start + .seconds(270)).isEmpty)
    }

    @Test func anotherReasonIsAnotherFailure() {
        var log = FailureLog()
        _ = log.take(outcome(["a": locked]), at: start)
        _ = log.take(outcome(["a": locked]), at: start + .seconds(1))
        #expect(
            text(log.take(outcome(["a": late]), at: start + .seconds(2))) == [
                "warning no answer before=locked collector=a failures=2 for=2s reason=timeout"
            ])
        #expect(
            text(log.take(outcome(["a": nil]), at: start + .seconds(5))) == [
                "info collecting again collector=a failures=1 for=3s"
            ])
    }

    @Test func whatGoesOnIsSaidAgainOnceAnHour() {
        var log = FailureLog()
        var said: [String] = []
        for minute in 0...150 {
            said += text(log.take(outcome(["a": locked]), at: start + .seconds(60 * minute)))
        }
        #expect(
            said == [
                "warning somebody holds a lock collector=a reason=locked",
                "warning somebody holds a lock collector=a failures=61 for=1h0m0s reason=locked",
                "warning somebody holds a lock collector=a failures=121 for=2h0m0s reason=locked",
            ])
    }

    @Test func whatIsLeftOutIsSaidOnceForGood() {
        var log = FailureLog()
        let omission = ScrapeOutcome.Omission(
            name: "statements", reason: .init(.missingExtension, "CREATE EXTENSION x;"))
        for minute in 0...150 {
            let lines = log.take(outcome([:], omissions: [omission]), at: start + .seconds(60 * minute))
            let first = "info CREATE EXTENSION x; collector=statements reason=missing_extension"
            #expect(text(lines) == (minute == 0 ? [first] : []))
        }
    }

    /// While a target is down, nobody can tell what becomes of its collectors.
    @Test func aTargetThatIsDownSaysNothingOfItsCollectors() {
        var log = FailureLog()
        _ = log.take(outcome(["a": locked]), at: start)
        let down = outcome(["a": late], isUp: false, error: late)
        #expect(text(log.take(down, at: start + .seconds(1))) == ["warning no answer reason=timeout"])
        #expect(log.take(down, at: start + .seconds(2)).isEmpty)
        #expect(
            text(log.take(outcome(["a": locked]), at: start + .seconds(3))) == [
                "info collecting again failures=2 for=2s"
            ])
        #expect(
            text(log.take(outcome(["a": nil]), at: start + .seconds(4))) == [
                "info collecting again collector=a failures=2 for=4s"
            ])
    }

    @Test(arguments: [(0, "0s"), (59, "59s"), (60, "1m0s"), (3599, "59m59s"), (3600, "1h0m0s"), (90_061, "25h1m1s")])
    func durations(seconds: Int, words: String) {
        #expect(FailureLog.words(for: .seconds(seconds)) == words)
    }
}
