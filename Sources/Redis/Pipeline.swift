import NIOCore
import Scraping

/// What a connection has come to, as far as the next pipeline has to know.
struct Session {
    /// Whether no pipeline has gone over it yet.
    var isFresh = true
    /// The database that `SELECT` has chosen.
    var database = 0
    /// The refusals of commands that are sent until refused.
    var refusals: [RedisCommand: RedisReply] = [:]
}

/// Everything that one scrape sends, in one piece, and how the replies find their commands again.
struct Pipeline {
    private enum Step {
        /// Without it nothing else is worth reading.
        case authenticate(RedisCommand)
        /// Names us in the server's list of clients; where it may not, nothing is lost.
        case introduce(RedisCommand)
        case select(Int)
        case run(RedisCommand)

        var command: RedisCommand {
            switch self {
            case .authenticate(let command), .introduce(let command), .run(let command): command
            case .select(let database): RedisCommand("SELECT", String(database))
            }
        }
    }

    private var steps: [Step] = []
    private let session: Session

    /// - Parameters:
    ///   - commands: Each once.
    ///   - authentication: What a fresh connection sends first.
    init(_ commands: [RedisCommand], session: Session, authentication: RedisCommand? = nil) {
        self.session = session
        if session.isFresh {
            if let authentication { steps.append(.authenticate(authentication)) }
            steps.append(.introduce(RedisCommand("CLIENT", "SETNAME", "stack-exporter")))
        }
        // In the order of databases, each is selected once.
        var database = session.database
        for command in commands.sorted(by: { ($0.database ?? -1) < ($1.database ?? -1) })
        where session.refusals[command] == nil {
            if let wanted = command.database, wanted != database {
                steps.append(.select(wanted))
                database = wanted
            }
            steps.append(.run(command))
        }
    }

    /// How many replies there will be.
    var count: Int { steps.count }

    /// The pipeline as it goes over the wire.
    ///
    /// - Throws: `internal`, where there is no memory left.
    func encoded() throws(CollectorError) -> ByteBuffer {
        var buffer = ByteBuffer()
        for step in steps { try step.command.encode(into: &buffer) }
        return buffer
    }

    /// Gives each reply to its command.
    ///
    /// - Parameter received: One for each step, in their order.
    /// - Returns: The replies, and the session that the next pipeline goes on with.
    /// - Throws: Why the server does not have us as a client: all replies are the same refusal then.
    func match(_ received: [RedisReply]) throws(CollectorError) -> (RedisReplies, Session) {
        var replies = session.refusals
        var next = session
        next.isFresh = false
        var failedSelection: RedisReply?
        for (step, reply) in zip(steps, received) {
            switch (step, reply) {
            case (.authenticate(let command), .error(let text)): throw CollectorError(text, to: command)
            case (.authenticate, _), (.introduce, _): break
            case (.select, .error): failedSelection = reply
            case (.select(let database), _):
                failedSelection = nil
                next.database = database
            case (.run(let command), _):
                // Where the database could not be selected, the command ran in another one.
                let reply = command.database == nil ? reply : failedSelection ?? reply
                replies[command] = reply
                guard case .error(let text) = reply else { continue }
                switch CollectorError(text, to: command).reason {
                case .authentication: throw CollectorError(text, to: command)
                case .permission, .unsupportedVersion, .internal:
                    if command.isSentUntilRefused { next.refusals[command] = reply }
                default: break
                }
            }
        }
        return (RedisReplies(replies), next)
    }
}
