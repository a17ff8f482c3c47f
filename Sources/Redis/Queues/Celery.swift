import Exposition
import Scraping
import Synchronization

/// The queues of Celery: those that were named, and those that kombu's bindings tell of.
///
/// What is in a list, and since when, is asked for in one trip as a rule. It takes a second one where a key is read for the
/// first time, since its type has to be asked for before, and where an empty list has filled since the last scrape, since
/// only a list with messages has an oldest one.
final class CeleryCollector: RedisCollector {
    let name = "redis_celery"

    var metrics: [CatalogueEntry] { [Self.length] + QueueMeasurement.metrics }

    private static let length = CatalogueEntry(
        "celery_queue_length", .gauge,
        "Messages that wait in the queue, of all priorities; 0 for an empty queue, which has no key",
        labels: ["queue_name"], source: "LLEN")

    /// The queue of what is counted for all together: workers keep what they have not acknowledged in one place.
    private static let allQueues = "(all)"

    private struct State {
        /// The server whose keys' types are known.
        var runID = ""
        /// What was found when the queues were made.
        var found: [[UInt8]]?
        var queues: [CeleryQueue] = []
        /// Of all queues together: what workers have, and when they got it.
        var unacked: TypedKey
        var unackedIndex: TypedKey

        /// Whatever is behind the address now, its keys may be of other types.
        mutating func forgetTypes() {
            unacked.isKnown = false
            unackedIndex.isKnown = false
            for queue in queues.indices {
                for list in queues[queue].lists.indices { queues[queue].lists[list].key.isKnown = false }
            }
        }
    }

    var readsWhatWasNamed: Bool { !options.names.isEmpty }

    private let options: RedisQueueOptions.Celery
    private let database: Int
    private let sentTime: @Sendable (String) -> Double?
    private let bindings: CeleryBindings
    private let heads = ObservedHeads()
    private let state: Mutex<State>

    /// - Parameter sentTime: When a task was sent, by its id, in seconds since 1970, where events told.
    init(_ settings: RedisSettings, sentTime: @escaping @Sendable (String) -> Double? = { _ in nil }) {
        let options = settings.queues.celery
        func key(_ name: String) -> RedisKey {
            RedisKey(database: settings.database, key: options.keyPrefix + name)
        }
        self.options = options
        database = settings.database
        self.sentTime = sentTime
        bindings = CeleryBindings(settings)
        let unacked = key(options.unackedKey)
        let index = key(options.unackedIndexKey)
        state = Mutex(
            State(
                unacked: TypedKey(
                    unacked, "hash", RedisCommand("HLEN", unacked.name, database: database, isOptional: true)),
                unackedIndex: TypedKey(
                    index, "zset",
                    RedisCommand("ZRANGE", index.name, 0, 0, "WITHSCORES", database: database, isOptional: true))))
    }

    func look(_ server: RedisBackground) async throws(CollectorError) {
        guard Self.isThere(server.facts) else { return }
        do throws(CollectorError) {
            try await bindings.look(server)
        } catch {
            // Who names the queues need not give the right to search for them.
            guard error.reason == .permission, !options.names.isEmpty else { throw error }
        }
    }

    /// Kombu does not know clusters.
    private static func isThere(_ server: RedisFacts) -> Bool { !server.isSentinel && !server.isCluster }

    func commands(_ server: RedisFacts) -> [RedisCommand] {
        guard Self.isThere(server) else { return [] }
        let found = bindings.queues
        return state.withLock { state in
            if state.found != found {
                state.found = found
                makeQueues(&state)
            }
            if state.runID != server.runID {
                state.runID = server.runID
                state.forgetTypes()
            }
            guard !state.queues.isEmpty else { return [] }
            var commands = [.time, state.unacked.first, state.unackedIndex.first]
            commands.reserveCapacity(state.queues.count * (options.prioritySteps.count + 1))
            for list in state.queues.lazy.flatMap(\.lists) {
                commands.append(list.key.first)
                if list.isBusy && options.readsMessages { commands.append(list.oldest) }
            }
            return commands
        }
    }

    func furtherCommands(_ replies: RedisReplies, _ server: RedisFacts) -> [RedisCommand] {
        state.withLock { state in
            var commands = [state.unacked, state.unackedIndex].compactMap { $0.next(replies) }
            for list in state.queues.lazy.flatMap(\.lists) {
                if let next = list.key.next(replies) {
                    commands.append(next)
                } else if options.readsMessages, list.hasMessages(replies), !replies.has(list.oldest) {
                    commands.append(list.oldest)
                }
            }
            if let count = overdue(state.unackedIndex, replies), !replies.has(count) { commands.append(count) }
            return commands
        }
    }

