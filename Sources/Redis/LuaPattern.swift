/// A pattern as Lua 5.1 has it, by which redis_exporter groups keys: classes (`%d`), sets (`[^:]`), `* + - ?`,
/// captures, back references, `%b()` and `%f[set]`. It looks at bytes; letters are those of ASCII.
public struct LuaPattern: Sendable, Equatable {
    /// Why a text is no pattern.
    public struct Malformed: Error, Sendable, Equatable {
        /// `it ends with %`
        public let reason: String
    }

    /// By what was written, of which all else is made.
    public static func == (one: LuaPattern, other: LuaPattern) -> Bool { one.text == other.text }

    /// Where a pattern matches, and what it captures there.
    struct Match: Equatable {
        let range: Range<Int>
        /// In the order of their opening parentheses; of `()`, the position, from 1, in digits.
        let captures: [[UInt8]]
    }

    /// One part of a pattern. Only single bytes are repeated, so that every match goes through all items once, in their
    /// order: what a capture holds at the end of a match was put there on the way of that match.
    fileprivate enum Item {
        case byte(ByteSet)
        case optional(ByteSet)
        case most(ByteSet, minimum: Int)
        case fewest(ByteSet)
        case open(Int)
        case close(Int)
        case position(Int)
        case same(as: Int)
        case balanced(UInt8, UInt8)
        case frontier(ByteSet)
        case end
    }

    /// As it was written.
    public let text: String
    private let items: [Item]
    private let captureCount: Int
    private let isAnchored: Bool

    private static let maximumLength = 1024
    private static let maximumCaptures = 32
    /// How many steps a search may take: `(.*)(.*)(.*)x` would look at all ways to cut a key in three.
    private static let maximumSteps = 100_000

    /// - Throws: Why the text is no pattern. Lua itself says so only where a match comes to the place.
    public init(_ text: String) throws(Malformed) {
        self.text = text
        let bytes = Array(text.utf8)
        guard bytes.count <= Self.maximumLength else {
            throw Malformed(reason: "it is longer than \(Self.maximumLength) bytes")
        }
        isAnchored = bytes.first == UInt8(ascii: "^")
        var parser = Parser(rest: bytes.dropFirst(isAnchored ? 1 : 0))
        while !parser.rest.isEmpty { try parser.parse() }
        guard parser.unclosed.isEmpty else { throw Malformed(reason: "a capture has no )") }
        guard parser.captureCount <= Self.maximumCaptures else {
            throw Malformed(reason: "it has more than \(Self.maximumCaptures) captures")
        }
        items = parser.items
        captureCount = parser.captureCount
    }

    /// The first match, as `string.find` finds it; `nil` where there is none, or none was found in a bounded time.
    func firstMatch(in subject: [UInt8]) -> Match? {
        var matcher = Matcher(items: items, subject: subject, captureCount: captureCount, steps: Self.maximumSteps)
        for start in 0...(isAnchored ? 0 : subject.count) {
            if let end = matcher.match(from: 0, at: start) {
                return Match(range: start..<end, captures: matcher.captures.map { $0.text(in: subject) })
            }
            guard matcher.steps > 0 else { return nil }
        }
        return nil
    }
}

/// Some of the 256 bytes.
private struct ByteSet {
    private var bits = SIMD4<UInt64>.zero

    init(_ isMember: (UInt8) -> Bool) {
        for byte in UInt8.min...UInt8.max where isMember(byte) { insert(byte) }
    }

    /// One byte.
    init(_ byte: UInt8) { insert(byte) }

    func contains(_ byte: UInt8) -> Bool { bits[Int(byte >> 6)] & 1 << UInt64(byte & 63) != 0 }

    mutating func insert(_ byte: UInt8) { bits[Int(byte >> 6)] |= 1 << UInt64(byte & 63) }

    mutating func formUnion(_ other: ByteSet) { bits |= other.bits }

    var inverted: ByteSet {
        var result = self
        result.bits = ~bits
        return result
    }

