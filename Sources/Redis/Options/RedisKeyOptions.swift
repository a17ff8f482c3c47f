/// Which keys are looked at.
public struct RedisKeyOptions: Sendable, Equatable {
    /// Keys whose size, memory and value are shown; one that is a pattern stands for the keys that match it.
    public var checked: [RedisKey] = []
    /// The same, but never a pattern.
    public var checkedSingle: [RedisKey] = []
    /// Patterns whose keys are counted.
    public var counted: [RedisKey] = []
    /// Streams whose groups and consumers are shown; one that is a pattern stands for the streams that match it.
    public var streams: [RedisKey] = []
    /// The same, but never a pattern.
    public var singleStreams: [RedisKey] = []
    /// Whether the consumers of streams are shown.
    public var includesConsumers = true
    /// Patterns by which all keys are grouped: the first that matches a key names its group by what it captures.
    public var groups: [LuaPattern] = []
    /// How many groups stand by themselves; the others, which have less memory, are one.
    public var groupLimit = 100
    /// Whether the values of strings are shown.
    public var includesValues = true
    /// Whether checked keys are left out where the server is not a replica.
    public var skipsMasters = false
    /// How many keys one step of a search takes.
    public var batchSize = 1000
    /// How long after a search began the next may begin, of keys as of queues.
    public var searchInterval = Duration.seconds(30)
    /// How many keys a second searches take at most.
    public var searchedPerSecond = 10_000
    /// How many keys that match patterns stand by themselves.
    public var limit = 10_000

    /// No keys.
    public init() {}
}
