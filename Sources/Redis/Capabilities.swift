import Scraping

/// Which optional commands a server does not have, or not for us, so that they are not sent: it counts and logs each refusal.
///
/// What commands there are is asked once for each start of the server (`COMMAND INFO`). What the user may do cannot be asked
/// by a user with the least rights: it is learned by a refusal, and forgotten after ten minutes, since an ACL may change.
struct Capabilities {
    private static let refusalInterval = Duration.seconds(600)

    private static let maximumRefusals = 10_000

    private var runID = ""
    private var known: [String: Bool] = [:]
    /// Of commands that are refused whatever they name.
    private var refusalsByName: [String: (reply: RedisReply, end: ContinuousClock.Instant)] = [:]
    /// Of commands for what they name.
    private var refusals: [RedisCommand: (reply: RedisReply, end: ContinuousClock.Instant)] = [:]

    /// Forgets everything where it is another server than before, or has been started anew.
    mutating func meet(_ server: RedisFacts) {
        guard server.runID != runID || runID.isEmpty else { return }
        self = Capabilities()
        runID = server.runID
    }

    /// The optional ones among the commands of which nobody has asked yet whether they are there, by their names.
    func unknown(among commands: [RedisCommand]) -> [String] {
        var names: [String] = []
        for command in commands
        where command.isOptional && known[command.serverName] == nil && !names.contains(command.serverName) {
            names.append(command.serverName)
        }
        return names
    }

    /// What to ask of those names.
    static func question(about names: [String], of server: RedisFacts) -> RedisCommand {
        RedisCommand(
            "COMMAND INFO",
            arguments: names.map { name in
                // Before Redis 7 a subcommand cannot be asked for.
                server.isRedis(7) ? name.aclName : String(name.aclName.prefix { $0 != "|" })
            })
    }

    /// Takes in the answer; where there is none, all are taken to be there until they are refused.
    mutating func learn(_ names: [String], from reply: RedisReply) {
        let entries = reply.elements
        for (index, name) in names.enumerated() {
            known[name] = !entries.indices.contains(index) || !entries[index].elements.isEmpty
        }
    }

    /// What stands for the reply to a command that is not worth sending; `nil` for one that is.
    func refusal(of command: RedisCommand, at now: ContinuousClock.Instant = .now) -> RedisReply? {
        guard command.isOptional else { return nil }
        if known[command.serverName] == false { return .error(Array("ERR unknown command".utf8)) }
        let refusal = refusalsByName[command.serverName] ?? refusals[command]
        return refusal.flatMap { now < $0.end ? $0.reply : nil }
    }

    /// Keeps in mind what was refused for good.
    mutating func note(_ reply: RedisReply, to command: RedisCommand, at now: ContinuousClock.Instant = .now) {
        guard command.isOptional, case .error(let text) = reply else { return }
        let refusal = (reply, now.advanced(by: Self.refusalInterval))
        let isOfOneDatabase = text.starts(with: Pipeline.failedSelection)
        switch CollectorError(text, to: command).reason {
        case .unsupportedVersion where !isOfOneDatabase: refusalsByName[command.serverName] = refusal
        case .permission where !isOfOneDatabase && !CollectorError.isOfOneKey(text):
            refusalsByName[command.serverName] = refusal
        case .internal where text.starts(with: ReplyLimit.codeWord): break
        case .permission, .unsupportedVersion, .internal:
            if refusals.count >= Self.maximumRefusals { refusals = refusals.filter { now < $0.value.end } }
            if refusals.count < Self.maximumRefusals { refusals[command] = refusal }
        default: break
        }
    }
}

extension String {
    /// A command's name as ACL rules and `COMMAND INFO` have it: `latency|histogram` of `LATENCY HISTOGRAM`.
    var aclName: String {
        lowercased().split(separator: " ").joined(separator: "|")
    }
}
