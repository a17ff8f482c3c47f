import Exposition
import Scraping

/// `INFO`, and `CLUSTER INFO` where the server is a cluster's node.
struct InfoCollector: RedisCollector {
    let name = "redis_info"

    var metrics: [CatalogueEntry] {
        InfoField.metrics + InfoInstance.metrics + InfoKeyspace.metrics + InfoCommands.metrics
            + InfoReplication.metrics + InfoSentinel.metrics
    }

    private static let databases = RedisCommand("CONFIG", "GET", "databases", untilRefused: true)
    private static let clusterInfo = RedisCommand("CLUSTER", "INFO", untilRefused: true)

    func commands(_ settings: RedisSettings) -> [RedisCommand] {
        [.info, Self.databases, Self.clusterInfo]
    }

    func families(_ replies: RedisReplies, _ settings: RedisSettings) throws(CollectorError) -> [MetricFamily] {
        let info = Info(try replies.text(.info))
        var families = InfoField.families(info)
        families += InfoInstance.families(info)
        families += InfoKeyspace.families(info, databases: databases(info, replies))
        families += InfoCommands.families(info)
        families += InfoReplication.families(info)
        families += InfoSentinel.families(info)
        if let reply = try? replies.text(Self.clusterInfo) { families += InfoField.families(Info(reply)) }
        return families
    }

    /// How many databases the server has: as it says itself where we may ask, else what servers come with.
    private func databases(_ info: Info, _ replies: RedisReplies) -> Int {
        if info["redis_mode"]?.equals("sentinel") == true { return 0 }
        if info["cluster_enabled"]?.equals("1") == true { return 1 }
        guard let value = try? replies.parameter("databases", of: Self.databases) else { return 16 }
        return Int(value[...].text) ?? 16
    }
}
