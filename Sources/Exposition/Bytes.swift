/// What the encoders and ``Labels`` append to a page.
extension [UInt8] {
    /// Appends text with backslash and newline escaped, and double quotes where they end the text.
    mutating func appendEscaped(_ text: some Collection<UInt8>, quotes: Bool) {
        // Nearly all text has nothing to escape and is copied in one piece.
        var rest = text[...]
        while let special = rest.firstIndex(where: { Self.isSpecial($0, quotes: quotes) }) {
            append(contentsOf: rest[..<special])
            append(UInt8(ascii: "\\"))
            append(rest[special] == UInt8(ascii: "\n") ? UInt8(ascii: "n") : rest[special])
            rest = rest[rest.index(after: special)...]
        }
        append(contentsOf: rest)
    }

    private static func isSpecial(_ byte: UInt8, quotes: Bool) -> Bool {
        byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "\n") || quotes && byte == UInt8(ascii: "\"")
    }

    /// Appends ASCII text as it is.
    mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { append(contentsOf: $0) }
    }

    /// Appends a sample's value: whole numbers up to 2^53 as plain digits, else the shortest digits that read back the
    /// same, and `NaN`, `+Inf`, `-Inf`.
    mutating func append(number value: Double) {
        if value.magnitude <= 0x1p53, value == value.rounded(.towardZero) {
            append(integer: Int64(value))
        } else if value.isFinite {
            append(contentsOf: value.description.utf8)
        } else {
            appendNonFinite(value)
        }
    }

    /// Appends an integer in decimal digits.
    mutating func append(integer value: some FixedWidthInteger) {
        if value < 0 { append(UInt8(ascii: "-")) }
        var rest = value.magnitude
        let start = count
        repeat {
            let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: 10)
            append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: remainder))
            rest = quotient
        } while rest > 0
        self[start...].reverse()
    }

    /// Appends the value of an `le` or `quantile` label in the layout of Go's `%g`, by which series are compared across
    /// exporters: `0.005`, `1e+06`.
    ///
    /// - Parameter fraction: Whether a whole number gets `.0`, as OpenMetrics wants and text 0.0.4 does not.
    mutating func append(bound value: Double, fraction: Bool) {
        guard value.isFinite else { return appendNonFinite(value) }
        guard value != 0 else { return append(fraction ? "0.0" : "0") }
        if value < 0 { append(UInt8(ascii: "-")) }

        var digits: [UInt8] = []
        var exponent = 0
        var hasPoint = false
        let text = value.magnitude.description.utf8
        let mantissa = text.prefix { $0 != UInt8(ascii: "e") }
        for byte in mantissa {
            if byte == UInt8(ascii: ".") {
                hasPoint = true
            } else {
                if !hasPoint { exponent += 1 }
                digits.append(byte)
            }
        }
        exponent += Int(Substring(text.dropFirst(mantissa.count + 1))) ?? 0
        let leadingZeros = digits.prefix { $0 == UInt8(ascii: "0") }.count
        digits.removeFirst(leadingZeros)
        exponent -= leadingZeros
        while digits.last == UInt8(ascii: "0") { digits.removeLast() }

        let power = exponent - 1
        if power < -4 || power >= 6 {
            append(digits[0])
            if digits.count > 1 {
                append(UInt8(ascii: "."))
                append(contentsOf: digits[1...])
            }
            append(power < 0 ? "e-" : "e+")
            if power.magnitude < 10 { append(UInt8(ascii: "0")) }
            append(integer: power.magnitude)
        } else if exponent <= 0 {
            append("0.")
            append(contentsOf: repeatElement(UInt8(ascii: "0"), count: -exponent))
            append(contentsOf: digits)
        } else {
            append(contentsOf: digits.prefix(exponent))
            append(contentsOf: repeatElement(UInt8(ascii: "0"), count: Swift.max(0, exponent - digits.count)))
            if digits.count > exponent {
                append(UInt8(ascii: "."))
                append(contentsOf: digits[exponent...])
            } else if fraction {
                append(".0")
            }
        }
    }

    private mutating func appendNonFinite(_ value: Double) {
        append(value.isNaN ? "NaN" : value < 0 ? "-Inf" : "+Inf")
    }
}
