import Redis
import Scraping

/// Where the Redis servers are and how to log in there, as it was said.
struct RedisAccess: Sendable {
    /// Of celery-exporter's: the one address that may be another kind of server's.
    static let brokerVariable = "CE_BROKER_URL"

    /// All addresses, which may have passwords in them.
    var addresses: Secret?
    /// The user where an address has no login.
    var username: String?
    /// The password where an address and the file have none.
    var password: Secret?
    /// The password of sentinels.
    var sentinelPassword: Secret?
    /// How long connecting and logging in may take.
    var connectTimeout: Duration?
    /// A file with the password, or with one for each address.
    var passwordFile: String?
    /// How `rediss://` connections are made.
    var tls = RedisSettings.TLS()
    /// Which servers `/scrape` may be asked for by their address; `nil` for none.
    var probedAddresses: RegularExpression?
    /// The files of Lua scripts.
    var scripts: [String] = []
    /// Where the jobs of plain lists say when they were made.
    var timestampPath: [String] = []
    /// Whether the jobs of plain lists are read.
    var readsJobs = true

    /// The address completed by what was said apart from it. Its own login goes first.
    func completed(_ server: RedisSettings) -> RedisSettings {
        var server = server
        if server.tls != nil { server.tls = tls }
        server.username = server.username ?? username
        server.sentinelPassword = server.sentinelPassword ?? sentinelPassword
        server.connectTimeout = connectTimeout
        if server.password == nil {
            server.password =
                passwordFile.map { RedisPasswordFile(path: $0).secret(of: server, otherwise: password) } ?? password
        }
        return server
    }
}

/// The value of `REDIS_ADDR` and the like: addresses with commas between.
enum RedisAddresses {
    /// Passwords and the hosts of one Sentinel address have commas too. One ends an address where the next begins behind it
    /// by its scheme, or where no login can follow that it would be a part of.
    static func split(_ list: String) -> [String] {
        var addresses: [String] = []
        for part in list.split(separator: ",", omittingEmptySubsequences: false) {
            let before = addresses.last ?? ""
            if !before.isEmpty, !beginsAddress(part), isListOfSentinels(before) {
                addresses[addresses.count - 1] += ",\(part)"
            } else {
                addresses.append(String(part))
            }
        }
        return joined(addresses).map(Option.trimmed).filter { !$0.isEmpty }
    }

    /// Puts a password with commas together again: all up to the `@` that comes before the next scheme.
    private static func joined(_ parts: [String]) -> [String] {
        var result: [String] = []
        var rest = parts[...]
        while let first = rest.popFirst() {
            let end = rest.firstIndex(where: beginsAddress) ?? rest.endIndex
            guard first.contains("://"), !first.contains("@"),
                let last = rest[..<end].lastIndex(where: { $0.contains("@") })
            else {
                result.append(first)
                continue
            }
            result.append(([first] + rest[...last]).joined(separator: ","))
            rest = rest[(last + 1)...]
        }
        return result
    }

    private static func beginsAddress(_ text: some StringProtocol) -> Bool {
        let scheme = text.drop { $0.isWhitespace }.prefix { $0 != ":" }
        return !scheme.isEmpty && scheme.allSatisfy { $0.isASCII && ($0.isLetter || $0 == "+") }
            && text.drop { $0.isWhitespace }.dropFirst(scheme.count).hasPrefix("://")
    }

    /// Whether it lists sentinels and has not come to the master's name, which is behind the last.
    private static func isListOfSentinels(_ address: String) -> Bool {
        guard beginsAddress(address), let scheme = address.firstRange(of: "://") else { return false }
        return address[..<scheme.lowerBound].lowercased().contains("sentinel")
            && !address[scheme.upperBound...].contains("/")
    }
}

extension Settings {
    /// Reads the scripts, and whether the files can be read that are read later.
    ///
    /// - Parameter other: Settings that have read theirs, of which is taken what is the same.
    mutating func readRedisFiles(sharing other: Settings?) throws(ConfigurationError) {
        try checkFiles()
        if let other, other.redisAccess.scripts == redisAccess.scripts {
            redisOptions.scripts = other.redisOptions.scripts
        } else {
            for path in redisAccess.scripts {
                let text = try content(of: path, for: "redis.scripts")
                redisOptions.scripts.append(.init(fileName: path, text: String(decoding: text, as: UTF8.self)))
            }
        }
        for index in redisQueues.lists.indices {
            redisQueues.lists[index].timestampPath = redisAccess.timestampPath
            redisQueues.lists[index].readsJobs = redisAccess.readsJobs
        }
    }

