import Foundation
import Testing

@testable import Redis

struct TimeTextTests {
    private func seconds(_ text: String) -> Double? { TimeText.secondsSince1970(Array(text.utf8)[...]) }

    /// What Python's `datetime.fromisoformat(...).timestamp()` says of them.
    @Test(arguments: [
        ("2026-11-20T22:56:23.347131Z", 1795215383.347131),
        ("2026-11-20T22:56:23Z", 1795215383),
        ("2026-11-20T22:56:23", 1795215383),
        ("2026-11-20 22:56:23.5", 1795215383.5),
        ("2026-11-20t22:56:23z", 1795215383),
        ("2026-11-21T00:56:23.347131+02:00", 1795215383.347131),
        ("2026-11-21T00:56:23+0200", 1795215383),
        ("2026-11-21T00:56:23+02", 1795215383),
        ("2026-11-20T19:26:23-03:30", 1795215383),
        // Resque, by Time#strftime with %z and %Z, and Ruby's Time#to_s.
        ("2026/11/20 22:56:23 UTC", 1795215383),
        ("2026/11/20 22:56:23 GMT", 1795215383),
        ("2026/11/21 00:56:23 +0200", 1795215383),
        ("2026-11-21 00:56:23 +0200", 1795215383),
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59Z", -1),
        ("2024-02-29T12:00:00Z", 1709208000),
        ("2000-02-29T00:00:00Z", 951782400),
        ("2023-03-01T00:00:00Z", 1677628800),
        ("9999-12-31T23:59:59Z", 253402300799),
        ("2016-12-31T23:59:60Z", 1483228800),
    ])
    func times(_ text: String, _ expected: Double) {
        #expect(seconds(text) == expected)
    }

    @Test(arguments: [
        "", "2026", "2026-11-20", "2026-11-20T22:56", "2026-11-20T22:56:23.Z", "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-11-20T24:00:00Z", "2026-11-20T22:60:00Z",
        "2026-11-20T22:56:61Z", "2026-11/20T22:56:23Z", "2026-11-20T22:56:23 ", "2026-11-20T22:56:23 CEST",
        "2026-11-20T22:56:23Z and more", "2026-11-20T22:56:23+2", "2026-11-20T22:56:23+02:0",
        "2026-11-20T22:56:23+24:00", "-026-11-20T22:56:23Z", "２026-11-20T22:56:23Z", "1795215383",
    ])
    func whatIsNoTime(_ text: String) {
        #expect(seconds(text) == nil)
    }

    @Test func everyDayOfFourCenturies() throws {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(secondsFromGMT: 0))
        for day in 0..<146_097 {
            let time = -86_400.0 * 36_524 + Double(day) * 86_400
            let parts = calendar.dateComponents([.year, .month, .day], from: Date(timeIntervalSince1970: time))
            func text(_ part: Int?, _ digits: Int) -> String {
                let text = String(part ?? 0)
                return String(repeating: "0", count: digits - text.count) + text
            }
            let date = "\(text(parts.year, 4))-\(text(parts.month, 2))-\(text(parts.day, 2))T00:00:00"
            if seconds(date) != time { Issue.record("\(date)") }
        }
    }

    @Test func aPieceOfAText() {
        let text = Array("\"2026-11-20T22:56:23Z\"".utf8)
        #expect(TimeText.secondsSince1970(text.dropFirst().dropLast()) == 1795215383)
    }
}
