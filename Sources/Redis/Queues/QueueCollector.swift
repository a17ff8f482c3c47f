import Exposition
import Scraping

/// A key of a job queue system, which is read only where it is of the type that the system gives it: anybody may have a
/// key of that name, and a command for another type is an error that the server counts.
struct QueueKey: Sendable {
    /// As `TYPE` calls them.
    enum Kind: String {
        case list, set, hash, string, stream
        case sortedSet = "zset"

        /// What tells how many elements there are, in constant time.
        fileprivate var lengthCommand: String {
            switch self {
            case .list: "LLEN"
            case .set: "SCARD"
            case .hash: "HLEN"
            case .string: "STRLEN"
            case .stream: "XLEN"
            case .sortedSet: "ZCARD"
            }
        }
    }

    let key: RedisKey
    let kind: Kind
    /// What asks whether it may be read.
    let type: RedisCommand

    init(_ key: RedisKey, _ kind: Kind) {
        self.key = key
        self.kind = kind
        type = RedisCommand("TYPE", key.name, database: key.database, isOptional: true)
    }

    /// What asks how many elements it has.
    var length: RedisCommand { command(kind.lengthCommand) }

    /// A command whose first argument is the key.
    func command(_ name: String, _ arguments: any RedisArgument...) -> RedisCommand {
        command(name, arguments: arguments)
    }

    /// The same with arguments that are known only when it runs.
    func command(_ name: String, arguments: [any RedisArgument]) -> RedisCommand {
        RedisCommand(name, arguments: [key.name] + arguments, database: key.database, isOptional: true)
    }
}

/// A collector of job queues. In the first trip it asks for the server's time and the types of keys; in the second it
/// reads those that are there; in the third it looks for what they lead to.
///
/// All its commands are optional, so that one that is refused is not repeated at every scrape.
protocol QueueCollector: RedisCollector {
    /// All keys whose types are asked for; none where there is nothing of the kind.
    var keys: [QueueKey] { get }

    /// What to ask now that some replies are there, the types first; only keys that are there may be read.
    ///
    /// - Parameter now: The server's time in seconds since 1970.
    func reads(_ replies: RedisReplies, now: Double?) -> [RedisCommand]

    /// What the replies say: the families that are the system's own, and the queues.
    func measure(_ replies: RedisReplies, now: Double?) -> (families: [MetricFamily], queues: [QueueMeasurement])

    /// What is wrong although every command was answered.
    func complaint(_ replies: RedisReplies) -> CollectorError?
}

extension QueueCollector {
    func complaint(_ replies: RedisReplies) -> CollectorError? { nil }

    func commands(_ server: RedisFacts) -> [RedisCommand] {
        guard !server.isSentinel else { return [] }
        let keys = keys
        return keys.isEmpty ? [] : [.time] + keys.map(\.type)
    }

    func furtherCommands(_ replies: RedisReplies, _ server: RedisFacts) -> [RedisCommand] {
        reads(replies, now: replies.serverTime)
    }

    func result(_ replies: RedisReplies, _ server: RedisFacts) -> CollectorResult {
        let (families, queues) = measure(replies, now: replies.serverTime)
        let asked = commands(server) + furtherCommands(replies, server)
        return CollectorResult(
            families: families + QueueMeasurement.families(queues),
            error: replies.firstFailure(of: asked) ?? complaint(replies))
    }
}

extension RedisCommand {
    /// The server's own time, with which the times that are stored there are compared.
    static let time = RedisCommand("TIME", isOptional: true)
}

extension RedisReplies {
    /// The server's time in seconds since 1970; `nil` where it was not told.
    var serverTime: Double? {
        guard let reply = try? array(.time), reply.count == 2, let seconds = reply[0].number,
            let microseconds = reply[1].number, 0..<1e11 ~= seconds, 0..<1e6 ~= microseconds
        else { return nil }
        return seconds + microseconds / 1e6
    }

    /// Whether the key exists and is what it should be.
    func isThere(_ key: QueueKey) -> Bool {
        (try? text(key.type))?.elementsEqual(key.kind.rawValue.utf8) ?? false
    }

    /// Whether there is no such key.
    func isMissing(_ key: QueueKey) -> Bool {
        (try? text(key.type))?.elementsEqual("none".utf8) ?? false
    }

    /// The number that answers a command about a key: 0 where there is no such key, `nil` where it is not known.
    func count(_ command: RedisCommand, of key: QueueKey) -> Double? {
        isMissing(key) ? 0 : (try? self[command])?.number
    }

    /// How many elements it has: 0 where there is no such key, `nil` where it is not known.
    func length(of key: QueueKey) -> Double? { count(key.length, of: key) }

    /// Why one of these was not answered, of several the first; `nil` where all that were sent have an answer. An
    /// element that is too long for us is none of the server's failures.
    func firstFailure(of commands: [RedisCommand]) -> CollectorError? {
        do throws(CollectorError) {
            for command in commands where has(command) && !isTooLong(command) { _ = try self[command] }
            if !commands.allSatisfy(has) { try check() }
            return nil
        } catch {
            return error
        }
    }
}

extension RedisBackground {
    /// Whether any of these exists and is what it should be.
    func isAnyThere(_ keys: [QueueKey]) async throws(CollectorError) -> Bool {
        var rest = keys[...]
        while !rest.isEmpty {
            let step = rest.prefix(Self.stepSize)
            rest = rest.dropFirst(step.count)
            let replies = try await ask(step.map(\.type))
            if step.contains(where: replies.isThere) { return true }
        }
        return false
    }
}

extension MetricFamily {
    /// A family of one number, or of none where that is not known.
    init(_ entry: CatalogueEntry, ifKnown value: Double?) {
        self.init(entry.descriptor)
        if let value { append(value) }
    }
}

/// Since when something is so.
enum Age {
    /// How long ago it was, in seconds; 0 for what a clock that goes ahead of the server's wrote. `nil` where one of
    /// the two is not known, or is no time.
    static func of(_ time: Double?, at now: Double?) -> Double? {
        guard let time, let now, time.isFinite else { return nil }
        return max(0, now - time)
    }

    /// Seconds since 1970 of a time in JSON: a text in ISO 8601, or a number of seconds, milliseconds, microseconds or
    /// nanoseconds, which its size tells apart for all of the years 1974 to 5138.
    static func secondsSince1970(_ value: JSONText) -> Double? {
        if let text = value.stringBytes {
            return TimeText.secondsSince1970(text[...]) ?? text[...].number.flatMap(secondsSince1970)
        }
        return value.number.flatMap(secondsSince1970)
    }

    private static func secondsSince1970(_ number: Double) -> Double? {
        switch number {
        case ..<0: nil
        case ..<1e11: number
        case ..<1e14: number / 1e3
        case ..<1e17: number / 1e6
        default: number.isFinite ? number / 1e9 : nil
        }
    }
}

/// Names that somebody configured and those that were found, each once, in the order of their bytes.
func union(_ named: [String], _ found: Set<[UInt8]>) -> [[UInt8]] {
    found.union(named.map { Array($0.utf8) }).sorted { $0.lexicographicallyPrecedes($1) }
}

extension [UInt8] {
    /// The name as a label's value has it: what is no UTF-8 is replaced.
    var label: String { String(decoding: self, as: UTF8.self) }

    /// What stands behind a prefix; `nil` where it does not begin with that, or nothing follows.
    func after(_ prefix: String) -> [UInt8]? {
        count > prefix.utf8.count && starts(with: prefix.utf8) ? Array(dropFirst(prefix.utf8.count)) : nil
    }
}
