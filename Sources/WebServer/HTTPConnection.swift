import Configuration
import Logging
import NIOCore
import NIOHTTP1

/// Serves one connection: reads a request, has it answered in a task of its own, writes the answer, and begins anew.
///
/// It lives on the connection's event loop. Every phase has its own end by a timer, however its client drips or dawdles,
/// but for the answering itself, which is no client's doing. Requests come one by one: the pipeline handler before it
/// holds the next one back until this one's answer has been written.
final class HTTPConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum Phase {
        /// Nothing of a request has come.
        case idle
        /// A request is coming; its head is `nil` until it is complete.
        case reading(HTTPRequestHead?, bodyBytes: Int)
        case answering(Task<Void, Never>)
        case writing
        /// Nothing more is said, and nothing more is listened to.
        case closing
    }

    private let router: Router
    private let connections: Connections
    private let limits: WebSettings.Limits
    private let isStream: Bool
    private let log: Logger
    private var phase = Phase.idle
    private var timer: Scheduled<Void>?

    /// - Parameter isStream: Whether it is one request of an HTTP/2 connection, which it ends with.
    init(
        router: Router, connections: Connections, limits: WebSettings.Limits, isStream: Bool = false, log: Logger
    ) {
        self.router = router
        self.connections = connections
        self.limits = limits
        self.isStream = isStream
        self.log = log
    }

    func handlerAdded(context: ChannelHandlerContext) {
        // Not the patience of a connection that is kept alive: whoever connects has something to ask.
        startTimer(limits.readTimeout, context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        if case .answering(let task) = phase { task.cancel() }
        phase = .closing
        connections.note(.waiting, on: context.channel)
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (unwrapInboundIn(data), phase) {
        case (.head(let head), .idle):
            startTimer(limits.readTimeout, context)
            receive(head, context)
        case (.head(let head), .reading):
            receive(head, context)
        case (.body(let bytes), .reading(let head?, let count)):
            phase = .reading(head, bodyBytes: count + bytes.readableBytes)
            if count + bytes.readableBytes > limits.bodyBytes { refuseBody(context) }
        case (.end, .reading(let head?, _)):
            answer(head, context)
        default:
            // What is left of a request that was refused.
            break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Something came, and it was not a whole head.
        if case .idle = phase {
            phase = .reading(nil, bodyBytes: 0)
            startTimer(limits.readTimeout, context)
        }
        context.fireChannelReadComplete()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case HTTPParserError.headerOverflow:
            refuse(.requestHeaderFieldsTooLarge, limits.headSentence, context)
        case HTTPParserError.invalidVersion:
            refuse(.httpVersionNotSupported, "This server speaks HTTP/1.1 and HTTP/1.0.", context)
        case is HTTPParserError:
            refuse(.badRequest, "This is no HTTP request.", context)
        case ByteToMessageDecoderError.dataReceivedInErrorState:
            // What comes behind a request that was refused.
            break
        default:
            log.debug("connection closed", metadata: ["error": "\(error)"])
            context.close(promise: nil)
        }
    }

    private func receive(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        phase = .reading(head, bodyBytes: 0)
        if let (status, sentence) = head.refusal(limits) {
            refuse(status, sentence, context)
        } else if head.asksBeforeItsBody {
            let goOn = HTTPResponseHead(version: head.version, status: .continue)
            context.writeAndFlush(wrapOutboundOut(.head(goOn)), promise: nil)
        }
    }

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        timer?.cancel()
        connections.note(.answering, on: context.channel)
        let eventLoop = context.eventLoop
        let bound = NIOLoopBound((connection: self, context: context), eventLoop: eventLoop)
        phase = .answering(
            Task { [router] in
                let response = await router.respond(to: HTTPRequest(head))
                eventLoop.execute {
                    let (connection, context) = bound.value
                    guard case .answering = connection.phase else { return }
                    // Behind a request to speak another protocol the parser reads no further.
                    let isLast = head.method == .CONNECT || head.headers.contains(name: "Upgrade")
                    connection.write(response, to: head, keepAlive: head.isKeepAlive && !isLast, context)
                }
            }
        )
    }

    private func refuseBody(_ context: ChannelHandlerContext) {
        refuse(.payloadTooLarge, limits.bodySentence, context)
    }

    /// Answers a request that cannot be read to its end, and with it the connection.
    private func refuse(_ status: HTTPResponseStatus, _ sentence: String, _ context: ChannelHandlerContext) {
        var head: HTTPRequestHead?
        switch phase {
        case .idle: break
        case .reading(let current, _): head = current
        // An error that comes after the one that was answered.
        case .answering, .writing, .closing: return
        }
        router.metrics.refuse(handler: "bad_request", method: head?.method, status: status)
        log.debug("request refused", metadata: ["status": "\(status.code)"])
        write(HTTPResponse(status, sentence), to: head, keepAlive: false, context)
    }

    private func write(
        _ response: HTTPResponse,
        to request: HTTPRequestHead?,
        keepAlive: Bool,
        _ context: ChannelHandlerContext
    ) {
        phase = .writing
        connections.note(.writing, on: context.channel)
        startTimer(limits.writeTimeout, context)

        var head = HTTPResponseHead(version: request?.version ?? .http1_1, status: response.status)
        head.headers = response.headers
        for field in router.access.rules.headers { head.headers.replaceOrAdd(name: field.name, value: field.value) }
        head.headers.replaceOrAdd(name: "Content-Length", value: "\(response.body.count)")
        if !keepAlive {
            head.headers.replaceOrAdd(name: "Connection", value: "close")
        } else if head.version == .http1_0 {
            head.headers.replaceOrAdd(name: "Connection", value: "keep-alive")
        }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        writeNext(of: request?.method == .HEAD ? [] : response.body[...], keepAlive: keepAlive, context)
    }

    /// Writes a body in pieces, each when the kernel has taken the one before: the clients of one page share its bytes, and
    /// each of them takes memory for a piece alone.
    private func writeNext(of body: ArraySlice<UInt8>, keepAlive: Bool, _ context: ChannelHandlerContext) {
        let size = isStream ? Self.pieceSize / limits.streams : Self.pieceSize
        let piece = ByteBuffer(bytes: body.prefix(size))
        let rest = body.dropFirst(size)
        let written = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(piece))), promise: written)
        written.futureResult.assumeIsolated().whenSuccess {
            if rest.isEmpty {
                self.finish(keepAlive: keepAlive, context)
            } else {
                self.writeNext(of: rest, keepAlive: keepAlive, context)
            }
        }
    }

    private static let pieceSize = 128 * 1024

    /// Ends an answer that the kernel has taken. Not before, because the pipeline handler takes the end for the moment in
    /// which the connection may be closed or go on to the next request.
    private func finish(keepAlive: Bool, _ context: ChannelHandlerContext) {
        guard case .writing = phase else { return }
        let keepAlive = keepAlive && !isStream
        // The next request may come from within the write of the end, so the phase is set before.
        phase = keepAlive ? .idle : .closing
        connections.note(.waiting, on: context.channel)
        startTimer(keepAlive ? limits.idleTimeout : limits.closeTimeout, context)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        // A close of both ways while the client still sends makes its kernel throw our answer away. A stream that has ended
        // on both sides is closed by that.
        if !keepAlive, !isStream { context.close(mode: .output, promise: nil) }
    }

    private func startTimer(_ timeout: Duration, _ context: ChannelHandlerContext) {
        timer?.cancel()
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(timeout)) { self.timeIsUp(context) }
    }

    private func timeIsUp(_ context: ChannelHandlerContext) {
        // Before its head is complete there is no request to the pipeline handler, and nothing that may be answered.
        if case .reading(_?, _) = phase {
            refuse(.requestTimeout, "The request was too long in coming.", context)
        } else {
            context.close(promise: nil)
        }
    }
}
