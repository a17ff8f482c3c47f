import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import Scraping

/// Asks an engine over its socket, with GET and paths without a version, which every version of every engine answers.
///
/// Each question has a connection of its own: on a socket of this host it costs next to nothing, and leaves nothing to be
/// kept in order. Answers are taken apart while they come.
struct RuntimeClient: Sendable {
    /// What an answer may take.
    struct Limits: Sendable {
        /// All of it but the header, which the parser limits to 80 KiB; `nil` for one that goes on.
        var bytes: Int?
        /// One JSON object of it.
        var objectBytes: Int
        /// From the question to the end of the answer, or to the beginning of one that goes on.
        var duration: Duration
    }

    /// Where the engine listens.
    let path: String
    /// Where the connections live.
    let group: any EventLoopGroup

    /// Asks, and waits for the end of the answer.
    ///
    /// - Parameters:
    ///   - uri: With what is special in it encoded.
    ///   - answer: What is made of an answer without objects.
    ///   - take: Called with each JSON object, on the connection's event loop. Where it is `nil`, any answer will do.
    ///   - begun: Called when the answer begins to come.
    /// - Returns: What was made of the objects; `nil` where the engine has no such thing.
    /// - Throws: Why there is no answer, or not all of it. A cancelled task is `timeout`.
    func get<Answer: Sendable>(
        _ uri: String, within limits: Limits, into answer: Answer,
        _ take: (@Sendable (inout Answer, JSONText) -> Void)? = nil, begun: @escaping @Sendable () -> Void = {}
    ) async throws(CollectorError) -> Answer? {
        let loop = group.any()
        let result = loop.makePromise(of: Answer?.self)
        let timeout = CollectorError(.timeout, "the engine at \(path) does not answer")
        let timer = loop.scheduleTask(in: .nanoseconds(Int64(limits.duration.seconds * 1e9))) { result.fail(timeout) }
        let connecting = ClientBootstrap(group: loop)
            .connectTimeout(.hours(1))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers(leftOverBytesStrategy: .dropBytes)
                    try channel.pipeline.syncOperations.addHandler(
                        RuntimeAnswerHandler(
                            uri, of: path, limits, answer, result,
                            begun: {
                                if limits.bytes == nil { timer.cancel() }
                                begun()
                            }, take))
                }
            }
            .connect(unixDomainSocketPath: path)
        connecting.whenFailure { [path] in result.fail(CollectorError(connectingTo: path, $0)) }
        connecting.whenSuccess { channel in
            result.futureResult.whenComplete { _ in channel.close(promise: nil) }
        }
        do {
            defer { timer.cancel() }
            return try await withTaskCancellationHandler {
                try await result.futureResult.get()
            } onCancel: {
                result.fail(timeout)
            }
        } catch {
            throw error as? CollectorError ?? CollectorError(.connection, "the engine at \(path) failed: \(error)")
        }
    }
}

/// Sends the question as soon as there is a connection, and takes the answer apart.
private final class RuntimeAnswerHandler<Answer: Sendable>: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let uri: String
    private let path: String
    private var rest: Int?
    private var answer: Answer
    private let result: EventLoopPromise<Answer?>
    private let begun: @Sendable () -> Void
    private let take: (@Sendable (inout Answer, JSONText) -> Void)?
    private var objects: JSONObjects
    private var wasConnected = false

    init(
        _ uri: String, of path: String, _ limits: RuntimeClient.Limits, _ answer: Answer,
        _ result: EventLoopPromise<Answer?>, begun: @escaping @Sendable () -> Void,
        _ take: (@Sendable (inout Answer, JSONText) -> Void)?
    ) {
        self.uri = uri
        self.path = path
        rest = limits.bytes
        self.answer = answer
        self.result = result
        self.begun = begun
        self.take = take
        objects = JSONObjects(limit: limits.objectBytes)
    }

    func channelActive(context: ChannelHandlerContext) {
        wasConnected = true
        let headers: HTTPHeaders = ["Host": "localhost", "User-Agent": "stack-exporter", "Connection": "close"]
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: uri, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            switch head.status.code {
            case _ where take == nil: result.succeed(answer)
            case 200: begun()
            case 404: result.succeed(nil)
            case 401, 403: fail(.permission, "does not allow GET \(endpoint) (\(head.status.code))")
            default: fail(.internal, "answers GET \(endpoint) with \(head.status.code)")
            }
        case .body(let piece):
            guard let take else { return }
            rest = rest.map { $0 - piece.readableBytes }
            guard rest.map({ $0 >= 0 }) ?? true else {
                return fail(.internal, "says more than it should to \(endpoint)")
            }
            do {
                try piece.withUnsafeReadableBytes { bytes throws(JSONObjects.TooLong) in
                    try objects.take(bytes) { object in
                        if let object = JSONText(object) { take(&answer, object) }
                    }
                }
            } catch {
                fail(.internal, "says more than it should to \(endpoint)")
            }
        case .end:
            guard objects.isComplete else {
                return fail(.internal, "answers \(endpoint) with what is no JSON")
            }
            result.succeed(answer)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(.internal, "does not speak HTTP, or not to its end: \(error)")
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        // Why there never was a connection says the attempt itself.
        guard wasConnected else { return }
        fail(.connection, "closed the connection before the end of its answer to \(endpoint)")
    }

    /// The question without what it asks of which container.
    private var endpoint: Substring { uri.prefix { $0 != "?" } }

    private func fail(_ reason: FailureReason, _ what: String) {
        result.fail(CollectorError(reason, "the engine at \(path) \(what)"))
    }
}

extension CollectorError {
    /// Why nobody can be reached at a socket, and how to mend it.
    init(connectingTo path: String, _ error: any Error) {
        let code = (error as? IOError)?.errnoCode ?? (error is SocketAddressError ? ENAMETOOLONG : EIO)
        var status = stat()
        let isThere = stat(path, &status) == 0
        switch code {
        case ENOENT, ENOTDIR:
            self.init(
                .connection,
                "there is no engine's socket at \(path): start the engine, or mount the socket into the exporter's container"
            )
        case EACCES, EPERM:
            let mendable = isThere && status.st_mode & S_IWGRP != 0
            self.init(
                .permission,
                "the socket \(path) may not be opened: "
                    + (mendable
                        ? "add the exporter to the socket's group, in Compose with group_add: [\"\(status.st_gid)\"]"
                        : "let a group write to it that the exporter is in (group_add in Compose)"))
        case ECONNREFUSED where isThere && status.st_mode & S_IFMT != S_IFSOCK:
            self.init(.connection, "\(path) is no socket")
        default:
            self.init(.connection, "nobody can be reached at \(path): \(SystemError(code))")
        }
    }
}
