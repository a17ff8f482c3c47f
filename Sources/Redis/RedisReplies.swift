import Scraping

/// The replies of one scrape, by the commands that they answer.
struct RedisReplies: Sendable {
    private var replies: [RedisCommand: RedisReply]
    private var parsedInfo: Info?
    /// Why commands that were sent have no reply.
    private var failure: CollectorError?
    /// The same where it is so of single commands, those of one node of a cluster.
    private var failures: [RedisCommand: CollectorError] = [:]

    init(_ replies: [RedisCommand: RedisReply] = [:], failure: CollectorError? = nil) {
        self.replies = replies
        self.failure = failure
        parsedInfo = replies[.info]?.text.map(Info.init)
    }

    /// How many look-ups of keys the exporter had made when the server said in `INFO` how many there were.
    private(set) var ownLookups = Lookups()

    /// Takes down how many they were before these commands.
    mutating func note(_ lookups: Lookups) { ownLookups = lookups }

    /// Adds those of the next trip, whose failure is that of everything that has no reply.
    mutating func add(_ other: RedisReplies) {
        if other.has(.info) {
            ownLookups = other.ownLookups
            parsedInfo = other.parsedInfo
        }
        replies.merge(other.replies) { _, new in new }
        failures.merge(other.failures) { _, new in new }
        failure = failure ?? other.failure
    }

    /// Says why one command has no reply.
    mutating func fail(_ command: RedisCommand, _ error: CollectorError) {
        failures[command] = error
    }

    /// The same replies with the failure of the whole as that of those commands alone that have none.
    func withoutFailure(of commands: [RedisCommand]) -> RedisReplies {
        var result = self
        result.failure = nil
        if let failure {
            for command in commands where replies[command] == nil { result.failures[command] = failure }
        }
        return result
    }

    /// Why a command has no reply, where that is not so of others too.
    func failure(of command: RedisCommand) -> CollectorError? {
        replies[command] == nil ? failures[command] : nil
    }

    /// Adds what stands for a reply to a command that was not sent.
    mutating func add(_ reply: RedisReply, to command: RedisCommand) {
        replies[command] = reply
        if command == .info { parsedInfo = reply.text.map(Info.init) }
    }

    /// Whether there is one, be it a refusal or the reason why there is none.
    func has(_ command: RedisCommand) -> Bool { replies[command] != nil || failures[command] != nil }

    /// The server's refusal of a command, where that is what it answered.
    func refusal(of command: RedisCommand) -> RedisReply? {
        if case .error = replies[command] { replies[command] } else { nil }
    }

    /// The names of the commands that were answered, and not refused.
    var answeredNames: Set<String> {
        Set(replies.compactMap { command, reply in if case .error = reply { nil } else { command.name } })
    }

    /// The commands that the user may not do, some of them perhaps for single keys alone.
    var forbidden: [RedisCommand] {
        replies.compactMap { command, reply in
            guard case .error(let text) = reply else { return nil }
            return CollectorError(text, to: command).reason == .permission ? command : nil
        }
    }

    /// Whether the server has an answer that we did not take, since it is too long.
    func isTooLong(_ command: RedisCommand) -> Bool {
        guard case .error(let text) = replies[command] else { return false }
        return text.starts(with: ReplyLimit.codeWord)
    }

    /// Throws why commands that were sent have no reply, where that is so of any.
    func check() throws(CollectorError) {
        if let failure { throw failure }
    }

    /// The reply to a command.
    ///
    /// - Throws: The server's refusal, or why there is no reply.
    subscript(command: RedisCommand) -> RedisReply {
        get throws(CollectorError) {
            switch replies[command] {
            case .error(let text): throw CollectorError(text, to: command)
            case let reply?: return reply
            case nil: throw failures[command] ?? failure ?? CollectorError(.internal, "\(command.name) was not sent")
            }
        }
    }

    /// The text that answers a command.
    ///
    /// - Throws: The server's refusal; `internal`, where the reply is no text.
    func text(_ command: RedisCommand) throws(CollectorError) -> [UInt8] {
        guard case .string(let bytes) = try self[command] else { throw Self.unexpected(command) }
        return bytes
    }

    /// The text that answers a command; `nil` where the server has nothing there: no such key, no such element.
    ///
    /// - Throws: The server's refusal; `internal`, where the reply is something else.
    func textIfAny(_ command: RedisCommand) throws(CollectorError) -> [UInt8]? {
        if case .null = try self[command] { return nil }
        return try text(command)
    }

    /// The lines of `INFO`, found once for all who read them.
    ///
    /// - Throws: As for ``text(_:)``.
    var info: Info {
        get throws(CollectorError) {
            let text = try text(.info)
            return parsedInfo ?? Info(text)
        }
    }

    /// The whole number that answers a command.
    ///
    /// - Throws: The server's refusal; `internal`, where the reply is no whole number.
    func integer(_ command: RedisCommand) throws(CollectorError) -> Int64 {
        guard case .integer(let value) = try self[command] else { throw Self.unexpected(command) }
        return value
    }

    /// The elements that answer a command; none where the server has nothing there.
    ///
    /// - Throws: The server's refusal; `internal`, where the reply is no array.
    func array(_ command: RedisCommand) throws(CollectorError) -> [RedisReply] {
        switch try self[command] {
        case .array(let elements): return elements
        case .null: return []
        default: throw Self.unexpected(command)
        }
    }

    /// What the reply to `CONFIG GET` and its like says of one name.
    ///
    /// - Throws: The server's refusal; `internal`, where the name is not in the reply.
    func parameter(_ name: String, of command: RedisCommand) throws(CollectorError) -> [UInt8] {
        guard let value = RedisReply.array(try array(command)).fields[Array(name.utf8)], case .string(let text) = value
        else { throw Self.unexpected(command) }
        return text
    }

    private static func unexpected(_ command: RedisCommand) -> CollectorError {
        CollectorError(.internal, "\(command.name) was not answered as its documentation says")
    }
}
