import Configuration
import NIOCore
import NIOPosix

/// `stack-exporter health`: whether the server that these settings belong to answers; for a container's HEALTHCHECK.
enum HealthCheck {
    static func run(_ settings: Settings) async -> Bool {
        guard let address = settings.web.addresses.first else { return false }
        do {
            let answer = try await ask(address)
            return answer.readableBytesView.starts(with: "HTTP/1.1 200 ".utf8)
                || answer.readableBytesView.starts(with: "HTTP/1.0 200 ".utf8)
        } catch {
            return false
        }
    }

    /// The first bytes of the answer.
    private static func ask(_ address: ListenAddress) async throws -> ByteBuffer {
        let bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup).connectTimeout(.seconds(3))
        let initialize: @Sendable (any Channel) -> EventLoopFuture<NIOAsyncChannel<ByteBuffer, ByteBuffer>> = {
            channel in
            channel.eventLoop.makeCompletedFuture {
                // An answer that does not come ends with the connection.
                channel.eventLoop.scheduleTask(in: .seconds(5)) { channel.close(promise: nil) }
                return try NIOAsyncChannel(wrappingChannelSynchronously: channel)
            }
        }
        let channel =
            switch address {
            case .unix(let path):
                try await bootstrap.connect(unixDomainSocketPath: path, channelInitializer: initialize)
            case .tcp(let host, let port):
                try await bootstrap.connect(
                    host: ["", "::", "0.0.0.0"].contains(host) ? "localhost" : host, port: port,
                    channelInitializer: initialize)
            case .inherited:
                // Handed over to the server alone.
                throw ChannelError.operationUnsupported
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: "GET /-/healthy HTTP/1.0\r\nHost: localhost\r\n\r\n"))
            for try await part in inbound { return part }
            return ByteBuffer()
        }
    }
}
