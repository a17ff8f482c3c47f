import CYAML
import Scraping

extension YAMLNode {
    /// What a file may hold.
    enum Limit {
        static let bytes = 1 << 20
        static let depth = 32
        static let nodes = 50_000
    }

    /// Reads a file of one document.
    ///
    /// - Returns: The bytes, and their value; `nil` where there are only comments.
    static func read(path: String) throws(ConfigurationError) -> (bytes: [UInt8], root: YAMLNode?) {
        let bytes: [UInt8]
        do {
            bytes = try File.contents(of: path, limit: Limit.bytes + 1)
        } catch {
            throw ConfigurationError("\(path) cannot be read: \(error)")
        }
        return (bytes, try parse(bytes, file: path))
    }

    /// Reads the text of one document.
    ///
    /// Anchors and aliases, tags other than YAML's own, a second document and a key that stands twice are refused: they
    /// are mistakes more often than not, and the first are how a small text becomes a large one.
    ///
    /// - Parameter file: What errors name.
    static func parse(_ bytes: [UInt8], file: String) throws(ConfigurationError) -> YAMLNode? {
        guard bytes.count <= Limit.bytes else {
            throw ConfigurationError("\(file) is longer than \(Limit.bytes >> 20) MiB; it is probably the wrong file")
        }
        // libyaml wants an address, which no bytes at all need not have.
        guard !bytes.isEmpty else { return nil }
        return try bytes.withUnsafeBufferPointer { text throws(ConfigurationError) in
            guard var reader = YAMLReader(text, file: file) else {
                throw ConfigurationError("\(file): libyaml has no memory for it")
            }
            return try reader.document()
        }
    }
}

/// Makes nodes of libyaml's events, and frees its parser when its owner goes.
private struct YAMLReader: ~Copyable {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let text: UnsafeBufferPointer<UInt8>
    private let file: String
    private var nodeCount = 0

    private enum Event {
        case scalar(String, isPlain: Bool)
        case sequenceStart, sequenceEnd
        case mappingStart, mappingEnd
        case documentStart, documentEnd
        case streamStart, streamEnd
    }

    /// - Parameter text: Outlives the reader.
    init?(_ text: UnsafeBufferPointer<UInt8>, file: String) {
        self.text = text
        self.file = file
        parser = .allocate(capacity: 1)
        guard yaml_parser_initialize(parser) == 1 else {
            parser.deallocate()
            return nil
        }
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, text.baseAddress, text.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
    }

    mutating func document() throws(ConfigurationError) -> YAMLNode? {
        var root: YAMLNode?
        while true {
            let (event, place) = try next()
            switch event {
            case .streamEnd: return root
            case .documentStart where root != nil:
                throw place.error("a second document begins; leave one in the file, without --- before others")
            case .streamStart, .documentStart, .documentEnd: continue
            default: root = try node(event, at: place, depth: 1)
            }
        }
    }

    private mutating func node(
        _ event: Event, at place: YAMLNode.Place, depth: Int
    ) throws(ConfigurationError) -> YAMLNode {
        nodeCount += 1
        guard nodeCount <= YAMLNode.Limit.nodes else {
            throw place.error("there are more than \(YAMLNode.Limit.nodes) values; it is probably the wrong file")
        }
        guard depth <= YAMLNode.Limit.depth else {
            throw place.error("this is nested deeper than \(YAMLNode.Limit.depth) levels; take some away")
        }
        switch event {
        case .scalar(let text, let isPlain):
            return YAMLNode(content: .scalar(text, isPlain: isPlain), place: place)
        case .sequenceStart:
            var elements: [YAMLNode] = []
            while true {
                let (event, place) = try next()
                if case .sequenceEnd = event { break }
                elements.append(try node(event, at: place, depth: depth + 1))
            }
            return YAMLNode(content: .sequence(elements), place: place)
        default:
            return YAMLNode(content: .mapping(try entries(depth: depth)), place: place)
        }
    }

