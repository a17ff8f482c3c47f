/// Times as job systems write them: ISO 8601, as Python, Ruby and JavaScript have it, and Resque's own form.
enum TimeText {
    /// Seconds since 1970 of `2026-11-20T22:56:23.347131Z`; `nil` where the text is no such time.
    ///
    /// Date and time may have a space between them in place of the `T`, and slashes may stand in the date in place of
    /// hyphens. Behind the time may stand `Z`, `UTC`, `GMT` or `+02:00`, with or without the colon and a space before it;
    /// nothing is UTC. Of other names of zones nobody can tell what they mean: `IST` is three of them.
    static func secondsSince1970(_ text: ArraySlice<UInt8>) -> Double? {
        var reader = Reader(rest: text)
        guard let year = reader.number(digits: 4), let separator = reader.take("-/"),
            let month = reader.number(digits: 2), 1...12 ~= month, reader.take(separator),
            let day = reader.number(digits: 2), 1...days(in: month, of: year) ~= day, reader.take("Tt ") != nil,
            let hour = reader.number(digits: 2), hour < 24, reader.take(UInt8(ascii: ":")),
            let minute = reader.number(digits: 2), minute < 60, reader.take(UInt8(ascii: ":")),
            // 60 is a leap second.
            let second = reader.number(digits: 2), second <= 60,
            let fraction = reader.fraction(), let offset = reader.offset(), reader.rest.isEmpty
        else { return nil }
        let days = daysSince1970(year, month, day)
        return Double(((days * 24 + hour) * 60 + minute - offset) * 60 + second) + fraction
    }

    private static func isLeap(_ year: Int) -> Bool {
        year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400))
    }

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private static func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int {
        // A year that begins in March has its leap day at the end.
        let year = month < 3 ? year - 1 : year
        let monthsSinceMarch = (month + 9) % 12
        let leapDays = year / 4 - year / 100 + year / 400
        return year * 365 + leapDays + (monthsSinceMarch * 153 + 2) / 5 + day - 719_469
    }

    private struct Reader {
        var rest: ArraySlice<UInt8>

        mutating func take(_ byte: UInt8) -> Bool {
            guard rest.first == byte else { return false }
            rest.removeFirst()
            return true
        }

        /// The next byte where it is one of those.
        mutating func take(_ any: StaticString) -> UInt8? {
            guard let byte = rest.first, any.withUTF8Buffer({ $0.contains(byte) }) else { return nil }
            rest.removeFirst()
            return byte
        }

        mutating func number(digits: Int) -> Int? {
            let text = rest.prefix(digits)
            guard text.count == digits, text.allSatisfy({ 48...57 ~= $0 }) else { return nil }
            rest = rest.dropFirst(digits)
            return text.reduce(0) { $0 * 10 + Int($1 - 48) }
        }

        /// What stands behind the seconds, of any number of digits; 0 where nothing does, `nil` where it is no number.
        mutating func fraction() -> Double? {
            guard take(".,") != nil else { return 0 }
            let digits = rest.prefix { 48...57 ~= $0 }
            rest = rest[digits.endIndex...]
            return digits.isEmpty ? nil : Double("0." + String(decoding: digits, as: UTF8.self))
        }

        /// Minutes before UTC; 0 where nothing is said, `nil` where it is not understood.
        mutating func offset() -> Int? {
            if take(UInt8(ascii: " ")), rest.isEmpty { return nil }
            for name in ["Z", "z", "UTC", "GMT"] where rest.elementsEqual(name.utf8) {
                rest = []
                return 0
            }
            guard let sign = take("+-") else { return 0 }
            guard let hours = number(digits: 2), hours < 24 else { return nil }
            var minutes = 0
            if take(UInt8(ascii: ":")) || !rest.isEmpty {
                guard let written = number(digits: 2), written < 60 else { return nil }
                minutes = written
            }
            return (hours * 60 + minutes) * (sign == UInt8(ascii: "-") ? -1 : 1)
        }
    }
}
