import Scraping
import Testing

@testable import Redis

struct ReplyLimitTests {
    private let substitute = "-TOOLONG the value is longer than is read\r\n"

    /// What comes through, and in how many pieces, of a text that comes in pieces of that length.
    private func passed(
        _ text: String, in length: Int = .max, longestValue: Int = 10, longestPipeline: Int = 1000
    ) throws(CollectorError) -> (text: String, pieces: Int) {
        var limit = ReplyLimit(longestValue: longestValue, longestPipeline: longestPipeline)
        var result: [UInt8] = []
        var pieces = 0
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(length))
            rest = rest.dropFirst(length)
            var failure: CollectorError?
            piece.withUnsafeBytes { bytes in
                do throws(CollectorError) {
                    try limit.pass(bytes) { bytes in
                        result += bytes
                        pieces += 1
                    }
                } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
        }
        return (String(decoding: result, as: UTF8.self), pieces)
    }

    @Test func whatIsShortGoesThroughInOnePiece() throws {
        let text = "*3\r\n:1\r\n$-1\r\n$10\r\n01\r\n$5\r\n89\r\n+OK\r\n-ERR x\r\n$0\r\n\r\n%1\r\n=5\r\ntxt:a\r\n_\r\n"
        #expect(try passed(text) == (text, 1))
        for length in 1...20 { #expect(try passed(text, in: length).text == text) }
    }

    @Test func aValueThatIsTooLongIsAnErrorInItsPlace() throws {
        let text = ":1\r\n*2\r\n$11\r\n$3\r\nabc\r\n$1\r\n:2\r\n!12\r\nERR 56789012\r\n+OK\r\n"
        let expected = ":1\r\n*2\r\n\(substitute):2\r\n\(substitute)+OK\r\n"
        for length in [Int.max] + Array(1...20) { #expect(try passed(text, in: length).text == expected) }
    }

    @Test func aPipelineHasALimitToo() throws {
        let value = "$10\r\n0123456789\r\n"
        let (text, _) = try passed(String(repeating: value, count: 3), longestPipeline: 40)
        #expect(text == value + value + substitute)
    }

    @Test func endlessLinesAndLengthsAreRefused() {
        let excessive = CollectorError(.internal, "the server's reply is longer than any that is known")
        for text in ["+" + String(repeating: "x", count: 1 << 17), "$" + String(repeating: "1", count: 30)] {
            for length in [Int.max, 7] {
                #expect(
                    CollectorError.thrown { _ = try passed(text, in: length, longestPipeline: 1 << 20) } == excessive)
            }
        }
        #expect(CollectorError.thrown { _ = try passed(String(repeating: ":1\r\n", count: 300)) } == excessive)
    }

    @Test func aLengthBeyondAllIsNoCrash() throws {
        #expect(try passed("$9223372036854775807\r\nabc").text == substitute)
        #expect(try passed("$9223372036854775808\r\n").text == "$9223372036854775808\r\n")
        #expect(try passed("$x\r\n:1\r\n").text == "$x\r\n:1\r\n")
    }
}
