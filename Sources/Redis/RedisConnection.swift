import NIOCore
import Scraping
import Synchronization

/// The one connection to a server: opened when it is first needed, kept between scrapes, made anew after a failure.
///
/// Scrapes and what runs between them take turns on it.
final class RedisConnection: Sendable {
    private struct State {
        var channel: (any Channel)?
        var facts = RedisFacts()
        var database = 0
        var capabilities = Capabilities()
        /// Those of the exporter itself, over this and all connections before.
        var lookups = Lookups()
        var backOff = BackOff()
        var connectDuration = Duration.zero
        /// Fires when whoever is on the connection has done with it.
        var turn: Signal?
        var isShutDown = false
    }

    private let dialer: RedisDialer
    private let state = Mutex(State())

    private var settings: RedisSettings { dialer.settings }

    init(_ dialer: RedisDialer) {
        self.dialer = dialer
    }

    /// What is known of the server, which is nothing before the first connection.
    var facts: RedisFacts {
        state.withLock { $0.facts }
    }

    /// Whether a connection is open at this moment.
    var isOpen: Bool {
        state.withLock { $0.channel?.isActive ?? false }
    }

    /// How long the last scrape had to wait for a connection; zero where there was one.
    var connectDuration: Duration {
        state.withLock { $0.connectDuration }
    }

    /// What kind of server it is, as it said when the connection was opened, which is done here where it is not open.
    ///
    /// - Throws: Why there is no connection.
    func facts(until deadline: Deadline) async throws(CollectorError) -> RedisFacts {
        state.withLock { $0.connectDuration = .zero }
        try await inTurn(until: deadline) { _ in }
        return state.withLock { $0.facts }
    }

    /// Takes in what the server says of itself now. Where it should be a master and is one no more, after a failover, the
    /// connection is closed, so that the next one leads to the new master.
    func learn(_ facts: RedisFacts) {
        let misleading = state.withLock { state -> (any Channel)? in
            state.facts = facts
            guard dialer.sentinels != nil, facts.isReplica else { return nil }
            defer { state.channel = nil }
            return state.channel
        }
        misleading?.abort()
    }

    /// How long the server takes to answer a `PING`.
    ///
    /// - Returns: `nil` where the user may not do that.
    /// - Throws: Why there is no answer.
    func ping(until deadline: Deadline) async throws(CollectorError) -> Duration? {
        let ping = RedisCommand("PING", isOptional: true)
        return try await inTurn(until: deadline) { channel throws(CollectorError) in
            guard self.state.withLock({ $0.capabilities.refusal(of: ping) }) == nil else { return nil }
            let start = ContinuousClock.now
            let replies = try await self.exchange([ping], on: channel, until: deadline)
            return replies.refusal(of: ping) == nil ? start.duration(to: .now) : nil
        }
    }

    /// Sends commands in one piece and waits for all replies.
    ///
    /// Optional commands that the server does not have, or refused a short time ago, are not sent; their reply is a refusal.
    /// Where some replies do not come, the connection is closed: what was under way on it cannot be told from what comes
    /// next.
    ///
    /// - Parameter commands: Each once.
    /// - Throws: Why there are no replies at all; a refusal of one command is its reply.
    func run(_ commands: [RedisCommand], until deadline: Deadline) async throws(CollectorError) -> RedisReplies {
        try await inTurn(until: deadline) { channel throws(CollectorError) in
            let (names, facts) = self.state.withLock { ($0.capabilities.unknown(among: commands), $0.facts) }
            if !names.isEmpty {
                let question = Capabilities.question(about: names, of: facts)
                let replies = try await self.exchange([question], on: channel, until: deadline)
                try replies.check()
                let reply = (try? replies[question]) ?? .null
                self.state.withLock { $0.capabilities.learn(names, from: reply) }
            }
            let refusals = self.state.withLock { state in
                commands.compactMap { command in state.capabilities.refusal(of: command).map { (command, $0) } }
            }
            let refused = Set(refusals.map(\.0))
            let sent = refused.isEmpty ? commands : commands.filter { !refused.contains($0) }
            var replies = try await self.exchange(sent, on: channel, until: deadline)
            for (command, reply) in refusals { replies.add(reply, to: command) }
            return replies
        }
    }

    /// Closes the connection for good.
    func shutDown() async {
        let channel = state.withLock { state in
            state.isShutDown = true
            return state.channel
        }
        channel?.abort()
        try? await channel?.closeFuture.get()
    }

    /// Waits for its turn and for a connection, and does the work on it.
    private func inTurn<Result>(
        until deadline: Deadline, _ work: (any Channel) async throws(CollectorError) -> Result
    ) async throws(CollectorError) -> Result {
        let turn = try await takeTurn(until: deadline)
        defer {
            state.withLock { $0.turn = nil }
            turn.fire()
        }
        let channel = try await open(until: deadline)
        return try await work(channel)
    }

