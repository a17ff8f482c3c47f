import Scraping
import Testing

@testable import Redis

struct QueueTests {
    private let wrongType = RedisReply.error(Array("WRONGTYPE x".utf8))

    private func settings(lists: [RedisKey] = [], queues: [String] = []) -> RedisSettings {
        var settings = RedisSettings(name: "test", address: .unix(path: "/"))
        settings.lists = lists
        settings.celeryQueues = queues
        settings.database = 2
        return settings
    }

    @Test func nothingConfiguredAsksNothing() {
        #expect(ListsCollector().commands(settings()).isEmpty)
        #expect(CeleryCollector().commands(settings()).isEmpty)
    }

    @Test func anEmptyListIsZeroAndOneThatCannotBeReadIsAbsent() throws {
        let settings = settings(lists: [RedisKey(key: "a"), RedisKey(database: 1, key: "a"), RedisKey(key: "s")])
        let replies = zip(ListsCollector().commands(settings), [.integer(0), .integer(7), wrongType])
        let families = try ListsCollector().families(RedisReplies(Dictionary(uniqueKeysWithValues: replies)), settings)
        #expect(
            families.series == [
                "redis_key_size{db=\"db0\",key=\"a\"}": 0, "redis_key_size{db=\"db1\",key=\"a\"}": 7,
            ])
    }

    @Test func aCeleryQueueIsAllItsPriorities() throws {
        let settings = settings(queues: ["celery", "mails"])
        let commands = CeleryCollector().commands(settings)
        #expect(
            commands.prefix(4).map(\.arguments) == [
                ["LLEN", "celery"], ["LLEN", "celery\u{6}\u{16}3"], ["LLEN", "celery\u{6}\u{16}6"],
                ["LLEN", "celery\u{6}\u{16}9"],
            ])
        #expect(commands.allSatisfy { $0.database == 2 })
        let values: [RedisReply] = [1, 2, 3, 4, 0, 0, 0, 0].map { .integer($0) }
        let replies = RedisReplies(Dictionary(uniqueKeysWithValues: zip(commands, values)))
        #expect(
            try CeleryCollector().families(replies, settings).series == [
                "celery_queue_length{queue_name=\"celery\"}": 10, "celery_queue_length{queue_name=\"mails\"}": 0,
            ])
    }

    @Test func aPartOfAQueueIsNotItsLength() {
        let settings = settings(queues: ["celery"])
        let commands = CeleryCollector().commands(settings)
        let replies = zip(commands, [.integer(1), .integer(1), wrongType, .integer(1)] as [RedisReply])
        let error = CollectorError.thrown {
            _ = try CeleryCollector().families(RedisReplies(Dictionary(uniqueKeysWithValues: replies)), settings)
        }
        #expect(error?.reason == .internal)
    }
}
