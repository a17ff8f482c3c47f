import Exposition
import Scraping

/// What a sentinel knows of the masters that it watches, and of those who watch them with it: `SENTINEL MASTERS`, and
/// `SENTINEL SENTINELS` and `SENTINEL SLAVES` of each master.
struct SentinelCollector: RedisCollector {
    let name = "redis_sentinel"

    var metrics: [CatalogueEntry] {
        Self.settings.map(\.entry) + [Self.quorum, Self.usableSentinels, Self.usableReplicas, Self.peers]
    }

    /// A field of `SENTINEL MASTERS` that is a metric.
    private struct Setting {
        let field: String
        let entry: CatalogueEntry
        let divisor: Double

        init(_ field: String, as metric: String, _ meaning: String, divisor: Double = 1) {
            self.field = field
            entry = SentinelCollector.entry(metric, meaning, source: "SENTINEL MASTERS: \(field)")
            self.divisor = divisor
        }
    }

    private static let settings = [
        Setting("quorum", as: "setting_ckquorum", "Sentinels that have to agree before the master counts as down"),
        Setting("failover-timeout", as: "setting_failover_timeout", "Milliseconds that a failover may take"),
        Setting(
            "parallel-syncs", as: "setting_parallel_syncs",
            "Replicas that follow the new master at the same time after a failover"),
        Setting(
            "down-after-milliseconds", as: "setting_down_after_milliseconds",
            "Milliseconds without an answer after which the sentinel takes the master for down"),
        Setting("config-epoch", as: "config_epoch", "Version of what the sentinels have agreed on for the master"),
        Setting(
            "last-ok-ping-reply", as: "last_ok_ping_reply_seconds",
            "Seconds since the master last answered as it should",
            divisor: 1000),
    ]
    private static let quorum = CatalogueEntry(
        "redis_sentinel_master_ckquorum_status", .gauge,
        "Whether enough sentinels are well to find the master down and to begin a failover; as SENTINEL CKQUORUM says, "
            + "with its message",
        labels: ["master_name", "message"], source: "SENTINEL SENTINELS: flags")
    private static let usableSentinels = entry(
        "ok_sentinels", "Sentinels of the master that are well, this one included", source: "SENTINEL SENTINELS: flags")
    private static let usableReplicas = entry(
        "ok_slaves", "Replicas of the master that are well", source: "SENTINEL SLAVES: flags")
    private static let peers = CatalogueEntry(
        "redis_sentinel_peer_info", .gauge, "Another sentinel of the master; always 1",
        labels: ["master_name", "master_address", "name", "ip", "port", "runid", "flags"],
        source: "SENTINEL SENTINELS")

    private static func entry(_ metric: String, _ meaning: String, source: String) -> CatalogueEntry {
        CatalogueEntry(
            "redis_sentinel_master_\(metric)", .gauge, meaning, labels: ["master_name", "master_address"],
            source: source)
    }

    private static let masters = RedisCommand("SENTINEL MASTERS", isOptional: true)
    /// Of how many masters the sentinels and replicas are asked for.
    private static let limit = 100

    private let includesPeers: Bool

    init(_ settings: RedisSettings) {
        includesPeers = settings.options.includesSentinelPeers
    }

    func commands(_ server: RedisFacts) -> [RedisCommand] {
        server.isSentinel ? [Self.masters] : []
    }

    func furtherCommands(_ replies: RedisReplies, _ server: RedisFacts) -> [RedisCommand] {
        guard let masters = try? masters(replies) else { return [] }
        return masters.prefix(Self.limit).flatMap { [Self.sentinels(of: $0), Self.replicas(of: $0)] }
    }

    func rights(_ server: RedisFacts) -> RedisRights {
        RedisRights(
            commands: server.isSentinel ? ["SENTINEL MASTERS", "SENTINEL SENTINELS", "SENTINEL SLAVES"] : [])
    }

    func result(_ replies: RedisReplies, _ server: RedisFacts) -> CollectorResult {
        let masters: [Master]
        do throws(CollectorError) {
            masters = try self.masters(replies)
        } catch {
            return CollectorResult(error: error)
        }
        var result = CollectorResult(families: settings(of: masters))
        for master in masters.prefix(Self.limit) {
            result.add(
                CollectorResult { () throws(CollectorError) in
                    sentinels(of: master, try Peer.all(in: replies.array(Self.sentinels(of: master))))
                })
            result.add(
                CollectorResult { () throws(CollectorError) in
                    let replicas = try Peer.all(in: replies.array(Self.replicas(of: master)))
                    return [
                        MetricFamily(
                            Self.usableReplicas.descriptor, Double(replicas.count(where: \.isUsable)), master.labels)
                    ]
                })
        }
        return result
    }

    private func settings(of masters: [Master]) -> [MetricFamily] {
        Self.settings.map { setting in
            var family = MetricFamily(setting.entry.descriptor)
            for master in masters {
                guard let value = master.fields[Array(setting.field.utf8)]?.number else { continue }
                family.append(value / setting.divisor, master.labels)
            }
            return family
        }
    }

