/// Seconds since the epoch of a date or time as `DateStyle = ISO` writes it: `2026-11-21`, `2026-11-21 08:10:01.123456`,
/// `2026-11-21 08:10:01+05:30`, `0044-03-15 BC`, `infinity`. Without a time zone it is UTC.
func epochSeconds(_ text: String) -> Double? {
    if text == "infinity" { return .infinity }
    if text == "-infinity" { return -.infinity }
    var scanner = NumberScanner(text)
    guard let year = scanner.integer(), scanner.skip("-"), let month = scanner.integer(), scanner.skip("-"),
        let day = scanner.integer()
    else { return nil }
    var microseconds = 0
    if scanner.skip(" "), !scanner.skip("B") {
        guard let time = scanner.clockMicroseconds() else { return nil }
        microseconds = time
        let isWest = scanner.skip("-")
        if isWest || scanner.skip("+") {
            guard let hours = scanner.integer() else { return nil }
            let minutes = scanner.skip(":") ? scanner.integer() : 0
            let seconds = scanner.skip(":") ? scanner.integer() : 0
            guard let minutes, let seconds else { return nil }
            let offset = (hours * 60 + minutes) * 60 + seconds
            microseconds -= (isWest ? -offset : offset) * 1_000_000
        }
        if scanner.skip(" "), !scanner.skip("B") { return nil }
    }
    let isBeforeChrist = scanner.skip("C")
    guard scanner.isAtEnd else { return nil }
    let days = daysSinceEpoch(year: isBeforeChrist ? 1 - year : year, month: month, day: day)
    return (Double(days * 86_400) * 1e6 + Double(microseconds)) / 1e6
}

/// Days from 1970-01-01 in the Gregorian calendar, whose year is here taken to begin in March, so that a leap day is its
/// last.
private func daysSinceEpoch(year: Int, month: Int, day: Int) -> Int {
    let year = month > 2 ? year : year - 1
    let era = (year >= 0 ? year : year - 399) / 400
    let yearOfEra = year - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
}

/// Microseconds of an interval as `IntervalStyle = postgres` writes it: `1 year 2 mons -3 days +04:05:06.789`. A month has
/// 30 days and a year 365.25, as for `extract(epoch FROM ...)`.
func intervalMicroseconds(_ text: String) -> Double? {
    if text == "infinity" { return .infinity }
    if text == "-infinity" { return -.infinity }
    let secondsPerUnit = ["year": 31_557_600.0, "mon": 2_592_000, "day": 86_400]
    var microseconds = 0.0
    var scanner = NumberScanner(text)
    repeat {
        let isNegative = scanner.skip("-")
        if !isNegative { _ = scanner.skip("+") }
        let part: Double
        if let time = scanner.clockMicroseconds() {
            part = Double(time)
        } else {
            guard let count = scanner.integer(), scanner.skip(" ") else { return nil }
            let unit = scanner.letters()
            guard let seconds = secondsPerUnit[unit.hasSuffix("s") ? String(unit.dropLast()) : unit] else { return nil }
            part = Double(count) * seconds * 1e6
        }
        microseconds += isNegative ? -part : part
    } while scanner.skip(" ")
    return scanner.isAtEnd ? microseconds : nil
}

/// Milliseconds of a duration as Go writes it: `1h2m3.5s`, `-1.5h`, `300ms`.
func durationMilliseconds(_ text: String) -> Double? {
    // The point is moved before the digits are read, so that 1.001 s are 1001 ms and not 1000.9999999999999.
    let units: [String: (exponent: Int, multiple: Double)] = [
        "h": (3, 3600), "m": (3, 60), "s": (3, 1), "ms": (0, 1), "us": (-3, 1), "µs": (-3, 1), "μs": (-3, 1),
        "ns": (-6, 1),
    ]
    var rest = text.hasPrefix("-") || text.hasPrefix("+") ? text.dropFirst() : text[...]
    var milliseconds = 0.0
    repeat {
        let digits = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
        rest = rest.dropFirst(digits.count)
        let unit = rest.prefix { $0.isLetter }
        rest = rest.dropFirst(unit.count)
        guard let scale = units[String(unit)], let number = Double("\(digits)e\(scale.exponent)") else { return nil }
        milliseconds += number * scale.multiple
    } while !rest.isEmpty
    return text.hasPrefix("-") ? -milliseconds : milliseconds
}

/// Reads numbers off the front of a text.
private struct NumberScanner {
    private var rest: Substring.UTF8View

    init(_ text: String) {
        rest = text[...].utf8
    }

    var isAtEnd: Bool { rest.isEmpty }

    /// Takes one character where it is next.
    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest.removeFirst()
        return true
    }

    /// Takes at most 15 digits, which no sum or product here overflows with.
    mutating func integer() -> Int? {
        let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard !digits.isEmpty, digits.count <= 15 else { return nil }
        rest = rest.dropFirst(digits.count)
        return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }

    mutating func letters() -> String {
        let letters = rest.prefix { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }
        rest = rest.dropFirst(letters.count)
        return String(Substring(letters))
    }

    /// Takes `04:05:06.789`; nothing where it is something else.
    mutating func clockMicroseconds() -> Int? {
        var scanner = self
        guard let hours = scanner.integer(), scanner.skip(":"), let minutes = scanner.integer(), scanner.skip(":"),
            let seconds = scanner.integer(), hours < 3_000_000_000, minutes < 60, seconds <= 60
        else { return nil }
        var microseconds = ((hours * 60 + minutes) * 60 + seconds) * 1_000_000
        if scanner.skip(".") {
            let before = scanner.rest.count
            guard let fraction = scanner.integer() else { return nil }
            let places = before - scanner.rest.count
            guard places <= 6 else { return nil }
            microseconds += (places..<6).reduce(fraction) { product, _ in product * 10 }
        }
        self = scanner
        return microseconds
    }
}
