import Testing

@testable import Scraping

struct DeadlineTests {
    @Test func millisecondsAreRoundedUpSoThatNobodySpinsOnZero() {
        #expect(Deadline(after: .zero).remainingMilliseconds == 0)
        #expect(Deadline(after: .seconds(-5)).remainingMilliseconds == 0)
        let left = Deadline(after: .milliseconds(5000)).remainingMilliseconds
        #expect(left > 4000 && left <= 5000)
        #expect(Deadline(after: .seconds(1_000_000)).remainingMilliseconds <= 86_400_000)
    }

    @Test func theSoonerHolds() {
        let deadline = Deadline(after: .seconds(100))
        #expect(deadline.limited(to: .seconds(1)) < deadline)
        #expect(deadline.limited(to: .seconds(1000)) == deadline)
        #expect(!deadline.hasPassed)
        #expect(Deadline(after: .zero).hasPassed)
    }

    @Test func secondsOfADuration() {
        #expect(Duration.milliseconds(1500).seconds == 1.5)
        #expect(abs(Duration.nanoseconds(250).seconds - 2.5e-7) < 1e-20)
    }
}
