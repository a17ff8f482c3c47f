/// Which job queues are looked at, and how their systems name their keys.
public struct RedisQueueOptions: Sendable, Equatable {
    /// Celery's and kombu's keys.
    public struct Celery: Sendable, Equatable {
        /// Queues that are shown whether or not anything is in them, beside those that are found.
        public var names: [String] = []
        /// Exchanges whose bindings tell which queues there are, beside those that are found.
        public var exchanges = ["celery"]
        /// Whether other exchanges are searched for, in steps between scrapes; a queue that Celery makes has its own.
        public var searchesExchanges = true
        /// Whether the oldest message of each list is looked at, to tell how old it is.
        public var readsMessages = true
        /// What stands between a queue's name and its priority step (kombu's `sep`).
        public var separator = "\u{6}\u{16}"
        /// Kombu's `priority_steps`; the list of step 0 has the queue's own name.
        public var prioritySteps = [0, 3, 6, 9]
        /// What stands before every key (kombu's `global_keyprefix`).
        public var keyPrefix = ""
        /// The hash of messages that workers have and have not acknowledged (kombu's `unacked_key`).
        public var unackedKey = "unacked"
        /// When they got them (kombu's `unacked_index_key`).
        public var unackedIndexKey = "unacked_index"
        /// After how many seconds an unacknowledged message is delivered anew (kombu's `visibility_timeout`).
        public var visibilityTimeout = 3600.0
        /// Headers of a message that may say when it was sent, in seconds since 1970 or as ISO 8601.
        public var timestampHeaders = ["timestamp", "sent_at", "published_at"]
        /// The exchange of events (Celery's `event_exchange`).
        public var eventExchange = "celeryev"
        /// What stands before the exchange in the name of its channel, as Python's `format` renders it with the database as
        /// `db` (kombu's `fanout_prefix`); empty for none.
        public var fanoutPrefix = "/{db}."
        /// Whether the routing key stands behind the exchange in the name of the channel (kombu's `fanout_patterns`).
        public var fanoutPatterns = true
        /// Whether tasks that are sent have `generic` as their sender's host.
        public var hidesSenders = false
        /// Whether tasks have `generic` as the host of the worker that has them.
        public var hidesWorkers = false
        /// The queue of an event whose queue is not known (Celery's `task_default_queue`).
        public var defaultQueue = "celery"
        /// After how many seconds without a sign of life a worker is down; 0 for never.
        public var workerTimeout = 300.0
        /// After how many seconds without a sign of life a worker's series go; 0 for never.
        public var workerPurge = 600.0
        /// Upper bounds of `celery_task_runtime`, in seconds.
        public var runtimeBuckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
        /// Upper bounds of `celery_task_queue_wait_time`, in seconds.
        public var waitBuckets: [Double] = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800]

        /// As they are where nobody configured anything.
        public init() {}
    }

    /// A key with the unit of its times.
    public struct TimedKey: Sendable, Hashable {
        /// The key.
        public var key: RedisKey
        /// How many units of a score are a second.
        public var unitsPerSecond: Double

        /// A sorted set by its key and the unit of its scores.
        public init(_ key: RedisKey, unitsPerSecond: Double = 1) {
            self.key = key
            self.unitsPerSecond = unitsPerSecond
        }
    }

    /// A list of jobs.
    public struct List: Sendable, Hashable {
        /// The key.
        public var key: RedisKey
        /// Whether the oldest job is the first, as it is where producers call `RPUSH`; else it is the last.
        public var isOldestFirst: Bool
        /// Whether its jobs are looked at, to tell how old the oldest is.
        public var readsJobs: Bool
        /// The members of a JSON job that lead to the time when it was made, from the outermost.
        public var timestampPath: [String]

        /// A list by its key.
        public init(
            _ key: RedisKey, isOldestFirst: Bool = false, readsJobs: Bool = true, timestampPath: [String] = []
        ) {
            self.key = key
            self.isOldestFirst = isOldestFirst
            self.readsJobs = readsJobs
            self.timestampPath = timestampPath
        }
    }

    /// Celery.
    public var celery = Celery()
    /// Queues of RQ that are shown whether or not anything is in them.
    public var rq: [String] = []
    /// What stands before every key of RQ, with its colon (`RQ_KEY_PREFIX` of RQ 3).
    public var rqPrefix = "rq:"
    /// Queues of Sidekiq that are shown whether or not anything is in them.
    public var sidekiq: [String] = []
    /// What stands before every key of Sidekiq, with its colon (redis-namespace).
    public var sidekiqPrefix = ""
    /// Queues of BullMQ and Bull that are shown whether or not anything is in them; where there are any, only these, and
    /// the keys are not searched.
    public var bullmq: [String] = []
    /// The prefixes of BullMQ's and Bull's keys.
    public var bullmqPrefixes = ["bull"]
    /// Queues of Resque that are shown whether or not anything is in them.
    public var resque: [String] = []
    /// What stands before every key of Resque, with its colon.
    public var resquePrefix = "resque:"
    /// Plain lists.
    public var lists: [List] = []
    /// Sorted sets of jobs by the time when they are due.
    public var sortedSets: [TimedKey] = []
    /// Streams with consumer groups.
    public var streams: [RedisKey] = []
    /// How many queues of one system stand by themselves.
    public var limit = 10_000

    /// No queue by name.
    public init() {}
}