    private func takeTurn(until deadline: Deadline) async throws(CollectorError) -> Signal {
        let own = Signal()
        while true {
            let other = try state.withLock { state throws(CollectorError) -> Signal? in
                if state.isShutDown { throw CollectorError(.connection, "the exporter is shutting down") }
                if let turn = state.turn { return turn }
                try state.backOff.check()
                state.turn = own
                return nil
            }
            guard let other else { return own }
            guard await other.wait(until: deadline), !Task.isCancelled else { throw .late }
        }
    }

    /// The channel that is open, or else a new one that has logged in.
    private func open(until deadline: Deadline) async throws(CollectorError) -> any Channel {
        let kept = state.withLock { state in
            state.channel.flatMap { $0.isActive ? $0 : nil }
        }
        if let kept { return kept }

        let start = ContinuousClock.now
        defer {
            let duration = start.duration(to: .now)
            state.withLock { $0.connectDuration = duration }
        }
        let deadline = settings.connectTimeout.map { deadline.limited(to: $0) } ?? deadline
        do throws(CollectorError) {
            guard let sentinels = dialer.sentinels else {
                return try await open(settings.address, until: deadline)
            }
            return try await openMaster(of: sentinels, until: deadline)
        } catch {
            throw failed(error)
        }
    }

    /// The same for the server that sentinels name, as far as it is a master: a sentinel that has been cut off from the
    /// others does not know of a failover.
    private func openMaster(
        of sentinels: RedisSentinels, until deadline: Deadline
    ) async throws(CollectorError) -> any Channel {
        var tried: Set<RedisSettings.Address> = []
        var last = CollectorError.late
        while let master = try await sentinels.master(otherThan: tried, until: deadline) {
            tried.insert(master)
            do throws(CollectorError) {
                let isLast = sentinels.count == tried.count
                let channel = try await open(
                    master, until: isLast ? deadline : deadline.limited(to: deadline.remaining / 2))
                if !facts.isReplica { return channel }
                channel.abort()
                last = CollectorError(.connection, "\(master): a replica, which a sentinel takes for the master")
            } catch {
                last = error.at(master)
            }
        }
        throw last
    }

    /// A new channel to a server, which has logged in.
    ///
    /// - Throws: Why there is none; the channel is closed then.
    private func open(
        _ address: RedisSettings.Address, until deadline: Deadline
    ) async throws(CollectorError) -> any Channel {
        let channel: any Channel
        do {
            channel = try await dialer.open(address, until: deadline)
        } catch {
            throw CollectorError(connection: error)
        }
        let isShutDown = state.withLock { state in
            state.channel = channel
            state.database = 0
            return state.isShutDown
        }
        if isShutDown { channel.abort() }
        do throws(CollectorError) {
            try await greet(on: channel, until: deadline)
        } catch {
            channel.abort()
            throw error
        }
        return channel
    }

    /// Logs in, says who we are and learns who the server is.
    private func greet(on channel: any Channel, until deadline: Deadline) async throws(CollectorError) {
        var commands: [RedisCommand] = []
        if let authentication = try settings.authentication() { commands.append(authentication) }
        // Where it may not, nothing is lost.
        if settings.options.setsClientName { commands.append(RedisCommand("CLIENT SETNAME", "stack-exporter")) }
        commands.append(.info)
        let pipeline = Pipeline(commands)
        let answer = await channel.exchange(pipeline, until: deadline)
        if let failure = answer.failure { throw failure }
        let replies = try pipeline.match(answer.replies).replies
        let facts = (try? replies.info).map { RedisFacts($0) } ?? RedisFacts()
        state.withLock { state in
            state.facts = facts
            state.capabilities.meet(facts)
            state.backOff.succeed()
        }
    }

    /// One pipeline, with what it tells noted.
    private func exchange(
        _ commands: [RedisCommand], on channel: any Channel, until deadline: Deadline
    ) async throws(CollectorError) -> RedisReplies {
        let pipeline = Pipeline(commands, database: state.withLock { $0.database })
        let answer = await channel.exchange(pipeline, until: deadline)
        let failure = answer.failure.map(failed)
        if let failure, answer.replies.isEmpty { throw failure }
        do throws(CollectorError) {
            var outcome = try pipeline.match(answer.replies, failure: failure)
            state.withLock { state in
                state.database = outcome.database
                outcome.replies.note(state.lookups)
                state.lookups = state.lookups + outcome.lookups
                for command in commands where command.isOptional {
                    if let reply = outcome.replies.refusal(of: command) { state.capabilities.note(reply, to: command) }
                }
                if failure == nil { state.backOff.succeed() }
            }
            return outcome.replies
        } catch {
            throw failed(error)
        }
    }

    /// Closes the connection and keeps it from being tried again at once.
    ///
    /// - Returns: The failure, with the address.
    private func failed(_ cause: CollectorError) -> CollectorError {
        let error = cause.at(settings.address)
        let channel = state.withLock { state in
            defer { state.channel = nil }
            state.backOff.fail(error)
            return state.channel
        }
        channel?.abort()
        return error
    }
}
