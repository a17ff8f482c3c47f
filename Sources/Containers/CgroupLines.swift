/// Goes through the lines and words of a kernel file in place, where lines hold more than a key and a number.
struct CgroupLines {
    private var position = 0

    /// The next word of the line; empty at its end.
    ///
    /// - Parameter mark: What ends a word too, and is left out: `:` behind an interface's name, which in old kernels a
    ///   number follows at once.
    mutating func word(of text: Span<UInt8>, upTo mark: UInt8 = UInt8(ascii: " ")) -> Range<Int> {
        while position < text.count, Self.isBlank(text[position]) { position += 1 }
        let start = position
        while position < text.count, text[position] != UInt8(ascii: "\n") {
            if text[position] == mark || Self.isBlank(text[position]) {
                defer { position += 1 }
                return start..<position
            }
            position += 1
        }
        return start..<position
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

    /// Goes behind a prefix of several words where the line, of which nothing was read yet, has it.
    mutating func skip(_ prefix: [UInt8], of text: Span<UInt8>) -> Bool {
        guard text.starts(with: prefix, at: position..<text.count) else { return false }
        position += prefix.count
        return true
    }

    /// Goes to the start of the next line.
    ///
    /// - Returns: Whether there is one.
    mutating func next(in text: Span<UInt8>) -> Bool {
        while position < text.count, text[position] != UInt8(ascii: "\n") { position += 1 }
        position += 1
        return position < text.count
    }
}

extension Span<UInt8> {
    /// Up to where lines are whole: of a file that was cut, the last number may be another.
    var lengthOfLines: Int {
        var length = count
        while length > 0, self[length - 1] != UInt8(ascii: "\n") { length -= 1 }
        return length
    }

    /// Whether the bytes of a range are these.
    func holds(_ bytes: [UInt8], at range: Range<Int>) -> Bool {
        guard bytes.count == range.count else { return false }
        for offset in bytes.indices where bytes[offset] != self[range.lowerBound + offset] { return false }
        return true
    }

    /// Whether a range begins with these bytes.
    func starts(with bytes: [UInt8], at range: Range<Int>) -> Bool {
        range.count >= bytes.count && holds(bytes, at: range.prefix(bytes.count))
    }

    /// The text of a range; what is not UTF-8 becomes the replacement character.
    func string(_ range: Range<Int>) -> String {
        extracting(range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }

    /// A whole number, and not `max`.
    func number(_ range: Range<Int>) -> Double? {
        CgroupText.number(self, range).flatMap { $0.isFinite ? $0 : nil }
    }

    /// A whole number of at most 32 bits, such as a process has.
    func integer(_ range: Range<Int>) -> UInt32? {
        number(range).flatMap(UInt32.init(exactly:))
    }
}
