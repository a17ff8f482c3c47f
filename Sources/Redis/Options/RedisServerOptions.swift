public import Scraping

/// What is shown of the server itself beside what it tells in `INFO`.
public struct RedisServerOptions: Sendable, Equatable {
    /// How the command `CONFIG` is called; `nil` where the server has none.
    public var configCommand: String? = "CONFIG"
    /// Whether passwords and the like stay out of what `redis_config_values` shows.
    public var redactsConfiguration = true
    /// Whether the client list has ports.
    public var includesClientPorts = false
    /// Which indexes of the search module are shown, by a part of their names; `nil` for all.
    public var searchIndexes: RegularExpression?
    /// Whether the other sentinels of a master are shown, each with its address.
    public var includesSentinelPeers = false
    /// Lua scripts whose replies are metrics, by the name of their file.
    public var scripts: [Script] = []
    /// Whether they run by `EVAL_RO`.
    public var runsScriptsReadOnly = false
    /// Whether databases without keys have 0 keys, and not no series.
    public var includesEmptyDatabases = true
    /// Whether every scrape begins with a `PING` whose time is shown.
    public var pings = false
    /// Whether a cluster's nodes are found by the names of their hosts, where they announce any, and not by IP address.
    public var findsNodesByName = false
    /// Whether the connection has a name in the server's list of clients.
    public var setsClientName = true
    /// What stands before the names of all metrics of the server.
    public var namespace = "redis"
    /// Whether all metrics of the server have its role as a label.
    public var hasRoleLabel = false

    /// A script and the file that it came from.
    public struct Script: Sendable, Hashable {
        /// The `filename` label.
        public var fileName: String
        /// Its text.
        public var text: String

        /// A script.
        public init(fileName: String, text: String) {
            self.fileName = fileName
            self.text = text
        }
    }

    /// As they are where nobody configured anything.
    public init() {}
}
