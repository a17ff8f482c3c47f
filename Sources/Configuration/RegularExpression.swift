import Glibc

/// An extended regular expression of POSIX's that a whole text has to match.
public struct RegularExpression: Sendable, Equatable {
    /// As it was written.
    public let pattern: String

    /// - Returns: `nil` where the pattern is no regular expression.
    public init?(_ pattern: String) {
        self.pattern = pattern
        guard withCompiled({ _ in true }) == true else { return nil }
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

    /// Compiled for each use, which takes microseconds, since what `regcomp` makes belongs to one owner.
    private func withCompiled<Result>(_ use: (inout regex_t) -> Result) -> Result? {
        var compiled = regex_t()
        guard regcomp(&compiled, pattern, REG_EXTENDED) == 0 else { return nil }
        defer { regfree(&compiled) }
        return use(&compiled)
    }
}

extension RegularExpression {
    /// The pattern that matches `text` and nothing else, for POSIX's and for PostgreSQL's regular expressions.
    static func literal(_ text: String) -> String {
        String(text.flatMap { ".^$*+?()[]{}|\\".contains($0) ? ["\\", $0] : [$0] })
    }
}
