public import Configuration
import Glibc
public import Logging
public import NIOCore
import NIOHTTP1
import NIOPosix
public import Scraping
import Synchronization

/// The HTTP server: `/metrics`, `/probe` and `/scrape`, the status page, and whether it is healthy and ready.
public final class WebServer: Sendable {
    /// An address that the server cannot listen on.
    public struct ListenError: Error, CustomStringConvertible {
        /// Where it should have listened.
        public let address: ListenAddress
        /// Why it does not, in the system's words.
        public let reason: String

        /// One sentence that says what to do about it.
        public var description: String {
            "cannot listen on \(address): \(reason); choose another with --web.listen-address"
        }
    }

    private let settings: WebSettings
    private let router: Router
    private let access: WebAccess
    let connections: Connections
    private let group: any EventLoopGroup
    private let log: Logger
    private let listeners = Mutex<[(channel: any Channel, address: ListenAddress)]>([])

    /// - Parameters:
    ///   - metrics: Where the server counts; made before the gatherer, so that the gatherer can show it.
    ///   - status: Makes the state that the status page shows, at every request.
    ///   - probe: Makes the page of what `/probe` or `/scrape` asks for.
    ///   - routes: Paths beside the server's own.
    ///   - group: The event loops; they remain the caller's to shut down, after the server.
    public init(
        _ settings: WebSettings,
        gatherer: Gatherer,
        metrics: HTTPMetrics,
        status: @escaping @Sendable () async -> StatusPage,
        probe: @escaping Probe.Answer,
        routes: [Route] = [],
        group: any EventLoopGroup,
        log: Logger
    ) {
        let limits = settings.limits
        let connections = Connections(limit: limits.connections, writers: 2 * limits.scrapes)
        let scrapes = MetricsEndpoint(timeoutOffset: settings.timeoutOffset, limit: limits.scrapes)
        // Counted for themselves, so that probes of servers that hang keep nobody from the page.
        let probes = MetricsEndpoint(timeoutOffset: settings.timeoutOffset, limit: limits.scrapes)
        let own = [
            Route(settings.telemetryPath) { request in
                await scrapes.respond(to: request) { await gatherer.page(within: $0) }
            },
            Route("/") { await status().response(to: $0) },
            Route("/-/healthy") { _ in HTTPResponse(.ok, "Healthy.") },
            Route("/-/ready") { _ in
                connections.isDraining
                    ? HTTPResponse(.serviceUnavailable, "Shutting down.") : HTTPResponse(.ok, "Ready.")
            },
            Health.readiness { !connections.isDraining },
        ]
        let probing = [Probe.Path.probe, .scrape].map { path in
            Route(path.rawValue) { request in
                await probes.respond(to: request) { timeout throws(ProbeRefusal) in
                    try await probe(Probe(path, request), timeout)
                }
            }
        }
        self.settings = settings
        self.access = WebAccess(settings, metrics: metrics, log: log)
        self.router = Router(own + probing + Discovery.routes(gatherer) + routes, access: access, metrics: metrics)
        self.connections = connections
        self.group = group
        self.log = log
    }

    /// Starts to listen on all addresses, or on none where one of them fails.
    ///
    /// - Returns: The addresses, with the ports that the system picked.
    /// - Throws: ``ListenError``, and `ConfigurationError` where a certificate or a key is none.
    public func start() async throws -> [ListenAddress] {
        try access.start()
        for address in settings.addresses {
            do {
                let channel = try await listen(on: address)
                listeners.withLock { $0.append((channel, address.bound(to: channel.localAddress))) }
            } catch {
                await closeListeners()
                throw ListenError(address: address, reason: Self.reason(error))
            }
        }
        return listeners.withLock { $0.map(\.address) }
    }

    /// Stops to listen, closes idle connections, finishes the answers under way, and returns when all is closed.
    ///
    /// - Parameter grace: What is not finished by then is cut.
    public func shutdown(grace: Duration) async {
        guard connections.beginDraining() else { return }
        await closeListeners()
        let cut = await connections.drain(within: grace)
        if cut > 0 { log.warning("connections cut at shutdown", metadata: ["connections": "\(cut)"]) }
    }

