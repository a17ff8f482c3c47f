import Testing

@testable import Exposition

struct NumberTests {
    @Test(arguments: [
        (0.0, "0"), (-0.0, "0"), (1, "1"), (-1, "-1"), (42, "42"), (1e6, "1000000"), (123_456_789, "123456789"),
        (9_007_199_254_740_992, "9007199254740992"), (-9_007_199_254_740_992, "-9007199254740992"),
        (9_007_199_254_740_994, "9.007199254740994e+15"), (1e16, "1e+16"), (1e300, "1e+300"),
        (0.1, "0.1"), (1.5, "1.5"), (-2.25, "-2.25"), (0.000_123, "0.000123"), (1e-7, "1e-07"),
        (1_795_215_310.39, "1795215310.39"), (.leastNonzeroMagnitude, "5e-324"),
        (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"), (-.nan, "NaN"),
    ])
    func valuesAreWrittenSoThatTheyReadBackTheSame(value: Double, text: String) throws {
        var page: [UInt8] = []
        page.append(number: value)
        let written = String(decoding: page, as: UTF8.self)
        #expect(written == text)
        let read = try #require(Double(written.replacing("Inf", with: "inf")))
        #expect(read == value || read.isNaN && value.isNaN)
    }

    @Test(arguments: [
        (0.0, "0", "0.0"), (1, "1", "1.0"), (0.005, "0.005", "0.005"), (0.25, "0.25", "0.25"), (2.5, "2.5", "2.5"),
        (10, "10", "10.0"), (300, "300", "300.0"), (100_000, "100000", "100000.0"), (999_999, "999999", "999999.0"),
        (1e6, "1e+06", "1e+06"), (1_234_567, "1.234567e+06", "1.234567e+06"),
        (33_554_432, "3.3554432e+07", "3.3554432e+07"),
        (0.0001, "0.0001", "0.0001"), (0.00001, "1e-05", "1e-05"), (0.000_012_5, "1.25e-05", "1.25e-05"),
        (1e100, "1e+100", "1e+100"), (-1, "-1", "-1.0"), (99.9, "99.9", "99.9"), (.infinity, "+Inf", "+Inf"),
    ])
    func boundsAreLaidOutAsGoDoes(value: Double, text: String, openMetrics: String) {
        var page: [UInt8] = []
        page.append(bound: value, fraction: false)
        #expect(String(decoding: page, as: UTF8.self) == text)
        page = []
        page.append(bound: value, fraction: true)
        #expect(String(decoding: page, as: UTF8.self) == openMetrics)
    }

    @Test(arguments: [(UInt64.max, "18446744073709551615"), (0, "0"), (1_000, "1000")])
    func countsAreWrittenInFull(value: UInt64, text: String) {
        var page: [UInt8] = []
        page.append(integer: value)
        #expect(String(decoding: page, as: UTF8.self) == text)
    }
}
