import NIOCore
import Scraping
import Testing

@testable import Redis

struct PipelineTests {
    private let ok = RedisReply.string(Array("OK".utf8))

    private func text(_ pipeline: Pipeline) throws -> String {
        String(buffer: try pipeline.encoded())
    }

    private func error(_ text: String) -> RedisReply { .error(Array(text.utf8)) }

    /// The commands of a pipeline without the framing.
    private func words(_ pipeline: Pipeline) throws -> [String] {
        try text(pipeline).split(separator: "*").map { command in
            command.split(separator: "\r\n").dropFirst().enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
                .joined(separator: " ")
        }
    }

    @Test func commandsAreArraysOfBulkStrings() throws {
        var buffer = ByteBuffer()
        try RedisCommand("LLEN", "a\u{6}\u{16}3", "", "ü").encode(into: &buffer)
        #expect(String(buffer: buffer) == "*4\r\n$4\r\nLLEN\r\n$4\r\na\u{6}\u{16}3\r\n$0\r\n\r\n$2\r\nü\r\n")
    }

    @Test func aFreshConnectionLogsInFirst() throws {
        let fresh = Pipeline([.info], session: Session(), authentication: RedisCommand("AUTH", "me", "secret"))
        #expect(try words(fresh) == ["AUTH me secret", "CLIENT SETNAME stack-exporter", "INFO ALL"])
        let kept = Pipeline([.info], session: Session(isFresh: false))
        #expect(try words(kept) == ["INFO ALL"])
    }

    @Test func databasesAreSelectedOnceEach() throws {
        let commands = [
            RedisCommand("LLEN", "a", database: 2), .info, RedisCommand("LLEN", "b", database: 0),
            RedisCommand("LLEN", "c", database: 2),
        ]
        let pipeline = Pipeline(commands, session: Session(isFresh: false))
        #expect(try words(pipeline) == ["INFO ALL", "LLEN b", "SELECT 2", "LLEN a", "LLEN c"])

        let (replies, session) = try pipeline.match([ok, .integer(1), ok, .integer(2), .integer(3)])
        #expect(try commands.filter { $0 != .info }.map { try replies.integer($0) } == [2, 1, 3])
        #expect(session.database == 2)
        #expect(try words(Pipeline(commands, session: session)).contains("SELECT 0"))
    }

    @Test func aDatabaseThatCannotBeSelectedGivesNoValues() throws {
        let inOther = RedisCommand("LLEN", "a", database: 9)
        let pipeline = Pipeline([.info, inOther], session: Session(isFresh: false))
        let (replies, session) = try pipeline.match([ok, error("ERR DB index is out of range"), .integer(7)])
        #expect(CollectorError.thrown { _ = try replies.integer(inOther) }?.reason == .internal)
        #expect(session.database == 0)
    }

    @Test func aRefusedCommandIsNotSentAgain() throws {
        let config = RedisCommand("CONFIG", "GET", "databases", untilRefused: true)
        let first = Pipeline([.info, config], session: Session(isFresh: false))
        let (_, session) = try first.match([ok, error("NOPERM this user has no permissions")])
        let second = Pipeline([.info, config], session: session)
        #expect(try words(second) == ["INFO ALL"])
        let (replies, _) = try second.match([ok])
        #expect(CollectorError.thrown { _ = try replies[config] }?.reason == .permission)
    }

    @Test func aServerThatIsLoadingIsAskedAgain() throws {
        let config = RedisCommand("CONFIG", "GET", "databases", untilRefused: true)
        let pipeline = Pipeline([config], session: Session(isFresh: false))
        let (_, session) = try pipeline.match([error("LOADING Redis is loading the dataset in memory")])
        #expect(session.refusals.isEmpty)
    }

    @Test(arguments: ["WRONGPASS invalid username-password pair or user is disabled.", "ERR invalid password"])
    func aWrongPasswordIsTheWholeAnswer(_ text: String) {
        let pipeline = Pipeline([.info], session: Session(), authentication: RedisCommand("AUTH", "x"))
        let thrown = CollectorError.thrown {
            _ = try pipeline.match([error(text), error("NOAUTH Authentication required."), error("NOAUTH")])
        }
        #expect(thrown?.reason == .authentication)
    }

    @Test func aMissingPasswordIsTheWholeAnswer() {
        let pipeline = Pipeline([.info], session: Session())
        let thrown = CollectorError.thrown { _ = try pipeline.match([error("NOAUTH x"), error("NOAUTH x")]) }
        #expect(thrown?.reason == .authentication)
    }
}
