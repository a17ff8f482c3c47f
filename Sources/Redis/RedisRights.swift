/// What a user has to be allowed: the commands that are sent, and the keys and channels that they name.
struct RedisRights: Sendable, Equatable {
    /// By their names, with subcommands: `LATENCY HISTOGRAM`.
    var commands: Set<String>
    /// Patterns of glob style for the keys that are read.
    private(set) var keys: Set<[UInt8]>
    /// Patterns for channels. Who subscribes to a pattern has to have this very one, and not just one that matches it.
    private(set) var channels: Set<String>

    /// - Parameters:
    ///   - keys: By their names.
    ///   - prefixes: Keys whose names begin with these.
    ///   - patterns: Keys that match patterns of glob style.
    ///   - databases: Further ones that the commands run in.
    init(
        commands: Set<String> = [], keys: [RedisKey] = [], prefixes: [RedisKey] = [], patterns: [RedisKey] = [],
        databases: [Int] = [], channels: Set<String> = []
    ) {
        self.commands = commands
        self.keys = Set(keys.map { $0.name.rulePattern(isLiteral: true) })
            .union(prefixes.map { $0.name.rulePattern(isLiteral: true) + [UInt8(ascii: "*")] })
            .union(patterns.map { $0.name.rulePattern(isLiteral: false) })
        // For one with blanks there is no rule of its own.
        self.channels = Set(channels.map { $0.utf8.contains(where: \.isBlank) ? "*" : $0 })
        let databases = databases + (keys + prefixes + patterns).map(\.database)
        if databases.contains(where: { $0 != 0 }) { self.commands.insert("SELECT") }
    }

    /// What the connection itself needs, to the server and to the other nodes of its cluster.
    init(ofConnection options: RedisServerOptions, on server: RedisFacts) {
        self.init(commands: ["INFO", "COMMAND INFO"])
        if options.setsClientName { commands.insert("CLIENT SETNAME") }
        if options.pings { commands.insert("PING") }
        if server.isCluster { commands.formUnion(["CLUSTER NODES", "ASKING"]) }
    }

    /// What these commands need, by what they say.
    init(of commands: [RedisCommand]) {
        self.init(
            commands: Set(commands.map(\.name)),
            keys: commands.compactMap { command in
                command.key.map { RedisKey(database: command.database ?? 0, name: Array($0)) }
            },
            databases: commands.compactMap(\.database))
    }

    /// Both.
    static func + (left: RedisRights, right: RedisRights) -> RedisRights {
        var both = left
        both.commands.formUnion(right.commands)
        both.keys.formUnion(right.keys)
        both.channels.formUnion(right.channels)
        return both
    }

    /// The rules of a user who has these rights, as they stand behind `ACL SETUSER <name>`: sorted, quoted as `redis-cli`
    /// and configuration files have it.
    func rules(on server: RedisFacts) -> String { rules(on: server, isAddition: false).joined(separator: " ") }

    /// The rules that give these rights to a user who has others besides.
    ///
    /// Since Redis 7 they are a selector of their own, which goes with whatever is there. Before, it is an error to name a
    /// subcommand, or a key, of those that are all allowed.
    func addition(on server: RedisFacts) -> String {
        guard !server.isRedis(7) else {
            return (["("] + rules(on: server, isAddition: true) + [")"]).joined(separator: " ")
        }
        var rights = self
        // A user of those versions has all channels, unless somebody took them away.
        rights.channels = []
        return rights.rules(on: server, isAddition: true).joined(separator: " ")
    }

    private func rules(on server: RedisFacts, isAddition: Bool) -> [String] {
        // Before Redis 7 there is no rule for reading alone. PFCOUNT, which may write what it has counted, is one that
        // reads to all versions.
        let prefix = server.isRedis(7) ? "%R~" : "~"
        var rules = commands.map { "+\($0.aclName)" }.sorted().map { Array($0.utf8) }
        rules += Self.widest(keys).map { Array(prefix.utf8) + $0 }
        // Redis 6.0 has no rules for channels; since 6.2, a new user may have all of them by default.
        if server.isRedis(6, 2) {
            if !isAddition { rules.append(Array("resetchannels".utf8)) }
            rules += Self.widest(Set(channels.map { Array($0.utf8) })).map { [UInt8(ascii: "&")] + $0 }
        }
        // A selector is taken apart a second time, by which quotes would be gone.
        if isAddition { rules = rules.map { $0.map { Array("\"'".utf8).contains($0) ? UInt8(ascii: "?") : $0 } } }
        return rules.map(\.quoted)
    }

    /// In their order. Before Redis 7, it is an error to name another beside the one that matches all.
    private static func widest(_ patterns: Set<[UInt8]>) -> [[UInt8]] {
        let all = Array("*".utf8)
        return patterns.contains(all) ? [all] : patterns.sorted { $0.lexicographicallyPrecedes($1) }
    }
}

extension [UInt8] {
    /// A key, or a pattern of glob style, as the pattern of a rule, which must have no blanks in it.
    fileprivate func rulePattern(isLiteral: Bool) -> [UInt8] {
        let any = UInt8(ascii: "?")
        if isLiteral {
            return flatMap { byte in
                if byte.isBlank { return [any] }
                return Array("*?[\\".utf8).contains(byte) ? [UInt8(ascii: "\\"), byte] : [byte]
            }
        }
        guard contains(where: \.isBlank) else { return self }
        // Within brackets, and behind a backslash, a question mark is nothing but that.
        let isSimple = !contains { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "\\") }
        return isSimple ? map { $0.isBlank ? any : $0 } : [UInt8(ascii: "*")]
    }

    /// As a word of a command line of `redis-cli`.
    fileprivate var quoted: String {
        let special = Array("\"'\\".utf8)
        if allSatisfy({ 0x21...0x7e ~= $0 && !special.contains($0) }) { return String(decoding: self, as: UTF8.self) }
        let escaped = map { byte in
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): "\\" + String(UnicodeScalar(byte))
            case 0x20...0x7e: String(UnicodeScalar(byte))
            default: "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
        return "\"\(escaped.joined())\""
    }
}

extension String {
    /// The text as a word of a command line of `redis-cli`.
    var quotedForRedis: String { Array(utf8).quoted }
}

extension UInt8 {
    /// Whether no rule may have it: what C takes for white space, and 0.
    fileprivate var isBlank: Bool { self == 0 || self == 0x20 || 9...13 ~= self }
}
