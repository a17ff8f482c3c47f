/// A mapping of YAML in the making, with a comment behind each value.
struct ShownMapping {
    private var entries: [(key: String, value: Value)] = []

    /// What a key has.
    indirect enum Value {
        /// What was said, as YAML has it, and where.
        case value(String, source: String)
        /// What holds where nothing is said, in words.
        case standard(String)
        case mapping(ShownMapping)
        case list([ShownMapping])
    }

    /// Adds a value, and the mappings on the way to it.
    mutating func add(_ value: Value, at path: ArraySlice<String>) {
        guard let key = path.first else { return }
        guard path.count > 1 else { return entries.append((key, value)) }
        let index =
            entries.firstIndex { entry in
                if case .mapping = entry.value { entry.key == key } else { false }
            } ?? entries.endIndex
        if index == entries.endIndex { entries.append((key, .mapping(ShownMapping()))) }
        guard case .mapping(var inner) = entries[index].value else { return }
        inner.add(value, at: path.dropFirst())
        entries[index].value = .mapping(inner)
    }

    /// Adds what is said of an option; of a secret only that there is one.
    mutating func add(_ assignment: Assignment, at path: ArraySlice<String>) {
        let option = assignment.option
        var path = Array(path)
        let text: String
        switch assignment.value {
        case .file(let file):
            path = ConfigurationKeys.filePath(path)
            text = YAMLText.scalar(file)
        case _ where option.isSecret: text = YAMLText.scalar(ShownConfiguration.redacted)
        case .list(let elements): text = "[\(elements.map(YAMLText.scalar).joined(separator: ", "))]"
        case .text(let value) where option.placeholder == nil:
            text = (try? Option.isOn(value)) == true ? "true" : "false"
        case .text(let value): text = YAMLText.scalar(value)
        }
        add(.value(text, source: "\(assignment.source)"), at: path[...])
    }

    /// The lines of the file. A default is a comment, since not all of them can be said.
    var lines: [String] {
        entries.flatMap { key, value in
            let key = YAMLText.verbatim(key)
            return switch value {
            case .value(let text, let source): ["\(key): \(text)  # \(source)"]
            case .standard(let text): ["# \(key): \(text)  # default"]
            case .mapping(let inner): ["\(key):"] + inner.lines.map { "  \($0)" }
            case .list(let elements):
                ["\(key):"]
                    + elements.flatMap { element in
                        element.lines.enumerated().map { "  \($0 == 0 ? "- " : "  ")\($1)" }
                    }
            }
        }
    }
}

/// Text as YAML has it.
enum YAMLText {
    /// A value of the configuration file, in which a dollar may begin a variable.
    static func scalar(_ text: String) -> String { verbatim(text.replacing("$", with: "$$")) }

    /// Text without quotes where it can be nothing else, or else in double ones.
    static func verbatim(_ text: String) -> String {
        let isPlain =
            text.utf8.first.map { isLetterOrDigit($0) || $0 == UInt8(ascii: "/") } == true
            && text.utf8.allSatisfy { isLetterOrDigit($0) || "_./-".utf8.contains($0) }
            && !["true", "false", "null"].contains(text.lowercased())
        guard !isPlain else { return text }
        let escaped = text.unicodeScalars.map { scalar in
            switch scalar {
            case "\"", "\\": "\\\(scalar)"
            case "\n": "\\n"
            case _
            where scalar.value < 0x20 || 0x7f...0xa0 ~= scalar.value || 0x2028...0x2029 ~= scalar.value
                || scalar.value == 0xfeff:
                "\\u" + String(repeating: "0", count: 4 - String(scalar.value, radix: 16).count)
                    + String(scalar.value, radix: 16)
            default: String(scalar)
            }
        }
        return "\"\(escaped.joined())\""
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}