    /// What `%` and a letter stand for; of any other byte, itself.
    init(classOf letter: UInt8) {
        let set: ByteSet
        switch letter | 0x20 {
        case UInt8(ascii: "a"): set = ByteSet(\.isLetter)
        case UInt8(ascii: "c"): set = ByteSet { $0 < 32 || $0 == 127 }
        case UInt8(ascii: "d"): set = ByteSet(\.isDigit)
        case UInt8(ascii: "l"): set = ByteSet { $0.isLetter && $0 & 0x20 != 0 }
        case UInt8(ascii: "p"): set = ByteSet { 33...126 ~= $0 && !$0.isLetter && !$0.isDigit }
        case UInt8(ascii: "s"): set = ByteSet { $0 == 32 || 9...13 ~= $0 }
        case UInt8(ascii: "u"): set = ByteSet { $0.isLetter && $0 & 0x20 == 0 }
        case UInt8(ascii: "w"): set = ByteSet { $0.isLetter || $0.isDigit }
        case UInt8(ascii: "x"): set = ByteSet { $0.isDigit || 97...102 ~= $0 | 0x20 }
        case UInt8(ascii: "z"): set = ByteSet(0)
        default:
            self.init(letter)
            return
        }
        guard letter.isLetter else {
            self.init(letter)
            return
        }
        self = letter & 0x20 == 0 ? set.inverted : set
    }
}

extension UInt8 {
    fileprivate var isLetter: Bool { 97...122 ~= self | 0x20 }
    fileprivate var isDigit: Bool { 48...57 ~= self }
}

/// Makes items of a pattern's text.
private struct Parser {
    var rest: ArraySlice<UInt8>
    var items: [LuaPattern.Item] = []
    var captureCount = 0
    /// Captures that are open, and may not be referred to.
    var unclosed: [Int] = []

    /// The next item, and how often it comes.
    mutating func parse() throws(LuaPattern.Malformed) {
        switch (rest.first, rest.dropFirst().first) {
        case (UInt8(ascii: "("), UInt8(ascii: ")")):
            items.append(.position(captureCount))
            captureCount += 1
            rest = rest.dropFirst(2)
        case (UInt8(ascii: "("), _):
            items.append(.open(captureCount))
            unclosed.append(captureCount)
            captureCount += 1
            rest = rest.dropFirst()
        case (UInt8(ascii: ")"), _):
            guard let capture = unclosed.popLast() else { throw .init(reason: "a ) closes no capture") }
            items.append(.close(capture))
            rest = rest.dropFirst()
        case (UInt8(ascii: "$"), nil):
            items.append(.end)
            rest = []
        case (UInt8(ascii: "%"), UInt8(ascii: "b")):
            guard rest.count >= 4 else { throw .init(reason: "%b has not two characters behind it") }
            items.append(.balanced(rest[rest.startIndex + 2], rest[rest.startIndex + 3]))
            rest = rest.dropFirst(4)
        case (UInt8(ascii: "%"), UInt8(ascii: "f")):
            rest = rest.dropFirst(2)
            guard rest.first == UInt8(ascii: "[") else { throw .init(reason: "%f has no [ behind it") }
            items.append(.frontier(try parseClass()))
        case (UInt8(ascii: "%"), let digit?) where digit.isDigit:
            let capture = Int(digit) - Int(UInt8(ascii: "1"))
            guard 0..<captureCount ~= capture, !unclosed.contains(capture) else {
                throw .init(reason: "a back reference is to no capture")
            }
            items.append(.same(as: capture))
            rest = rest.dropFirst(2)
        default:
            let set = try parseClass()
            let item: LuaPattern.Item? =
                switch rest.first {
                case UInt8(ascii: "*"): .most(set, minimum: 0)
                case UInt8(ascii: "+"): .most(set, minimum: 1)
                case UInt8(ascii: "-"): .fewest(set)
                case UInt8(ascii: "?"): .optional(set)
                default: nil
                }
            if item != nil { rest = rest.dropFirst() }
            items.append(item ?? .byte(set))
        }
    }

    /// What one byte may be: `.`, `%d`, `[a-z]`, or itself.
    private mutating func parseClass() throws(LuaPattern.Malformed) -> ByteSet {
        switch rest.popFirst() {
        case UInt8(ascii: "."):
            return ByteSet { _ in true }
        case UInt8(ascii: "%"):
            guard let letter = rest.popFirst() else { throw .init(reason: "it ends with %") }
            return ByteSet(classOf: letter)
        case UInt8(ascii: "["):
            return try parseSet()
        case let byte?:
            return ByteSet(byte)
        case nil:
            throw .init(reason: "it ends too early")
        }
    }

