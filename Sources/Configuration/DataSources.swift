import Postgres

/// The value of `DATA_SOURCE_NAME` and the like: connection strings with commas between.
struct DataSources {
    private(set) var connectionStrings: [String] = []

    /// Passwords and lists of hosts have commas too. One ends a connection string only where the next begins behind it, by
    /// its scheme or by a keyword of libpq's and an equals sign, and where it does not stand in quotes.
    init(_ list: String) {
        var current = ""
        var isQuoted = false
        var rest = list[...]
        while let character = rest.popFirst() {
            let isURI = Self.schemes.contains { current.hasPrefix($0) }
            switch character {
            case "\\" where !isURI:
                current.append(character)
                if let escaped = rest.popFirst() { current.append(escaped) }
                continue
            case "'" where !isURI: isQuoted.toggle()
            case "," where !isQuoted && Self.beginsConnectionString(rest):
                connectionStrings.append(current)
                current = ""
                rest = rest.drop(while: \.isWhitespace)
                continue
            default: break
            }
            current.append(character)
        }
        connectionStrings.append(current)
    }

    private static let schemes = ["postgresql://", "postgres://"]

    private static func beginsConnectionString(_ text: Substring) -> Bool {
        let text = text.drop(while: \.isWhitespace)
        if schemes.contains(where: { text.hasPrefix($0) }) { return true }
        let word = text.prefix { $0.isASCII && ($0.isLetter || $0 == "_") }
        return text.dropFirst(word.count).drop(while: \.isWhitespace).first == "="
            && ConnectionParameters.keywords.contains(String(word))
    }
}
