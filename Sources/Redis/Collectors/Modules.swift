import Exposition
import Scraping

/// The modules that are loaded, and what they tell of themselves: `INFO MODULES`, which is not part of `INFO ALL`.
struct ModulesCollector: RedisCollector {
    let name = "redis_modules"
    let isEnabledByDefault = false

    var metrics: [CatalogueEntry] { [Self.module] + InfoField.metrics(from: .modules) }

    private static let labels: [StaticString] = ["name", "ver", "api", "filters", "usedby", "using"]
    private static let module = CatalogueEntry(
        "redis_module_info", .gauge, "A module that is loaded; always 1", labels: labels.map(\.description),
        source: "INFO MODULES module", versions: "Redis 4.0+")

    private static let info = RedisCommand("INFO", "MODULES")

    func commands(_ server: RedisFacts) -> [RedisCommand] { [Self.info] }

    func rights(_ server: RedisFacts) -> RedisRights { RedisRights(of: commands(server)) }

    func families(_ replies: RedisReplies, _ server: RedisFacts) throws(CollectorError) -> [MetricFamily] {
        let info = Info(try replies.text(Self.info))
        var modules = MetricFamily(Self.module.descriptor)
        for line in info.lines where line.field.equals("module") {
            modules.append(1, Labels(Self.labels.map { ($0.description, line.value.value(of: $0)?.text ?? "") }))
        }
        return [modules] + InfoField.families(info)
    }
}
