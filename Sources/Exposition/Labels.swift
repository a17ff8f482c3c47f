/// The label set of a sample, rendered once in exposition form: `datid="5",datname="app"`.
///
/// A row of a view or a container yields dozens of samples with the same labels, so they are escaped and sorted once and
/// shared. Labels are sorted by name, which makes equal sets equal bytes. Both text formats escape label values alike.
///
/// A label set is legal by construction: names are brought to `[a-zA-Z_][a-zA-Z0-9_]*`, the second of two labels of one
/// name is dropped, and values longer than ``maximumValueLength`` are cut.
public struct Labels: Sendable, Hashable {
    /// The longest label value in UTF-8 bytes; what is beyond is cut at a character's edge.
    public static let maximumValueLength = 1024

    /// No labels at all.
    public static let none = Labels(rendered: [])

    /// The labels as they stand between the braces; empty where there are none.
    public let rendered: [UInt8]
    /// Of the bytes, made once: every scrape looks for duplicates among label sets that mostly outlive it.
    private let digest: UInt64

    private init(rendered: [UInt8]) {
        self.rendered = rendered
        digest = Self.digest(of: rendered)
    }

    /// Labels from names and values in any order.
    public init(_ pairs: some Sequence<(String, String)>) {
        var sorted = pairs.map { (name: Self.legalName($0), value: $1) }
        // Insertion sort: stable, so that the first of two equal names wins, and the sets are small.
        for end in sorted.indices.dropFirst() {
            var at = end
            while at > 0, sorted[at].name < sorted[at - 1].name {
                sorted.swapAt(at, at - 1)
                at -= 1
            }
        }
        var rendered: [UInt8] = []
        rendered.reserveCapacity(sorted.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 })
        var previous: String?
        for (name, value) in sorted where name != previous {
            if previous != nil { rendered.append(UInt8(ascii: ",")) }
            Self.render(name, value, into: &rendered)
            previous = name
        }
        self.init(rendered: rendered)
    }

    /// These labels and one more; a label of that name that is there already wins.
    public func adding(_ name: String, _ value: String) -> Labels {
        let name = Self.legalName(name)
        var result: [UInt8] = []
        result.reserveCapacity(rendered.count + name.utf8.count + value.utf8.count + 4)
        var isPlaced = false
        for pair in pairs {
            if !isPlaced {
                let order = Self.order(name, pair.name)
                if order == 0 { return self }
                if order < 0 {
                    if !result.isEmpty { result.append(UInt8(ascii: ",")) }
                    Self.render(name, value, into: &result)
                    isPlaced = true
                }
            }
            if !result.isEmpty { result.append(UInt8(ascii: ",")) }
            result.append(contentsOf: pair.whole)
        }
        if !isPlaced {
            if !result.isEmpty { result.append(UInt8(ascii: ",")) }
            Self.render(name, value, into: &result)
        }
        return Labels(rendered: result)
    }

    /// The unescaped value of a label, or `nil` where it is not in the set.
    public subscript(name: String) -> String? {
        for pair in pairs where Self.order(name, pair.name) == 0 {
            var value: [UInt8] = []
            var isEscaped = false
            for byte in pair.whole.dropFirst(pair.name.count + 2).dropLast() {
                if isEscaped {
                    value.append(byte == UInt8(ascii: "n") ? UInt8(ascii: "\n") : byte)
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else {
                    value.append(byte)
                }
            }
            return String(decoding: value, as: UTF8.self)
        }
        return nil
    }

    /// Whether both are the very same bytes in memory: sure that they are equal, at the price of comparing two addresses.
    public func isIdentical(to other: Labels) -> Bool {
        rendered.withUnsafeBufferPointer { own in
            other.rendered.withUnsafeBufferPointer { $0.baseAddress == own.baseAddress && $0.count == own.count }
        }
    }

    /// Compares what was made of the bytes before the bytes.
    public static func == (one: Labels, other: Labels) -> Bool {
        one.digest == other.digest && one.rendered == other.rendered
    }

    /// What was made of the bytes stands for them.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(digest)
    }

    /// Differs from process to process, so that nobody can choose label values that all fall together.
    private static let seed = UInt64.random(in: .min ... .max)

    /// Eight bytes at a time, each mixed in by a multiplication of which both halves are used.
    private static func digest(of rendered: [UInt8]) -> UInt64 {
        let bytes = rendered.span.bytes
        var digest = seed ^ UInt64(bytes.byteCount)
        var position = 0
        while position + 8 <= bytes.byteCount {
            digest = mix(digest ^ bytes.unsafeLoadUnaligned(fromByteOffset: position, as: UInt64.self))
            position += 8
        }
        var rest: UInt64 = 0
        while position < bytes.byteCount {
            rest = rest << 8 | UInt64(bytes.unsafeLoad(fromByteOffset: position, as: UInt8.self))
            position += 1
        }
        return mix(digest ^ rest)
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        // The odd number nearest to 2^64 divided by the golden ratio spreads what follows each other evenly.
        let (high, low) = value.multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15)
        return high ^ low
    }

    /// Brings a name to `[a-zA-Z_][a-zA-Z0-9_]*`: every other character becomes `_`.
    private static func legalName(_ name: String) -> String {
        if isLegalName(name) { return name }
        var legal = String(name.unicodeScalars.map { isLegal($0, first: false) ? Character($0) : "_" })
        if let first = legal.unicodeScalars.first, isLegal(first, first: true) { return legal }
        legal.insert("_", at: legal.startIndex)
        return legal
    }

    private static func isLegalName(_ name: String) -> Bool {
        var isFirst = true
        for scalar in name.unicodeScalars {
            if !isLegal(scalar, first: isFirst) { return false }
            isFirst = false
        }
        return !isFirst
    }

    private static func isLegal(_ scalar: Unicode.Scalar, first: Bool) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "_": true
        case "0"..."9": !first
        default: false
        }
    }

    private static func render(_ name: String, _ value: String, into bytes: inout [UInt8]) {
        bytes.append(contentsOf: name.utf8)
        bytes.append(UInt8(ascii: "="))
        bytes.append(UInt8(ascii: "\""))
        if value.utf8.count <= maximumValueLength {
            bytes.appendEscaped(value.utf8, quotes: true)
        } else {
            var end = value.utf8.index(value.utf8.startIndex, offsetBy: maximumValueLength)
            while value.utf8[end] & 0b1100_0000 == 0b1000_0000 { end = value.utf8.index(before: end) }
            bytes.appendEscaped(value.utf8[..<end], quotes: true)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Below zero, zero or above, as `name` sorts before, equals or sorts after the bytes.
    private static func order(_ name: String, _ other: ArraySlice<UInt8>) -> Int {
        if name.utf8.elementsEqual(other) { return 0 }
        return name.utf8.lexicographicallyPrecedes(other) ? -1 : 1
    }

    /// The rendered labels one by one: the name alone, and the whole of `name="value"`.
    private var pairs: some Sequence<(name: ArraySlice<UInt8>, whole: ArraySlice<UInt8>)> {
        sequence(state: rendered.startIndex) { start in
            guard start < rendered.endIndex, let equals = rendered[start...].firstIndex(of: UInt8(ascii: "=")) else {
                return nil
            }
            var end = equals + 2
            while rendered[end] != UInt8(ascii: "\"") { end += rendered[end] == UInt8(ascii: "\\") ? 2 : 1 }
            defer { start = end + 2 }
            return (rendered[start..<equals], rendered[start...end])
        }
    }
}

extension Labels: ExpressibleByDictionaryLiteral {
    /// `["datid": "5", "datname": "app"]`
    public init(dictionaryLiteral elements: (String, String)...) {
        self.init(elements)
    }
}

extension Labels: CustomStringConvertible {
    /// The labels with their braces, as they stand behind a sample's name; empty where there are none.
    public var description: String {
        rendered.isEmpty ? "" : "{\(String(decoding: rendered, as: UTF8.self))}"
    }
}
