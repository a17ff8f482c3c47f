import NIOCore
import Scraping
import Testing

@testable import Redis

struct PipelineTests {
    private let ok = RedisReply.string(Array("OK".utf8))

    private func error(_ text: String) -> RedisReply { .error(Array(text.utf8)) }

    /// The commands of a pipeline without the framing.
    private func words(_ pipeline: Pipeline) -> [String] {
        String(buffer: pipeline.encoded).split(separator: "*").map { command in
            command.split(separator: "\r\n").dropFirst().enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
                .joined(separator: " ")
        }
    }

    @Test func commandsAreArraysOfBulkStrings() {
        let command = RedisCommand("CONFIG GET", "a\u{6}\u{16}3", "", "ü", [0, 13, 10, 255] as [UInt8], -12)
        let wire = "*7\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n$4\r\na\u{6}\u{16}3\r\n$0\r\n\r\n$2\r\nü\r\n$4\r\n"
        #expect(command.wire == Array(wire.utf8) + [0, 13, 10, 255] + Array("\r\n$3\r\n-12\r\n".utf8))
        #expect(command.name == "CONFIG GET")
        #expect(command.name.aclName == "config|get")
    }

    @Test func whatGoesOverTheWireMakesACommand() {
        #expect(RedisCommand("LLEN", "a", database: 1) == RedisCommand("LLEN", Array("a".utf8), database: 1))
        #expect(RedisCommand("LLEN", "a", database: 1) != RedisCommand("LLEN", "a", database: 2))
        #expect(RedisCommand("LLEN", "a", "b") != RedisCommand("LLEN", "a b"))
    }

    @Test func databasesAreSelectedOnceEach() throws {
        let commands = [
            RedisCommand("LLEN", "a", database: 2), .info, RedisCommand("LLEN", "b", database: 0),
            RedisCommand("LLEN", "c", database: 2),
        ]
        let pipeline = Pipeline(commands)
        #expect(
            words(pipeline) == ["INFO ALL", "INFO STATS", "LLEN b", "SELECT 2", "LLEN a", "LLEN c", "INFO STATS"])
        #expect(pipeline.count == 7)

        func counts(_ hits: Int, _ misses: Int) -> RedisReply {
            .string(Array("# Stats\r\nkeyspace_hits:\(hits)\r\nkeyspace_misses:\(misses)\r\n".utf8))
        }
        let outcome = try pipeline.match([
            ok, counts(10, 5), .integer(1), ok, .integer(2), .integer(3), counts(12, 6),
        ])
        let replies = outcome.replies
        #expect(try commands.filter { $0 != .info }.map { try replies.integer($0) } == [2, 1, 3])
        #expect(outcome.database == 2)
        #expect(outcome.lookups.hits == 2 && outcome.lookups.misses == 1)
        #expect(words(Pipeline(commands, database: outcome.database)).contains("SELECT 0"))
    }

    /// `ASKING` is for the next command alone, whichever that is.
    @Test func nothingComesBetweenCommandsOfOneDatabase() {
        let commands = [RedisCommand("ASKING", database: 1), RedisCommand("LLEN", "a", database: 1)]
        #expect(words(Pipeline(commands)) == ["INFO STATS", "SELECT 1", "ASKING", "LLEN a", "INFO STATS"])
    }

    @Test func aDatabaseThatCannotBeSelectedGivesNoValues() throws {
        let inOther = RedisCommand("LLEN", "a", database: 9)
        let pipeline = Pipeline([.info, inOther])
        let outcome = try pipeline.match([ok, ok, error("ERR DB index is out of range"), .integer(7), ok])
        #expect(CollectorError.thrown { _ = try outcome.replies.integer(inOther) }?.reason == .internal)
        #expect(outcome.database == 0)
        #expect(outcome.lookups == Lookups())
    }

    @Test func whatDidNotComeHasTheReason() throws {
        let length = RedisCommand("LLEN", "a")
        let replies = try Pipeline([.info, length]).match([ok], failure: .late).replies
        #expect(try replies.text(.info) == Array("OK".utf8))
        #expect(CollectorError.thrown { _ = try replies.integer(length) } == .late)
        #expect(CollectorError.thrown { try replies.check() } == .late)
    }

    @Test(arguments: [
        "NOAUTH Authentication required.", "WRONGPASS invalid username-password pair or user is disabled.",
    ])
    func aMissingOrWrongPasswordIsTheWholeAnswer(_ text: String) {
        let thrown = CollectorError.thrown { _ = try Pipeline([.info]).match([error(text)]) }
        #expect(thrown?.reason == .authentication)
    }

    @Test func anOlderServersRefusalOfAPasswordIsOneToo() {
        let pipeline = Pipeline([RedisCommand("AUTH", "x"), .info])
        let thrown = CollectorError.thrown { _ = try pipeline.match([error("ERR invalid password"), error("NOAUTH")]) }
        #expect(thrown?.reason == .authentication)
    }
}
