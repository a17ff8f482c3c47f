import NIOCore
import NIOTLS
import Scraping

/// Writes one pipeline at a time and answers it when all its replies are there.
///
/// What the server sends against the protocol, or beyond the limit, closes the channel.
final class PipelineHandler: ChannelDuplexHandler {
    /// A pipeline on its way.
    struct Request: Sendable {
        let bytes: ByteBuffer
        /// How many replies it will have, at least one.
        let count: Int
        let answer: EventLoopPromise<Answer>
    }

    /// What came of a pipeline.
    struct Answer: Sendable {
        /// In the order of the commands; fewer than these where something failed.
        let replies: [RedisReply]
        /// Why they are not all there; the channel is closed then.
        private(set) var failure: CollectorError? = nil
    }

    /// Ends the pipeline under way, with what has come, and closes the channel.
    struct GiveUp: Sendable {}

    typealias InboundIn = ByteBuffer
    typealias OutboundIn = Request
    typealias OutboundOut = ByteBuffer

    /// Succeeds when pipelines may be sent: when the channel is connected and, with TLS, the server has been verified.
    let ready: EventLoopFuture<Void>

    private let isReady: EventLoopPromise<Void>
    private let isEncrypted: Bool
    private var reader: ReplyReader
    private var request: Request?
    private var replies: [RedisReply] = []

    /// - Parameter isEncrypted: Whether there is a TLS handler before this one.
    /// - Throws: `internal`, where there is no memory left.
    init(
        on eventLoop: any EventLoop,
        isEncrypted: Bool = false,
        limit: ReplyLimit = ReplyLimit()
    ) throws(CollectorError) {
        reader = try ReplyReader(limit: limit)
        self.isEncrypted = isEncrypted
        isReady = eventLoop.makePromise()
        ready = isReady.futureResult
    }

    func channelActive(context: ChannelHandlerContext) {
        if !isEncrypted { isReady.succeed() }
        context.fireChannelActive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted = event { isReady.succeed() }
        context.fireUserInboundEventTriggered(event)
    }

    /// A channel that comes to nothing, such as the slower one of two addresses, is closed without having been active.
    func handlerRemoved(context: ChannelHandlerContext) {
        isReady.fail(ChannelError.ioOnClosedChannel)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let request = unwrapOutboundIn(data)
        guard self.request == nil else {
            request.answer.succeed(
                Answer(replies: [], failure: CollectorError(.internal, "two pipelines at a time on one connection")))
            return
        }
        self.request = request
        replies.reserveCapacity(request.count)
        reader.beginPipeline()
        context.write(wrapOutboundOut(request.bytes), promise: promise)
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is GiveUp else {
            context.triggerUserOutboundEvent(event, promise: promise)
            return
        }
        guard request != nil else { return }
        end(.late)
        // Not by way of TLS, which would wait for the other side's farewell.
        context.channel.abort()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        do throws(CollectorError) {
            try read(buffer)
        } catch {
            end(error)
            context.close(promise: nil)
        }
    }

    private func read(_ buffer: ByteBuffer) throws(CollectorError) {
        try reader.feed(buffer)
        while let reply = try reader.next() {
            if reply == .outOfBand { continue }
            replies.append(reply)
            guard let request else {
                throw CollectorError(.internal, "the server sent a reply that nothing asked for")
            }
            if replies.count == request.count { end(nil) }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        isReady.fail(error)
        end(CollectorError(connection: error))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(farewell ?? CollectorError(.connection, "the server closed the connection"))
        context.fireChannelInactive()
    }

    /// What a server says that turns a client away (too many clients, protected mode) before it closes.
    private var farewell: CollectorError? {
        guard case .error(let text) = replies.last else { return nil }
        let error = CollectorError(text, to: RedisCommand("connecting"))
        return error.reason == .connection || error.reason == .authentication ? error : nil
    }

    private func end(_ failure: CollectorError?) {
        let answer = request?.answer
        let replies = replies
        request = nil
        self.replies = []
        answer?.succeed(Answer(replies: replies, failure: failure))
    }
}
