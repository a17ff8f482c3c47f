/// Reads numbers from the text of kernel files, in place.
///
/// Three layouts are known: a single number (`memory.current`), words on a line (`cpu.max`), and a key and a number on
/// each line (`memory.stat`, and `/proc/meminfo` with its colons and units).
enum CgroupText {
    /// Where in a file a number stands.
    enum Position: Hashable {
        /// The nth word of the first line.
        case word(Int)
        /// Behind this key.
        case key(String)
    }

    /// A number that is wanted, and where it goes.
    struct Wanted {
        let slot: Int
        private let word: Int
        private let key: [UInt8]

        init(_ position: Position, slot: Int) {
            self.slot = slot
            switch position {
            case .word(let index): (word, key) = (index, [])
            case .key(let name): (word, key) = (-1, Array(name.utf8))
            }
        }

        fileprivate func matches(_ text: Span<UInt8>, line: Int, word index: Int, key range: Range<Int>) -> Bool {
            if key.isEmpty { return line == 0 && index == word }
            guard index == 1, key.count == range.count, key.last == text[range.upperBound - 1] else { return false }
            for offset in key.indices where key[offset] != text[range.lowerBound + offset] { return false }
            return true
        }
    }

    /// Puts each wanted number in its slot; what is missing or no number leaves its slot as it is.
    static func read(_ text: Span<UInt8>, _ wanted: [Wanted], into values: inout [Double?]) {
        var missing = wanted.count
        var position = 0
        var line = 0
        while position < text.count, missing > 0 {
            var index = 0
            var key = 0..<0
            while true {
                let word = word(in: text, at: &position)
                if word.isEmpty { break }
                if index == 0 { key = word }
                if line == 0 || index == 1 {
                    for item in wanted where item.matches(text, line: line, word: index, key: key) {
                        values[item.slot] = number(text, word)
                        missing -= 1
                    }
                }
                index += 1
            }
            position += 1
            line += 1
        }
    }

    /// The next word of the line; empty at its end.
    private static func word(in text: Span<UInt8>, at position: inout Int) -> Range<Int> {
        while position < text.count, text[position] == UInt8(ascii: " ") { position += 1 }
        let start = position
        while position < text.count, text[position] != UInt8(ascii: " "), text[position] != UInt8(ascii: "\n") {
            position += 1
        }
        return start..<position
    }

    /// A whole number, or infinity for `max`. Anything else, a negative number as in v1's `cpu.cfs_quota_us` too, is
    /// none: the kernel writes -1 for what is not set.
    static func number(_ text: Span<UInt8>, _ range: Range<Int>) -> Double? {
        guard !range.isEmpty else { return nil }
        if range.count == 3, text[range.lowerBound] == UInt8(ascii: "m"),
            text[range.lowerBound + 1] == UInt8(ascii: "a"), text[range.lowerBound + 2] == UInt8(ascii: "x")
        {
            return .infinity
        }
        var value: UInt64 = 0
        for index in range {
            let digit = text[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            let (tens, isTooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, isTooLargeToo) = tens.addingReportingOverflow(UInt64(digit))
            guard !isTooLarge, !isTooLargeToo else { return nil }
            value = sum
        }
        return Double(value)
    }
}
