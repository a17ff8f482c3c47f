import Scraping

/// Why an address or a list of keys is none: one sentence, which never repeats the text, since it may hold a password.
public struct RedisSettingsError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The sentence, without a full stop.
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}

extension RedisSettings {
    /// A server by the text that people write for it.
    ///
    /// `host`, `host:port`, `[::1]:6379`, `/path` or `unix:///path` of a socket, or a URL with `redis`, `valkey` or, for
    /// TLS, `rediss`, `valkeys`: `redis://user:password@host:port/database`. Of user and password each may be left out;
    /// one alone, `redis://password@host`, is the password, as redis_exporter has it. What stands behind a `?` is for
    /// other clients.
    ///
    /// `redis+sentinel://user:password@host:port,host:port/name/database` is the master of that name, wherever these
    /// sentinels say that it is; with `rediss+sentinel` all of them speak TLS. User and password are the master's.
    ///
    /// - Throws: ``RedisSettingsError``, where the text is no address.
    public init(name: String, address text: String) throws(RedisSettingsError) {
        var scheme = "redis"
        var rest = text[...]
        if rest.utf8.first == UInt8(ascii: "/") {
            scheme = "unix"
        } else if let (before, after) = rest.split(atFirst: ":"), after.hasPrefix("//") {
            scheme = before.lowercased()
            rest = after.dropFirst(2)
        }
        rest = rest.prefix { $0 != "?" && $0 != "#" }

        var userInfo: Substring?
        if let at = rest.prefix(while: { $0 != "/" }).lastIndex(of: "@") {
            userInfo = rest[..<at]
            rest = rest[rest.index(after: at)...]
        }
        switch scheme {
        case "unix":
            guard rest.hasPrefix("/") else {
                throw RedisSettingsError("the path of the socket does not begin with a slash")
            }
            self.init(name: name, address: .unix(path: try rest.percentDecoded("path")))
        case "redis", "valkey", "rediss", "valkeys":
            let slash = rest.firstIndex(of: "/") ?? rest.endIndex
            self.init(name: name, address: try Address(hostAndPort: rest[..<slash]))
            try select(rest[slash...].dropFirst())
            if scheme == "rediss" || scheme == "valkeys" { tls = TLS() }
        case "redis+sentinel", "valkey+sentinel", "rediss+sentinel", "valkeys+sentinel":
            let parts = rest.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count > 1, !parts[1].isEmpty else {
                throw RedisSettingsError("the name of the sentinels' master is missing behind their addresses")
            }
            var sentinels: [Address] = []
            for text in parts[0].split(separator: ",") {
                sentinels.append(try Address(hostAndPort: text, defaultPort: 26379))
            }
            guard !sentinels.isEmpty else { throw RedisSettingsError("there is no sentinel in the address") }
            self.init(
                name: name, address: .master(name: try parts[1].percentDecoded("master's name"), sentinels: sentinels))
            if parts.count > 2 { try select(parts[2]) }
            if scheme == "rediss+sentinel" || scheme == "valkeys+sentinel" { tls = TLS() }
        default:
            throw RedisSettingsError(
                "the scheme is none of redis, rediss, valkey, valkeys, redis+sentinel, rediss+sentinel and unix")
        }
        if let userInfo { try logIn(with: userInfo) }
    }

    private mutating func select(_ database: Substring) throws(RedisSettingsError) {
        guard !database.isEmpty else { return }
        guard let number = Int(database), 0...Int(Int32.max) ~= number else {
            throw RedisSettingsError("the database is not a number from 0")
        }
        self.database = number
    }

    private mutating func logIn(with userInfo: Substring) throws(RedisSettingsError) {
        let (user, password) = userInfo.split(atFirst: ":") ?? ("", userInfo)
        if !user.isEmpty { username = try user.percentDecoded("user name") }
        if !password.isEmpty { self.password = Secret(value: try password.percentDecoded("password")) }
    }
}

extension RedisSettings.Address {
    /// `host`, `host:port`, `[::1]:6379` or `::1`.
    init(hostAndPort text: Substring, defaultPort: Int = 6379) throws(RedisSettingsError) {
        var host = text
        var port: Substring?
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else {
                throw RedisSettingsError("the IPv6 address has no closing bracket")
            }
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else {
                throw RedisSettingsError("behind the IPv6 address there is something else than a port")
            }
            port = rest.isEmpty ? nil : rest.dropFirst()
        } else if text.count(where: { $0 == ":" }) == 1, let (before, after) = text.split(atFirst: ":") {
            (host, port) = (before, after)
        }
        guard host.utf8.allSatisfy({ $0 > UInt8(ascii: " ") && $0 != 0x7f }) else {
            throw RedisSettingsError("the host has a character that no host has")
        }
        guard let number = port.map({ Int($0) }) ?? defaultPort, 1...65535 ~= number else {
            throw RedisSettingsError("the port is not a number from 1 to 65535")
        }
        self = .tcp(host: host.isEmpty ? "localhost" : String(host), port: number)
    }
}

extension RedisKey {
    /// Keys by the text that redis_exporter takes: `jobs,db1=mails`, where a key is decoded as in a URL (`%2C` is a
    /// comma, `+` a space).
    ///
    /// - Throws: ``RedisSettingsError``, where the text cannot be decoded.
    public static func list(_ text: String) throws(RedisSettingsError) -> [RedisKey] {
        var keys: [RedisKey] = []
        for entry in text.split(separator: ",") {
            var entry = entry
            while entry.first == " " { entry.removeFirst() }
            while entry.last == " " { entry.removeLast() }
            var database = 0
            if let (before, after) = entry.split(atFirst: "="), before.hasPrefix("db"),
                let number = Int(before.dropFirst(2))
            {
                (database, entry) = (number, after)
            }
            guard 0...Int(Int32.max) ~= database else {
                throw RedisSettingsError("the database is not a number from 0")
            }
            let spaced = Substring(entry.map { $0 == "+" ? " " : $0 })
            if !spaced.isEmpty { keys.append(RedisKey(database: database, key: try spaced.percentDecoded("key"))) }
        }
        return keys
    }
}

extension Substring {
    /// What is before and behind the first place where `separator` stands.
    fileprivate func split(atFirst separator: Character) -> (Substring, Substring)? {
        guard let at = firstIndex(of: separator) else { return nil }
        return (self[..<at], self[index(after: at)...])
    }

    /// The text with `%2C` and its like replaced.
    fileprivate func percentDecoded(_ what: StaticString) throws(RedisSettingsError) -> String {
        var bytes: [UInt8] = []
        var rest = utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = rest.prefix(2)
            guard digits.count == 2, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
                let decoded = UInt8(Substring(digits), radix: 16)
            else {
                throw RedisSettingsError("the \(what) has a percent sign without two hexadecimal digits behind it")
            }
            bytes.append(decoded)
            rest = rest.dropFirst(2)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw RedisSettingsError("the \(what) is not UTF-8 once it is decoded")
        }
        return text
    }
}
