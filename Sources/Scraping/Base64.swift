/// Base64 of RFC 4648 with padding, as Python's `base64` writes it.
public enum Base64 {
    /// What a text stands for; `nil` where it is not exactly what an encoder writes: a character that does not belong
    /// there, a line break, a wrong length.
    public static func decoded(_ text: [UInt8]) -> [UInt8]? {
        guard text.count.isMultiple(of: 4) else { return nil }
        let padding = text.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
        var result: [UInt8] = []
        result.reserveCapacity(text.count / 4 * 3)
        var bits: UInt32 = 0
        var invalid: UInt8 = 0
        for (index, character) in text.dropLast(padding).enumerated() {
            let value = values[Int(character)]
            invalid |= value & 0x80
            bits = bits << 6 | UInt32(value & 0x3f)
            if index & 3 == 3 {
                result.append(UInt8(truncatingIfNeeded: bits >> 16))
                result.append(UInt8(truncatingIfNeeded: bits >> 8))
                result.append(UInt8(truncatingIfNeeded: bits))
            }
        }
        switch padding {
        case 1:
            result.append(UInt8(truncatingIfNeeded: bits >> 10))
            result.append(UInt8(truncatingIfNeeded: bits >> 2))
        case 2:
            result.append(UInt8(truncatingIfNeeded: bits >> 4))
        default: break
        }
        return invalid == 0 ? result : nil
    }

    /// The six bits that each byte stands for; 0x80 for one that is not of the alphabet.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0x80, count: 256)
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        for (value, character) in alphabet.utf8.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()
}
