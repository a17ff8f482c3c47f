import Exposition
import Scraping

/// Valkey's logs of slow commands, large requests and large replies: `COMMANDLOG`. What is in them is not read.
struct CommandlogCollector: RedisCollector {
    let name = "redis_commandlog"

    var metrics: [CatalogueEntry] { Self.logs.map(\.length) + Self.parameters.map(\.entry) }

    private static let versions = "Valkey 8.1+"

    private static let logs: [(command: RedisCommand, length: CatalogueEntry)] = [
        ("slow", "slow", "Commands in the log of slow ones"),
        ("large-request", "large_request", "Commands in the log of those that were long to read"),
        ("large-reply", "large_reply", "Commands in the log of those whose reply was large"),
    ].map { log, metric, meaning in
        (
            RedisCommand("COMMANDLOG LEN", log, isOptional: true),
            CatalogueEntry(
                "redis_commandlog_\(metric)_length", .gauge, meaning, source: "COMMANDLOG LEN \(log)",
                versions: versions)
        )
    }

    private static let parameters: [(name: String, entry: CatalogueEntry)] = [
        ("execution-slower-than", "Microseconds from which a command is logged as slow; -1 logs none"),
        ("slow-execution-max-len", "How many commands the log of slow ones keeps"),
        ("request-larger-than", "Bytes from which a command is logged as long to read; -1 logs none"),
        ("large-request-max-len", "How many commands the log of those that were long to read keeps"),
        ("reply-larger-than", "Bytes from which a command's reply is logged as large; -1 logs none"),
        ("large-reply-max-len", "How many commands the log of those whose reply was large keeps"),
    ].map { name, meaning in
        let parameter = "commandlog-\(name)"
        return (
            parameter,
            CatalogueEntry(
                "redis_" + String(parameter.map { $0 == "-" ? "_" : $0 }), .gauge, meaning,
                source: "CONFIG GET \(parameter)", versions: versions)
        )
    }

    private let configuration: ConfigurationQuestion

    init(_ options: RedisServerOptions) {
        configuration = ConfigurationQuestion(Self.parameters.map(\.name), options)
    }

    func commands(_ server: RedisFacts) -> [RedisCommand] {
        guard server.isValkey(8, 1), !server.isSentinel else { return [] }
        return Self.logs.map(\.command) + configuration.commands(server)
    }

    func rights(_ server: RedisFacts) -> RedisRights { RedisRights(of: commands(server)) }

    func result(_ replies: RedisReplies, _ server: RedisFacts) -> CollectorResult {
        var result = CollectorResult()
        for log in Self.logs {
            result.read { () throws(CollectorError) in
                [MetricFamily(log.length.descriptor, Double(try replies.integer(log.command)))]
            }
        }
        result.read { () throws(CollectorError) in
            let values = try configuration.values(replies, server)
            return Self.parameters.compactMap { name, entry in
                values[name]?[...].number.map { MetricFamily(entry.descriptor, $0) }
            }
        }
        return result
    }
}
