import Lab
import Testing

@testable import Scraping

struct SecretTests {
    private let directory = TemporaryDirectory("secret")

    @Test func neverPrints() {
        let secret = Secret(value: "hunter2")
        #expect("\(secret)" == "<redacted>")
        #expect(String(reflecting: secret) == "<redacted>")
        var dumped = ""
        dump(secret, to: &dumped)
        #expect(!dumped.contains("hunter2"))
        #expect(!"\(["a": secret]) \(Optional(secret) as Any)".contains("hunter2"))
    }

    @Test func aFileIsReadEachTime() throws {
        let path = directory.path("secret")
        let secret = Secret(file: path)
        #expect(
            throws: CollectorError(
                .authentication, "the password file \(path) cannot be read: No such file or directory")
        ) {
            try secret.reveal()
        }
        for (content, expected) in [
            ("one\n", "one"), (" two words \r\n", " two words "), ("", ""), ("a\nb\n\n", "a\nb"),
        ] {
            try directory.write("secret", content)
            #expect(try secret.reveal() == expected)
        }
        try directory.write("secret", String(repeating: "x", count: 65_537))
        #expect(throws: CollectorError.self) { try secret.reveal() }
    }
}
