public import Configuration
import Glibc
import NIOCore
import NIOPosix
import NIOSSL

/// Asks a server of ours whether it is alive.
public enum LivenessClient {
    private static let connectTimeout = TimeAmount.seconds(3)
    private static let answerTimeout = TimeAmount.seconds(5)

    /// What the server is like, without whether it is well.
    private enum Answer {
        /// The answer's status.
        case http(status: Int)
        /// It speaks TLS, though it may not want to with us: it may ask for a certificate.
        case tls
        case other

        /// - Parameter bytes: The first of the answer.
        init(_ bytes: ByteBuffer) {
            let words = String(buffer: bytes).prefix(64).split(separator: " ")
            if words.count > 1, words[0].hasPrefix("HTTP/1."), let status = Int(words[1].prefix(3)) {
                self = .http(status: status)
            } else {
                self = .other
            }
        }
    }

    /// - Parameter isEncrypted: Whether it speaks TLS. Its certificate may be any: it is this machine's own server that is
    ///   asked, and told nothing.
    /// - Returns: Why it is not alive: a sentence without a full stop; `nil` where it is.
    public static func complaint(about address: ListenAddress, isEncrypted: Bool) async -> String? {
        let answer: Answer
        do {
            answer = try await ask(address, isEncrypted: isEncrypted)
        } catch let error as IOError {
            return "nobody answers at \(address): \(String(cString: strerror(error.errnoCode)))"
        } catch is NIOConnectionError {
            return "nobody answers at \(address)"
        } catch {
            return "\(address) cannot be asked: \(error)"
        }
        return switch answer {
        // Whoever asks for a password, or for patience, is alive.
        case .http(status: 200), .http(status: 401), .http(status: 429), .tls: nil
        case .http(let status): "the server at \(address) answers with status \(status)"
        case .other: "what listens at \(address) does not answer as this server does"
        }
    }

    private static func ask(_ address: ListenAddress, isEncrypted: Bool) async throws -> Answer {
        let bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup).connectTimeout(connectTimeout)
        let initialize: @Sendable (any Channel) -> EventLoopFuture<NIOAsyncChannel<ByteBuffer, ByteBuffer>> = {
            channel in
            channel.eventLoop.makeCompletedFuture {
                // An answer that does not come ends with the connection.
                channel.eventLoop.scheduleTask(in: answerTimeout) { channel.close(promise: nil) }
                if isEncrypted {
                    var configuration = TLSConfiguration.makeClientConfiguration()
                    configuration.certificateVerification = .none
                    let context = try NIOSSLContext(configuration: configuration)
                    try channel.pipeline.syncOperations.addHandler(
                        NIOSSLClientHandler(context: context, serverHostname: nil))
                }
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
        do {
            return try await channel.executeThenClose { inbound, outbound in
                // Where it is closed before, by an alert perhaps, it is reading that says why.
                try? await outbound.write(ByteBuffer(string: "GET /-/healthy HTTP/1.0\r\nHost: localhost\r\n\r\n"))
                for try await part in inbound { return Answer(part) }
                return .other
            }
        } catch let error where error is NIOSSLError || error is BoringSSLError {
            // An alert is what a server of TLS says to a client that it does not want.
            return "\(error)".contains("ALERT") ? .tls : .other
        }
    }
}
