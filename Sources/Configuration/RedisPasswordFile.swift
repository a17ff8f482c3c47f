import Redis
import Scraping

/// The file that `--redis.password-file` names: one password for all servers, or redis_exporter's map of addresses to
/// passwords, `{"redis://user@host:6379": "password"}`, which is what begins with a brace.
///
/// An address of the map may leave out the scheme, the port, if it is 6379, and the user; one with the user goes first.
struct RedisPasswordFile: Sendable {
    let path: String

    /// The server's password, which is found in the file at each connect.
    ///
    /// - Parameter otherwise: For a server that a map does not have.
    func secret(of server: RedisSettings, otherwise: Secret?) -> Secret {
        Secret(
            file: path,
            reading: Entry(path: path, address: server.address, user: server.username, otherwise: otherwise))
    }

    /// Finds one server's password.
    private struct Entry: SecretReading {
        let path: String
        let address: RedisSettings.Address
        let user: String?
        let otherwise: Secret?

        func secret(in content: String) throws(CollectorError) -> String {
            guard let map = try RedisPasswordFile.map(content, in: path) else { return content }
            let matches = map.filter { $0.server.address == address }
            let match = matches.first { $0.server.username == user } ?? matches.first { $0.server.username == nil }
            if let match { return match.password }
            return try otherwise?.reveal() ?? ""
        }
    }

    /// - Throws: Where it cannot be read, or is neither.
    func check() throws(CollectorError) {
        _ = try Self.map(try Secret(file: path).reveal(), in: path)
    }

    /// - Returns: `nil` where the content is a password.
    private static func map(
        _ content: String, in path: String
    ) throws(CollectorError) -> [(server: RedisSettings, password: String)]? {
        let bytes = Array(content.utf8).drop { $0 == 32 || 9...13 ~= $0 }
        guard bytes.first == UInt8(ascii: "{") else { return nil }
        let malformed = CollectorError(
            .authentication,
            #"the password file \#(path) begins with a brace and is not written as {"redis://host:6379": "password"}"#)
        // What is looked at in place ends where it makes no sense, which must be the brace.
        guard let text = JSONText(bytes), let last = text.members.last?.value.bytes,
            bytes[last.endIndex...].filter({ !($0 == 32 || 9...13 ~= $0) }) == [UInt8(ascii: "}")]
        else { throw malformed }
        var map: [(server: RedisSettings, password: String)] = []
        for (name, value) in text.members {
            guard let password = value.string, let server = try? RedisSettings(addressWithoutPassword: name) else {
                throw malformed
            }
            map.append((server, password))
        }
        return map
    }
}

extension RedisSettings {
    /// A server by an address whose login is a user at most: `redis://user@host`. A password in it is left out.
    init(addressWithoutPassword text: String) throws(RedisSettingsError) {
        let start = text.firstRange(of: "://")?.upperBound ?? text.startIndex
        let authority = text[start...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard let at = authority.lastIndex(of: "@") else {
            try self.init(name: "", address: text)
            return
        }
        // With its colon, without which it would be a password.
        let user = authority[..<at].prefix { $0 != ":" }
        let login = user.isEmpty ? "" : "\(user):@"
        try self.init(name: "", address: "\(text[..<start])\(login)\(text[at...].dropFirst())")
    }
}
