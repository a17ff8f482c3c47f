import Redis
import Scraping

/// Which job queues in Redis are looked at.
extension Option {
    static let redisQueues: [Option] = [
        .several(
            "redis.queues.celery", "NAMES", default: "those that are found",
            "Celery queues that are shown even if they are empty, with commas between",
            otherVariables: ["CE_QUEUES"], \.redisQueues.celery.names, list),
        .several(
            "redis.queues.celery.exchanges", "NAMES", default: "celery",
            "Exchanges whose bindings tell which queues there are", \.redisQueues.celery.exchanges, list),
        Option(
            "redis.queues.celery.search", nil, default: "on",
            "Whether further exchanges are searched for: the key of each begins with _kombu.binding.",
            \.redisQueues.celery.searchesExchanges, isOn),
        Option(
            "redis.queues.celery.messages", nil, default: "on",
            "Whether the oldest messages are read, to tell their age", \.redisQueues.celery.readsMessages, isOn),
        Option(
            "redis.queues.celery.separator", "TEXT", default: "the bytes 6 and 22",
            "What stands between a queue's name and its priority (kombu's sep)", \.redisQueues.celery.separator, text),
        .several(
            "redis.queues.celery.priority-steps", "NUMBERS", default: "0,3,6,9",
            "The priorities that have lists of their own (kombu's priority_steps)",
            \.redisQueues.celery.prioritySteps, prioritySteps),
        Option(
            "redis.queues.celery.key-prefix", "TEXT", default: "none",
            "What stands before every key of Celery's (kombu's global_keyprefix)", \.redisQueues.celery.keyPrefix
        ) { $0 },
        Option(
            "redis.queues.celery.unacked-key", "KEY", default: "unacked",
            "The hash of messages that workers have and have not acknowledged (kombu's unacked_key)",
            \.redisQueues.celery.unackedKey, text),
        Option(
            "redis.queues.celery.unacked-index-key", "KEY", default: "unacked_index",
            "The sorted set of when they got them (kombu's unacked_index_key)",
            \.redisQueues.celery.unackedIndexKey, text),
        Option(
            "redis.queues.celery.visibility-timeout", "DURATION", default: "1h",
            "After how long an unacknowledged message is delivered anew (kombu's visibility_timeout)",
            \.redisQueues.celery.visibilityTimeout, seconds),
        .several(
            "redis.queues.celery.timestamp-headers", "NAMES", default: "timestamp,sent_at,published_at",
            "Headers of a message that may say when it was sent, with commas between",
            \.redisQueues.celery.timestampHeaders, list),
        Option(
            "redis.queues.celery.event-exchange", "NAME", default: "celeryev",
            "The exchange of events (Celery's event_exchange)", \.redisQueues.celery.eventExchange, text),
        Option(
            "redis.queues.celery.fanout-prefix", "TEXT", default: "/{db}.",
            "What stands before the exchange in the channel of events (kombu's fanout_prefix)",
            \.redisQueues.celery.fanoutPrefix
        ) { $0 },
        Option(
            "redis.queues.celery.fanout-patterns", nil, default: "on",
            "Whether the kind of event stands behind it (kombu's fanout_patterns)",
            \.redisQueues.celery.fanoutPatterns, isOn),
        Option(
            "redis.queues.celery.senders", nil, default: "on",
            "Whether the hosts that send tasks are told apart", \.redisQueues.celery.hidesSenders, isOff),
        Option(
            "redis.queues.celery.workers", nil, default: "on",
            "Whether the hosts that run tasks are told apart", \.redisQueues.celery.hidesWorkers, isOff),
        Option(
            "redis.queues.celery.default-queue", "NAME", default: "celery",
            "The queue of events that do not tell theirs (Celery's task_default_queue)",
            otherVariables: ["CE_DEFAULT_QUEUE_NAME"], \.redisQueues.celery.defaultQueue, text),
        Option(
            "redis.queues.celery.worker-timeout", "DURATION", default: "5m",
            "After how long without a sign of life a worker is down",
            otherVariables: ["CE_WORKER_TIMEOUT"], \.redisQueues.celery.workerTimeout, seconds),
        Option(
            "redis.queues.celery.worker-purge", "DURATION", default: "10m",
            "After how long without a sign of life a worker's series go; 0 for never",
            otherVariables: ["CE_PURGE_OFFLINE_WORKER_METRICS"], \.redisQueues.celery.workerPurge
        ) { value throws(Expected) in
            try duration(value, orZero: true).seconds
        },
        .several(
            "redis.queues.celery.runtime-buckets", "SECONDS", default: "0.005 to 10",
            "Upper bounds of celery_task_runtime, with commas between",
            otherVariables: ["CE_BUCKETS"], \.redisQueues.celery.runtimeBuckets, buckets),
        .several(
            "redis.queues.celery.wait-buckets", "SECONDS", default: "0.05 to 1800",
            "Upper bounds of celery_task_queue_wait_time, with commas between",
            otherVariables: ["CE_QUEUE_WAIT_BUCKETS"], \.redisQueues.celery.waitBuckets, buckets),
        .several(
            "redis.queues.rq", "NAMES", default: "those that are found",
            "RQ queues that are shown even if they are empty",
            \.redisQueues.rq, list),
        Option(
            "redis.queues.rq-prefix", "TEXT", default: "rq:",
            "What stands before every key of RQ's, with its colon (RQ_KEY_PREFIX)", \.redisQueues.rqPrefix
        ) { $0 },
        .several(
            "redis.queues.sidekiq", "NAMES", default: "those that are found",
            "Sidekiq queues that are shown even if they are empty", \.redisQueues.sidekiq, list),
        Option(
            "redis.queues.sidekiq-prefix", "TEXT", default: "none",
            "What stands before every key of Sidekiq's, with its colon (redis-namespace)", \.redisQueues.sidekiqPrefix
        ) { $0 },
        .several(
            "redis.queues.bullmq", "NAMES", default: "those that are found",
            "BullMQ and Bull queues that are shown even if they are empty", \.redisQueues.bullmq, list),
        .several(
            "redis.queues.bullmq-prefixes", "NAMES", default: "bull",
            "The prefixes of BullMQ's and Bull's keys, without their colons", \.redisQueues.bullmqPrefixes, list),
        .several(
            "redis.queues.resque", "NAMES", default: "those that are found",
            "Resque queues that are shown even if they are empty", \.redisQueues.resque, list),
        Option(
            "redis.queues.resque-prefix", "TEXT", default: "resque:",
            "What stands before every key of Resque's, with its colon", \.redisQueues.resquePrefix
        ) { $0 },
        .several(
            "redis.queues.list", "KEYS", default: "none",
            "Redis lists that are queues, with commas between: key or db1=key; jobs come in by LPUSH, the oldest is the last"
        ) {
            settings, values throws(Expected) in
            settings.redisQueues.setLists(try keys(values), isOldestFirst: false)
        },
        .several(
            "redis.queues.list-rpush", "KEYS", default: "none",
            "The same for lists whose jobs come in by RPUSH, the oldest is the first"
        ) {
            settings, values throws(Expected) in
            settings.redisQueues.setLists(try keys(values), isOldestFirst: true)
        },
        Option(
            "redis.queues.list-timestamp", "PATH", default: "none",
            "Where the JSON jobs of these lists say when they were made: a member's name, or meta.sent_at for one within another",
            \.redisAccess.timestampPath
        ) { $0.split(separator: ".").map(String.init) },
        Option(
            "redis.queues.list-jobs", nil, default: "on",
            "Whether the oldest jobs of these lists are read, to tell their age", \.redisAccess.readsJobs, isOn),
        .several(
            "redis.queues.sorted-set", "KEYS", default: "none",
            "Sorted sets of jobs by the time when they are due, in seconds since 1970: key or db1=key, with commas between"
        ) {
            settings, values throws(Expected) in
            settings.redisQueues.setSortedSets(try keys(values), unitsPerSecond: 1)
        },
        .several(
            "redis.queues.sorted-set-ms", "KEYS", default: "none",
            "The same for sorted sets whose scores are milliseconds"
        ) {
            settings, values throws(Expected) in
            settings.redisQueues.setSortedSets(try keys(values), unitsPerSecond: 1000)
        },
        .several(
            "redis.queues.stream", "KEYS", default: "none",
            "Streams with consumer groups that are queues: key or db1=key, with commas between",
            \.redisQueues.streams, keys),
        Option(
            "redis.queues.limit", "COUNT", default: "10000", "How many queues of one system stand by themselves",
            \.redisQueues.limit, count),
    ]

