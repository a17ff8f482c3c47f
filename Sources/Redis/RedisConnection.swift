import NIOCore
import NIOPosix
import NIOSSL
import Scraping
import Synchronization

/// The one connection to a server: opened when it is first needed, kept between scrapes, made anew after a failure.
final class RedisConnection: Sendable {
    private struct State {
        var channel: (any Channel)?
        var session = Session()
        var backOff = BackOff()
        var connectDuration = Duration.zero
        var isBusy = false
        var isShutDown = false
    }

    private let settings: RedisSettings
    private let group: any EventLoopGroup
    private let state = Mutex(State())

    init(_ settings: RedisSettings, group: any EventLoopGroup) {
        self.settings = settings
        self.group = group
    }

    /// Whether a connection is open at this moment.
    var isOpen: Bool {
        state.withLock { $0.channel?.isActive ?? false }
    }

    /// How long the last pipeline had to wait for a connection; zero where there was one.
    var connectDuration: Duration {
        state.withLock { $0.connectDuration }
    }

    /// Sends commands in one piece and waits for all replies.
    ///
    /// When this throws, the connection is closed: what was under way on it cannot be told from what comes next.
    ///
    /// - Parameter commands: Each once, at least one.
    /// - Throws: Why there are no replies at all; a refusal of one command is its reply.
    func run(_ commands: [RedisCommand], until deadline: Deadline) async throws(CollectorError) -> RedisReplies {
        try begin()
        do {
            let (channel, session) = try await open(until: deadline)
            let authentication = session.isFresh ? try settings.authentication() : nil
            let pipeline = Pipeline(commands, session: session, authentication: authentication)
            let received = try await exchange(pipeline, on: channel, until: deadline)
            let (replies, next) = try pipeline.match(received)
            state.withLock { state in
                state.session = next
                state.backOff.succeed()
                state.isBusy = false
            }
            return replies
        } catch {
            let cause = CollectorError(connection: error)
            let error = CollectorError(cause.reason, "\(settings.address): \(cause.detail)")
            let channel = state.withLock { state in
                defer { state.channel = nil }
                state.backOff.fail(error)
                state.isBusy = false
                return state.channel
            }
            channel?.abort()
            throw error
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

    private func begin() throws(CollectorError) {
        try state.withLock { state throws(CollectorError) in
            if state.isShutDown { throw CollectorError(.connection, "the exporter is shutting down") }
            if state.isBusy { throw CollectorError(.timeout, "the scrape before this one has not come to an end") }
            try state.backOff.check()
            state.isBusy = true
            state.connectDuration = .zero
        }
    }

    /// The channel that is open, or else a new one that is ready.
    private func open(until deadline: Deadline) async throws -> (any Channel, Session) {
        let kept = state.withLock { state in
            state.channel.flatMap { $0.isActive ? ($0, state.session) : nil }
        }
        if let kept { return kept }

        let start = ContinuousClock.now
        defer {
            let duration = start.duration(to: .now)
            state.withLock { $0.connectDuration = duration }
        }
        let readiness = Readiness()
        let connecting = try connect(until: deadline, readiness)
        let ready = connecting.flatMap { channel in readiness.of(channel).map { channel } }
        let channel: any Channel
        do {
            channel = try await ready.value(until: deadline)
        } catch {
            // Nobody waits for it any more, if it still comes.
            connecting.whenSuccess { $0.abort() }
            throw error
        }
        let isShutDown = state.withLock { state in
            state.channel = channel
            state.session = Session()
            return state.isShutDown
        }
        if isShutDown { channel.abort() }
        return (channel, Session())
    }

    /// A channel with its handlers, connected but not yet ready.
    private func connect(until deadline: Deadline, _ readiness: Readiness) throws -> EventLoopFuture<any Channel> {
        // Files are read at every connect, so that certificates can be renewed.
        let tls = try settings.tls.map { ($0, try $0.context()) }
        let host = settings.address.host
        let bootstrap = ClientBootstrap(group: group)
            .connectTimeout(.milliseconds(Int64(deadline.remainingMilliseconds)))
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let (tls, context) = tls {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: context, serverHostname: tls.name(ofServerAt: host)))
                    }
                    let handler = try PipelineHandler(on: channel.eventLoop, isEncrypted: tls != nil)
                    readiness.add(handler.ready, of: channel)
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
        return switch settings.address {
        case .tcp(let host, let port): bootstrap.connect(host: host, port: port)
        case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
        }
    }

    private func exchange(
        _ pipeline: Pipeline, on channel: any Channel, until deadline: Deadline
    ) async throws -> [RedisReply] {
        let answer = channel.eventLoop.makePromise(of: [RedisReply].self)
        do {
            let request = PipelineHandler.Request(bytes: try pipeline.encoded(), count: pipeline.count, answer: answer)
            // Where the channel is closed already, the request does not come as far as its handler.
            channel.writeAndFlush(request).whenFailure { answer.fail($0) }
        } catch {
            answer.fail(error)
        }
        return try await answer.futureResult.value(until: deadline)
    }
}

/// When each of the channels that are tried is ready, or why it never will be.
///
/// It is not asked of the channel's handler, because a handshake can fail, and the handler be gone, before the connecting
/// is known to have succeeded.
private final class Readiness: Sendable {
    private let futures = Mutex<[ObjectIdentifier: EventLoopFuture<Void>]>([:])

    func add(_ future: EventLoopFuture<Void>, of channel: any Channel) {
        futures.withLock { $0[ObjectIdentifier(channel)] = future }
    }

    func of(_ channel: any Channel) -> EventLoopFuture<Void> {
        futures.withLock { $0[ObjectIdentifier(channel)] }
            ?? channel.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
    }
}

extension Channel {
    /// Closes at once. TLS would wait for the other side's farewell, which a server that hangs does not send.
    fileprivate func abort() {
        eventLoop.execute {
            if let tls = try? self.pipeline.syncOperations.context(handlerType: NIOSSLClientHandler.self) {
                tls.close(promise: nil)
            } else {
                self.close(promise: nil)
            }
        }
    }
}

extension EventLoopFuture where Value: Sendable {
    /// The value, where it is there by the deadline and before the task is cancelled.
    ///
    /// - Throws: ``CollectorError/late``, or what the future fails with.
    fileprivate func value(until deadline: Deadline) async throws -> Value {
        // Of several results, a promise takes the first.
        let first = eventLoop.makePromise(of: Value.self)
        cascade(to: first)
        let timer = eventLoop.scheduleTask(in: .milliseconds(Int64(deadline.remainingMilliseconds))) {
            first.fail(CollectorError.late)
        }
        defer { timer.cancel() }
        return try await withTaskCancellationHandler {
            try await first.futureResult.get()
        } onCancel: {
            first.fail(CollectorError.late)
        }
    }
}
