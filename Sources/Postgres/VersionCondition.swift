/// Which server versions something is for, as queries.yaml writes it: `>=10.0.0 <15.0.0`, `<13 || >=16`, `!=14.3`.
///
/// Comparisons with spaces between hold together, those with `||` between are alternatives. A version without its last
/// numbers, or with `x` for them, is all versions that begin like it: `<=14` admits 14.9, and `15` is 15 of any minor.
public struct VersionCondition: Sendable, Equatable {
    /// The versions of one comparison, from and up to which; outside of them where it is `!=`.
    private struct Comparison: Equatable {
        let versions: Range<Int>
        let isNegated: Bool
    }

    private let alternatives: [[Comparison]]

    /// Every version.
    public static let any = VersionCondition(alternatives: [[]])

    private init(alternatives: [[Comparison]]) {
        self.alternatives = alternatives
    }

    /// `nil` for what is no such text.
    public init?(_ text: String) {
        var alternatives: [[Comparison]] = []
        for part in text.split(separator: "||", omittingEmptySubsequences: false) {
            var comparisons: [Comparison] = []
            var rest = part.drop { $0 == " " }
            while !rest.isEmpty {
                let sign = rest.prefix { "<>=!".contains($0) }
                rest = rest.dropFirst(sign.count).drop { $0 == " " }
                let version = rest.prefix { $0 != " " && !"<>=!".contains($0) }
                rest = rest.dropFirst(version.count).drop { $0 == " " }
                guard let comparison = Self.comparison(String(sign), version) else { return nil }
                comparisons.append(comparison)
            }
            guard !comparisons.isEmpty else { return nil }
            alternatives.append(comparisons)
        }
        self.alternatives = alternatives
    }

    /// - Parameter version: As `server_version_num` has it.
    func contains(_ version: Int) -> Bool {
        // Three numbers before 10, two since: 90624 is 9.6.24, 150020 is 15.20.
        let hasThree = version < 100_000
        let ordinal = Self.ordinal(
            [version / 10_000, hasThree ? version / 100 % 100 : version % 10_000, hasThree ? version % 100 : 0])
        return alternatives.contains { $0.allSatisfy { $0.versions.contains(ordinal) != $0.isNegated } }
    }

    /// One number has its place between 0 and this.
    private static let base = 100_000

    private static func ordinal(_ numbers: [Int]) -> Int { numbers.reduce(0) { $0 * base + $1 } }

    private static func comparison(_ sign: String, _ version: Substring) -> Comparison? {
        guard let versions = versions(version) else { return nil }
        return switch sign {
        case "", "=", "==": Comparison(versions: versions, isNegated: false)
        case "!=", "!": Comparison(versions: versions, isNegated: true)
        case "<": Comparison(versions: 0..<versions.lowerBound, isNegated: false)
        case "<=": Comparison(versions: 0..<versions.upperBound, isNegated: false)
        case ">": Comparison(versions: versions.upperBound..<Int.max, isNegated: false)
        case ">=": Comparison(versions: versions.lowerBound..<Int.max, isNegated: false)
        default: nil
        }
    }

    /// The versions that begin like this one.
    private static func versions(_ text: Substring) -> Range<Int>? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let digits = parts.prefix { $0 != "x" && $0 != "X" && $0 != "*" }
        // Behind a wildcard there is nothing but wildcards.
        guard (1...3).contains(parts.count), !digits.isEmpty,
            parts.dropFirst(digits.count).allSatisfy({ ["x", "X", "*"].contains($0) })
        else { return nil }
        var numbers: [Int] = []
        for part in digits {
            guard part.utf8.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains), let number = Int(part),
                number < base - 1
            else { return nil }
            numbers.append(number)
        }
        let missing = repeatElement(0, count: 3 - numbers.count)
        let first = ordinal(numbers + missing)
        numbers[numbers.count - 1] += 1
        return first..<ordinal(numbers + missing)
    }
}
