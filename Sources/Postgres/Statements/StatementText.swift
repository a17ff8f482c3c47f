/// The text of a statement as it is shown.
enum StatementText {
    /// The text in one line, without comments and with every string constant masked, cut to a number of characters.
    ///
    /// The server replaces constants in queries but not in all other commands, which are where passwords are: so no string
    /// is shown, and of `SET` and `ALTER` nothing behind `=` or `TO`, where a bare word is a value. Comments go since they
    /// are those of whoever ran the statement first, and frameworks put requests in them.
    static func display(_ text: String, length: Int) -> String {
        var scanner = Scanner(rest: text.utf8[...])
        scanner.run()
        return String(String(decoding: scanner.shown, as: UTF8.self).prefix(length))
    }

    /// Reads a text by PostgreSQL's lexical rules. What is not as it should be hides the rest.
    private struct Scanner {
        var rest: Substring.UTF8View
        var shown: [UInt8] = []
        private var isSpaceDue = false
        /// Whether it is a command that gives a parameter a value.
        private var assigns = false
        private var isFirstWord = true

        init(rest: String.UTF8View.SubSequence) {
            self.rest = rest
        }

        mutating func run() {
            while let byte = rest.first {
                switch byte {
                case UInt8(ascii: " "), UInt8(ascii: "\t")...UInt8(ascii: "\r"):
                    rest.removeFirst()
                    isSpaceDue = true
                case UInt8(ascii: "-") where rest.starts(with: "--".utf8):
                    rest = rest.drop { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
                    isSpaceDue = true
                case UInt8(ascii: "/") where rest.starts(with: "/*".utf8):
                    skipComment()
                    isSpaceDue = true
                case UInt8(ascii: "'"):
                    skipString()
                    show("'?'".utf8)
                case UInt8(ascii: "$"):
                    takeDollar()
                case UInt8(ascii: "\""):
                    let end = rest.dropFirst().firstIndex(of: byte).map { rest.index(after: $0) }
                    take(to: end ?? rest.endIndex)
                case _ where byte.isLetter:
                    takeWord()
                case UInt8(ascii: "=") where assigns:
                    hideRest(behind: "=".utf8)
                default:
                    take(to: rest.index(after: rest.startIndex))
                }
            }
        }

        private mutating func show(_ bytes: some Sequence<UInt8>) {
            if isSpaceDue, !shown.isEmpty { shown.append(UInt8(ascii: " ")) }
            isSpaceDue = false
            shown.append(contentsOf: bytes)
        }

        private mutating func take(to end: Substring.UTF8View.Index) {
            show(rest[..<end])
            rest = rest[end...]
        }

        private mutating func hideRest(behind bytes: some Sequence<UInt8>) {
            show(bytes)
            show(" ?".utf8)
            rest = rest[rest.endIndex...]
        }

        private mutating func takeWord() {
            let word = rest.prefix { $0.isLetter || $0.isDigit || $0 == UInt8(ascii: "$") }
            let name = Substring(word).uppercased()
            if isFirstWord { assigns = name == "SET" || name == "ALTER" }
            isFirstWord = false
            if assigns, name == "TO" { return hideRest(behind: word) }
            take(to: word.endIndex)
        }

        /// Comments nest.
        private mutating func skipComment() {
            var depth = 0
            repeat {
                if rest.starts(with: "/*".utf8) {
                    depth += 1
                    rest = rest.dropFirst(2)
                } else if rest.starts(with: "*/".utf8) {
                    depth -= 1
                    rest = rest.dropFirst(2)
                } else {
                    rest = rest.dropFirst()
                }
            } while depth > 0 && !rest.isEmpty
        }

        /// A doubled quote goes on with the string. A backslash before a quote may end it or not, by the kind of string and
        /// the settings of who ran it: then all the rest counts as string.
        private mutating func skipString() {
            let quote = UInt8(ascii: "'")
            repeat {
                rest = rest.dropFirst()
                let content = rest.prefix { $0 != quote }
                rest =
                    content.last == UInt8(ascii: "\\") ? rest[rest.endIndex...] : rest[content.endIndex...].dropFirst()
            } while rest.first == quote
        }

        /// `$1`, or a string between `$tag$` and `$tag$`.
        private mutating func takeDollar() {
            let tag = rest.dropFirst().prefix { $0.isLetter || $0.isDigit }
            let end = tag.endIndex
            guard tag.first?.isDigit != true, rest[end...].first == UInt8(ascii: "$") else { return take(to: end) }
            let delimiter = Array(rest[...end])
            rest = rest[end...].dropFirst()
            while !rest.isEmpty, !rest.starts(with: delimiter) { rest = rest.dropFirst() }
            rest = rest.dropFirst(delimiter.count)
            show("'?'".utf8)
        }
    }
}

extension UInt8 {
    /// Whether a name may begin with it.
    fileprivate var isLetter: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), 0x80...:
            true
        default: false
        }
    }

    fileprivate var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
}
