import NIOCore
import NIOEmbedded
import Scraping
import Testing

@testable import Redis

struct PipelineHandlerTests {
    private func channel(limit: Int = 1000) throws -> EmbeddedChannel {
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandler(
            PipelineHandler(
                on: channel.eventLoop, limit: ReplyLimit(longestValue: limit, longestPipeline: limit)))
        try channel.connect(to: SocketAddress(unixDomainSocketPath: "/")).wait()
        return channel
    }

    private func send(_ count: Int, on channel: EmbeddedChannel) -> EventLoopFuture<PipelineHandler.Answer> {
        let answer = channel.eventLoop.makePromise(of: PipelineHandler.Answer.self)
        let request = PipelineHandler.Request(bytes: ByteBuffer(string: "commands"), count: count, answer: answer)
        channel.writeAndFlush(request, promise: nil)
        return answer.futureResult
    }

    private func reason(_ answer: EventLoopFuture<PipelineHandler.Answer>) -> FailureReason? {
        (try? answer.wait())?.failure?.reason
    }

    @Test func onePipelineIsOneWrite() throws {
        let channel = try channel()
        let answer = send(2, on: channel)
        #expect(try channel.readOutbound(as: ByteBuffer.self) == ByteBuffer(string: "commands"))
        #expect(try channel.readOutbound(as: ByteBuffer.self) == nil)
        try channel.writeInbound(ByteBuffer(string: ":1\r\n$2\r\na"))
        try channel.writeInbound(ByteBuffer(string: "b\r\n"))
        #expect(try answer.wait().replies == [.integer(1), .string(Array("ab".utf8))])
        _ = try? channel.finish()
    }

    @Test func malformedRepliesCloseTheChannel() throws {
        let channel = try channel()
        let answer = send(2, on: channel)
        _ = try? channel.writeInbound(ByteBuffer(string: ":1\r\nnonsense\r\n"))
        #expect(reason(answer) == .internal)
        #expect(!channel.isActive)
    }

    @Test func aReplyThatIsTooLongIsAnErrorAmongTheOthers() throws {
        let channel = try channel(limit: 100)
        let answer = send(3, on: channel)
        try channel.writeInbound(
            ByteBuffer(string: ":1\r\n$101\r\n" + String(repeating: "x", count: 101) + "\r\n:2\r\n"))
        let replies = try answer.wait().replies
        #expect(replies.first == .integer(1) && replies.last == .integer(2))
        guard case .error(let text) = replies[1] else {
            Issue.record("\(replies[1])")
            return
        }
        #expect(
            CollectorError(text, to: .info) == CollectorError(.internal, "the reply to INFO is longer than is read"))
        #expect(channel.isActive)
        _ = try? channel.finish()
    }

    @Test func theLimitIsForEachPipeline() throws {
        let channel = try channel(limit: 10)
        for _ in 0..<5 {
            let answer = send(1, on: channel)
            try channel.writeInbound(ByteBuffer(string: "+0123456\r\n"))
            #expect(try answer.wait().replies.count == 1)
        }
        _ = try? channel.finish()
    }

    @Test func aReplyThatNothingAskedForClosesTheChannel() throws {
        let channel = try channel()
        let answer = send(1, on: channel)
        _ = try? channel.writeInbound(ByteBuffer(string: ":1\r\n:2\r\n"))
        #expect(try answer.wait().replies == [.integer(1)])
        #expect(!channel.isActive)
    }

    @Test func aServerThatGoesAwayIsAConnectionFailure() throws {
        let channel = try channel()
        let answer = send(2, on: channel)
        try channel.writeInbound(ByteBuffer(string: ":1\r\n"))
        try channel.close().wait()
        #expect(reason(answer) == .connection)
        // What came before is still of use.
        #expect(try answer.wait().replies == [.integer(1)])
    }

    @Test func givingUpEndsWithWhatHasCome() throws {
        let channel = try channel()
        let answer = send(2, on: channel)
        try channel.writeInbound(ByteBuffer(string: ":1\r\n"))
        channel.triggerUserOutboundEvent(PipelineHandler.GiveUp(), promise: nil)
        channel.embeddedEventLoop.run()
        #expect(reason(answer) == .timeout)
        #expect(try answer.wait().replies == [.integer(1)])
        #expect(!channel.isActive)
    }

    @Test func givingUpWhenAllIsThereChangesNothing() throws {
        let channel = try channel()
        let answer = send(1, on: channel)
        try channel.writeInbound(ByteBuffer(string: ":1\r\n"))
        channel.triggerUserOutboundEvent(PipelineHandler.GiveUp(), promise: nil)
        channel.embeddedEventLoop.run()
        #expect(try answer.wait().failure == nil)
        #expect(channel.isActive)
        _ = try? channel.finish()
    }

    @Test func aServerThatTurnsUsAwayIsUnderstood() throws {
        let channel = try channel()
        let answer = send(2, on: channel)
        try channel.writeInbound(ByteBuffer(string: "-DENIED Redis is running in protected mode\r\n"))
        try channel.close().wait()
        #expect(reason(answer) == .authentication)
    }

    @Test func twoPipelinesAtATimeAreRefused() throws {
        let channel = try channel()
        let first = send(1, on: channel)
        #expect(reason(send(1, on: channel)) == .internal)
        try channel.writeInbound(ByteBuffer(string: ":1\r\n"))
        #expect(try first.wait().replies == [.integer(1)])
        _ = try? channel.finish()
    }
}
