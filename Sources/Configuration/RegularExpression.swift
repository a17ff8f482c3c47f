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
    public func matches(_ text: String) -> Bool {
        withCompiled { regexec(&$0, text, 0, nil, 0) == 0 } ?? false
    }

    /// Compiled for each use, which takes microseconds, since what `regcomp` makes belongs to one owner.
    private func withCompiled<Result>(_ use: (inout regex_t) -> Result) -> Result? {
        var compiled = regex_t()
        guard regcomp(&compiled, "^(\(pattern))$", REG_EXTENDED | REG_NOSUB) == 0 else { return nil }
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
