import Exposition
import Scraping

/// The whole configuration: `CONFIG GET *`.
struct ConfigurationValuesCollector: RedisCollector {
    let name = "redis_config_values"
    let isEnabledByDefault = false

    var metrics: [CatalogueEntry] { [Self.text, Self.number] }

    private static let text = CatalogueEntry(
        "redis_config_key_value", .gauge, "Always 1; a parameter of the configuration and its value, as labels",
        labels: ["key", "value"], source: "CONFIG GET *")
    private static let number = CatalogueEntry(
        "redis_config_value", .gauge, "A parameter of the configuration whose value is a number", labels: ["key"],
        source: "CONFIG GET *")

    private let configuration: ConfigurationQuestion
    private let redacts: Bool

    init(_ options: RedisServerOptions) {
        configuration = ConfigurationQuestion(["*"], options)
        redacts = options.redactsConfiguration
    }

    func commands(_ server: RedisFacts) -> [RedisCommand] { configuration.commands(server) }

    func rights(_ server: RedisFacts) -> RedisRights { RedisRights(of: commands(server)) }

    func families(_ replies: RedisReplies, _ server: RedisFacts) throws(CollectorError) -> [MetricFamily] {
        var text = MetricFamily(Self.text.descriptor)
        var number = MetricFamily(Self.number.descriptor)
        for (name, value) in try configuration.pairs(replies, server) where !redacts || !Self.isSecret(name) {
            text.append(1, ["key": name, "value": value[...].text])
            if let value = value[...].number, value.isFinite { number.append(value, ["key": name]) }
        }
        return [text, number]
    }

    /// Whether a parameter may be a password, by what servers and their modules call theirs: `requirepass`,
    /// `masterauth`, `primaryauth`, `tls-key-file-pass`. A user's name is none.
    static func isSecret(_ parameter: String) -> Bool {
        let name = parameter.lowercased()
        return name.hasSuffix("auth") || ["pass", "secret", "token", "credential"].contains { name.contains($0) }
    }
}