    /// What is between `[`, which is gone, and `]`, which may be the first member.
    private mutating func parseSet() throws(LuaPattern.Malformed) -> ByteSet {
        let isInverted = rest.first == UInt8(ascii: "^")
        if isInverted { rest = rest.dropFirst() }
        // The end first, as Lua does it: a % there protects whatever is behind it, also where a range then ends with %.
        var end = rest.startIndex
        repeat {
            guard end < rest.endIndex else { throw .init(reason: "a [ has no ]") }
            end += rest[end] == UInt8(ascii: "%") && end + 1 < rest.endIndex ? 2 : 1
        } while end >= rest.endIndex || rest[end] != UInt8(ascii: "]")
        var members = rest[..<end]
        rest = rest[(end + 1)...]

        var set = ByteSet { _ in false }
        while let byte = members.popFirst() {
            if byte == UInt8(ascii: "%"), let letter = members.popFirst() {
                set.formUnion(ByteSet(classOf: letter))
            } else if members.first == UInt8(ascii: "-"), let upper = members.dropFirst().first {
                set.formUnion(ByteSet { byte <= $0 && $0 <= upper })
                members = members.dropFirst(2)
            } else {
                set.insert(byte)
            }
        }
        return isInverted ? set.inverted : set
    }
}

/// Looks whether items match at a place of a subject.
private struct Matcher {
    enum Capture {
        case text(Range<Int>)
        case position(Int)

        func text(in subject: [UInt8]) -> [UInt8] {
            switch self {
            case .text(let range): Array(subject[range])
            case .position(let index): Array(String(index + 1).utf8)
            }
        }
    }

    let items: [LuaPattern.Item]
    let subject: [UInt8]
    private(set) var captures: [Capture]
    /// How many are left.
    private(set) var steps: Int

    init(items: [LuaPattern.Item], subject: [UInt8], captureCount: Int, steps: Int) {
        self.items = items
        self.subject = subject
        self.steps = steps
        captures = Array(repeating: .position(0), count: captureCount)
    }

    /// Matches the items from one on. It calls itself once for each item that is repeated, no deeper.
    ///
    /// - Returns: Where the match ends; `nil` where there is none, or no step is left.
    mutating func match(from first: Int, at start: Int) -> Int? {
        var position = start
        for index in items.indices[first...] {
            guard steps > 0 else { return nil }
            steps -= 1
            switch items[index] {
            case .byte(let set):
                guard isMember(of: set, at: position) else { return nil }
                position += 1
            case .optional(let set):
                if isMember(of: set, at: position), let end = match(from: index + 1, at: position + 1) { return end }
            case .most(let set, let minimum):
                var next = position
                while isMember(of: set, at: next) { next += 1 }
                steps -= next - position
                while next >= position + minimum, steps > 0 {
                    if let end = match(from: index + 1, at: next) { return end }
                    next -= 1
                }
                return nil
            case .fewest(let set):
                while steps > 0 {
                    if let end = match(from: index + 1, at: position) { return end }
                    guard isMember(of: set, at: position) else { return nil }
                    position += 1
                }
                return nil
            case .open(let capture):
                captures[capture] = .text(position..<position)
            case .close(let capture):
                if case .text(let range) = captures[capture] { captures[capture] = .text(range.lowerBound..<position) }
            case .position(let capture):
                captures[capture] = .position(position)
            case .same(let capture):
                guard case .text(let range) = captures[capture], subject[position...].starts(with: subject[range])
                else { return nil }
                steps -= range.count
                position += range.count
            case .balanced(let opening, let closing):
                guard let end = endOfBalanced(opening, closing, at: position) else { return nil }
                position = end
            case .frontier(let set):
                // Beyond either end there is a byte 0.
                let before = position > 0 ? subject[position - 1] : 0
                let after = position < subject.count ? subject[position] : 0
                guard !set.contains(before), set.contains(after) else { return nil }
            case .end:
                guard position == subject.count else { return nil }
            }
        }
        return position
    }

    private func isMember(of set: ByteSet, at position: Int) -> Bool {
        position < subject.count && set.contains(subject[position])
    }

    private mutating func endOfBalanced(_ opening: UInt8, _ closing: UInt8, at start: Int) -> Int? {
        guard start < subject.count, subject[start] == opening else { return nil }
        var depth = 1
        var position = start + 1
        while position < subject.count, steps > 0 {
            steps -= 1
            if subject[position] == closing {
                depth -= 1
                if depth == 0 { return position + 1 }
            } else if subject[position] == opening {
                depth += 1
            }
            position += 1
        }
        return nil
    }
}