    private func sentinels(of master: Master, _ sentinels: [Peer]) -> [MetricFamily] {
        // The one that is asked is not in its own list.
        let usable = sentinels.count(where: \.isUsable) + 1
        var families = [MetricFamily(Self.usableSentinels.descriptor, Double(usable), master.labels)]
        if let needed = master.fields[Array("quorum".utf8)]?.number {
            let problems = Self.problems(usable: usable, of: sentinels.count + 1, needed: needed)
            families.append(
                MetricFamily(
                    Self.quorum.descriptor, problems.isEmpty ? 1 : 0,
                    ["master_name": master.name, "message": Self.message(usable: usable, problems)]))
        }
        if includesPeers {
            var family = MetricFamily(Self.peers.descriptor)
            for sentinel in sentinels { family.append(1, sentinel.labels(of: master)) }
            families.append(family)
        }
        return families
    }

    // SENTINEL CKQUORUM itself is not asked: where there is no quorum, its answer is an error, and the sentinel would count
    // one more at every scrape. What it decides by is in the lists; its words are label values that dashboards know.

    private static func problems(usable: Int, of known: Int, needed: Double) -> [String] {
        var problems: [String] = []
        if Double(usable) < needed { problems.append("reach the specified quorum for this master") }
        if usable < known / 2 + 1 { problems.append("reach the majority and authorize a failover") }
        return problems
    }

    private static func message(usable: Int, _ problems: [String]) -> String {
        guard !problems.isEmpty else {
            return "OK \(usable) usable Sentinels. Quorum and failover authorization can be reached"
        }
        let sentences = problems.map { "Not enough available Sentinels to \($0)" }
        return "NOQUORUM \(usable) usable Sentinels. \(sentences.joined(separator: ". "))"
    }

    private static func sentinels(of master: Master) -> RedisCommand {
        RedisCommand("SENTINEL SENTINELS", master.name, isOptional: true)
    }

    private static func replicas(of master: Master) -> RedisCommand {
        RedisCommand("SENTINEL SLAVES", master.name, isOptional: true)
    }

    private func masters(_ replies: RedisReplies) throws(CollectorError) -> [Master] {
        try replies.array(Self.masters).compactMap(Master.init).sorted { $0.name < $1.name }
    }

    /// A master that the sentinel watches.
    private struct Master {
        let fields: [[UInt8]: RedisReply]
        let name: String
        let labels: Labels

        init?(_ reply: RedisReply) {
            fields = reply.fields
            guard let name = fields.string("name"), let address = fields.string("ip"), let port = fields.string("port")
            else { return nil }
            self.name = name
            labels = ["master_name": name, "master_address": "\(address):\(port)"]
        }
    }

    /// Another sentinel, or a replica.
    private struct Peer {
        private let fields: [[UInt8]: RedisReply]

        static func all(in replies: [RedisReply]) -> [Peer] { replies.map { Peer(fields: $0.fields) } }

        /// Whether neither this sentinel nor the majority takes it for down.
        var isUsable: Bool {
            let flags = (fields.string("flags") ?? "").split(separator: ",")
            return !flags.contains("s_down") && !flags.contains("o_down")
        }

        func labels(of master: Master) -> Labels {
            ["name", "ip", "port", "runid", "flags"].reduce(master.labels) { labels, name in
                labels.adding(name, fields.string(name) ?? "")
            }
        }
    }
}

/// What a sentinel is set to: `SENTINEL CONFIG GET *`.
struct SentinelConfigurationCollector: RedisCollector {
    let name = "redis_sentinel_config"
    let isEnabledByDefault = false

    var metrics: [CatalogueEntry] { [Self.text, Self.number] }

    private static let text = CatalogueEntry(
        "redis_sentinel_config_key_value", .gauge, "A setting of the sentinel, as it is; always 1",
        labels: ["key", "value"], source: "SENTINEL CONFIG GET", versions: "Redis 6.2+")
    private static let number = CatalogueEntry(
        "redis_sentinel_config_value", .gauge, "A setting of the sentinel that is a number", labels: ["key"],
        source: "SENTINEL CONFIG GET", versions: "Redis 6.2+")

    private static let all = RedisCommand("SENTINEL CONFIG", "GET", "*", isOptional: true)
    private static let secrets: Set = ["sentinel-pass"]

    private let redacts: Bool

    init(_ settings: RedisSettings) {
        redacts = settings.options.redactsConfiguration
    }

    func commands(_ server: RedisFacts) -> [RedisCommand] {
        server.isSentinel && server.isRedis(6, 2) ? [Self.all] : []
    }

    func rights(_ server: RedisFacts) -> RedisRights { RedisRights(of: commands(server)) }

    func families(_ replies: RedisReplies, _ server: RedisFacts) throws(CollectorError) -> [MetricFamily] {
        var text = MetricFamily(Self.text.descriptor)
        var number = MetricFamily(Self.number.descriptor)
        let settings = RedisReply.array(try replies.array(Self.all)).fields
        for (key, value) in settings.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            let key = String(decoding: key, as: UTF8.self)
            guard let bytes = value.text, !redacts || !Self.secrets.contains(key) else { continue }
            text.append(1, ["key": key, "value": String(decoding: bytes, as: UTF8.self)])
            if let value = value.number { number.append(value, ["key": key]) }
        }
        return [text, number]
    }
}

extension CollectorResult {
    /// A part: its families, or why there are none.
    fileprivate init(_ families: () throws(CollectorError) -> [MetricFamily]) {
        do throws(CollectorError) {
            self.init(families: try families())
        } catch {
            self.init(error: error)
        }
    }
}

extension [[UInt8]: RedisReply] {
    fileprivate func string(_ field: String) -> String? {
        self[Array(field.utf8)]?.text.map { String(decoding: $0, as: UTF8.self) }
    }
}
