import Exposition
import Scraping

/// `INFO`, and `CLUSTER INFO` where the server is a cluster's node.
struct InfoCollector: RedisCollector {
    let name = "redis_info"

    var metrics: [CatalogueEntry] {
        InfoField.metrics + InfoInstance.metrics + InfoKeyspace.metrics + InfoCommands.metrics
            + InfoReplication.metrics + InfoSentinel.metrics
    }

    private static let databases = RedisCommand("CONFIG GET", "databases", isOptional: true)
    private static let clusterInfo = RedisCommand("CLUSTER INFO", isOptional: true)

    func commands(_ server: RedisFacts) -> [RedisCommand] {
        if server.isSentinel { return [.info] }
        return server.isCluster ? [.info, Self.clusterInfo] : [.info, Self.databases]
    }

    func families(_ replies: RedisReplies, _ server: RedisFacts) throws(CollectorError) -> [MetricFamily] {
        let info = Info(try replies.text(.info))
        var families = InfoField.families(info)
        families += InfoInstance.families(info)
        families += InfoKeyspace.families(info, databases: databases(replies, server))
        families += InfoCommands.families(info)
        families += InfoReplication.families(info)
        families += InfoSentinel.families(info)
        if server.isCluster, let reply = try? replies.text(Self.clusterInfo) {
            families += InfoField.families(Info(reply))
        }
        return families
    }

    /// How many databases the server has: as it says itself where we may ask, else what servers come with.
    private func databases(_ replies: RedisReplies, _ server: RedisFacts) -> Int {
        if server.isSentinel { return 0 }
        if server.isCluster { return 1 }
        guard let value = try? replies.parameter("databases", of: Self.databases) else { return 16 }
        return Int(value[...].text) ?? 16
    }
}
