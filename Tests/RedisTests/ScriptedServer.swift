import NIOCore
import NIOPosix
import Synchronization

/// A tiny server that answers as a test says, whether that is right or not.
final class ScriptedServer: Sendable {
    /// What comes of a command.
    enum Answer {
        case reply(String)
        /// One byte after the other, and nothing to the commands behind.
        case drip(String)
        case nothing
        case hangUp
    }

    let port: Int
    private let channel: any Channel

    /// - Parameter answer: To a command, by its words with spaces between.
    init(_ answer: @escaping @Sendable (String) -> Answer) async throws {
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(answer: answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    deinit { channel.close(promise: nil) }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let answer: @Sendable (String) -> Answer

        init(answer: @escaping @Sendable (String) -> Answer) {
            self.answer = answer
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let channel = context.channel
            for command in String(buffer: unwrapInboundIn(data)).split(separator: "*") {
                let lines = command.split(separator: "\r\n").dropFirst()
                let words = lines.enumerated().filter { $0.offset % 2 == 1 }.map(\.element).joined(separator: " ")
                switch answer(words) {
                case .reply(let text): channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
                case .drip(let text):
                    for (index, byte) in text.utf8.enumerated() {
                        channel.eventLoop.scheduleTask(in: .milliseconds(50 * Int64(index))) {
                            channel.writeAndFlush(ByteBuffer(bytes: [byte]), promise: nil)
                        }
                    }
                    return
                case .nothing: break
                case .hangUp: return channel.close(promise: nil)
                }
            }
        }
    }
}
