import NIOCore
import NIOPosix
import Scraping
import Synchronization

/// A connection of its own that listens to a channel: made anew, after a while, whenever it breaks.
final class Subscription: Sendable {
    /// What comes of it; called on the connection's event loop, one after the other.
    typealias Receiver = @Sendable (_ message: Message) -> Void

    /// What somebody published.
    enum Message: Sendable {
        case payload([UInt8])
        /// More bytes than are taken.
        case oversized
    }

    private struct State {
        var dialer: RedisDialer?
        var task: Task<Void, Never>?
        var channel: (any Channel)?
        var failure: CollectorError?
        var backOff = BackOff()
        var isSubscribed = false
        var interruptions: UInt64 = 0
        var isShutDown = false
    }

    private let command: RedisCommand
    private let pingInterval: TimeAmount
    private let receive: Receiver
    private let state = Mutex(State())
    /// Fires when the first try has come to something, or to nothing.
    private let firstTry = Signal()

    /// How long it may take to connect and to log in.
    private static let patience = Duration.seconds(5)
    /// For how long what was refused for good is not tried again, since a server counts and logs every refusal.
    private static let refusalInterval = Duration.seconds(600)

    /// - Parameters:
    ///   - command: `SUBSCRIBE` or `PSUBSCRIBE` with one channel.
    ///   - pingInterval: How often the server is asked whether it is still there. One that has not said anything for two of
    ///     these is not.
    init(_ command: RedisCommand, pingInterval: TimeAmount = .seconds(15), _ receive: @escaping Receiver) {
        self.command = command
        self.pingInterval = pingInterval
        self.receive = receive
    }

    /// Whether a connection is open at this moment.
    var isOpen: Bool { state.withLock { $0.channel?.isActive ?? false } }

    /// Why nothing is heard at this moment; `nil` where the channel is subscribed to.
    var failure: CollectorError? {
        state.withLock { state in
            state.isSubscribed ? nil : state.failure ?? CollectorError(.connection, "the subscription is not there yet")
        }
    }

    /// How often it has broken: what was published then, until it was there again, has not been heard.
    var interruptions: UInt64 { state.withLock { $0.interruptions } }

    /// Begins to listen, where it does not already, and waits for what comes of it the first time.
    ///
    /// - Parameter dialer: What to connect by from now on.
    func listen(by dialer: RedisDialer) async {
        state.withLock { state in
            state.dialer = dialer
            if state.task == nil, !state.isShutDown { state.task = Task { await self.keepListening() } }
        }
        await firstTry.wait(until: Deadline(after: Self.patience))
    }

    /// Closes the connection for good.
    func shutdown() async {
        let (task, channel) = state.withLock { state in
            state.isShutDown = true
            return (state.task, state.channel)
        }
        task?.cancel()
        channel?.abort()
        await task?.value
    }

