import CLibPQ
import Glibc
public import Scraping

/// Where a PostgreSQL server is and how to log in to it.
public struct PostgresSettings: Sendable {
    /// The `target` label.
    public let name: String
    /// A libpq connection string or URI; empty where libpq's own environment (`PGHOST`, `PGSERVICE`, ...) says it all.
    let connectionString: String
    /// Overrides the connection string's.
    let user: String?
    /// Overrides the connection string's; a file is read at every connect.
    let password: Secret?
    /// `host:port` of the first server named, for the `server` label and for messages.
    public let server: String

    /// Checks a connection string without connecting.
    ///
    /// - Parameters:
    ///   - name: The `target` label.
    ///   - connectionString: As libpq takes it: `postgresql://user@host:port/database?sslmode=...` or
    ///     `host=... user=...`; empty for libpq's environment alone.
    ///   - user: Overrides the connection string's.
    ///   - password: Overrides the connection string's.
    /// - Throws: Where it is neither. The sentence does not repeat it, since it may hold a password.
    public init(
        name: String,
        connectionString: String,
        user: String? = nil,
        password: Secret? = nil
    ) throws(InvalidConnectionString) {
        guard let options = PQconninfoParse(connectionString, nil) else { throw InvalidConnectionString() }
        defer { PQconninfoFree(options) }
        self.name = name
        self.connectionString = connectionString
        self.user = user
        self.password = password

        func value(_ keyword: String, environment: String) -> String? {
            var option = options
            while let name = option.pointee.keyword {
                if String(cString: name) == keyword, let value = option.pointee.val { return String(cString: value) }
                option += 1
            }
            return getenv(environment).map { String(cString: $0) }
        }
        func first(_ list: String?) -> String? {
            list?.split(separator: ",", maxSplits: 1).first.map(String.init)
        }
        let host = first(value("host", environment: "PGHOST") ?? value("hostaddr", environment: "PGHOSTADDR"))
        let ports = value("port", environment: "PGPORT")?.split(separator: ",") ?? []
        guard ports.allSatisfy({ UInt16($0).map { $0 > 0 } ?? false }) else { throw InvalidConnectionString() }
        server = "\(host ?? "localhost"):\(ports.first ?? "5432")"
    }
}

extension PostgresSettings {
    /// A URI without the parameters that libpq does not know: applications put their own there (`?schema=public&pool=5`),
    /// which libpq would refuse.
    public static func withoutForeignParameters(_ uri: String) -> String {
        guard let mark = uri.firstIndex(of: "?"), let options = PQconninfoParse("", nil) else { return uri }
        defer { PQconninfoFree(options) }
        // `ssl=true` is none of libpq's keywords, and understood all the same.
        var known: Set<String> = ["ssl"]
        var option = options
        while let keyword = option.pointee.keyword {
            known.insert(String(cString: keyword))
            option += 1
        }
        let parameters = uri[mark...].dropFirst().split(separator: "&").filter { parameter in
            known.contains(String(parameter.prefix { $0 != "=" }))
        }
        return uri[..<mark] + (parameters.isEmpty ? "" : "?") + parameters.joined(separator: "&")
    }
}

/// The text is not a connection string.
public struct InvalidConnectionString: Error, CustomStringConvertible {
    /// What is wrong and what it should look like, without the text itself.
    public var description: String {
        "is not a PostgreSQL connection string: write postgresql://user@host:5432/database or \"host=... dbname=...\", "
            + "with %XX for special characters in a URI"
    }
}
