/// Walks over the lines of a kernel file and their words, in place.
///
/// The kernel ends every line, so what stands behind the last line's end was cut off and is left out.
struct HostText {
    /// The most words of a line that are looked at; `/proc/stat` has one for each interrupt.
    private static let maximumWords = 32

    let bytes: [UInt8]
    /// A byte that stands between words as spaces do.
    private let separator: UInt8
    private var position = 0
    /// The words of the line.
    private(set) var words: [Range<Int>] = []

    /// - Parameter separator: What stands between words, beside spaces and tabs.
    init(_ bytes: [UInt8], separator: UInt8 = UInt8(ascii: " ")) {
        self.bytes = bytes
        self.separator = separator
        words.reserveCapacity(Self.maximumWords)
    }

    /// Goes to the next line.
    ///
    /// - Returns: Whether there is one.
    mutating func nextLine() -> Bool {
        words.removeAll(keepingCapacity: true)
        var start = position
        var at = position
        while at < bytes.count {
            let byte = bytes[at]
            let isEnd = byte == UInt8(ascii: "\n")
            if isEnd || byte == UInt8(ascii: " ") || byte == separator || byte == UInt8(ascii: "\t") {
                if at > start { words.append(start..<at) }
                if !isEnd, words.count == Self.maximumWords {
                    guard let end = bytes[at...].firstIndex(of: UInt8(ascii: "\n")) else { break }
                    at = end
                }
                start = at + 1
                if bytes[at] == UInt8(ascii: "\n") {
                    position = at + 1
                    return true
                }
            }
            at += 1
        }
        words.removeAll(keepingCapacity: true)
        position = bytes.count
        return false
    }

    /// The bytes of a word; none where the line has not so many.
    func word(_ index: Int) -> ArraySlice<UInt8> {
        index < words.count ? bytes[words[index]] : []
    }

    /// A word as a number, `0.59` too; `nil` where it is none, or the line has not so many words.
    func number(_ index: Int) -> Double? {
        guard index < words.count else { return nil }
        let range = words[index]
        guard let point = bytes[range].firstIndex(of: UInt8(ascii: ".")) else {
            return CgroupText.number(bytes.span, range).flatMap { $0.isFinite ? $0 : nil }
        }
        // Both are exact, so that the quotient is the double that is nearest to what is written.
        guard let whole = CgroupText.number(bytes.span, range.lowerBound..<point), range.upperBound - point <= 7,
            let fraction = CgroupText.number(bytes.span, (point + 1)..<range.upperBound)
        else { return nil }
        var scale = 1.0
        for _ in (point + 1)..<range.upperBound { scale *= 10 }
        return (whole * scale + fraction) / scale
    }
}

extension String {
    /// From bytes of a kernel file, with what is no UTF-8 replaced.
    init(kernel bytes: some Sequence<UInt8>) {
        self.init(decoding: Array(bytes), as: UTF8.self)
    }
}
