/// A command as a collector asks for it. Collectors that ask for equal commands share one reply.
///
/// It is kept as it goes over the wire, so that sending, comparing and finding its reply are each one pass over its bytes.
struct RedisCommand: Sendable, Hashable {
    /// The command's name, with its subcommand where it has one: `LATENCY HISTOGRAM`. A failure speaks of it by this; never
    /// by an argument, which may be a key or a password.
    let name: String
    /// What this server calls it, where an administrator has renamed it: nobody's business, since it may be a secret.
    let serverName: String
    /// An array of bulk strings: the words of the server's name for it and the arguments.
    let wire: [UInt8]
    /// The database that it must run in; `nil` for a command that looks at no key.
    let database: Int?
    /// Whether some servers do not have it, or not for us. It is sent only to one that has it, and for a while not again
    /// after a refusal, since a server counts and logs every refusal.
    let isOptional: Bool
    /// Where the key stands in ``wire``, as a bulk string.
    private let keyRange: Range<Int>?

    /// - Parameters:
    ///   - name: Words with spaces between.
    ///   - arguments: Each goes as it is, whatever bytes it has.
    init(_ name: String, _ arguments: any RedisArgument..., database: Int? = nil, isOptional: Bool = false) {
        self.init(name, arguments: arguments, database: database, isOptional: isOptional)
    }

    /// The same with arguments whose number is known only when it runs.
    ///
    /// - Parameter serverName: `nil` where the server calls it by its own name.
    init(
        _ name: String, called serverName: String? = nil, arguments: [any RedisArgument], database: Int? = nil,
        isOptional: Bool = false
    ) {
        self.name = name
        self.serverName = serverName ?? name
        self.database = database
        self.isOptional = isOptional
        let words = self.serverName.utf8.split(separator: UInt8(ascii: " "))
        var wire: [UInt8] = []
        wire.reserveCapacity(64)
        wire.append(UInt8(ascii: "*"))
        wire.append(line: words.count + arguments.count)
        for word in words { wire.append(bulk: word) }
        let start = wire.count
        var range: Range<Int>?
        for argument in arguments {
            argument.append(to: &wire)
            if range == nil { range = start..<wire.count }
        }
        self.wire = wire
        keyRange = database == nil || Self.keyless.contains(name) ? nil : range
    }

    /// The key that it looks at: its first argument, where it has a database and is none of the few that look at a whole
    /// database. In a cluster it decides which node is asked.
    var key: ArraySlice<UInt8>? {
        guard let keyRange, let end = wire[keyRange].firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        return wire[(end + 1)..<(keyRange.upperBound - 2)]
    }

    private static let keyless: Set<String> = ["SCAN", "EVAL", "EVAL_RO", "EVALSHA", "EVALSHA_RO"]

    /// What is going on in the server, all sections but those of modules.
    static let info = RedisCommand("INFO", "ALL")

    /// Only what goes over the wire, and where, makes a command another one.
    static func == (left: RedisCommand, right: RedisCommand) -> Bool {
        left.database == right.database && left.wire == right.wire
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(database)
        wire.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
}

/// What may stand behind a command's name.
protocol RedisArgument: Sendable {
    /// Appends it as a bulk string.
    func append(to wire: inout [UInt8])
}

extension String: RedisArgument {
    func append(to wire: inout [UInt8]) { wire.append(bulk: utf8) }
}

/// A key may have any byte in it.
extension [UInt8]: RedisArgument {
    func append(to wire: inout [UInt8]) { wire.append(bulk: self) }
}

extension Int: RedisArgument {
    func append(to wire: inout [UInt8]) { wire.append(bulk: String(self).utf8) }
}

extension [UInt8] {
    fileprivate mutating func append(line number: Int) {
        append(contentsOf: String(number).utf8)
        append(contentsOf: [UInt8(ascii: "\r"), UInt8(ascii: "\n")])
    }

    fileprivate mutating func append(bulk bytes: some Collection<UInt8>) {
        append(UInt8(ascii: "$"))
        append(line: bytes.count)
        append(contentsOf: bytes)
        append(contentsOf: [UInt8(ascii: "\r"), UInt8(ascii: "\n")])
    }
}
