import Redis

/// What is collected of Redis and of the job queues in it.
extension Option {
    static let redis: [Option] = [
        Option(
            "redis.queues.celery", "NAMES", default: "those that are found",
            "Celery queues that are shown even if they are empty, with commas between"
        ) {
            settings, value throws(Expected) in
            settings.redisQueues.celery.names = list(value)
        },
        Option(
            "redis.queues.list", "KEYS", default: "none",
            "Redis lists that are queues, with commas between: key or db1=key"
        ) {
            settings, value throws(Expected) in
            guard let keys = try? RedisKey.list(value) else { throw Expected("keys such as jobs,db1=mails") }
            settings.redisQueues.lists = keys.map { RedisQueueOptions.List($0) }
        },
    ]
}
