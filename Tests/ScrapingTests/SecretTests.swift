import Foundation
import Testing

@testable import Scraping

struct SecretTests {
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
        let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: path) }
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
            try content.write(toFile: path, atomically: true, encoding: .utf8)
            #expect(try secret.reveal() == expected)
        }
        try String(repeating: "x", count: 65_537).write(toFile: path, atomically: true, encoding: .utf8)
        #expect(throws: CollectorError.self) { try secret.reveal() }
    }
}
