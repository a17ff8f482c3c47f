import Exposition
import Foundation
import NIOCore
import Scraping
import Testing

@testable import Redis

/// What Celery 5.7 published while a worker ran tasks that succeed, fail, are retried, rejected, revoked and delayed.
enum RecordedEvents {
    static func payloads() throws -> [[UInt8]] {
        try Fixture.bytes("celery-5.7-events").split(separator: UInt8(ascii: "\n")).map { line in
            Array(line[line.index(after: line.firstIndex(of: UInt8(ascii: " ")) ?? line.startIndex)...])
        }
    }

    /// The message that kombu makes of a body.
    static func message(_ body: String) -> [UInt8] {
        let text = Data(body.utf8).base64EncodedString()
        return Array(
            #"{"body":"\#(text)","content-type":"application/json","properties":{"body_encoding":"base64"}}"#.utf8)
    }
}

struct CeleryEventTests {
    private func decode(_ body: String) -> CeleryEvent.Batch { CeleryEvent.decode(RecordedEvents.message(body)) }

    @Test func recordedEvents() throws {
        let batches = try RecordedEvents.payloads().map(CeleryEvent.decode)
        #expect(batches.allSatisfy { $0.dropped.isEmpty && $0.others == 0 })
        let events = batches.flatMap(\.events)
        #expect(events.count == 38)
        #expect(Set(events.map(\.kind)) == Set(CeleryEvent.Kind.allCases))

        var online = CeleryEvent(kind: .online, sender: "w1@host", time: 1_795_267_156.5026648)
        online.active = 0
        online.software = "py-celery 5.7.0"
        #expect(events[0] == online)
        #expect(events[0].host == "host")

        let delayed = try #require(events.first { $0.queue == "mails" })
        #expect(delayed.kind == .sent && delayed.name == "lab.add")
        #expect(delayed.taskID == "ff4cd6a3-bbb2-45da-a6ec-975d0384c18c")
        // Of the text 2026-11-21T13:19:20.740461+00:00.
        #expect(abs((delayed.eta ?? 0) - 1_795_267_160.740461) < 1e-6)
        #expect(events.compactMap(\.exception) == ["ValueError", "KeyError"])
        #expect(events.filter(\.isRejection).map(\.kind) == [.failed, .rejected])
        #expect(events.contains { $0.active == 1 })
    }

    @Test func nothingIsKeptOfWhatTasksAreGivenAndReturn() throws {
        let events = try RecordedEvents.payloads().flatMap { CeleryEvent.decode($0).events }
        let kept = "\(events)"
        #expect(kept.contains("ValueError"))
        #expect(!kept.contains("secret text"))
        #expect(!kept.contains("Traceback"))
        #expect(!kept.contains("(1, 2)"))
    }

    @Test(arguments: [
        ("{\"type\":\"task-sent\",\"hostname\":\"a@h\",\"uuid\":\"1\",\"name\":\"t\"}", 1, 0, 0),
        ("[{\"type\":\"task-started\",\"hostname\":\"a@h\",\"uuid\":\"1\"},7,{},[],{\"type\":7}]", 1, 0, 4),
        ("[]", 0, 0, 0),
        ("{\"type\":\"task-progress\",\"hostname\":\"a@h\",\"uuid\":\"1\"}", 0, 1, 0),
        ("{\"type\":\"task-sent\",\"hostname\":\"a@h\"}", 0, 0, 1),
        ("{\"type\":\"task-sent\",\"uuid\":\"1\"}", 0, 0, 1),
        ("{\"type\":\"task-sent\",\"hostname\":\"\",\"uuid\":\"1\"}", 0, 0, 1),
        ("{\"type\":\"task-sent\",\"hostname\":\"a@h\",\"uuid\":7}", 0, 0, 1),
        ("{\"type\":\"task-sent\",\"hostname\":\"a@h\",\"uuid\":\"1\",\"name\":[]}", 0, 0, 1),
        ("{\"type\":\"worker-heartbeat\",\"hostname\":{\"a\":1}}", 0, 0, 1),
        ("7", 0, 0, 1), ("\"text\"", 0, 0, 1), ("null", 0, 0, 1), ("", 0, 0, 1), ("{", 0, 0, 1), ("[{", 0, 0, 1),
    ])
    func whatIsNoEvent(_ body: String, events: Int, others: Int, malformed: Int) {
        let batch = decode(body)
        #expect(batch.events.count == events)
        #expect(batch.others == others)
        #expect(batch.dropped[.malformed] ?? 0 == malformed)
    }

