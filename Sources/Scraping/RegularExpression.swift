import Glibc

/// An extended regular expression of POSIX's.
///
/// It has neither back references, whose matching takes time without bounds, nor `\d` and the like, which POSIX reads as
/// the letter itself.
public struct RegularExpression: Sendable, Hashable {
    /// As it was written.
    public let pattern: String

    /// - Returns: `nil` where the pattern is no such expression.
    public init?(_ pattern: String) {
        self.pattern = pattern
        guard !Self.hasForeignEscape(pattern), withCompiled({ _ in true }) == true else { return nil }
    }

    /// Whether it matches `text` from its beginning to its end.
    ///
    /// By where the match ends, which is the longest of the first: put between anchors, `(a)|b)` would match more.
    public func matches(_ text: String) -> Bool {
        withCompiled { compiled in
            var match = regmatch_t()
            return regexec(&compiled, text, 1, &match, 0) == 0 && match.rm_so == 0
                && Int(match.rm_eo) == text.utf8.count
        } ?? false
    }

    /// Whether it matches a part of `text`.
    public func isFound(in text: String) -> Bool {
        withCompiled { regexec(&$0, text, 0, nil, 0) == 0 } ?? false
    }

    /// The pattern that matches `text` and nothing else, for POSIX's and for PostgreSQL's regular expressions.
    public static func literal(_ text: String) -> String {
        String(text.flatMap { ".^$*+?()[]{}|\\".contains($0) ? ["\\", $0] : [$0] })
    }

    /// Compiled for each use, which takes microseconds, since what `regcomp` makes belongs to one owner.
    private func withCompiled<Result>(_ use: (inout regex_t) -> Result) -> Result? {
        var compiled = regex_t()
        guard regcomp(&compiled, pattern, REG_EXTENDED) == 0 else { return nil }
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
