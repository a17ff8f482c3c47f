import Exposition
import Foundation
import Testing

struct JSONTests {
    @Test(arguments: ["", "plain", #"say "no" \ yes"#, "a\nb\r\tc", "\u{0}\u{1f}\u{7f}", "größer 𝄞", "/"])
    func quotedTextReadsBack(text: String) throws {
        #expect(try JSONDecoder().decode(String.self, from: Data(text.quotedAsJSON.utf8)) == text)
    }
}