    /// Addresses that are numbers go to no resolver: it knows none of IPv6 where no interface has one, as on Docker's
    /// networks, though `::` can be listened on there, for IPv4 too.
    private func listen(on address: ListenAddress) async throws -> any Channel {
        switch address {
        case .tcp(host: "", let port):
            do {
                return try await bootstrap.serverChannelOption(
                    ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only), value: 0
                )
                .bind(to: SocketAddress(ipAddress: "::", port: port)).get()
            } catch let error as IOError where [EAFNOSUPPORT, EADDRNOTAVAIL].contains(error.errnoCode) {
                return try await bootstrap.bind(host: "0.0.0.0", port: port).get()
            }
        case .tcp(let host, let port):
            if let address = try? SocketAddress(ipAddress: host, port: port) {
                return try await bootstrap.bind(to: address).get()
            }
            return try await bootstrap.bind(host: host, port: port).get()
        case .inherited(let descriptor):
            // NIO ends the process over a descriptor that is none.
            var kind: CInt = 0
            var size = socklen_t(MemoryLayout<CInt>.size)
            guard getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &kind, &size) == 0 else {
                throw IOError(errnoCode: errno, reason: "getsockopt")
            }
            return try await bootstrap.withBoundSocket(descriptor).get()
        case .unix(let path):
            try checkIsSocket(path)
            if await isAbandoned(path) { unlink(path) }
            let descriptor = try boundUnixSocket(path, mode: settings.socketMode)
            return try await bootstrap.withBoundSocket(descriptor).get()
        }
    }

    /// Whether a socket file is there and nobody behind it: what a server leaves that was killed.
    private func isAbandoned(_ path: String) async -> Bool {
        do {
            try await ClientBootstrap(group: group).connect(unixDomainSocketPath: path).get().close().get()
            return false
        } catch {
            return (error as? IOError)?.errnoCode == ECONNREFUSED
        }
    }

    private var bootstrap: ServerBootstrap {
        ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { [connections, router, settings, log] channel in
                guard connections.admit(channel) else { return channel.close() }
                let access = router.access
                guard access.canChange else {
                    return channel.eventLoop.makeCompletedFuture {
                        try Self.configure(channel, access.rules, router, connections, settings.limits, log)
                    }
                }
                // Elsewhere, since it may read files.
                return channel.eventLoop.makeFutureWithTask { access.currentRules() }
                    .flatMapThrowing {
                        try Self.configure(channel, $0, router, connections, settings.limits, log)
                    }
            }
            // A request fits one read of this size, and what a client sends too fast stays in its socket.
            .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 4096))
            .childChannelOption(.maxMessagesPerRead, value: 1)
    }

    /// From the socket to the routes.
    private static func configure(
        _ channel: any Channel, _ rules: WebAccess.Rules, _ router: Router, _ connections: Connections,
        _ limits: WebSettings.Limits, _ log: Logger
    ) throws {
        guard let tls = rules.tls else { return try addRequests(channel, router, connections, limits, log) }
        let handshake = TLSHandshake(tls, timeout: limits.readTimeout, log: log) { hasHTTP2 in
            guard hasHTTP2 else { return try addRequests(channel, router, connections, limits, log) }
            try HTTP2.configure(channel, limits) { stream in
                try stream.pipeline.syncOperations.addHandler(
                    HTTPConnection(router: router, connections: connections, limits: limits, isStream: true, log: log))
            }
        }
        let greeting = TLSGreeting(tls, headers: rules.headers, closeTimeout: limits.closeTimeout)
        try channel.pipeline.syncOperations.addHandlers([greeting, handshake])
    }

    /// HTTP/1.1 from bytes to routes. Passwords are checked by the router, which has the whole request and is off the event
    /// loop.
    private static func addRequests(
        _ channel: any Channel, _ router: Router, _ connections: Connections, _ limits: WebSettings.Limits,
        _ log: Logger
    ) throws {
        var decoderLimits = NIOHTTPDecoderLimitConfiguration()
        decoderLimits.maxHeaderFieldSize = limits.headBytes
        decoderLimits.maxHeaderListSize = limits.headBytes
        decoderLimits.maxHeaderFieldCount = limits.headerFields
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(HTTPResponseEncoder())
        try pipeline.addHandler(
            ByteToMessageHandler(
                HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: decoderLimits),
                maximumBufferSize: limits.headBytes + 4096
            )
        )
        try pipeline.addHandler(HTTPServerPipelineHandler())
        try pipeline.addHandler(HTTPConnection(router: router, connections: connections, limits: limits, log: log))
    }

    private func closeListeners() async {
        let closing = listeners.withLock { listeners in
            defer { listeners = [] }
            return listeners
        }
        for (channel, address) in closing {
            // Before the close: after it the path may be another server's already.
            if case .unix(let path) = address { unlink(path) }
            try? await channel.close().get()
        }
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case is SocketAddressError.UnknownHost: "the host is not known"
        case is NoSocketError: "a file is in its place that is no socket"
        default: "\(error)"
        }
    }
}

extension ListenAddress {
    fileprivate func bound(to address: SocketAddress?) -> ListenAddress {
        guard case .tcp(let host, _) = self, let port = address?.port else { return self }
        return .tcp(host: host, port: port)
    }
}