    private static func text(_ value: String) throws(Expected) -> String {
        guard !value.isEmpty else { throw Expected("not empty") }
        return value
    }

    private static func isOff(_ value: String) throws(Expected) -> Bool { try !isOn(value) }

    private static func seconds(_ value: String) throws(Expected) -> Double { try duration(value).seconds }

    private static func prioritySteps(_ values: [String]) throws(Expected) -> [Int] {
        let steps = values.map { Int($0) ?? -1 }
        guard steps.allSatisfy({ 0...255 ~= $0 }), zip(steps, steps.dropFirst()).allSatisfy({ $0 < $1 }) else {
            throw Expected("rising whole numbers such as 0,3,6,9")
        }
        return steps
    }

    /// Upper bounds as Python writes them too, with an infinite one at the end, which every histogram has anyway.
    private static func buckets(_ values: [String]) throws(Expected) -> [Double] {
        let isInfinite = values.count > 1 && values.last.flatMap { Double($0) } == .infinity
        return try risingNumbers(isInfinite ? values.dropLast() : values)
    }
}

extension RedisQueueOptions {
    /// Sets the lists of one direction, and leaves the others.
    fileprivate mutating func setLists(_ keys: [RedisKey], isOldestFirst: Bool) {
        lists.removeAll { $0.isOldestFirst == isOldestFirst }
        lists += keys.map { List($0, isOldestFirst: isOldestFirst) }
    }

    /// Sets the sorted sets of one unit, and leaves the others.
    fileprivate mutating func setSortedSets(_ keys: [RedisKey], unitsPerSecond: Double) {
        sortedSets.removeAll { $0.unitsPerSecond == unitsPerSecond }
        sortedSets += keys.map { TimedKey($0, unitsPerSecond: unitsPerSecond) }
    }
}
