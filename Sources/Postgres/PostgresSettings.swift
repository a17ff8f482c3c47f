import Glibc
public import Scraping

/// Where a PostgreSQL server is and how to log in to it.
public struct PostgresSettings: Sendable, Equatable {
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
        let parameters = try ConnectionParameters(connectionString)
        self.name = name
        self.connectionString = connectionString
        self.user = user
        self.password = password

        func value(_ keyword: String, environment: String) -> String? {
            parameters[keyword] ?? getenv(environment).map { String(cString: $0) }
        }
        func first(_ list: String?) -> String? {
            list?.split(separator: ",", maxSplits: 1).first.map(String.init)
        }
        let hosts = value("host", environment: "PGHOST")
        let host = first(hosts ?? value("hostaddr", environment: "PGHOSTADDR"))
        let ports = value("port", environment: "PGPORT")?.split(separator: ",") ?? []
        // The end of a password whose at sign is not written as %40, which no message may repeat. An abstract socket's
        // name begins with one.
        guard !(hosts ?? "").split(separator: ",").contains(where: { $0.dropFirst().contains("@") }),
            ports.allSatisfy({ UInt16($0).map { $0 > 0 } ?? false })
        else { throw InvalidConnectionString() }
        server = "\(host ?? "localhost"):\(ports.first ?? "5432")"
    }
}

extension PostgresSettings: CustomStringConvertible, CustomReflectable {
    /// Its name and server alone, since the rest may hold a password.
    public var description: String { "\(name) \(server)" }
    /// Nothing to look into.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension PostgresSettings {
    /// A URI without the parameters that libpq does not know: applications put their own there (`?schema=public&pool=5`),
    /// which libpq would refuse.
    public static func withoutForeignParameters(_ uri: String) -> String {
        // `ssl=true` is none of libpq's keywords, and understood all the same.
        let known = ConnectionParameters.keywords.union(["ssl"])
        return without(uri) { !known.contains($0) }
    }

    /// A URI without the parameters by which Go's lib/pq is told how to send statements, which libpq would refuse.
    public static func withoutParametersOfGo(_ uri: String) -> String {
        without(uri) { ["binary_parameters", "disable_prepared_binary_result"].contains($0) }
    }

    private static func without(_ uri: String, parameters isUnwanted: (String) -> Bool) -> String {
        guard uri.contains("://"), let mark = uri.firstIndex(of: "?") else { return uri }
        let parameters = uri[mark...].dropFirst().split(separator: "&").filter { parameter in
            !isUnwanted(String(parameter.prefix { $0 != "=" }))
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
