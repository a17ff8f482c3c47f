/// Where numbers stand in the text of kernel files.
enum CgroupText {
    /// Where in a file a number stands.
    enum Position: Hashable {
        /// The nth word of the first line, from 0: `memory.current`, `cpu.max`.
        case word(Int)
        /// Behind this key, the first word of a line: `memory.stat`, and `/proc/meminfo` with its colons and units.
        case key(String)
        /// Behind `field=` on the line that begins with the key: `cpu.pressure`.
        case field(key: String, field: String)
        /// How many lines begin with this and a digit: nothing and a process number in `cgroup.procs`, `cpu0` in
        /// `/proc/stat`.
        case lines(String)
        /// How many CPUs there are in a list of them: `0-3,8` in `cpuset.cpus`. An empty list is no number.
        case cpus
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

    /// The number that begins at `position`, which moves to the end of the word.
    fileprivate static func number(_ text: Span<UInt8>, at position: inout Int) -> Double? {
        let start = position
        var value = 0
        while position < text.count {
            let digit = text[position] &- UInt8(ascii: "0")
            guard digit <= 9 else { break }
            value = value &* 10 &+ Int(digit)
            position &+= 1
        }
        // 18 digits cannot overflow.
        if position > start, position - start <= 18, isWordEnd(text, position) { return Double(value) }
        skipWord(text, &position)
        return number(text, start..<position)
    }

    fileprivate static func isWordEnd(_ text: Span<UInt8>, _ position: Int) -> Bool {
        position >= text.count || text[position] == UInt8(ascii: "\n") || text[position] == UInt8(ascii: " ")
    }

    fileprivate static func skipWord(_ text: Span<UInt8>, _ position: inout Int) {
        while !isWordEnd(text, position) { position &+= 1 }
    }

    fileprivate static func skipSpaces(_ text: Span<UInt8>, _ position: inout Int) {
        while position < text.count, text[position] == UInt8(ascii: " ") { position &+= 1 }
    }

    /// To the beginning of the next line.
    fileprivate static func skipLine(_ text: Span<UInt8>, _ position: inout Int) {
        while position < text.count, text[position] != UInt8(ascii: "\n") { position &+= 1 }
        position &+= 1
    }

    /// Whether a part of the text is the same as a part of others, of the same length.
    fileprivate static func isEqual(
        _ text: Span<UInt8>, _ position: Int, _ other: Span<UInt8>, _ range: Range<Int>
    ) -> Bool {
        guard range.count <= text.count - position else { return false }
        // Taken together: a loop that may end at each byte cannot be made of wide instructions.
        var difference: UInt8 = 0
        for offset in 0..<range.count {
            difference |= text[position &+ offset] ^ other[range.lowerBound &+ offset]
        }
        return difference == 0
    }
}

/// Reads the same numbers from the same file of one cgroup after the other, in place.
///
/// A kernel writes the keys of a file in the same order for all cgroups. So the first text is searched, and the layout
/// that was found is tried on those after it: each line is compared with one key alone, and only where it is wanted its
/// number is read. Where a text does not fit it is searched as the first was.
final class CgroupParser {
    /// The longest layout that is kept, by its lines and the bytes of their keys; a longer text is searched each time.
    private static let maximumLayout = 8192

    /// A number that is wanted from behind a key, and where it goes.
    private struct Entry {
        /// In ``names``.
        let key: Range<Int>
        /// In ``names``; empty for the number right behind the key.
        let field: Range<Int>
        let slot: Int
    }

    private struct Line {
        /// In ``keys``.
        let key: Range<Int>
        /// In ``entries``; none where the line is not wanted.
        let entries: Range<Int>
    }

    private let words: [(index: Int, slot: Int)]
    private let counts: [(prefix: [UInt8], slot: Int)]
    private let lists: [Int]
    /// Those of one key one after the other.
    private let entries: [Entry]
    /// The bytes of all keys and fields.
    private let names: [UInt8]
    /// Up to the last line that is wanted.
    private var layout: [Line] = []
    /// The bytes of all keys in the layout.
    private var keys: [UInt8] = []
    /// How many entries are in the layout.
    private var known = 0

    init(_ wanted: [(position: CgroupText.Position, slot: Int)]) {
        var words: [(Int, Int)] = []
        var counts: [([UInt8], Int)] = []
        var lists: [Int] = []
        var keyed: [String: [(field: String, slot: Int)]] = [:]
        for (position, slot) in wanted {
            switch position {
            case .word(let index): words.append((index, slot))
            case .key(let key): keyed[key, default: []].append(("", slot))
            case .field(let key, let field): keyed[key, default: []].append((field, slot))
            case .lines(let prefix): counts.append((Array(prefix.utf8), slot))
            case .cpus: lists.append(slot)
            }
        }
        var entries: [Entry] = []
        var names: [UInt8] = []
        func add(_ name: String) -> Range<Int> {
            names += name.utf8
            return (names.count - name.utf8.count)..<names.count
        }
        for (key, fields) in keyed.sorted(by: { $0.key < $1.key }) {
            let key = add(key)
            for (field, slot) in fields { entries.append(Entry(key: key, field: add(field), slot: slot)) }
        }
        (self.words, self.counts, self.lists, self.entries, self.names) = (words, counts, lists, entries, names)
    }

