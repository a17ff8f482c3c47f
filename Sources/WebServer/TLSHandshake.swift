import Logging
import NIOCore
import NIOHTTP1
import NIOSSL
import NIOTLS

/// Looks at the first byte of a connection, and puts TLS in its own place. Who says nothing takes no memory for TLS.
final class TLSGreeting: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let tls: TLSContext
    private let headers: HTTPHeaders
    private let closeTimeout: TimeAmount
    private var isRefused = false

    /// - Parameter headers: Of every answer.
    init(_ tls: TLSContext, headers: HTTPHeaders, closeTimeout: Duration) {
        self.tls = tls
        self.headers = headers
        self.closeTimeout = TimeAmount(closeTimeout)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isRefused else { return }
        // A request begins with its method in capital letters; a handshake's first byte is 22.
        let first = unwrapInboundIn(data).readableBytesView.first ?? 0
        guard !(UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(first) else { return refuse(context) }
        do {
            let pipeline = context.pipeline.syncOperations
            try pipeline.addHandler(try tls.makeHandler(), position: .after(self))
            context.fireChannelRead(data)
            pipeline.removeHandler(self, promise: nil)
        } catch {
            context.fireErrorCaught(error)
        }
    }

    /// Answers a request in the clear as Go's servers do, in whose words people look for it.
    private func refuse(_ context: ChannelHandlerContext) {
        isRefused = true
        let fields = headers.map { "\($0.name): \($0.value)\r\n" }.joined()
        let answer = "HTTP/1.0 400 Bad Request\r\n\(fields)\r\nClient sent an HTTP request to an HTTPS server.\n"
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
        // Both ways at once, and what the client still sends would make its kernel throw the answer away.
        context.close(mode: .output, promise: nil)
        context.eventLoop.assumeIsolated().scheduleTask(in: closeTimeout) { context.close(promise: nil) }
    }
}

/// Waits for the end of a handshake, no longer than for a request, and makes room for what answers.
final class TLSHandshake: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let tls: TLSContext
    private let timeout: TimeAmount
    private let log: Logger
    private let addRequests: (_ hasHTTP2: Bool) throws -> Void
    private var timer: Scheduled<Void>?

    /// - Parameter addRequests: Adds what answers, at the pipeline's end.
    init(
        _ tls: TLSContext, timeout: Duration, log: Logger, addRequests: @escaping (_ hasHTTP2: Bool) throws -> Void
    ) {
        self.tls = tls
        self.timeout = TimeAmount(timeout)
        self.log = log
        self.addRequests = addRequests
    }

    func handlerAdded(context: ChannelHandlerContext) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: timeout) { context.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent { context.close(promise: nil) }
        guard case .handshakeCompleted(let name)? = event as? TLSUserEvent else {
            return context.fireUserInboundEventTriggered(event)
        }
        do {
            let pipeline = context.pipeline.syncOperations
            let handler = try pipeline.handler(type: NIOSSLServerHandler.self)
            guard tls.admits(handler.peerCertificate) else {
                log.debug("client refused", metadata: ["error": "its certificate has none of client_allowed_sans"])
                return context.close(promise: nil)
            }
            try addRequests(name == HTTP2.name)
            pipeline.removeHandler(self, promise: nil)
        } catch {
            errorCaught(context: context, error: error)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Whoever looks for open ports makes one of these.
        log.debug("no TLS handshake", metadata: ["error": "\(error)"])
        context.close(promise: nil)
    }
}
