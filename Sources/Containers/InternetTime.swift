/// Times as engines write them, by RFC 3339.
enum InternetTime {
    /// Whole seconds since 1970, as cAdvisor has them, of `2026-11-21T16:12:41.66667023Z` or of a time with an offset such as
    /// `+01:00`.
    ///
    /// - Returns: `nil` for anything else, and for Go's zero time, the year 1, which stands for none.
    static func seconds(_ text: String) -> Double? {
        var rest = Substring(text).utf8
        guard rest.count <= 40, let year = number(&rest, digits: 4), take("-", &rest),
            let month = number(&rest, digits: 2), (1...12).contains(month), take("-", &rest),
            let day = number(&rest, digits: 2), (1...31).contains(day), take("T", &rest),
            let hour = number(&rest, digits: 2), hour < 24, take(":", &rest),
            let minute = number(&rest, digits: 2), minute < 60, take(":", &rest),
            let second = number(&rest, digits: 2), second <= 60, year >= 1970
        else { return nil }
        if take(".", &rest) {
            let digits = rest.prefix { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
            guard !digits.isEmpty else { return nil }
            rest = rest.dropFirst(digits.count)
        }
        guard let offset = offset(&rest), rest.isEmpty else { return nil }
        let days = days(year: year, month: month, day: day)
        return Double(days * 86_400 + hour * 3_600 + minute * 60 + second - offset)
    }

    private static func take(_ character: Unicode.Scalar, _ rest: inout Substring.UTF8View) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest.removeFirst()
        return true
    }

    private static func number(_ rest: inout Substring.UTF8View, digits count: Int) -> Int? {
        let digits = rest.prefix(count)
        guard digits.count == count, digits.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else {
            return nil
        }
        rest = rest.dropFirst(count)
        return digits.reduce(0) { $0 * 10 + Int($1) - 48 }
    }

    /// Seconds that the time is ahead of UTC.
    private static func offset(_ rest: inout Substring.UTF8View) -> Int? {
        if take("Z", &rest) { return 0 }
        let isAhead = take("+", &rest)
        guard isAhead || take("-", &rest), let hours = number(&rest, digits: 2), take(":", &rest),
            let minutes = number(&rest, digits: 2)
        else { return nil }
        return (isAhead ? 1 : -1) * (hours * 3_600 + minutes * 60)
    }

    /// Days from 1970-01-01 in the Gregorian calendar, by counting years from March, so that the odd day comes last.
    private static func days(year: Int, month: Int, day: Int) -> Int {
        let year = month > 2 ? year : year - 1
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        return 365 * year + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468
    }
}
