/// What a value is read as; each throws what should stand there, and where.
extension YAMLNode {
    /// Text, also of what looks like a number.
    func string() throws(ConfigurationError) -> String {
        try scalar("text")
    }

    /// `true` or `false`, or YAML's older `yes`, `no`, `on` and `off`.
    func bool() throws(ConfigurationError) -> Bool {
        switch try scalar("true or false").lowercased() {
        case "true", "yes", "on": return true
        case "false", "no", "off": return false
        default: throw unexpected("true or false")
        }
    }

    /// A whole number.
    func int(_ range: ClosedRange<Int>) throws(ConfigurationError) -> Int {
        let expected = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        guard let number = Int(try scalar(expected)), range.contains(number) else { throw unexpected(expected) }
        return number
    }

    /// Any number, `.inf` and `.nan` too.
    func number() throws(ConfigurationError) -> Double {
        let text = try scalar("a number")
        let named: [String: Double] = [".nan": .nan, ".inf": .infinity, "+.inf": .infinity, "-.inf": -.infinity]
        guard let number = named[text.lowercased()] ?? Double(text) else { throw unexpected("a number") }
        return number
    }

    /// A duration: `10s`, `1m30s`, or a number of seconds.
    func duration() throws(ConfigurationError) -> Duration {
        guard let duration = Duration(text: try scalar("a duration such as 10s")) else {
            throw unexpected("a duration such as 10s")
        }
        return duration
    }

    /// The elements of a list.
    func list() throws(ConfigurationError) -> [YAMLNode] {
        guard case .sequence(let elements) = content else { throw unexpected("a list") }
        return elements
    }

    /// A list of texts.
    func strings() throws(ConfigurationError) -> [String] {
        try list().map { element throws(ConfigurationError) in try element.string() }
    }

    /// One of a few words.
    func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ what: String, as type: Choice.Type = Choice.self
    ) throws(ConfigurationError) -> Choice {
        let text = try scalar(what)
        if let choice = Choice(rawValue: text) { return choice }
        throw place.error(notFound(text, as: what, among: Choice.allCases.map(\.rawValue)))
    }

    /// The entries of a mapping whose keys are names that somebody chose.
    func entries() throws(ConfigurationError) -> [Entry] {
        guard case .mapping(let entries) = content else { throw unexpected("a mapping, with key: value in each line") }
        return entries
    }

    /// The entries of a mapping whose keys are known.
    ///
    /// - Parameter owner: Whose keys they are, for errors: "a query".
    /// - Throws: Where there is another key.
    func fields(_ known: [String], of owner: String) throws(ConfigurationError) -> YAMLFields {
        var values: [String: YAMLNode] = [:]
        for entry in try entries() {
            guard known.contains(entry.key) else {
                throw entry.place.error(notFound(entry.key, as: "key of \(owner)", among: known))
            }
            values[entry.key] = entry.value
        }
        return YAMLFields(owner: owner, place: place, values: values)
    }

    private func scalar(_ expected: String) throws(ConfigurationError) -> String {
        guard case .scalar(let text, _) = content, !isNull else { throw unexpected(expected) }
        return text
    }

    /// That something else should stand here; without what does, which may be a password.
    func unexpected(_ expected: String) -> ConfigurationError {
        place.error("this should be \(expected)")
    }
}

/// The values of a mapping whose keys are known.
struct YAMLFields {
    fileprivate let owner: String
    /// Where the mapping begins.
    let place: YAMLNode.Place
    fileprivate let values: [String: YAMLNode]

    /// A value that may be left out, or `null`.
    subscript(key: String) -> YAMLNode? {
        values[key].flatMap { $0.isNull ? nil : $0 }
    }

    /// A value that must be there.
    func required(_ key: String) throws(ConfigurationError) -> YAMLNode {
        if let value = self[key] { return value }
        throw (values[key]?.place ?? place).error("\(owner) needs the key \(key)")
    }
}

/// The sentence for a name that is none of those known: the one that was probably meant, or else all.
func notFound(_ name: String, as what: String, among known: [String]) -> String {
    let remedy =
        nearest(to: name, among: known).map { "did you mean \($0)?" }
        ?? "there are \(known.joined(separator: ", "))"
    return "\(quoted(name)) is no \(what); \(remedy)"
}

/// The name that differs from what somebody wrote by at most two characters left out, put in or mistaken, or by one where
/// it is shorter than four; upper and lower case count as the same.
public func nearest(to name: String, among known: [String]) -> String? {
    guard name.utf8.count <= 64 else { return nil }
    let limit = name.utf8.count < 4 ? 1 : 2
    let distances = known.map { (name: $0, distance: editDistance(name.lowercased(), $0.lowercased())) }
    return distances.filter { $0.distance <= limit }.min { $0.distance < $1.distance }?.name
}

/// How many characters have to be put in, taken out or changed to make one text of the other (Levenshtein's distance).
private func editDistance(_ one: String, _ other: String) -> Int {
    let other = Array(other.utf8)
    var row = Array(0...other.count)
    for (line, byte) in one.utf8.enumerated() {
        var diagonal = row[0]
        row[0] = line + 1
        for (column, otherByte) in other.enumerated() {
            let changed = diagonal + (byte == otherByte ? 0 : 1)
            diagonal = row[column + 1]
            row[column + 1] = min(changed, diagonal + 1, row[column] + 1)
        }
    }
    return row[other.count]
}
