import Exposition
import Scraping

/// `INFO`, and `CLUSTER INFO` where the server is a cluster's node.
struct InfoCollector: RedisCollector {
    let name = "redis_info"

    var metrics: [CatalogueEntry] {
        InfoField.metrics + InfoInstance.metrics + InfoKeyspace.metrics + InfoCommands.metrics
            + InfoReplication.metrics + InfoSentinel.metrics + InfoCertificates.metrics
    }

    private static let clusterInfo = RedisCommand("CLUSTER INFO", isOptional: true)

    private let configuration: ConfigurationQuestion
    private let includesEmptyDatabases: Bool

    init(_ options: RedisServerOptions = RedisServerOptions()) {
        configuration = .ofServer(options)
        includesEmptyDatabases = options.includesEmptyDatabases
    }

    func commands(_ server: RedisFacts) -> [RedisCommand] {
        if server.isCluster { return [.info, Self.clusterInfo] }
        return includesEmptyDatabases ? [.info] + configuration.commands(server) : [.info]
    }

    func rights(_ server: RedisFacts) -> RedisRights { RedisRights(of: commands(server)) }

    func families(_ replies: RedisReplies, _ server: RedisFacts) throws(CollectorError) -> [MetricFamily] {
        let info = try replies.info
        var families = InfoField.families(info)
        families += InfoInstance.families(info)
        families += InfoKeyspace.families(info, databases: databases(replies, server))
        families += InfoCommands.families(info)
        families += InfoReplication.families(info)
        families += InfoSentinel.families(info)
        families += InfoCertificates.families(info)
        if server.isCluster, let reply = try? replies.text(Self.clusterInfo) {
            // Since Valkey 9 a node's INFO has most of it, too.
            let known = Set(families.map(\.descriptor.name))
            families += InfoField.families(Info(reply)).filter { !known.contains($0.descriptor.name) }
        }
        return families
    }

    /// How many databases to show though they are empty: as many as the server says that it has where we may ask, else
    /// what servers come with.
    private func databases(_ replies: RedisReplies, _ server: RedisFacts) -> Int {
        if server.isSentinel || !includesEmptyDatabases { return 0 }
        if server.isCluster { return 1 }
        let values = try? configuration.values(replies, server)
        return values?["databases"].flatMap { Int($0[...].text) } ?? 16
    }
}
