import Glibc

/// An extended regular expression of POSIX's for a part of a name.
///
/// It has neither back references, whose matching takes time without bounds, nor `\d` and the like, which POSIX reads as
/// the letter itself.
public struct NamePattern: Sendable, Hashable {
    /// As it was written.
    public let text: String

    /// - Returns: `nil` where the text is no such expression.
    public init?(_ text: String) {
        self.text = text
        guard !Self.hasForeignEscape(text), withCompiled({ _ in true }) == true else { return nil }
    }

    /// Whether it matches a part of `name`.
    func isFound(in name: String) -> Bool {
        withCompiled { regexec(&$0, name, 0, nil, 0) == 0 } ?? false
    }

    /// Compiled for each use, which takes microseconds, since what `regcomp` makes belongs to one owner.
    private func withCompiled<Result>(_ use: (inout regex_t) -> Result) -> Result? {
        var compiled = regex_t()
        guard regcomp(&compiled, text, REG_EXTENDED | REG_NOSUB) == 0 else { return nil }
        defer { regfree(&compiled) }
        return use(&compiled)
    }

    /// Whether there is a letter or digit behind a backslash, except the letters that the system's library knows.
    private static func hasForeignEscape(_ text: String) -> Bool {
        var isEscaped = false
        for character in text {
            if isEscaped, character.isASCII, character.isLetter || character.isNumber, !"wWsSbB".contains(character) {
                return true
            }
            isEscaped = !isEscaped && character == "\\"
        }
        return false
    }
}
