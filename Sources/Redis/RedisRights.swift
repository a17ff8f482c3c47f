/// What a user has to be allowed: the commands that are sent, and the keys and channels that they name.
struct RedisRights: Sendable, Equatable {
    /// By their names, with subcommands: `LATENCY HISTOGRAM`.
    var commands: Set<String> = []
    /// Patterns of glob style for the keys that are read.
    var keys: Set<String> = []
    /// Channels, each as it is subscribed to: a rule has to be the same as the pattern, and not just to match it.
    var channels: Set<String> = []

    /// What every connection needs; the name in the list of clients is not one of them, and nothing is lost without it.
    static let connection = RedisRights(commands: ["INFO", "CLIENT SETNAME", "COMMAND INFO"])

    /// Both.
    static func + (left: RedisRights, right: RedisRights) -> RedisRights {
        RedisRights(
            commands: left.commands.union(right.commands), keys: left.keys.union(right.keys),
            channels: left.channels.union(right.channels))
    }

    /// The rules of a user who has these rights and no others, as they stand behind `ACL SETUSER <name>`: sorted, quoted as
    /// `redis-cli` and configuration files have it.
    func rules(on server: RedisFacts) -> String {
        var rules = ["-@all"] + commands.map { "+\($0.aclName)" }.sorted()
        // Before Redis 7 there is no rule for reading alone.
        let prefix = server.isRedis(7) ? "%R~" : "~"
        let patterns = keys.contains("*") ? ["*"] : keys.sorted()
        rules += patterns.map { Self.quoted(prefix + $0) }
        // Redis 6.0 has no rules for channels.
        if server.isRedis(6, 2) { rules += ["resetchannels"] + channels.sorted().map { Self.quoted("&" + $0) } }
        return rules.joined(separator: " ")
    }

    private static func quoted(_ rule: String) -> String {
        let isPlain = rule.utf8.allSatisfy { 0x21...0x7e ~= $0 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
        guard !isPlain else { return rule }
        let escaped = rule.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): "\\" + String(UnicodeScalar(byte))
            case 0x20...0x7e: String(UnicodeScalar(byte))
            default: "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
        return "\"\(escaped.joined())\""
    }
}
