import Testing

@testable import WebServer

@Suite struct WordingTests {
    @Test(arguments: [
        (0, "0 s"), (0.0004, "0.4 ms"), (0.017, "17 ms"), (0.9999, "1 s"), (2.34, "2.3 s"), (59.4, "59 s"),
        (59.6, "1 min 0 s"), (61, "1 min 1 s"), (3661, "1 h 1 min"), (90_000, "1 d 1 h"), (1e8, "1,157 d 9 h"),
        (-61, "-1 min 1 s"), (1e300, "1e+300 s"),
    ])
    func seconds(value: Double, words: String) {
        #expect(Wording.seconds(value) == words)
    }

    @Test(arguments: [
        (0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1_048_575, "1 MiB"), (1_640_024, "1.6 MiB"),
        (25_276_530_688, "24 GiB"), (1e300, "\(1e300 / 1024 / 1024 / 1024 / 1024 / 1024) PiB"),
    ])
    func bytes(value: Double, words: String) {
        #expect(Wording.bytes(value) == words)
    }

    @Test(arguments: [
        (0, "0 %"), (0.0123, "1.2 %"), (0.5, "50 %"), (0.9807, "98 %"), (0.9944, "99.44 %"), (0.999996, "99.99 %"),
        (1, "100 %"),
    ])
    func percent(value: Double, words: String) {
        #expect(Wording.percent(value) == words)
    }

    @Test(arguments: [
        (0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (-1234, "-1,234"), (1.25, "1.25"),
        (1e18, "1e+18"),
    ])
    func numbers(value: Double, words: String) {
        #expect(Wording.number(value, .count) == words)
    }

    @Test func rates() {
        #expect(Wording.number(0.456, .perSecond) == "0.46/s")
        #expect(Wording.number(11.07, .perSecond) == "11.1/s")
        #expect(Wording.number(12_345.6, .perSecond) == "12,346/s")
        #expect(Wording.number(0.374, .cores) == "0.37")
        #expect(Wording.limit(1, .cores) == "1 core")
        #expect(Wording.limit(1.5, .cores) == "1.5 cores")
    }

    @Test func listsAreCut() {
        #expect(Wording.list(["a", "b"]) == "a, b")
        #expect(Wording.list(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more")
    }

    @Test func textIsCutAndEscaped() {
        #expect("abcdef".shortened(to: 6) == "abcdef")
        #expect("abcdef".shortened(to: 4) == "abc…")
        #expect("<a href='x'>&\"".escapedForHTML == "&lt;a href=&#39;x&#39;&gt;&amp;&quot;")
        #expect("a\u{0}b\u{1B}c\u{202E}d\ne\u{FFFF}".escapedForHTML == "a\u{FFFD}b\u{FFFD}c\u{FFFD}d e\u{FFFD}")
        #expect("a b/ü?&".percentEncoded == "a%20b%2F%C3%BC%3F%26")
    }
}
