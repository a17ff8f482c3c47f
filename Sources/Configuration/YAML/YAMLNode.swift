/// A value of a YAML file and where it stands.
struct YAMLNode: Sendable {
    let content: Content
    let place: Place

    /// What a value can be.
    enum Content: Sendable {
        /// Text; plain where it stands without quotes, so that `null` is none.
        case scalar(String, isPlain: Bool)
        case sequence([YAMLNode])
        /// Keys differ.
        case mapping([Entry])
    }

    /// A key and its value.
    struct Entry: Sendable {
        let key: String
        /// The key's own place.
        let place: Place
        let value: YAMLNode
    }

    /// A place in a file, from line and column 1.
    struct Place: Sendable, Equatable, CustomStringConvertible {
        let file: String
        let line: Int
        let column: Int

        var description: String { "\(file):\(line):\(column)" }

        /// What is wrong there and how to mend it.
        func error(_ sentence: String) -> ConfigurationError { ConfigurationError("\(self): \(sentence)") }
    }

    /// Whether nothing is said: `key:` alone, `null` or `~`.
    var isNull: Bool {
        guard case .scalar(let text, isPlain: true) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }
}