    /// Puts each wanted number in its slot, the first where there are several; what is missing or no number leaves no
    /// number (NaN) there.
    ///
    /// - Parameter offset: Where slots are counted from.
    func read(_ text: Span<UInt8>, into values: inout [Double], from offset: Int) {
        if !words.isEmpty { readWords(text, into: &values, from: offset) }
        if !entries.isEmpty, !readByLayout(text, into: &values, from: offset) {
            search(text, into: &values, from: offset)
        }
        for (prefix, slot) in counts { values[offset + slot] = Self.lines(of: text, beginningWith: prefix) }
        for slot in lists { values[offset + slot] = Self.cpus(in: text) ?? .nan }
    }

    private func readWords(_ text: Span<UInt8>, into values: inout [Double], from offset: Int) {
        for (index, slot) in words {
            var position = 0
            CgroupText.skipSpaces(text, &position)
            for _ in 0..<index {
                CgroupText.skipWord(text, &position)
                CgroupText.skipSpaces(text, &position)
            }
            values[offset + slot] = CgroupText.number(text, at: &position) ?? .nan
        }
    }

    /// - Returns: Whether the text is as the layout says. Where it is not, some slots may have values already.
    private func readByLayout(_ text: Span<UInt8>, into values: inout [Double], from offset: Int) -> Bool {
        let (layout, keys, names, entries) = (layout, keys, names, entries)
        let lines = layout.span
        guard !lines.isEmpty else { return false }
        var position = 0
        for index in lines.indices {
            let line = lines[index]
            let end = position &+ line.key.count
            guard end < text.count, text[end] == UInt8(ascii: " "),
                CgroupText.isEqual(text, position, keys.span, line.key)
            else { return false }
            position = end
            for index in line.entries {
                position = end
                read(entries[index], names.span, behind: text, at: &position, into: &values, from: offset)
            }
            CgroupText.skipLine(text, &position)
        }
        // What the first text did not have may stand behind.
        return known == entries.count || position >= text.count
    }

    /// Reads a number of a line.
    ///
    /// - Parameter position: The end of the line's key; moves on, not beyond the line.
    private func read(
        _ entry: Entry, _ names: Span<UInt8>, behind text: Span<UInt8>, at position: inout Int,
        into values: inout [Double], from offset: Int
    ) {
        CgroupText.skipSpaces(text, &position)
        if entry.field.isEmpty {
            values[offset + entry.slot] = CgroupText.number(text, at: &position) ?? .nan
            return
        }
        while position < text.count, text[position] != UInt8(ascii: "\n") {
            let end = position + entry.field.count
            if end < text.count, text[end] == UInt8(ascii: "="),
                CgroupText.isEqual(text, position, names, entry.field)
            {
                position = end + 1
                values[offset + entry.slot] = CgroupText.number(text, at: &position) ?? .nan
                return
            }
            CgroupText.skipWord(text, &position)
            CgroupText.skipSpaces(text, &position)
        }
    }

    /// Looks for every key on every line, and keeps the layout of the text that had the most of them: cgroups without a
    /// controller have shorter files.
    private func search(_ text: Span<UInt8>, into values: inout [Double], from offset: Int) {
        let names = names
        for entry in entries { values[offset + entry.slot] = .nan }
        var lines: [Line] = []
        var keys: [UInt8] = []
        var isWhole = true
        var found = 0
        var position = 0
        while position < text.count, found < entries.count {
            let start = position
            CgroupText.skipWord(text, &position)
            let end = position
            var first = 0
            while first < entries.count {
                let key = entries[first].key
                if key.count == end - start, CgroupText.isEqual(text, start, names.span, key) { break }
                first += 1
            }
            var last = first
            while last < entries.count, entries[last].key == entries[first].key { last += 1 }
            // A key that is there again does not count again.
            if first < last, lines.contains(where: { $0.entries.lowerBound == first && !$0.entries.isEmpty }) {
                last = first
            }
            for index in first..<last {
                position = end
                read(entries[index], names.span, behind: text, at: &position, into: &values, from: offset)
            }
            found += last - first
            if lines.count + keys.count + end - start <= Self.maximumLayout || first < last {
                lines.append(Line(key: keys.count..<(keys.count + end - start), entries: first..<last))
                for index in start..<end { keys.append(text[index]) }
            } else {
                isWhole = false
            }
            CgroupText.skipLine(text, &position)
        }
        if found > 0, found >= known, isWhole {
            layout = lines
            self.keys = keys
            known = found
        }
    }

    private static func lines(of text: Span<UInt8>, beginningWith prefix: [UInt8]) -> Double {
        var count = 0
        var position = 0
        while position < text.count {
            let end = position + prefix.count
            if end < text.count, text[end] &- UInt8(ascii: "0") <= 9,
                CgroupText.isEqual(text, position, prefix.span, prefix.indices)
            {
                count += 1
            }
            CgroupText.skipLine(text, &position)
        }
        return Double(count)
    }

    private static func cpus(in text: Span<UInt8>) -> Double? {
        var count = 0
        var start: Int?
        var number: Int?
        for position in 0...text.count {
            let byte = position < text.count ? text[position] : UInt8(ascii: "\n")
            let digit = byte &- UInt8(ascii: "0")
            if digit <= 9 {
                // More CPUs than this are no list of CPUs.
                number = (number ?? 0) * 10 + Int(digit)
                guard number ?? 0 < 1 << 20 else { return nil }
                continue
            }
            guard let end = number else { return nil }
            number = nil
            switch byte {
            case UInt8(ascii: "-") where start == nil:
                start = end
            case UInt8(ascii: ","), UInt8(ascii: "\n"):
                guard end >= start ?? end else { return nil }
                count += end - (start ?? end) + 1
                start = nil
                if byte == UInt8(ascii: "\n") { return Double(count) }
            default:
                return nil
            }
        }
        return nil
    }
}