    /// The Redis servers that flags and variables name.
    func redisServers(_ warnings: inout [String]) throws(ConfigurationError) -> [NamedServer] {
        let source = place(of: "redis.addr")
        guard let list = try redisAccess.addresses?.revealed(for: source) else { return [] }
        guard source != .variable(RedisAccess.brokerVariable) || Self.isRedis(list) else {
            warnings.append("\(source) is no address of Redis, so that its queues are not looked at")
            return []
        }
        let addresses = RedisAddresses.split(list)
        return addresses.enumerated().map { index, address in
            NamedServer(
                kind: .redis, name: addresses.count > 1 ? "redis-\(index + 1)" : "redis", source: source,
                address: .init(key: "url", value: .text(address), source: source))
        }
    }

    /// The server with its login and with all that is collected of it.
    func complete(_ server: RedisSettings) -> RedisSettings {
        var server = redisAccess.completed(server)
        server.keys = redisKeys
        server.queues = redisQueues
        server.options = redisOptions
        return server
    }

    /// Takes over where the queues are, for those who ran celery-exporter beside redis_exporter.
    mutating func adoptBroker(_ environment: Environment, _ warnings: inout [String]) {
        guard let source = source(of: "redis.addr"), source != .variable(RedisAccess.brokerVariable),
            let text = environment[RedisAccess.brokerVariable], Self.isRedis(text),
            let broker = try? RedisSettings(name: "", address: text)
        else { return }
        for (index, target) in targets.enumerated() {
            guard case .redis(var server, let collectors) = target, server.address == broker.address else { continue }
            if server.database == 0 { server.database = broker.database }
            targets[index] = .redis(server, collectors)
            return
        }
        warnings.append(
            "\(RedisAccess.brokerVariable) names another server than \(source), which goes first: name both there, with a comma between"
        )
    }

    /// What is worth a word in the log though it is no error.
    var remarks: [String] {
        let servers = redis
        guard redisAccess.tls != RedisSettings.TLS(), !servers.isEmpty, servers.allSatisfy({ $0.tls == nil }) else {
            return []
        }
        return ["no address of Redis begins with rediss:// or valkeys://, so that the settings of TLS do nothing"]
    }

    private static func isRedis(_ address: String) -> Bool {
        let scheme = address.prefix { $0 != ":" }.lowercased()
        return scheme.hasPrefix("redis") || scheme.hasPrefix("valkey")
    }

    /// Whether the files can be read that are read later.
    private func checkFiles() throws(ConfigurationError) {
        if let path = redisAccess.passwordFile {
            do {
                try RedisPasswordFile(path: path).check()
            } catch {
                throw place(of: "redis.password-file").error(error.detail)
            }
        }
        _ = try redisAccess.sentinelPassword?.revealed(for: place(of: "redis.sentinel.password"))
        let tls = redisAccess.tls
        for (flag, path) in [
            ("redis.tls.ca-cert-file", tls.authorityFile), ("redis.tls.client-cert-file", tls.certificateFile),
            ("redis.tls.client-key-file", tls.keyFile),
        ] {
            if let path { _ = try content(of: path, for: flag) }
        }
        guard (tls.certificateFile == nil) == (tls.keyFile == nil) else {
            let (given, missing) =
                tls.keyFile == nil ? ("client-cert-file", "client-key-file") : ("client-key-file", "client-cert-file")
            let source = place(of: "redis.tls.\(given)")
            let remedy = if case .file = source { missing.replacing("-", with: "_") } else { "--redis.tls.\(missing)" }
            throw source.error("a certificate and its key go together; add \(remedy)")
        }
    }

    private static let longestFile = 1 << 20

    private func content(of path: String, for flag: String) throws(ConfigurationError) -> [UInt8] {
        let bytes: [UInt8]
        do {
            bytes = try File.contents(of: path, limit: Self.longestFile + 1)
        } catch {
            throw place(of: flag).error("the file \(path) cannot be read: \(error)")
        }
        guard bytes.count <= Self.longestFile else {
            throw place(of: flag).error("the file \(path) is longer than 1 MiB")
        }
        return bytes
    }
}

extension Secret {
    fileprivate func revealed(for source: SettingSource) throws(ConfigurationError) -> String {
        do {
            return try reveal()
        } catch {
            throw source.error(error.detail)
        }
    }
}
