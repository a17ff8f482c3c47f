/// Makes assignments and servers of a configuration file's nodes.
struct ConfigurationReader {
    /// What is said of all targets.
    private(set) var assignments: [Assignment] = []
    /// The servers that are named.
    private(set) var servers: [NamedServer] = []
    private let keys: ConfigurationKeys

    init(keys: ConfigurationKeys = .all()) {
        self.keys = keys
    }

    /// Reads the entries of the whole file.
    mutating func read(_ entries: [YAMLNode.Entry]) throws(ConfigurationError) {
        for entry in entries {
            guard let kind = NamedServer.Kind(rawValue: entry.key) else {
                let known = ["auth_modules"] + NamedServer.Kind.allCases.map(\.rawValue)
                try Self.read(entry, keys, of: "the configuration", further: known, into: &assignments)
                continue
            }
            guard !entry.value.isNull else { continue }
            if case .sequence(let elements) = entry.value.content {
                try readServers(elements, kind)
                continue
            }
            for inner in try entry.value.entries() {
                if inner.key == "servers" {
                    if !inner.value.isNull { try readServers(try inner.value.list(), kind) }
                } else if kind.keys.contains(inner.key) {
                    throw inner.place.error(
                        "\(inner.key) is said of a single server; put a dash before it, as in - \(inner.key): ...")
                } else {
                    try Self.read(
                        inner, keys[entry.key] ?? ConfigurationKeys(), of: entry.key, further: ["servers"],
                        into: &assignments)
                }
            }
        }
    }

    // MARK: Options

    /// Reads what an option is behind.
    ///
    /// - Parameters:
    ///   - keys: Those that may stand beside the entry's.
    ///   - owner: Whose keys they are, for errors.
    ///   - further: Keys that may stand there too, for errors.
    private static func read(
        _ entry: YAMLNode.Entry, _ keys: ConfigurationKeys, of owner: String, further: [String] = [],
        into assignments: inout [Assignment]
    ) throws(ConfigurationError) {
        guard let keys = keys[entry.key] else {
            throw entry.place.error(notFound(entry.key, as: "key of \(owner)", among: further + keys.known))
        }
        let node = entry.value
        guard !node.isNull else { return }
        if case .mapping(let entries) = node.content, !keys.children.isEmpty {
            for inner in entries { try read(inner, keys, of: entry.key, into: &assignments) }
            return
        }
        guard let option = node.isTrueOrFalse ? keys.switched ?? keys.option : keys.option else {
            throw node.unexpected("a mapping, with key: value in each line")
        }
        let value = try value(of: node, for: option, namesFile: keys.namesFile)
        if let other = assignments.first(where: { $0.option.subject == option.subject }) {
            throw entry.place.error("this is said at \(other.source) already; take one of the two away")
        }
        assignments.append(Assignment(option: option, value: value, source: .file(node.place)))
    }

    private static func value(
        of node: YAMLNode, for option: Option, namesFile: Bool
    ) throws(ConfigurationError) -> Option.Value {
        switch node.content {
        case .scalar where namesFile: return .file(try node.string())
        case .scalar where option.placeholder == nil: return .text(try node.bool() ? "true" : "false")
        case .scalar(let text, _): return .text(text)
        case .sequence: return .list(try node.strings())
        case .mapping: throw node.unexpected("a value, or a list of values")
        }
    }

    // MARK: Servers

    private mutating func readServers(_ elements: [YAMLNode], _ kind: NamedServer.Kind) throws(ConfigurationError) {
        let keys = keys.keys(of: kind)
        for element in elements {
            servers.append(try Self.server(element, kind, keys, isAlone: elements.count == 1))
        }
    }

    private static func server(
        _ node: YAMLNode, _ kind: NamedServer.Kind, _ keys: ConfigurationKeys, isAlone: Bool
    ) throws(ConfigurationError) -> NamedServer {
        var name: (text: String, place: YAMLNode.Place)?
        var fields: [NamedServer.Field] = []
        var assignments: [Assignment] = []
        for entry in try node.entries() {
            let key = entry.key.replacing("-", with: "_")
            if kind.keys.contains(key) {
                guard !entry.value.isNull else { continue }
                let text = try entry.value.string()
                guard key != "name" else {
                    try check(name: text, at: entry.value.place)
                    name = (text, entry.value.place)
                    continue
                }
                let field = NamedServer.Field(key, text, at: entry.value.place)
                if let other = fields.first(where: { $0.key == field.key || $0.isAddress && field.isAddress }) {
                    throw entry.place.error("this is said at \(other.source) already; take one of the two away")
                }
                fields.append(field)
            } else {
                try read(entry, keys, of: kind.title, further: kind.keys, into: &assignments)
            }
        }
        guard let address = fields.first(where: \.isAddress) else {
            throw node.place.error("\(kind.title) needs an address: \(kind.example)")
        }
        guard name != nil || isAlone else {
            throw node.place.error("\(kind.title) among several needs a name, which becomes its label target")
        }
        return NamedServer(
            kind: kind, name: name?.text ?? kind.rawValue, source: .file(name?.place ?? node.place), address: address,
            login: fields.filter { !$0.isAddress }, assignments: assignments)
    }

    private static let longestName = 128

    private static func check(name: String, at place: YAMLNode.Place) throws(ConfigurationError) {
        guard !name.isEmpty, name.utf8.count <= longestName,
            !name.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }),
            name.first?.isWhitespace == false, name.last?.isWhitespace == false
        else {
            throw place.error(
                "a name has 1 to \(longestName) bytes, no control characters and no space at its ends")
        }
    }
}

extension YAMLNode {
    /// Whether it says true or false, and is no text.
    fileprivate var isTrueOrFalse: Bool {
        guard case .scalar(_, isPlain: true) = content else { return false }
        return (try? bool()) != nil
    }
}
