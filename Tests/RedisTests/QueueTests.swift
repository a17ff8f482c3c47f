import Scraping
import Testing

@testable import Redis

struct QueueTests {
    private let wrongType = RedisReply.error(Array("WRONGTYPE x".utf8))

    private let server = RedisFacts()

    private func settings(lists: [RedisKey] = []) -> RedisSettings {
        var settings = RedisSettings(name: "test", address: .unix(path: "/"))
        settings.queues.lists = lists.map { RedisQueueOptions.List($0) }
        return settings
    }

    @Test func nothingConfiguredAsksNothing() {
        #expect(ListsCollector(settings()).commands(server).isEmpty)
    }

    @Test func anEmptyListIsZeroAndOneThatCannotBeReadIsAbsent() throws {
        let lists = ListsCollector(
            settings(lists: [RedisKey(key: "a"), RedisKey(database: 1, key: "a"), RedisKey(key: "s")]))
        let replies = zip(lists.commands(server), [.integer(0), .integer(7), wrongType])
        let families = try lists.families(RedisReplies(Dictionary(uniqueKeysWithValues: replies)), server)
        #expect(
            families.series == [
                "redis_key_size{db=\"db0\",key=\"a\"}": 0, "redis_key_size{db=\"db1\",key=\"a\"}": 7,
            ])
    }
}