    func rights(_ server: RedisFacts) -> RedisRights {
        guard Self.isThere(server), bindings.mayFindQueues || !options.names.isEmpty else { return RedisRights() }
        let named = options.names.flatMap { CeleryQueue(Array($0.utf8), options, database: database).lists }
        let commands = ["TIME", "TYPE", "HLEN", "ZRANGE", "ZCOUNT", "LLEN"] + (options.readsMessages ? ["LINDEX"] : [])
        let (unacked, index) = state.withLock { ($0.unacked.key, $0.unackedIndex.key) }
        return RedisRights(commands: Set(commands), keys: [unacked, index] + named.map(\.key.key)) + bindings.rights
    }

    func result(_ replies: RedisReplies, _ server: RedisFacts) -> CollectorResult {
        let now = replies.serverTime
        var length = MetricFamily(Self.length.descriptor)
        var measurements: [QueueMeasurement] = []
        var error = replies.firstFailure(of: [.time])
        state.withLock { state in
            for index in state.queues.indices {
                do throws(CollectorError) {
                    var measurement = QueueMeasurement(system: "celery", queue: state.queues[index].name)
                    let count = Double(try state.queues[index].length(replies))
                    length.append(count, state.queues[index].labels)
                    measurement.depths = [("waiting", count)]
                    if let now, options.readsMessages {
                        let oldest = oldestAge(in: state.queues[index], replies, at: now)
                        measurement.oldestAge = oldest.age
                        error = error ?? oldest.error
                    }
                    measurements.append(measurement)
                } catch let failure {
                    error = error ?? failure
                }
            }
            var unacked = QueueMeasurement(system: "celery", queue: Self.allQueues)
            do throws(CollectorError) {
                unacked.unacked = try state.unacked.reply(replies).number
            } catch let failure {
                error = error ?? failure
            }
            do throws(CollectorError) {
                try measureIndex(&unacked, &state.unackedIndex, replies, at: now)
            } catch let failure {
                error = error ?? failure
            }
            measurements.append(unacked)
        }
        return CollectorResult(families: [length] + QueueMeasurement.families(measurements), error: error)
    }

    // MARK: - The queues

    private func makeQueues(_ state: inout State) {
        let old = Dictionary(state.queues.map { ($0.bytes, $0) }) { first, _ in first }
        var known: Set<Labels> = []
        state.queues = []
        for name in options.names.map({ Array($0.utf8) }) + (state.found ?? []) {
            let queue = old[name] ?? CeleryQueue(name, options, database: database)
            // Two names that differ in bytes that are no text would be one series.
            guard known.insert(queue.labels).inserted else { continue }
            state.queues.append(queue)
        }
        heads.keep(Set(state.queues.flatMap(\.lists).map(\.text)))
    }

    /// How long the oldest message has been waiting. The oldest of each priority is looked at: workers take those of one
    /// priority in their order, but all of the first priority before one of the last.
    ///
    /// Where one of them tells nothing, what the others tell is not more than a bound.
    private func oldestAge(
        in queue: CeleryQueue, _ replies: RedisReplies, at now: Double
    ) -> (age: (seconds: Double, kind: QueueMeasurement.AgeKind)?, error: CollectorError?) {
        var age: (seconds: Double, kind: QueueMeasurement.AgeKind)?
        var isBound = false
        var error: CollectorError?
        for list in queue.lists where list.isBusy || list.wasBusy {
            do throws(CollectorError) {
                guard let payload = list.isBusy ? try replies.textIfAny(list.oldest) : nil else {
                    _ = heads.age(of: nil, in: list.text)
                    continue
                }
                if let next = self.age(of: payload, in: list, at: now) {
                    age = (max(next.seconds, age?.seconds ?? 0), weaker(next.kind, age?.kind))
                } else {
                    isBound = true
                }
            } catch let failure {
                isBound = true
                // A message that is too long to be taken is none that anybody has to mend.
                if !replies.isTooLong(list.oldest) { error = error ?? failure }
            }
        }
        if isBound { age?.kind = .observed }
        return (age, error)
    }

    /// How long a message has been waiting for somebody to take it; `nil` of one that waits for its own time.
    private func age(
        of payload: [UInt8], in list: CeleryQueue.List, at now: Double
    ) -> (seconds: Double, kind: QueueMeasurement.AgeKind)? {
        // Also where more is known now: an event is forgotten some day.
        let observed = heads.age(of: payload, in: list.text) ?? 0
        let message = CeleryMessage(payload, timestampHeaders: options.timestampHeaders, now: now)
        let sinceDue = message?.eta.map { now - $0 } ?? .infinity
        guard sinceDue > 0 else { return nil }
        if let sent = message?.sent { return (max(0, min(now - sent, sinceDue)), .exact) }
        if let sent = message?.id.flatMap(sentTime) { return (max(0, min(now - sent, sinceDue)), .event) }
        return (min(observed, sinceDue), .observed)
    }

    private func weaker(
        _ kind: QueueMeasurement.AgeKind, _ other: QueueMeasurement.AgeKind?
    ) -> QueueMeasurement.AgeKind {
        let both = [kind, other]
        if both.contains(.observed) { return .observed }
        return both.contains(.event) ? .event : .exact
    }

