/// The text that bcrypt makes of a password: `$2y$10$`, 22 characters of salt and 31 of hash.
enum BcryptHash {
    /// A check at 16 takes seconds; at 31, days.
    private static let costs = 4...16

    /// What is wrong with it, without repeating it; `nil` where it is one.
    static func problem(of text: String) -> String? {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0].isEmpty, ["2a", "2b", "2y"].contains(parts[1]), parts[2].utf8.count == 2,
            let cost = UInt8(parts[2]).map(Int.init), parts[2].utf8.allSatisfy(isDigit), parts[3].utf8.count == 53,
            parts[3].utf8.allSatisfy(isDigit)
        else { return #"this should be a bcrypt hash; htpasswd -nBC 10 "" makes one of a password"# }
        guard costs.contains(cost) else {
            return
                "bcrypt's cost should be from \(costs.lowerBound) to \(costs.upperBound), and is \(cost); 10 is usual"
        }
        return nil
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "/"):
            true
        default: false
        }
    }
}