    /// The entries of a mapping that has begun, up to its end.
    private mutating func entries(depth: Int) throws(ConfigurationError) -> [YAMLNode.Entry] {
        var entries: [YAMLNode.Entry] = []
        var lines: [String: Int] = [:]
        while true {
            let (event, place) = try next()
            if case .mappingEnd = event { return entries }
            guard case .scalar(let key, _) = event else { throw place.error("a key has to be text") }
            if let line = lines.updateValue(place.line, forKey: key) {
                throw place.error("the key \(quoted(key)) stands in line \(line) already; take one of the two away")
            }
            let (value, valuePlace) = try next()
            entries.append(
                YAMLNode.Entry(key: key, place: place, value: try node(value, at: valuePlace, depth: depth + 1)))
        }
    }

    private mutating func next() throws(ConfigurationError) -> (event: Event, place: YAMLNode.Place) {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw syntaxError }
        defer { yaml_event_delete(&event) }
        let place = place(event.start_mark)
        switch event.type {
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            guard !bytes.contains(0) else { throw place.error(#"text cannot hold a zero byte; take the "\0" away"#) }
            try check(anchor: scalar.anchor, at: place)
            let isText = try isText(tag: scalar.tag, at: place) || scalar.style != YAML_PLAIN_SCALAR_STYLE
            return (.scalar(String(decoding: bytes, as: UTF8.self), isPlain: !isText), place)
        case YAML_SEQUENCE_START_EVENT:
            try check(anchor: event.data.sequence_start.anchor, at: place)
            _ = try isText(tag: event.data.sequence_start.tag, at: place)
            return (.sequenceStart, place)
        case YAML_MAPPING_START_EVENT:
            try check(anchor: event.data.mapping_start.anchor, at: place)
            _ = try isText(tag: event.data.mapping_start.tag, at: place)
            return (.mappingStart, place)
        case YAML_ALIAS_EVENT: throw place.error("aliases are not understood; write the value out")
        case YAML_SEQUENCE_END_EVENT: return (.sequenceEnd, place)
        case YAML_MAPPING_END_EVENT: return (.mappingEnd, place)
        case YAML_DOCUMENT_START_EVENT: return (.documentStart, place)
        case YAML_DOCUMENT_END_EVENT: return (.documentEnd, place)
        case YAML_STREAM_START_EVENT: return (.streamStart, place)
        default: return (.streamEnd, place)
        }
    }

    private func check(anchor: UnsafeMutablePointer<UInt8>?, at place: YAMLNode.Place) throws(ConfigurationError) {
        guard anchor == nil else { throw place.error("anchors are not understood; take the & and its name away") }
    }

    /// Whether a tag makes text of what else might be something else.
    private func isText(
        tag: UnsafeMutablePointer<UInt8>?, at place: YAMLNode.Place
    ) throws(ConfigurationError) -> Bool {
        guard let tag else { return false }
        switch String(cString: tag) {
        case "!", "tag:yaml.org,2002:str": return true
        case "tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:null",
            "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map":
            return false
        case let other: throw place.error("the tag \(quoted(other)) is not understood; take it away")
        }
    }

    private func place(_ mark: yaml_mark_t) -> YAMLNode.Place {
        YAMLNode.Place(file: file, line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    }

    private var syntaxError: ConfigurationError {
        let problem = parser.pointee.problem.map { String(cString: $0) } ?? "libyaml has no memory left"
        guard parser.pointee.error != YAML_READER_ERROR else {
            // libyaml counts bytes here, not lines.
            let before = text.prefix(parser.pointee.problem_offset)
            let line = before.count { $0 == UInt8(ascii: "\n") } + 1
            return ConfigurationError("\(file):\(line): \(problem); the file has to be text in UTF-8")
        }
        let context = parser.pointee.context.map { " \(String(cString: $0))" } ?? ""
        return place(parser.pointee.problem_mark).error(
            "\(problem)\(context); look at indentation (by spaces), quotes and brackets")
    }
}

/// A name out of a file for a message: in quotes, in one line and not too long.
func quoted(_ name: String) -> String {
    (name.count > 60 ? "\(name.prefix(60))..." : name).debugDescription
}
