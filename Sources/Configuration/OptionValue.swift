import Scraping

extension Option {
    /// What is said of an option.
    enum Value: Sendable, Equatable {
        /// As flags and variables have it: elements of a list with commas between.
        case text(String)
        /// A list of the configuration file, whose elements may have commas in them.
        case list([String])
        /// The file that holds it, which is a secret.
        case file(String)

        /// The elements of a list, without the spaces around those with commas between.
        var elements: [String] {
            switch self {
            case .text(let text): text.split(separator: ",", omittingEmptySubsequences: false).map(Option.trimmed)
            case .list(let elements): elements
            case .file: []
            }
        }
    }

    // MARK: Options by what they take

    /// An option that takes several values.
    static func several(
        _ flag: String, _ placeholder: String, default defaultText: String, _ help: String,
        formerFlags: [String] = [], otherVariables: [String] = [], advice: String? = nil, addsUp: Bool = false,
        apply: @escaping @Sendable (inout Settings, [String]) throws(Expected) -> Void
    ) -> Option {
        Option(
            flag, placeholder, default: defaultText, help, formerFlags: formerFlags, otherVariables: otherVariables,
            advice: advice, addsUp: addsUp,
            value: { settings, value throws(Expected) in try apply(&settings, value.elements) })
    }

    /// An option that sets one field to what its values read as.
    static func several<Field>(
        _ flag: String, _ placeholder: String, default defaultText: String, _ help: String,
        formerFlags: [String] = [], otherVariables: [String] = [],
        _ field: any WritableKeyPath<Settings, Field> & Sendable,
        _ read: @escaping @Sendable ([String]) throws(Expected) -> Field
    ) -> Option {
        several(
            flag, placeholder, default: defaultText, help, formerFlags: formerFlags, otherVariables: otherVariables
        ) {
            settings, values throws(Expected) in
            settings[keyPath: field] = try read(values)
        }
    }

    /// An option that sets one field to a secret, which may also be in a file.
    static func secret(
        _ flag: String, _ placeholder: String, default defaultText: String, _ help: String, otherVariables: [String],
        advice: String? = nil, from origin: String = "postgres_exporter",
        _ field: any WritableKeyPath<Settings, Secret?> & Sendable
    ) -> Option {
        Option(
            flag, placeholder, default: defaultText, help, otherVariables: otherVariables, advice: advice, from: origin,
            isSecret: true,
            value: { settings, value throws(Expected) in
                switch value {
                case .text(let text): settings[keyPath: field] = text.isEmpty ? nil : Secret(value: text)
                case .file(let path): settings[keyPath: field] = Secret(file: path)
                case .list: throw Expected("one value and no list")
                }
            })
    }

    // MARK: What a value is read as

    static func duration(_ value: String, orZero: Bool = false) throws(Expected) -> Duration {
        guard let duration = Duration(text: value), duration > .zero || orZero else {
            throw Expected("a duration such as 10s or 500ms")
        }
        return duration
    }

    static func count(_ value: String) throws(Expected) -> Int {
        guard let count = Int(value), count > 0 else { throw Expected("a whole number above 0") }
        return count
    }

    /// A path on the server, without a slash behind it.
    static func telemetryPath(_ value: String) throws(Expected) -> String {
        guard value.hasPrefix("/"), value.count > 1, !value.contains(where: { $0 == "?" || $0 == " " }) else {
            throw Expected("a path such as /metrics")
        }
        return value.hasSuffix("/") ? String(value.dropLast()) : value
    }

    /// As Go reads it, which the replaced exporters are written in.
    static func isOn(_ value: String) throws(Expected) -> Bool {
        switch value.lowercased() {
        case "true", "t", "1": true
        case "false", "f", "0": false
        default: throw Expected("true or false")
        }
    }

    /// Upper bounds and the like, each above the one before it.
    static func risingNumbers(_ values: [String]) throws(Expected) -> [Double] {
        let numbers = values.map { Double($0) ?? .nan }
        let isRising = zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 }
        guard isRising, numbers.allSatisfy({ $0 > 0 && $0.isFinite }) else {
            throw Expected("rising numbers of seconds such as 0.1,0.5,1")
        }
        return numbers
    }

    static func regularExpression(_ value: String) throws(Expected) -> RegularExpression {
        guard let pattern = RegularExpression(value) else { throw Expected("a regular expression") }
        return pattern
    }

    /// What stands between commas, without the spaces around it.
    static func list(_ value: String) -> [String] { list(Value.text(value).elements) }

    /// All but what is empty, as behind a comma at the end.
    static func list(_ values: [String]) -> [String] { values.filter { !$0.isEmpty } }

    static func trimmed(_ text: some StringProtocol) -> String {
        let start = text.drop { $0.isWhitespace }
        return start.lastIndex { !$0.isWhitespace }.map { String(start[...$0]) } ?? ""
    }
}
