import Exposition
import Scraping

/// The lengths of configured lists, by `LLEN`.
struct ListsCollector: RedisCollector {
    let name = "redis_lists"

    var metrics: [CatalogueEntry] { [Self.size] }

    private static let size = CatalogueEntry(
        "redis_key_size", .gauge, "Elements of a configured key; 0 where there is no such key", labels: ["db", "key"],
        source: "LLEN")

    func commands(_ settings: RedisSettings) -> [RedisCommand] {
        settings.lists.map(Self.length)
    }

    func families(_ replies: RedisReplies, _ settings: RedisSettings) throws(CollectorError) -> [MetricFamily] {
        var size = MetricFamily(Self.size.descriptor)
        var firstError: CollectorError?
        for list in settings.lists {
            do throws(CollectorError) {
                let length = try replies.integer(Self.length(of: list))
                size.append(Double(length), ["db": "db\(list.database)", "key": list.key])
            } catch {
                firstError = firstError ?? error
            }
        }
        if size.samples.isEmpty, let firstError { throw firstError }
        return [size]
    }

    private static func length(of list: RedisKey) -> RedisCommand {
        RedisCommand("LLEN", list.key, database: list.database)
    }
}
