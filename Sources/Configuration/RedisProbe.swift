public import Redis
public import Scraping

/// What `/scrape` is to read.
public struct RedisProbe: Sendable {
    /// The server, by its name, its address and its login.
    public let server: RedisSettings
    /// What is collected of it.
    public let collectors: CollectorSelection
    /// Whether it is a configured target as it is, and not one that has to be made.
    public let isConfigured: Bool
    /// What tells it from other targets that have to be made.
    public let key: String
}

extension Settings {
    /// The parameters of redis_exporter's `/scrape` that say which keys are looked at, in place of what is configured.
    private static let keyParameters:
        [(name: String, keys: any WritableKeyPath<RedisKeyOptions, [RedisKey]> & Sendable)] =
            [
                ("check-keys", \.checked), ("check-single-keys", \.checkedSingle), ("check-streams", \.streams),
                ("check-single-streams", \.singleStreams), ("count-keys", \.counted),
            ]

    /// Whether there is any Redis server that `/scrape` may be asked for.
    public var scrapesRedis: Bool { !redisTargets.isEmpty || redisAccess.probedAddresses != nil }

    /// Whether a target is one of Redis by its scheme.
    public static func namesRedis(_ target: String) -> Bool {
        guard let scheme = target.firstRange(of: "://") else { return false }
        return ["redis", "rediss", "valkey", "valkeys"].contains(target[..<scheme.lowerBound].lowercased())
    }

    /// The Redis server that `/scrape` is asked for, as redis_exporter has it.
    ///
    /// Whoever can reach the exporter can ask, so that only what is configured is dialled, what a configured target has found
    /// and what `--redis.probe.allow` admits. The login is the configured one, and what the request says of it is left
    /// out; what is in the request beside the address is dialled in no case.
    ///
    /// - Parameters:
    ///   - target: A configured target's name, `host[:port]` or a URL of Redis.
    ///   - parameters: Further parameters of the request, of which those that are no keys to look at are left out.
    ///   - discovered: The addresses that configured targets have found, by the target's name.
    public func probedRedis(
        _ target: String, parameters: [String: String], discovered: [(target: String, addresses: [String])]
    ) throws(ProbeRefusal) -> RedisProbe {
        try Self.checkText(of: target)
        var (server, collectors, isConfigured) = try server(target, discovered)
        // By what decides where it leads, and not by how it is written, of which there is no end.
        var key = "redis\n\(server.name)\n\(server.tls == nil)\n\(server.database)"
        for (name, keys) in Self.keyParameters {
            guard let value = parameters[name], !value.isEmpty else { continue }
            guard let list = try? RedisKey.list(value) else {
                throw ProbeRefusal(.malformed, "The parameter \(name) should be keys such as jobs,db1=mails.")
            }
            server.keys[keyPath: keys] = list
            isConfigured = false
            key += "\n\(name)=\(value)"
        }
        return RedisProbe(server: server, collectors: collectors, isConfigured: isConfigured, key: key)
    }

    private func server(
        _ target: String, _ discovered: [(target: String, addresses: [String])]
    ) throws(ProbeRefusal) -> (RedisSettings, CollectorSelection, isConfigured: Bool) {
        let configured = redisTargets
        if let named = configured.first(where: { $0.server.name == target }) {
            return (named.server, named.collectors, true)
        }
        let asked: RedisSettings
        do {
            asked = try RedisSettings(addressWithoutPassword: target)
        } catch {
            throw ProbeRefusal(.malformed, "The target is no address of Redis: \(error).")
        }
        if let same = configured.first(where: { $0.server.address == asked.address }) {
            return (same.server, same.collectors, true)
        }

        let name = "\(asked.address)"
        for (target, addresses) in discovered {
            guard let finder = configured.first(where: { $0.server.name == target }),
                addresses.contains(where: { (try? RedisSettings(name: "", address: $0))?.address == asked.address })
            else { continue }
            var node = finder.server
            node.name = name
            node.address = asked.address
            return (node, finder.collectors, false)
        }

        // A bare word may be a host, but is more often a name that is misspelt.
        let isWord = !target.contains { ":/.".contains($0) }
        guard let allowed = redisAccess.probedAddresses else {
            if isWord { throw .unknownTarget }
            throw ProbeRefusal(
                .forbidden,
                "This address is none that is configured; --redis.probe.allow with a regular expression for host:port admits others."
            )
        }
        guard case .tcp = asked.address, allowed.matches(name) else {
            if isWord { throw .unknownTarget }
            throw ProbeRefusal(
                .forbidden,
                "This address is neither configured nor among those that --redis.probe.allow admits.")
        }
        var server = RedisSettings(name: name, address: asked.address)
        server.tls = asked.tls
        server.database = asked.database
        return (complete(server), collectors, false)
    }
}
