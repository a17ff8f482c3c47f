import Scraping
import Testing

@testable import Redis

struct QueueTests {
    private let wrongType = RedisReply.error(Array("WRONGTYPE x".utf8))

    private let server = RedisFacts()

    private func settings(queues: [String] = []) -> RedisSettings {
        var settings = RedisSettings(name: "test", address: .unix(path: "/"))
        settings.queues.celery.names = queues
        settings.database = 2
        return settings
    }

    @Test func nothingConfiguredAsksNothing() {
        #expect(CeleryCollector(settings()).commands(server).isEmpty)
    }

    @Test func aCeleryQueueIsAllItsPriorities() throws {
        let celery = CeleryCollector(settings(queues: ["celery", "mails"]))
        let commands = celery.commands(server)
        #expect(
            commands.prefix(4)
                == [
                    RedisCommand("LLEN", "celery", database: 2),
                    RedisCommand("LLEN", "celery\u{6}\u{16}3", database: 2),
                    RedisCommand("LLEN", "celery\u{6}\u{16}6", database: 2),
                    RedisCommand("LLEN", "celery\u{6}\u{16}9", database: 2),
                ])
        let values: [RedisReply] = [1, 2, 3, 4, 0, 0, 0, 0].map { .integer($0) }
        let replies = RedisReplies(Dictionary(uniqueKeysWithValues: zip(commands, values)))
        #expect(
            try celery.families(replies, server).series == [
                "celery_queue_length{queue_name=\"celery\"}": 10, "celery_queue_length{queue_name=\"mails\"}": 0,
            ])
    }

    @Test func aPartOfAQueueIsNotItsLength() {
        let celery = CeleryCollector(settings(queues: ["celery"]))
        let replies = zip(celery.commands(server), [.integer(1), .integer(1), wrongType, .integer(1)] as [RedisReply])
        let error = CollectorError.thrown {
            _ = try celery.families(RedisReplies(Dictionary(uniqueKeysWithValues: replies)), server)
        }
        #expect(error?.reason == .internal)
    }
}