    // MARK: - What workers have

    private func measureIndex(
        _ measurement: inout QueueMeasurement, _ index: inout TypedKey, _ replies: RedisReplies, at now: Double?
    ) throws(CollectorError) {
        let first = try index.reply(replies).elements
        guard !first.isEmpty else {
            measurement.overdue = 0
            return
        }
        guard let now, let oldest = first.last?.number else { return }
        measurement.oldestUnackedAge = max(0, now - oldest)
        if let count = overdue(index, replies) {
            measurement.overdue = Double(try replies.integer(count))
        } else {
            measurement.overdue = 0
        }
    }

    /// Counts what should have been given to another worker by now; `nil` where the oldest is not so old.
    private func overdue(_ index: TypedKey, _ replies: RedisReplies) -> RedisCommand? {
        guard let now = replies.serverTime, let oldest = (try? replies[index.read])?.elements.last?.number
        else { return nil }
        let limit = now - options.visibilityTimeout
        guard oldest < limit else { return nil }
        return RedisCommand("ZCOUNT", index.key.name, "-inf", "(\(limit)", database: database)
    }
}

/// A queue as one list for each priority step.
private struct CeleryQueue {
    /// The list of one step.
    struct List {
        var key: TypedKey
        /// Whether it had messages in this scrape, or the last one that has ended.
        var isBusy = false
        /// The same in the scrape before.
        var wasBusy = false

        /// The message that workers take next: producers put them in front.
        var oldest: RedisCommand {
            RedisCommand("LINDEX", key.key.name, -1, database: key.key.database, isOptional: true)
        }

        /// What it is known by where ages are observed.
        var text: String { key.key.text }

        func hasMessages(_ replies: RedisReplies) -> Bool {
            (try? replies.integer(key.read)).map { $0 > 0 } ?? false
        }
    }

    /// Its name as it is in keys.
    let bytes: [UInt8]
    /// Its name as a label has it.
    let name: String
    let labels: Labels
    var lists: [List]

    init(_ name: [UInt8], _ options: RedisQueueOptions.Celery, database: Int) {
        bytes = name
        self.name = String(decoding: name, as: UTF8.self)
        labels = ["queue_name": self.name]
        lists = Set(options.prioritySteps).sorted().map { step in
            // Kombu has no suffix for a step that is 0, wherever it stands among the steps.
            let suffix = step == 0 ? "" : "\(options.separator)\(step)"
            let key = Array(options.keyPrefix.utf8) + name + Array(suffix.utf8)
            return List(
                key: TypedKey(
                    RedisKey(database: database, name: key), "list", RedisCommand("LLEN", key, database: database)))
        }
    }

    /// How many messages are in all its lists.
    ///
    /// - Throws: Why it cannot be told of one of them: a part of a queue is not its length.
    mutating func length(_ replies: RedisReplies) throws(CollectorError) -> Int64 {
        var length: Int64 = 0
        var failure: CollectorError?
        for index in lists.indices {
            lists[index].wasBusy = lists[index].isBusy
            lists[index].isBusy = false
            do throws(CollectorError) {
                guard case .integer(let count) = try lists[index].key.reply(replies) else { continue }
                lists[index].isBusy = count > 0
                length += count
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return length
    }
}

/// A key that is read by a command of its type. Of another type, it would be an error in the server's own count at every
/// scrape, so its type is asked for until it was read once, and anew after a refusal.
private struct TypedKey {
    let key: RedisKey
    /// What reads it.
    let read: RedisCommand
    private let type: String
    /// Whether it was of that type, or not there, the last time.
    var isKnown = false

    init(_ key: RedisKey, _ type: String, _ read: RedisCommand) {
        self.key = key
        self.type = type
        self.read = read
    }

    private var question: RedisCommand {
        RedisCommand("TYPE", key.name, database: key.database, isOptional: true)
    }

    /// What to ask first.
    var first: RedisCommand { isKnown ? read : question }

    /// What to ask once there is the answer to the first; `nil` where that is all.
    func next(_ replies: RedisReplies) -> RedisCommand? {
        guard !isKnown, !replies.has(read), (try? check(replies)) != nil else { return nil }
        return read
    }

    /// What it was read to be.
    ///
    /// - Throws: Why it was not.
    mutating func reply(_ replies: RedisReplies) throws(CollectorError) -> RedisReply {
        if !isKnown { try check(replies) }
        do throws(CollectorError) {
            let reply = try replies[read]
            isKnown = true
            return reply
        } catch {
            isKnown = replies.refusal(of: read) == nil
            throw error
        }
    }

    /// A key that is not there may be of any type.
    private func check(_ replies: RedisReplies) throws(CollectorError) {
        let answer = try replies.text(question)
        guard answer == Array(type.utf8) || answer == Array("none".utf8) else {
            throw CollectorError(.internal, "a key that Celery has for a \(type) is something else (TYPE)")
        }
    }
}