    private func keepListening() async {
        while !Task.isCancelled, let dialer = state.withLock({ $0.dialer }) {
            let failure = await listenOnce(by: dialer)
            let channel = state.withLock { state in
                if state.isSubscribed { state.interruptions += 1 }
                state.isSubscribed = false
                state.failure = failure.at(dialer.settings.address)
                state.backOff.fail(failure)
                defer { state.channel = nil }
                return state.channel
            }
            channel?.abort()
            try? await channel?.closeFuture.get()
            firstTry.fire()
            if failure.reason == .permission || failure.reason == .unsupportedVersion {
                try? await Task.sleep(for: Self.refusalInterval)
            }
            while !Task.isCancelled, state.withLock({ (try? $0.backOff.check()) == nil }) {
                try? await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    /// Listens until it breaks.
    ///
    /// - Returns: Why it broke.
    private func listenOnce(by dialer: RedisDialer) async -> CollectorError {
        let deadline = Deadline(after: Self.patience)
        do {
            let channel = try await dialer.open(until: deadline)
            let isShutDown = state.withLock { state in
                state.channel = channel
                return state.isShutDown
            }
            if isShutDown { channel.abort() }
            try await logIn(on: channel, dialer.settings, until: deadline)
            let (subscribed, ended) = try await subscribe(on: channel)
            try await subscribed.get()
            state.withLock { state in
                state.isSubscribed = true
                state.backOff.succeed()
            }
            firstTry.fire()
            return try await ended.get()
        } catch {
            return CollectorError(connection: error)
        }
    }

    private func logIn(
        on channel: any Channel, _ settings: RedisSettings, until deadline: Deadline
    ) async throws(CollectorError) {
        var commands: [RedisCommand] = []
        if let authentication = try settings.authentication() { commands.append(authentication) }
        // Where it may not, nothing is lost.
        if settings.options.setsClientName { commands.append(RedisCommand("CLIENT SETNAME", "stack-exporter")) }
        let pipeline = Pipeline(commands)
        let answer = await channel.exchange(pipeline, until: deadline)
        let replies = try pipeline.match(answer.replies, failure: answer.failure).replies
        try replies.check()
    }

    /// Takes the connection over from the handler of pipelines, which sees nothing from now on.
    private func subscribe(
        on channel: any Channel
    ) async throws -> (subscribed: EventLoopFuture<Void>, ended: EventLoopFuture<CollectorError>) {
        try await channel.eventLoop.submit { [command, pingInterval, receive] in
            let pipeline = channel.pipeline.syncOperations
            let last = try pipeline.context(handlerType: PipelineHandler.self).handler
            let handler = try SubscriptionHandler(
                command, on: channel.eventLoop, pingInterval: pingInterval, receive: receive)
            do {
                try pipeline.addHandler(handler, position: .before(last))
            } catch {
                handler.end(CollectorError(connection: error))
            }
            return (handler.subscribed, handler.ended)
        }.get()
    }
}

/// Subscribes to a channel, hands on what is published there, and sees that the server is still there.
private final class SubscriptionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// The most bytes of a message.
    private static let maximumBytes = 1 << 20

    /// Succeeds when the server has taken the subscription.
    let subscribed: EventLoopFuture<Void>
    /// Why it is over.
    let ended: EventLoopFuture<CollectorError>

    private let command: RedisCommand
    private let pingInterval: TimeAmount
    private let receive: Subscription.Receiver
    private let isSubscribed: EventLoopPromise<Void>
    private let hasEnded: EventLoopPromise<CollectorError>
    private var reader: SubscriptionReader
    private var hasHeard = true
    private var isListening = false
    private var mayPing = true
    private var timer: RepeatedTask?

    init(
        _ command: RedisCommand, on eventLoop: any EventLoop, pingInterval: TimeAmount,
        receive: @escaping Subscription.Receiver
    ) throws(CollectorError) {
        reader = try SubscriptionReader(limit: Self.maximumBytes)
        self.command = command
        self.pingInterval = pingInterval
        self.receive = receive
        isSubscribed = eventLoop.makePromise()
        hasEnded = eventLoop.makePromise()
        subscribed = isSubscribed.futureResult
        ended = hasEnded.futureResult
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let channel = context.channel
        timer = context.eventLoop.scheduleRepeatedTask(initialDelay: pingInterval, delay: pingInterval) { _ in
            bound.value.tick(channel)
        }
        send(command, on: channel)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end(CollectorError(.connection, "the server closed the connection"))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        hasHeard = true
        do throws(CollectorError) {
            try reader.feed(unwrapInboundIn(data))
            while let frame = try reader.next() {
                switch frame {
                case .message(let payload): receive(.payload(payload))
                case .oversized: receive(.oversized)
                case .subscribed:
                    isListening = true
                    isSubscribed.succeed()
                // The server is there, and should not have to refuse it again.
                case .error where isListening: mayPing = false
                case .error(let text): throw CollectorError(text, to: command)
                case .other: break
                }
            }
        } catch {
            end(error)
            context.channel.abort()
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(CollectorError(connection: error))
        context.channel.abort()
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(CollectorError(.connection, "the server closed the connection"))
        context.fireChannelInactive()
    }

    /// Says why it is over; the first reason counts.
    func end(_ error: CollectorError) {
        timer?.cancel()
        timer = nil
        isSubscribed.fail(error)
        hasEnded.succeed(error)
    }

    private func tick(_ channel: any Channel) {
        guard mayPing else { return }
        guard hasHeard else {
            end(CollectorError(.timeout, "the server does not answer PING"))
            channel.abort()
            return
        }
        hasHeard = false
        send(RedisCommand("PING"), on: channel)
    }

    private func send(_ command: RedisCommand, on channel: any Channel) {
        // From the end of the pipeline a command would come through the handler of pipelines.
        guard let context = try? channel.pipeline.syncOperations.context(handler: self) else { return }
        context.writeAndFlush(NIOAny(ByteBuffer(bytes: command.wire)), promise: nil)
    }
}
