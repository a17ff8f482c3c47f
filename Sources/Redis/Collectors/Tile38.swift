import Exposition
import Scraping

/// What a Tile38 server tells of itself: `SERVER EXT`, whose fields are read as lines of INFO are.
struct Tile38Collector: RedisCollector {
    let name = "redis_tile38"
    let isEnabledByDefault = false

    var metrics: [CatalogueEntry] { InfoField.metrics(from: .tile38) }

    private static let figures = RedisCommand("SERVER EXT", isOptional: true)

    func commands(_ server: RedisFacts) -> [RedisCommand] { [Self.figures] }

    func rights(_ server: RedisFacts) -> RedisRights { RedisRights(of: commands(server)) }

    func families(_ replies: RedisReplies, _ server: RedisFacts) throws(CollectorError) -> [MetricFamily] {
        let prefix = Array("tile38_".utf8)
        let fields = RedisReply.array(try replies.array(Self.figures)).fields
        let lines = fields.sorted { $0.key.lexicographicallyPrecedes($1.key) }.compactMap { field, value in
            value.text.map { (field.starts(with: prefix) ? [] : prefix) + field + Array(":".utf8) + $0 }
        }
        return InfoField.families(Info(Array(lines.joined(separator: Array("\n".utf8)))))
    }
}
