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
        let end = HTTP2ConnectionEnd(limits)
        let frames = NIOHTTP2Handler(
            mode: .server, eventLoop: channel.eventLoop, connectionConfiguration: connection,
            streamDelegate: HTTP2StreamCount(end: NIOLoopBound(end, eventLoop: channel.eventLoop))
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                try stream.pipeline.syncOperations.addHandler(HTTP2FramePayloadToHTTP1ServerCodec())
                try addRequests(stream)
            }
        }
        try channel.pipeline.syncOperations.addHandlers([frames, end])
    }
}

/// Ends a connection that has no streams for too long, and one that drains once it has none.
private final class HTTP2ConnectionEnd: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    private let limits: WebSettings.Limits
    private var openStreams = 0
    private var lastStream = HTTP2StreamID.rootStream
    private var isEnding = false
    private var timer: Scheduled<Void>?
    private var context: ChannelHandlerContext?

    init(_ limits: WebSettings.Limits) {
        self.limits = limits
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        startTimer(limits.readTimeout, context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
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

    func streamCreated(_ id: HTTP2StreamID) {
        openStreams += 1
        lastStream = max(lastStream, id)
        if !isEnding { timer?.cancel() }
    }

    func streamClosed() {
        openStreams -= 1
        guard openStreams == 0, let context else { return }
        if isEnding {
            close(context)
        } else {
            startTimer(limits.idleTimeout, context)
        }
    }

    private func end(_ context: ChannelHandlerContext) {
        guard !isEnding else { return }
        isEnding = true
        let farewell = HTTP2Frame(
            streamID: .rootStream, payload: .goAway(lastStreamID: lastStream, errorCode: .noError, opaqueData: nil))
        context.writeAndFlush(wrapOutboundOut(farewell), promise: nil)
        if openStreams == 0 { close(context) }
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

/// Tells of streams as they come and go.
private struct HTTP2StreamCount: NIOHTTP2StreamDelegate {
    let end: NIOLoopBound<HTTP2ConnectionEnd>

    func streamCreated(_ id: HTTP2StreamID, channel: any Channel) { end.value.streamCreated(id) }

    func streamClosed(_ id: HTTP2StreamID, channel: any Channel) { end.value.streamClosed() }
}
