import Exposition
import Scraping

/// Parameters of the server's configuration, by `CONFIG GET` or however the command is called there.
struct ConfigurationQuestion {
    private let names: [String]
    private let command: String?

    /// - Parameter names: Of parameters; what the server does not know is not in its reply. Or `*` for all.
    init(_ names: [String], _ options: RedisServerOptions) {
        self.names = names
        command = options.configCommand.map { "\($0) GET" }
    }

    /// What several collectors need, so that it is one command.
    static func ofServer(_ options: RedisServerOptions) -> ConfigurationQuestion {
        ConfigurationQuestion(
            ["databases", "maxmemory", "maxclients", "io-threads", "repl-backlog-size", "client-output-buffer-limit"],
            options)
    }

    /// None where there is no such command. A sentinel has another one.
    func commands(_ server: RedisFacts) -> [RedisCommand] {
        guard let command, !server.isSentinel else { return [] }
        // Before Redis 7 the command takes one name.
        let groups = server.isRedis(7) ? [names] : names.map { [$0] }
        return groups.map { RedisCommand("CONFIG GET", called: command, arguments: $0, isOptional: true) }
    }

    /// What the server says of them, by name, in its order.
    ///
    /// - Throws: The server's refusal; `internal`, where the reply is no array.
    func pairs(_ replies: RedisReplies, _ server: RedisFacts) throws(CollectorError) -> [(name: String, value: [UInt8])]
    {
        var pairs: [(name: String, value: [UInt8])] = []
        for command in commands(server) {
            let reply = try replies.array(command)
            for index in stride(from: 0, to: reply.count - 1, by: 2) {
                guard let name = reply[index].text, let value = reply[index + 1].text else { continue }
                pairs.append((name[...].text, value))
            }
        }
        return pairs
    }

    /// The same to look up by name.
    func values(_ replies: RedisReplies, _ server: RedisFacts) throws(CollectorError) -> [String: [UInt8]] {
        Dictionary(try pairs(replies, server).map { ($0.name, $0.value) }) { first, _ in first }
    }
}

/// The limits that the server is configured with.
struct ConfigurationCollector: RedisCollector {
    let name = "redis_config"

    var metrics: [CatalogueEntry] {
        Self.parameters.map(\.entry) + [Self.outputBufferLimit, Self.outputBufferPatience]
    }

    private static let parameters: [(name: String, entry: CatalogueEntry)] = [
        ("maxmemory", "maxmemory", "Bytes that data may take before keys are evicted; 0 is no limit"),
        ("maxclients", "maxclients", "Connections that the server accepts at most"),
        ("io-threads", "io_threads", "Threads that read and write for clients, the main one included"),
        ("repl-backlog-size", "repl_backlog_size", "Bytes that the replication backlog may hold"),
    ].map { name, metric, meaning in
        (name, CatalogueEntry("redis_config_\(metric)", .gauge, meaning, source: "CONFIG GET \(name)"))
    }
    private static let outputBufferLimit = CatalogueEntry(
        "redis_config_client_output_buffer_limit_bytes", .gauge,
        "Unread bytes of replies for which a client of the class is dropped: at once at the hard limit; 0 is no limit",
        labels: ["class", "limit"], source: "CONFIG GET client-output-buffer-limit")
    private static let outputBufferPatience = CatalogueEntry(
        "redis_config_client_output_buffer_limit_overcome_seconds", .gauge,
        "Seconds beyond the soft limit after which a client of the class is dropped",
        labels: ["class", "limit"], source: "CONFIG GET client-output-buffer-limit")

    private let configuration: ConfigurationQuestion

    init(_ options: RedisServerOptions) {
        configuration = .ofServer(options)
    }

    func commands(_ server: RedisFacts) -> [RedisCommand] { configuration.commands(server) }

    func rights(_ server: RedisFacts) -> RedisRights { RedisRights(of: commands(server)) }

    func families(_ replies: RedisReplies, _ server: RedisFacts) throws(CollectorError) -> [MetricFamily] {
        let values = try configuration.values(replies, server)
        var families: [MetricFamily] = []
        for (name, entry) in Self.parameters {
            if let number = values[name]?[...].number { families.append(MetricFamily(entry.descriptor, number)) }
        }
        return families + Self.outputBufferLimits(values["client-output-buffer-limit"] ?? [])
    }

    /// Of `normal 0 0 0 slave 268435456 67108864 60`: class, hard limit, soft limit, seconds.
    private static func outputBufferLimits(_ text: [UInt8]) -> [MetricFamily] {
        var limit = MetricFamily(outputBufferLimit.descriptor)
        var patience = MetricFamily(outputBufferPatience.descriptor)
        let words = text.split(separator: UInt8(ascii: " "))
        for start in stride(from: 0, to: words.count - 3, by: 4) {
            let name = words[start].text
            let soft: Labels = ["class": name, "limit": "soft"]
            if let bytes = words[start + 1].number { limit.append(bytes, ["class": name, "limit": "hard"]) }
            if let bytes = words[start + 2].number { limit.append(bytes, soft) }
            if let seconds = words[start + 3].number { patience.append(seconds, soft) }
        }
        return [limit, patience]
    }
}
