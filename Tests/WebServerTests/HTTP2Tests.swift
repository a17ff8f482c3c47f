import Configuration
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOHTTP2
import Testing

@testable import WebServer

/// What a connection of HTTP/2 does not let a client do, by frames as they are on the wire.
struct HTTP2Tests {
    /// A connection that has been greeted, and no answer to any request.
    private final class Connection {
        let channel = EmbeddedChannel()

        init(_ limits: WebSettings.Limits = .init()) throws {
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
            let counter = NIOLoopBound(Counter(), eventLoop: channel.eventLoop)
            self.counter = counter
            try HTTP2.configure(channel, limits) { _ in counter.value.count += 1 }
            try send(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + HTTP2Tests.frame(.settings, stream: 0))
        }

        deinit {
            _ = try? channel.finish(acceptAlreadyClosed: true)
        }

        private final class Counter {
            var count = 0
        }

        private let counter: NIOLoopBound<Counter>

        /// How many requests have come through.
        var requests: Int { counter.value.count }

        func send(_ bytes: [UInt8]) throws {
            guard channel.isActive else { return }
            // What is wrong is told by an error, and the connection closes.
            _ = try? channel.writeInbound(ByteBuffer(bytes: bytes))
            channel.embeddedEventLoop.run()
        }

        /// All frames that were written since: their kinds.
        func written() throws -> [UInt8] {
            var bytes: [UInt8] = []
            while let data = try channel.readOutbound(as: IOData.self) {
                if case .byteBuffer(let buffer) = data { bytes += buffer.readableBytesView }
            }
            var kinds: [UInt8] = []
            while bytes.count >= 9 {
                let length = bytes[..<3].reduce(0) { $0 << 8 | Int($1) }
                kinds.append(bytes[3])
                bytes.removeFirst(min(9 + length, bytes.count))
            }
            return kinds
        }
    }

    private enum Kind: UInt8 {
        case headers = 1
        case reset = 3
        case settings = 4
        case ping = 6
        case goAway = 7
        case continuation = 9
    }

    private static func frame(_ kind: Kind, flags: UInt8 = 0, stream: Int, _ payload: [UInt8] = []) -> [UInt8] {
        let length = payload.count
        return [UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255), kind.rawValue, flags]
            + [UInt8(stream >> 24), UInt8(stream >> 16 & 255), UInt8(stream >> 8 & 255), UInt8(stream & 255)] + payload
    }

    /// `GET https://x/`, whose body is to come where it does not end here.
    private static func request(_ stream: Int, ends: Bool = true) -> [UInt8] {
        frame(.headers, flags: ends ? 5 : 4, stream: stream, [0x82, 0x87, 0x84, 0x41, 1, UInt8(ascii: "x")])
    }

    @Test func requestsComeThrough() throws {
        let connection = try Connection()
        try connection.send(Self.request(1) + Self.request(3))
        #expect(connection.requests == 2)
        #expect(connection.channel.isActive)
    }

    @Test func atMostSoManyStreams() throws {
        let connection = try Connection()
        let limit = WebSettings.Limits().streams
        for number in 0..<limit { try connection.send(Self.request(2 * number + 1)) }
        #expect(connection.requests == limit && connection.channel.isActive)
        _ = try connection.written()
        try connection.send(Self.request(2 * limit + 1))
        #expect(connection.requests == limit)
        #expect(try connection.written().contains(Kind.reset.rawValue))
        // The others go on, and where one ends there is room for another.
        #expect(connection.channel.isActive)
        try connection.send(Self.frame(.reset, stream: 1, [0, 0, 0, 8]))
        try connection.send(Self.request(2 * limit + 3))
        #expect(connection.requests == limit + 1)
    }

    @Test func streamsThatAreTakenBackAgainAndAgain() throws {
        let connection = try Connection()
        for number in 0..<1000 {
            let stream = 2 * number + 1
            try connection.send(
                Self.request(stream, ends: false) + Self.frame(.reset, stream: stream, [0, 0, 0, 8]))
        }
        #expect(!connection.channel.isActive)
        #expect(connection.requests <= 250)
    }

    @Test func pingsWithoutEnd() throws {
        let connection = try Connection()
        for _ in 0..<1000 { try connection.send(Self.frame(.ping, stream: 0, [UInt8](repeating: 0, count: 8))) }
        #expect(!connection.channel.isActive)
    }

    @Test func settingsWithoutEnd() throws {
        let connection = try Connection()
        for _ in 0..<1000 { try connection.send(Self.frame(.settings, stream: 0)) }
        #expect(!connection.channel.isActive)
    }

    @Test func aHeadWithoutEnd() throws {
        let connection = try Connection()
        let field: [UInt8] = [0, 1, UInt8(ascii: "a"), 100] + [UInt8](repeating: UInt8(ascii: "b"), count: 100)
        let piece = (0..<100).flatMap { _ in field }
        try connection.send(Self.frame(.headers, stream: 1, [0x82, 0x87, 0x84] + piece))
        for _ in 0..<10 { try connection.send(Self.frame(.continuation, stream: 1, piece)) }
        #expect(!connection.channel.isActive)
        #expect(connection.requests == 0)
    }

    @Test func whoAsksForNothingIsSentAway() throws {
        var limits = WebSettings.Limits()
        limits.readTimeout = .seconds(10)
        limits.idleTimeout = .seconds(100)
        let silent = try Connection(limits)
        // Pings are no requests.
        for _ in 0..<3 {
            silent.channel.embeddedEventLoop.advanceTime(by: .seconds(3))
            try silent.send(Self.frame(.ping, stream: 0, [UInt8](repeating: 0, count: 8)))
        }
        #expect(silent.channel.isActive)
        silent.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(try silent.written().last == Kind.goAway.rawValue)
        #expect(!silent.channel.isActive)

        let idle = try Connection(limits)
        try idle.send(Self.request(1, ends: false))
        // A request under way has time limits of its own.
        idle.channel.embeddedEventLoop.advanceTime(by: .seconds(1000))
        #expect(idle.channel.isActive)
        try idle.send(Self.frame(.reset, stream: 1, [0, 0, 0, 8]))
        idle.channel.embeddedEventLoop.advanceTime(by: .seconds(99))
        #expect(idle.channel.isActive)
        idle.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!idle.channel.isActive)
    }

    @Test func drainingEndsWithTheLastStream() throws {
        let idle = try Connection()
        idle.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        idle.channel.embeddedEventLoop.run()
        #expect(!idle.channel.isActive)

        let busy = try Connection()
        try busy.send(Self.request(1, ends: false))
        busy.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        busy.channel.embeddedEventLoop.run()
        #expect(try busy.written().contains(Kind.goAway.rawValue))
        #expect(busy.channel.isActive)
        try busy.send(Self.frame(.reset, stream: 1, [0, 0, 0, 8]))
        #expect(!busy.channel.isActive)
    }
}
