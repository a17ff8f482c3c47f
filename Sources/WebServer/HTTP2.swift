import Configuration
import NIOCore
import NIOHTTP2

/// HTTP/2, for a client that chose it in the TLS handshake: each stream is a connection with one request.
enum HTTP2 {
    /// What it is called in a handshake.
    static let name = "h2"

    /// - Parameter addRequests: Adds what answers a stream as if it were HTTP/1.1.
    static func configure(
        _ channel: any Channel, _ limits: WebSettings.Limits,
        addRequests: @escaping @Sendable (any Channel) throws -> Void
    ) throws {
        var connection = NIOHTTP2Handler.ConnectionConfiguration()
        connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: limits.streams),
            HTTP2Setting(parameter: .maxHeaderListSize, value: limits.headBytes),
        ]
        // Answers to pings and the like, which wait where the client does not read.
        connection.maximumBufferedControlFrames = 200
        let streams = HTTP2Streams(limits)
        let bound = NIOLoopBound(streams, eventLoop: channel.eventLoop)
        let frames = NIOHTTP2Handler(
            mode: .server, eventLoop: channel.eventLoop, connectionConfiguration: connection
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                guard try bound.value.admit(stream) else {
                    return try stream.pipeline.syncOperations.addHandler(HTTP2Refusal())
                }
                try stream.pipeline.syncOperations.addHandler(HTTP2FramePayloadToHTTP1ServerCodec())
                try addRequests(stream)
            }
        }
        try channel.pipeline.syncOperations.addHandlers([frames, streams])
    }
}

/// The streams of a connection: no more than the limit at one time. Without any for too long, or once it drains, the
/// connection ends.
private final class HTTP2Streams: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    private let limits: WebSettings.Limits
    private var open = 0
    private var last = HTTP2StreamID.rootStream
    private var isEnding = false
    private var timer: Scheduled<Void>?
    private var context: ChannelHandlerContext?

    init(_ limits: WebSettings.Limits) {
        self.limits = limits
    }

    /// Counts a stream until it closes.
    ///
    /// - Returns: Whether it is not one too many. It is where a client has not read our settings yet, or does not mind them.
    func admit(_ stream: any Channel) throws -> Bool {
        guard open < limits.streams else { return false }
        open += 1
        if let id = try stream.syncOptions?.getOption(HTTP2StreamChannelOptions.streamID) { last = max(last, id) }
        timer?.cancel()
        stream.closeFuture.assumeIsolated().whenComplete { _ in self.streamClosed() }
        return true
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        startTimer(limits.readTimeout, context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        self.context = nil
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent { end(context) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Of one stream, which its own handlers have been told of.
        if error is NIOHTTP2Errors.StreamError { return }
        context.close(promise: nil)
    }

    private func streamClosed() {
        open -= 1
        guard open == 0, let context else { return }
        if isEnding {
            close(context)
        } else {
            startTimer(limits.idleTimeout, context)
        }
    }

    /// Takes no further stream, and closes with the last one.
    private func end(_ context: ChannelHandlerContext) {
        guard !isEnding else { return }
        isEnding = true
        let farewell = HTTP2Frame(
            streamID: .rootStream, payload: .goAway(lastStreamID: last, errorCode: .noError, opaqueData: nil))
        context.writeAndFlush(wrapOutboundOut(farewell), promise: nil)
        if open == 0 { close(context) }
    }

    /// Closes when what the last stream has written has been flushed.
    private func close(_ context: ChannelHandlerContext) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.eventLoop.execute { bound.value.close(promise: nil) }
    }

    private func startTimer(_ timeout: Duration, _ context: ChannelHandlerContext) {
        timer?.cancel()
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(timeout)) { self.end(context) }
    }
}

/// Ends a stream before anything is done with it, in the way that lets a client try again.
private final class HTTP2Refusal: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(.rstStream(.refusedStream)), promise: nil)
    }
}
