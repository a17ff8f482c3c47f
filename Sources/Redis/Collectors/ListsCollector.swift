import Exposition
import Scraping

/// The lengths of configured lists, by `LLEN`.
struct ListsCollector: RedisCollector {
    let name = "redis_lists"

    var metrics: [CatalogueEntry] { [Self.size] }

    private static let size = CatalogueEntry(
        "redis_key_size", .gauge, "Elements of a configured key; 0 where there is no such key", labels: ["db", "key"],
        source: "LLEN")

    let readsWhatWasNamed = true
    private let lists: [RedisKey]

    init(_ settings: RedisSettings) {
        lists = settings.queues.lists.map(\.key)
    }

    func commands(_ server: RedisFacts) -> [RedisCommand] { lists.map(Self.length) }

    func rights(_ server: RedisFacts) -> RedisRights { RedisRights(of: commands(server)) }

    func families(_ replies: RedisReplies, _ server: RedisFacts) throws(CollectorError) -> [MetricFamily] {
        var size = MetricFamily(Self.size.descriptor)
        var firstError: CollectorError?
        for list in lists {
            do throws(CollectorError) {
                let length = try replies.integer(Self.length(of: list))
                size.append(Double(length), ["db": "db\(list.database)", "key": list.text])
            } catch {
                firstError = firstError ?? error
            }
        }
        if size.samples.isEmpty, let firstError { throw firstError }
        return [size]
    }

    private static func length(of list: RedisKey) -> RedisCommand {
        RedisCommand("LLEN", list.name, database: list.database)
    }
}