    @Test func whatIsNoMessage() {
        for text in ["", "x", "7", "[]", "{}", #"{"body":7}"#, #"{"body":"e30"#, #"{"body":null,"properties":7}"#] {
            #expect(CeleryEvent.decode(Array(text.utf8)) == .dropped(.malformed), "\(text)")
        }
        let encoded = #"{"body":"!!!!","properties":{"body_encoding":"base64"}}"#
        #expect(CeleryEvent.decode(Array(encoded.utf8)) == .dropped(.malformed))
        let pickled = #"{"body":"gAI=","content-type":"application/x-python-serialize"}"#
        #expect(CeleryEvent.decode(Array(pickled.utf8)) == .dropped(.serializer))
        // Without an encoding, the body is the event's own text.
        let plain = #"{"body":"{\"type\":\"worker-offline\",\"hostname\":\"w\"}"}"#
        #expect(CeleryEvent.decode(Array(plain.utf8)).events == [CeleryEvent(kind: .offline, sender: "w")])
    }

    @Test func namesHaveALimitAndNumbersAreSane() {
        func sent(_ fields: String) -> CeleryEvent? {
            decode(#"{"type":"task-succeeded","hostname":"a@h","uuid":"1",\#(fields)}"#).events.first
        }
        let longest = String(repeating: "n", count: CeleryEvent.maximumLength)
        #expect(sent("\"name\":\"\(longest)\"")?.name == longest)
        #expect(sent("\"name\":\"\(longest)n\"") == nil)
        #expect(sent("\"runtime\":0.25")?.runtime == 0.25)
        for number in ["1e999", "-1", "\"1\"", "null", "1e300", "nan"] {
            let event = sent("\"runtime\":\(number)")
            #expect(event != nil && event?.runtime == nil, "\(number)")
        }
    }

    @Test(arguments: [
        ("ValueError('x')", "ValueError"), ("Größe_2()", "Größe_2"), ("a.b.C('x')", nil), ("(", nil), ("", nil),
        ("no class", nil), ("reject requeue=False: f(x)", nil),
    ])
    func exceptionClasses(_ text: String, expected: String?) {
        let event = decode(#"{"type":"task-failed","hostname":"a@h","uuid":"1","exception":"\#(text)"}"#).events.first
        #expect(event?.exception == expected)
    }

    @Test func deepNestingAndGarbage() throws {
        let deep = String(repeating: "[", count: 300_000)
        #expect(decode(deep).events.isEmpty)
        #expect(decode(deep + String(repeating: "]", count: 300_000)).dropped[.malformed] == 1)
        let object = String(repeating: "{\"a\":", count: 100_000)
        #expect(decode(object).dropped[.malformed] == 1)

        var generator = SystemRandomNumberGenerator()
        var tasks = CeleryTasks(.init())
        for payload in try RecordedEvents.payloads() {
            for _ in 0..<40 {
                var broken = payload
                for _ in 0...2 { broken[Int.random(in: broken.indices, using: &generator)] = .random(in: 0...255) }
                if Bool.random() { broken.removeLast(Int.random(in: 0..<broken.count)) }
                tasks.take(CeleryEvent.decode(broken))
            }
        }
        #expect(tasks.families().contains { !$0.samples.isEmpty })
    }

    @Test func base64() throws {
        for text in ["", "f", "fo", "foo", "foob", "fooba", "foobar", "\u{0}\u{ff}ÿ?>"] {
            let encoded = Array(Data(text.utf8).base64EncodedString().utf8)
            #expect(Base64.decoded(encoded) == Array(text.utf8))
        }
        for count in 0..<70 {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255) }
            #expect(Base64.decoded(Array(Data(bytes).base64EncodedString().utf8)) == bytes)
        }
        for text in ["Z", "Zg", "Zg=", "Z===", "====", "=Zg=", "Zg==Zg==", "Zm9v\n", "Zm 9", "Zm9-", "Zm9_", "Zé=="] {
            #expect(Base64.decoded(Array(text.utf8)) == nil, "\(text)")
        }
    }

