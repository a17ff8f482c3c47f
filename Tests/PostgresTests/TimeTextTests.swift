import Testing

@testable import Postgres

struct TimeTextTests {
    /// Texts as PostgreSQL 13 and 17 wrote them with `DateStyle` at `ISO`, in several time zones, and what
    /// `extract(epoch FROM ...)` said of them.
    @Test(arguments: [
        ("2026-11-21 13:40:01.123456+05:30", 1_795_248_601.123456),
        ("2026-11-21 03:10:01.123456-05", 1_795_248_601.123456),
        ("2026-06-30 20:00:00-04", 1_782_864_000), ("0044-03-15 17:53:28+05:53:28 BC", -63_517_780_800),
        ("1883-11-18 05:21:10+05:21:10", -2_717_712_000), ("1799-12-31 19:03:58-04:56:02", -5_364_662_400),
        ("294277-01-01 05:29:59+05:30", 9_224_318_015_999), ("1970-01-01 05:29:59.5+05:30", -0.5),
        ("2000-02-29 05:30:00+05:30", 951_782_400), ("2026-11-21 08:10:01.12", 1_795_248_601.12),
        ("0044-03-15 12:00:00 BC", -63_517_780_800), ("10000-01-01 00:00:00", 253_402_300_800),
        ("2026-11-21", 1_795_219_200), ("0044-03-15 BC", -63_517_824_000), ("5874897-12-31", 185_331_706_992_000),
        ("2024-02-29", 1_709_164_800), ("infinity", .infinity), ("-infinity", -.infinity),
    ])
    func datesAndTimes(text: String, seconds: Double) {
        #expect(epochSeconds(text) == seconds)
    }

    /// Texts as PostgreSQL 17 wrote them with `IntervalStyle` at `postgres`, and what `extract(epoch FROM ...)` said.
    @Test(arguments: [
        ("1 year 2 mons 3 days 04:05:06.789", 37_015_506.789), ("-10 mons", -25_920_000),
        ("-1 mons +1 day -00:00:01", -2_505_601), ("00:00:00", 0), ("1 mon -1 days", 2_505_600),
        ("-3 days +04:05:06", -244_494), ("2562047788:00:00", 9_223_372_036_800), ("1 year", 31_557_600),
        ("1 day", 86_400), ("-1 years -2 mons", -36_741_600), ("100000 years", 3_155_760_000_000),
        ("infinity", .infinity),
    ])
    func intervals(text: String, seconds: Double) throws {
        #expect(try #require(intervalMicroseconds(text)) / 1e6 == seconds)
    }

    /// As Go's `time.Duration` prints and reads them.
    @Test(arguments: [
        ("1h2m3.5s", 3_723_500), ("1h2m", 3_720_000), ("300ms", 300), ("1.5h", 5_400_000), ("-2m", -120_000),
        ("+1s", 1000), ("1m0.25s", 60_250), ("300us", 0.3), ("2µs", 0.002), ("1.001s", 1001), ("7ns", 7e-6),
    ])
    func durations(text: String, milliseconds: Double) {
        #expect(durationMilliseconds(text) == milliseconds)
    }

    @Test(arguments: [
        "", "-", "now", "1", "2026", "2026-11", "2026-11-", "2026-11-21T08:10:01", "2026-11-21 08:10", "21.11.2026",
        "2026-11-21 08:10:01+", "2026-11-21 08:10:01 AD", "2026-11-21 08:10:01.1234567", "2026-11-21 BCE",
        "9999999999999999-01-01", "1 fortnight", "1 day 2", "04:05", "1 mons ago", "04:61:00", "1x", "1h2", "h",
        "1..5s",
        "٣s", "9999999999:00:00",
    ])
    func anythingElseIsNone(text: String) {
        #expect(epochSeconds(text) == nil)
        #expect(intervalMicroseconds(text) == nil)
        #expect(durationMilliseconds(text) == nil)
    }
}
