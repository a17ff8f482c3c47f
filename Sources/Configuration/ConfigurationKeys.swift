import Scraping

/// The keys of the configuration file, as a tree. It is made of the options: a flag's name, split at its dots and with
/// underscores for dashes, leads to its key.
struct ConfigurationKeys {
    /// What a value sets that is no mapping.
    private(set) var option: Option?
    /// Whether that value is the name of a file which holds the secret.
    private(set) var namesFile = false
    /// What `true` and `false` set in place of it.
    private(set) var switched: Option?
    /// What a mapping may hold, in order.
    private(set) var children: [(key: String, keys: ConfigurationKeys)] = []

    /// All keys of a file but those that name servers.
    static func all() -> ConfigurationKeys {
        var keys = ConfigurationKeys()
        let options = Option.all.filter(\.isOfFiles)
        for option in options {
            for path in paths(of: option) { keys.insert(path[...]) { $0.option = option } }
        }
        for option in options where option.isSecret {
            for path in paths(of: option) {
                keys.insert(filePath(path)[...]) {
                    guard $0.option == nil else { return }
                    $0.option = option
                    $0.namesFile = true
                }
            }
        }
        for (path, flag) in switches {
            keys.insert(path.split(separator: ".").map(String.init)[...]) { keys in
                keys.switched = options.first { $0.flag == flag }
            }
        }
        return keys
    }

    /// The keys of a server's entry that options are behind.
    func keys(of kind: NamedServer.Kind) -> ConfigurationKeys {
        var keys = self[kind.rawValue] ?? ConfigurationKeys()
        keys.children.removeAll { ["probe", "constant_labels"].contains($0.key) }
        return keys
    }

    /// What a key leads to; dashes and underscores are the same.
    subscript(key: String) -> ConfigurationKeys? {
        let key = key.replacing("-", with: "_")
        return children.first { $0.key == key }?.keys
    }

    /// The keys that an error tells of: none that is there only for those who come from another exporter.
    var known: [String] {
        children.filter { $0.keys.option?.advice == nil || !$0.keys.children.isEmpty }.map(\.key)
    }

    private mutating func insert(_ path: ArraySlice<String>, _ change: (inout ConfigurationKeys) -> Void) {
        guard let key = path.first else { return change(&self) }
        let index = children.firstIndex { $0.key == key } ?? children.endIndex
        if index == children.endIndex { children.append((key, ConfigurationKeys())) }
        children[index].keys.insert(path.dropFirst(), change)
    }

    // MARK: Where each option has its key

    /// The paths that lead to an option, the one first that the file is best written with.
    static func paths(of option: Option) -> [[String]] {
        let parts = option.flag.replacing("-", with: "_").split(separator: ".").map(String.init)
        var paths = [parts]
        if parts[0] == "collector" {
            paths = [["collectors"] + parts.dropFirst(), parts]
            let kind = CollectorSelection.kinds.first { $0.collectors.contains { $0.name == parts[1] } }?.kind
            if let kind { paths.append([kind, "collectors"] + parts.dropFirst()) }
        }
        if let alias = aliases[option.flag] { paths.insert(alias.split(separator: ".").map(String.init), at: 0) }
        if let part = parts.last.flatMap({ lastAliases[$0] }) {
            paths = paths.map { $0.dropLast() + [part] } + paths
        }
        // What has keys below it needs one of its own beside them.
        if let own = ownKeys[option.flag] { paths = paths.map { $0 + [own] } + paths }
        return paths
    }

    /// Where a secret's file is named.
    static func filePath(_ path: [String]) -> [String] { path.dropLast() + ["\(path.last ?? "")_file"] }

    /// Where another key says better what it is than the flag does.
    private static let aliases = [
        "auto-discover-databases": "postgres.queries_in_all_databases",
        "compat.legacy-names": "postgres.legacy_names",
        "constantLabels": "postgres.constant_labels",
        "containers.runtime-socket": "containers.runtime_sockets",
        "extend.query-path": "postgres.queries",
        "metric-prefix": "postgres.metric_prefix",
        "no-containers.include": "containers.exclude",
        "redis.sentinel.password": "redis.sentinel_password",
        "web.config.file": "web.config_file",
        "wrap-large-counters": "postgres.wrap_large_counters",
    ]

    private static let lastAliases = ["include_query": "query_text"]

    /// Options that others' names begin with.
    private static let ownKeys = [
        "collector.stat_statements": "enabled", "redis.queues.celery": "queues", "redis.scripts": "files",
    ]

    /// Queues are found by themselves: `rq: true` has them looked for, and a list also names some.
    private static let switches = [
        "redis.queues.bullmq": "collector.redis_bullmq", "redis.queues.celery": "collector.redis_celery",
        "redis.queues.resque": "collector.redis_resque", "redis.queues.rq": "collector.redis_rq",
        "redis.queues.sidekiq": "collector.redis_sidekiq",
    ]
}

extension Option {
    /// Whether the configuration file may say it: not what file that is, not what a single command does, and servers are
    /// named in another way.
    var isOfFiles: Bool { commands.isEmpty && flag != "config.file" && flag != "redis.addr" }
}
