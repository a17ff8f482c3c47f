import NIOCore
import NIOPosix
import NIOSSL
import Scraping
import Synchronization

/// Opens connections to a server, over TCP, TLS or a socket.
struct RedisDialer: Sendable {
    /// Where the connections lead.
    let settings: RedisSettings
    /// Who knows where the server is; `nil` where the address says it.
    let sentinels: RedisSentinels?
    private let group: any EventLoopGroup

    init(_ settings: RedisSettings, group: any EventLoopGroup) {
        self.settings = settings
        self.group = group
        sentinels = RedisSentinels(settings, group: group)
    }

    /// One that leads to another server with the same login.
    func leading(to address: RedisSettings.Address) -> RedisDialer {
        var settings = settings
        settings.address = address
        return RedisDialer(settings, group: group)
    }

    /// A channel that is ready for pipelines.
    ///
    /// - Throws: Why there is none; a ``CollectorError``, or what NIO says.
    func open(until deadline: Deadline) async throws -> any Channel {
        let address = try await sentinels?.master(until: deadline) ?? settings.address
        return try await open(address, until: deadline)
    }

    /// The same at an address that is known.
    func open(_ address: RedisSettings.Address, until deadline: Deadline) async throws -> any Channel {
        let readiness = Readiness()
        let connecting = try connect(to: address, until: deadline, readiness)
        let ready = connecting.flatMap { channel in readiness.of(channel).map { channel } }
        do {
            return try await ready.value(until: deadline)
        } catch {
            // Nobody waits for it any more, if it still comes.
            connecting.whenSuccess { $0.abort() }
            throw error
        }
    }

    /// A channel with its handlers, connected but not yet ready.
    private func connect(
        to address: RedisSettings.Address, until deadline: Deadline, _ readiness: Readiness
    ) throws -> EventLoopFuture<any Channel> {
        // Files are read at every connect, so that certificates can be renewed.
        let tls = try settings.tls.map { ($0, try $0.context()) }
        let host = address.host
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
        return switch address {
        case .tcp(let host, let port): bootstrap.connect(host: host, port: port)
        case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
        case .master: throw CollectorError(.internal, "a master's address is not known before a sentinel is asked")
        }
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
    func abort() {
        eventLoop.execute {
            if let tls = try? self.pipeline.syncOperations.context(handlerType: NIOSSLClientHandler.self) {
                tls.close(promise: nil)
            } else {
                self.close(promise: nil)
            }
        }
    }

    /// Sends commands in one piece and waits for the replies.
    ///
    /// - Returns: All replies; or those that came before the deadline, before the task was cancelled or before the
    ///   connection failed, and why they are not all. The channel is of no use then.
    func exchange(_ pipeline: Pipeline, until deadline: Deadline) async -> PipelineHandler.Answer {
        guard pipeline.count > 0 else { return PipelineHandler.Answer(replies: []) }
        let answer = eventLoop.makePromise(of: PipelineHandler.Answer.self)
        let request = PipelineHandler.Request(bytes: pipeline.encoded, count: pipeline.count, answer: answer)
        // Where the channel is closed already, the request does not come as far as its handler.
        writeAndFlush(request).whenFailure {
            answer.succeed(PipelineHandler.Answer(replies: [], failure: CollectorError(connection: $0)))
        }
        let timer = eventLoop.scheduleTask(in: .milliseconds(Int64(deadline.remainingMilliseconds))) { self.giveUp() }
        defer { timer.cancel() }
        return await withTaskCancellationHandler {
            (try? await answer.futureResult.get()) ?? PipelineHandler.Answer(replies: [], failure: .late)
        } onCancel: {
            giveUp()
        }
    }

    private func giveUp() {
        // Behind the request: where its time is up at once, it may still be on its way to the event loop, and nobody would
        // end it after that.
        eventLoop.execute { self.triggerUserOutboundEvent(PipelineHandler.GiveUp(), promise: nil) }
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
