import NIOCore
import NIOPosix
import Testing

@testable import Redis
@testable import Scraping

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
        private var reader: ReplyReader
        private var isDripping = false

        init(answer: @escaping @Sendable (String) -> Answer) throws {
            self.answer = answer
            reader = try ReplyReader()
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let channel = context.channel
            do throws(CollectorError) {
                try reader.feed(unwrapInboundIn(data))
                while !isDripping, let command = try reader.next() {
                    let words = command.elements.compactMap(\.text).map { String(decoding: $0, as: UTF8.self) }
                    switch answer(words.joined(separator: " ")) {
                    case .reply(let text): channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
                    case .drip(let text):
                        isDripping = true
                        for (index, byte) in text.utf8.enumerated() {
                            channel.eventLoop.scheduleTask(in: .milliseconds(50 * Int64(index))) {
                                channel.writeAndFlush(ByteBuffer(bytes: [byte]), promise: nil)
                            }
                        }
                    case .nothing: break
                    case .hangUp: channel.close(promise: nil)
                    }
                }
            } catch {
                Issue.record(error)
                channel.close(promise: nil)
            }
        }
    }
}
