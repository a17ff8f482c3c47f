/// A value within a JSON text, looked at in place: nothing is decoded but what is asked for, whatever else is around it.
///
/// Values are found by their brackets and quotes. A text that is cut off or no JSON at all has no members, elements, strings
/// or numbers where it stops making sense; nothing that it holds is a crash, and no depth of nesting takes stack.
public struct JSONText: Sendable {
    /// The value's own bytes, from its first to its last.
    public let bytes: ArraySlice<UInt8>

    /// The value that a text begins with; `nil` where it begins with none, or is cut off within it.
    public init?(_ text: ArraySlice<UInt8>) {
        var scanner = Scanner(text)
        guard let value = scanner.value() else { return nil }
        bytes = value
    }

    /// The value that a text begins with.
    public init?(_ text: [UInt8]) { self.init(text[...]) }

    private init(value: ArraySlice<UInt8>) { bytes = value }

    /// An object's member; of several of that name the first. `nil` of anything else.
    public subscript(name: String) -> JSONText? {
        guard bytes.first == UInt8(ascii: "{") else { return nil }
        var scanner = Scanner(bytes.dropFirst())
        while let key = scanner.value(), key.first == UInt8(ascii: "\""), scanner.take(UInt8(ascii: ":")),
            let value = scanner.value()
        {
            if JSONText(value: key).isString(name) { return JSONText(value: value) }
            guard scanner.take(UInt8(ascii: ",")) else { break }
        }
        return nil
    }

    /// An array's elements; none of anything else, and of one that is cut off those before the cut.
    public var elements: [JSONText] {
        guard bytes.first == UInt8(ascii: "[") else { return [] }
        var scanner = Scanner(bytes.dropFirst())
        var elements: [JSONText] = []
        while let value = scanner.value() {
            elements.append(JSONText(value: value))
            guard scanner.take(UInt8(ascii: ",")) else { break }
        }
        return elements
    }

    /// An object's members in their order; none of anything else.
    public var members: [(name: String, value: JSONText)] {
        guard bytes.first == UInt8(ascii: "{") else { return [] }
        var scanner = Scanner(bytes.dropFirst())
        var members: [(name: String, value: JSONText)] = []
        while let key = scanner.value(), let name = JSONText(value: key).string, scanner.take(UInt8(ascii: ":")),
            let value = scanner.value()
        {
            members.append((name, JSONText(value: value)))
            guard scanner.take(UInt8(ascii: ",")) else { break }
        }
        return members
    }

    /// A string's text, with what is no UTF-8 replaced; `nil` of anything else.
    public var string: String? {
        stringBytes.map { String(decoding: $0, as: UTF8.self) }
    }

    /// A string's bytes, its escapes replaced; `nil` of anything else.
    public var stringBytes: [UInt8]? {
        guard bytes.count >= 2, bytes.first == UInt8(ascii: "\""), bytes.last == UInt8(ascii: "\"") else { return nil }
        let content = bytes.dropFirst().dropLast()
        guard content.contains(UInt8(ascii: "\\")) else { return Array(content) }
        return Self.unescaped(content)
    }

    /// A number; `nil` of anything else, a number in quotes included.
    public var number: Double? {
        guard let first = bytes.first, first == UInt8(ascii: "-") || 48...57 ~= first else { return nil }
        return Double(String(decoding: bytes, as: UTF8.self))
    }

    /// Whether it is a number without fraction and exponent.
    public var isInteger: Bool {
        !bytes.isEmpty && bytes.allSatisfy { 48...57 ~= $0 || $0 == UInt8(ascii: "-") }
    }

    /// `true` or `false`; `nil` of anything else.
    public var boolean: Bool? {
        if bytes.elementsEqual("true".utf8) { return true }
        return bytes.elementsEqual("false".utf8) ? false : nil
    }

    private func isString(_ text: String) -> Bool {
        let content = bytes.dropFirst().dropLast()
        if content.elementsEqual(text.utf8) { return true }
        return content.contains(UInt8(ascii: "\\")) && string == text
    }

    private static func unescaped(_ content: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(content.count)
        var rest = content
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let escaped = rest.popFirst() else {
                result.append(byte)
                continue
            }
            switch escaped {
            case UInt8(ascii: "n"): result.append(10)
            case UInt8(ascii: "r"): result.append(13)
            case UInt8(ascii: "t"): result.append(9)
            case UInt8(ascii: "b"): result.append(8)
            case UInt8(ascii: "f"): result.append(12)
            case UInt8(ascii: "u"): result += Array(String(scalar(&rest)).utf8)
            default: result.append(escaped)
            }
        }
        return result
    }

    /// What stands behind `\u`, which may be the first of a pair.
    private static func scalar(_ rest: inout ArraySlice<UInt8>) -> Unicode.Scalar {
        let replacement: Unicode.Scalar = "\u{fffd}"
        guard let first = hexadecimal(&rest) else { return replacement }
        guard 0xd800..<0xdc00 ~= first else { return Unicode.Scalar(first) ?? replacement }
        var ahead = rest
        guard ahead.popFirst() == UInt8(ascii: "\\"), ahead.popFirst() == UInt8(ascii: "u"),
            let second = hexadecimal(&ahead), 0xdc00..<0xe000 ~= second
        else { return replacement }
        rest = ahead
        return Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00)) ?? replacement
    }

    private static func hexadecimal(_ rest: inout ArraySlice<UInt8>) -> UInt32? {
        let digits = rest.prefix(4)
        guard digits.count == 4, let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16) else {
            return nil
        }
        rest = rest.dropFirst(4)
        return value
    }

    /// Finds where values end.
    private struct Scanner {
        private var rest: ArraySlice<UInt8>

        init(_ text: ArraySlice<UInt8>) { rest = text }

        private mutating func skipSpace() {
            rest = rest.drop { $0 == 32 || 9...10 ~= $0 || $0 == 13 }
        }

        /// Whether that byte comes next, which is taken then.
        mutating func take(_ byte: UInt8) -> Bool {
            skipSpace()
            guard rest.first == byte else { return false }
            rest.removeFirst()
            return true
        }

        /// The next value's bytes, which are taken; `nil` where none comes, or its end does not.
        mutating func value() -> ArraySlice<UInt8>? {
            skipSpace()
            guard let first = rest.first, let end = end(from: first), end > rest.startIndex else { return nil }
            defer { rest = rest[end...] }
            return rest[..<end]
        }

        private func end(from first: UInt8) -> Int? {
            switch first {
            case UInt8(ascii: "\""):
                return endOfString(from: rest.startIndex)
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                var depth = 0
                var at = rest.startIndex
                while at < rest.endIndex {
                    switch rest[at] {
                    case UInt8(ascii: "\""):
                        guard let end = endOfString(from: at) else { return nil }
                        at = end
                        continue
                    case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                    case UInt8(ascii: "}"), UInt8(ascii: "]"):
                        depth -= 1
                        if depth == 0 { return at + 1 }
                    default: break
                    }
                    at += 1
                }
                return nil
            default:
                return rest.firstIndex { byte in
                    switch byte {
                    case UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: ":"), 32, 9, 10, 13: true
                    default: false
                    }
                } ?? rest.endIndex
            }
        }

        /// Behind the closing quote.
        private func endOfString(from start: Int) -> Int? {
            var at = start + 1
            while at < rest.endIndex {
                if rest[at] == UInt8(ascii: "\"") { return at + 1 }
                at += rest[at] == UInt8(ascii: "\\") ? 2 : 1
            }
            return nil
        }
    }
}
