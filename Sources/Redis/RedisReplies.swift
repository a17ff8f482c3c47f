import Scraping

/// The replies of one scrape, by the commands that they answer.
struct RedisReplies: Sendable {
    private let replies: [RedisCommand: RedisReply]

    init(_ replies: [RedisCommand: RedisReply]) {
        self.replies = replies
    }

    /// The reply to a command.
    ///
    /// - Throws: The server's refusal.
    subscript(command: RedisCommand) -> RedisReply {
        get throws(CollectorError) {
            switch replies[command] {
            case .error(let text): throw CollectorError(text, to: command)
            case let reply?: return reply
            case nil: throw CollectorError(.internal, "\(command.name) was not sent")
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

    /// The whole number that answers a command.
    ///
    /// - Throws: The server's refusal; `internal`, where the reply is no whole number.
    func integer(_ command: RedisCommand) throws(CollectorError) -> Int64 {
        guard case .integer(let value) = try self[command] else { throw Self.unexpected(command) }
        return value
    }

    /// The value of a parameter, from the reply to `CONFIG GET`.
    ///
    /// - Throws: The server's refusal; `internal`, where the parameter is not in the reply.
    func parameter(_ name: String, of command: RedisCommand) throws(CollectorError) -> [UInt8] {
        guard case .array(let pairs) = try self[command],
            let at = pairs.firstIndex(of: .string(Array(name.utf8))), pairs.indices.contains(at + 1),
            case .string(let value) = pairs[at + 1]
        else { throw Self.unexpected(command) }
        return value
    }

    private static func unexpected(_ command: RedisCommand) -> CollectorError {
        CollectorError(.internal, "\(command.name) was not answered as its documentation says")
    }
}
