import Scraping
import Testing

@testable import Redis

struct ReplyReaderTests {
    /// Feeds text in pieces that end at the given places and returns all replies.
    private func read(_ text: String, cutAt cuts: [Int] = []) throws -> [RedisReply] {
        let bytes = Array(text.utf8)
        var reader = try ReplyReader()
        var replies: [RedisReply] = []
        var start = 0
        for end in cuts + [bytes.count] {
            try bytes[start..<end].withUnsafeBytes { try reader.feed($0) }
            while let reply = try reader.next() { replies.append(reply) }
            start = end
        }
        return replies
    }

    private static let everyKind = """
        +OK\r\n-ERR unknown command\r\n:-42\r\n$5\r\na\r\nbc\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n\
        *3\r\n:1\r\n$1\r\nx\r\n*2\r\n+a\r\n$-1\r\n:9223372036854775807\r\n
        """

    private static let everyReply: [RedisReply] = [
        .string(Array("OK".utf8)), .error(Array("ERR unknown command".utf8)), .integer(-42),
        .string(Array("a\r\nbc".utf8)), .string([]), .null, .null, .array([]),
        .array([.integer(1), .string([120]), .array([.string([97]), .null])]), .integer(.max),
    ]

    @Test func everyKindOfReply() throws {
        #expect(try read(Self.everyKind) == Self.everyReply)
    }

    @Test func cutAtEveryByte() throws {
        for cut in 0...Self.everyKind.utf8.count {
            #expect(try read(Self.everyKind, cutAt: [cut]) == Self.everyReply, "cut at \(cut)")
        }
        #expect(try read(Self.everyKind, cutAt: Array(0..<Self.everyKind.utf8.count)) == Self.everyReply)
    }

    @Test func realInfoCutAtEveryByte() throws {
        let info = String(decoding: try Fixture.redis62.bytes, as: UTF8.self)
        let text = "$\(info.utf8.count)\r\n\(info)\r\n"
        for cut in 0...text.utf8.count {
            #expect(try read(text, cutAt: [cut]) == [.string(Array(info.utf8))])
        }
    }

    /// hiredis 0.14 knows none of it, and must then say so.
    @Test func repliesOfRESP3() throws {
        let text = "_\r\n,3.25\r\n#t\r\n=7\r\ntxt:abc\r\n%1\r\n+k\r\n:5\r\n~1\r\n:1\r\n>1\r\n+push\r\n"
        let expected: [RedisReply] = [
            .null, .double(3.25), .boolean(true), .string(Array("abc".utf8)),
            .array([.string(Array("k".utf8)), .integer(5)]), .array([.integer(1)]), .outOfBand,
        ]
        do {
            #expect(try read(text) == expected)
        } catch {
            #expect((error as? CollectorError)?.reason == .internal)
        }
    }

    @Test func valuesMayHoldAnyByte() throws {
        #expect(try read("$3\r\n\0\u{6}\u{16}\r\n") == [.string([0, 6, 22])])
    }

    @Test(arguments: [
        "HTTP/1.1 400 Bad Request\r\n", "\r\n", "@5\r\n", "*2000000\r\n", "*2147483647\r\n",
        "*99999999999999999999\r\n",
    ])
    func whatIsNoReply(_ text: String) throws {
        let error = CollectorError.thrown { _ = try read(text) }
        #expect(error?.reason == .internal)
    }

    @Test func nestingHasALimit() throws {
        let deepest = String(repeating: "*1\r\n", count: ReplyReader.maximumDepth) + ":1\r\n"
        #expect(try read(deepest).count == 1)
        let error = CollectorError.thrown { _ = try read("*1\r\n" + deepest) }
        #expect(error?.reason == .internal)
        #expect(CollectorError.thrown { _ = try read(String(repeating: "*1\r\n", count: 100_000)) } != nil)
    }

    @Test func anUnfinishedReplyIsFreed() throws {
        #expect(try read("*3\r\n:1\r\n$3\r\nab") == [])
    }
}