    @Test func theChannel() {
        func pattern(_ change: (inout RedisQueueOptions.Celery) -> Void) -> RedisCommand {
            var options = RedisQueueOptions.Celery()
            change(&options)
            return options.events(database: 5).command
        }
        #expect(pattern { _ in } == RedisCommand("PSUBSCRIBE", "/5.celeryev/*"))
        #expect(pattern { $0.keyPrefix = "app:" } == RedisCommand("PSUBSCRIBE", "app:/5.celeryev/*"))
        #expect(pattern { $0.eventExchange = "ev[1]" } == RedisCommand("PSUBSCRIBE", #"/5.ev\[1\]/*"#))
        #expect(pattern { $0.fanoutPrefix = "" } == RedisCommand("PSUBSCRIBE", "celeryev/*"))
        #expect(pattern { $0.fanoutPrefix = "x{db}y{db}" } == RedisCommand("PSUBSCRIBE", "x5y5celeryev/*"))
        // What kombu before 5.4 makes of it at a sentinel.
        #expect(pattern { $0.fanoutPrefix = "/{{db}}." } == RedisCommand("PSUBSCRIBE", "/{db}.celeryev/*"))
        #expect(pattern { $0.fanoutPatterns = false } == RedisCommand("SUBSCRIBE", "/5.celeryev"))
    }
}

struct SubscriptionReaderTests {
    private static let stream = Array(
        """
        +OK\r\n*3\r\n$10\r\npsubscribe\r\n$3\r\nx/*\r\n:1\r\n*4\r\n$8\r\npmessage\r\n$3\r\nx/*\r\n$3\r\nx/a\r\n\
        $7\r\nab\r\n$1c\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n*4\r\n$8\r\npmessage\r\n$3\r\nx/*\r\n$3\r\nx/a\r\n\
        $20\r\n01234567890123456789\r\n*3\r\n$7\r\nmessage\r\n$1\r\nx\r\n$0\r\n\r\n-ERR no\r\n*1\r\n$-1\r\n
        """.utf8)

    private static let frames: [SubscriptionReader.Frame] = [
        .other, .subscribed, .message(Array("ab\r\n$1c".utf8)), .other, .oversized, .message([]),
        .error(Array("ERR no".utf8)), .other,
    ]

    private func read(_ bytes: [UInt8], cut size: Int) throws -> [SubscriptionReader.Frame] {
        var reader = try SubscriptionReader(limit: 10)
        var frames: [SubscriptionReader.Frame] = []
        for start in stride(from: 0, to: bytes.count, by: size) {
            try reader.feed(ByteBuffer(bytes: bytes[start..<min(start + size, bytes.count)]))
            while let frame = try reader.next() { frames.append(frame) }
        }
        return frames
    }

    @Test(arguments: [1, 2, 3, 7, 19, 64, 1000]) func howeverItIsCut(size: Int) throws {
        let frames = try read(Self.stream, cut: size)
        #expect(frames == Self.frames)
    }

    @Test(arguments: [
        "x\r\n", "\r\n", "*x\r\n", "*1\r\n$-2\r\n", "*1\r\n$99999999999999999999\r\n", "$x\r\n", "*2097152\r\n",
        "+" + String(repeating: "+", count: 1 << 17),
    ])
    func nonsense(_ text: String) {
        #expect(CollectorError.thrown { _ = try read(Array(text.utf8), cut: 4) }?.reason == .internal)
    }
}
