import NIOCore
import Scraping

/// Commands that go out in one piece, and how the replies find them again.
struct Pipeline {
    private enum Step {
        case select(Int)
        case run(RedisCommand)
        /// Reads the counters of look-ups, around those of ours.
        case count
    }

    private static let statistics = RedisCommand("INFO", "STATS")
    /// What goes before the server's error where a command stands for the `SELECT` of its database that failed.
    static let failedSelection = Array("SELECT ".utf8)

    /// What came of it.
    struct Outcome {
        var replies: RedisReplies
        /// The one that is selected now.
        let database: Int
        /// How many look-ups of keys it made.
        let lookups: Lookups
    }

    private var steps: [Step] = []
    private let database: Int

    /// - Parameters:
    ///   - commands: Each once.
    ///   - database: The one that the connection has selected.
    init(_ commands: [RedisCommand], database: Int = 0) {
        self.database = database
        steps.reserveCapacity(commands.count + 3)
        // In the order of databases, each is selected once.
        var database = database
        var looksUp = false
        for command in commands.sorted(by: { ($0.database ?? -1) < ($1.database ?? -1) }) {
            if command.database != nil, !looksUp {
                steps.append(.count)
                looksUp = true
            }
            if let wanted = command.database, wanted != database {
                steps.append(.select(wanted))
                database = wanted
            }
            steps.append(.run(command))
        }
        if looksUp { steps.append(.count) }
    }

    /// How many replies there will be.
    var count: Int { steps.count }

    /// The pipeline as it goes over the wire.
    var encoded: ByteBuffer {
        var buffer = ByteBuffer()
        for step in steps {
            switch step {
            case .select(let database): buffer.writeBytes(RedisCommand("SELECT", database).wire)
            case .run(let command): buffer.writeBytes(command.wire)
            case .count: buffer.writeBytes(Self.statistics.wire)
            }
        }
        return buffer
    }

    /// Gives each reply to its command.
    ///
    /// - Parameters:
    ///   - received: One for each step, in their order; fewer where they did not all come.
    ///   - failure: Why.
    /// - Throws: Why the server does not have us as a client: all replies are the same refusal then.
    func match(
        _ received: [RedisReply], failure: CollectorError? = nil
    ) throws(CollectorError) -> Outcome {
        var replies = RedisReplies(failure: failure)
        var database = database
        var failedSelection: RedisReply?
        var counts: [Lookups] = []
        for (step, reply) in zip(steps, received) {
            switch (step, reply) {
            case (.select, .error(let text)): failedSelection = .error(Self.failedSelection + text)
            case (.select(let selected), _):
                failedSelection = nil
                database = selected
            case (.count, .string(let text)): if let count = Lookups(Info(text)) { counts.append(count) }
            case (.count, _): break
            case (.run(let command), _):
                // Where the database could not be selected, the command ran in another one.
                let reply = command.database == nil ? reply : failedSelection ?? reply
                if case .error(let text) = reply {
                    let error = CollectorError(text, to: command)
                    if error.reason == .authentication { throw error }
                }
                replies.add(reply, to: command)
            }
        }
        let lookups = counts.count == 2 ? counts[1] - counts[0] : Lookups()
        return Outcome(replies: replies, database: database, lookups: lookups)
    }
}
