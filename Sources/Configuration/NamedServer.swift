import Postgres
import Redis
import Scraping

/// A server that somebody named, with what was said of it alone.
struct NamedServer: Sendable, CustomReflectable {
    /// What can be named.
    enum Kind: String, Sendable, CaseIterable {
        case postgres, pgbouncer, redis

        /// With its article, for errors.
        var title: String {
            switch self {
            case .postgres: "a PostgreSQL server"
            case .pgbouncer: "a PgBouncer"
            case .redis: "a Redis server"
            }
        }

        /// For the log.
        var plural: String {
            switch self {
            case .postgres: "PostgreSQL servers"
            case .pgbouncer: "PgBouncers"
            case .redis: "Redis servers"
            }
        }

        /// The keys that no option is behind. The address of an application has parameters of its own.
        var keys: [String] {
            switch self {
            case .postgres, .pgbouncer:
                ["name", "dsn", "dsn_file", "url", "url_file", "user", "password", "password_file"]
            case .redis: ["name", "url", "url_file"]
            }
        }

        /// The line that is missing where there is no address.
        var example: String {
            self == .redis ? "url: redis://host:6379" : "dsn: postgresql://user@host:5432/database"
        }
    }

    /// A value that no option is behind, and where it was said.
    struct Field: Sendable {
        /// As it is in the configuration file.
        let key: String
        /// Its text, or the file that holds it.
        let value: Option.Value
        let source: SettingSource

        var isAddress: Bool { key == "dsn" || key == "url" }
    }

    let kind: Kind
    /// The `target` label.
    let name: String
    /// Where the name was said.
    let source: SettingSource
    let address: Field
    /// The login; a Redis server's is among the options.
    var login: [Field] = []
    /// What was said of this server alone.
    var assignments: [Assignment] = []

    /// Its name alone, since the rest may hold a password.
    var customMirror: Mirror { Mirror(self, children: ["name": name]) }
}

extension NamedServer {
    /// How to reach a PostgreSQL server or a PgBouncer.
    func postgres() throws(ConfigurationError) -> PostgresSettings {
        let text = try connectionString()
        let user = try login.first { $0.key == "user" }.map { field throws(ConfigurationError) in try field.text() }
        let password = try login.first { $0.key == "password" }.map { field throws(ConfigurationError) in
            try field.secret()
        }
        do {
            return try PostgresSettings(
                name: name, connectionString: text, user: user, password: password)
        } catch {
            if case .variable(let variable) = address.source { throw ConfigurationError("\(variable) \(error)") }
            throw address.source.error("this \(error)")
        }
    }

    /// As libpq takes it.
    func connectionString() throws(ConfigurationError) -> String {
        var text = try address.text()
        if address.key == "url" { text = PostgresSettings.withoutForeignParameters(Self.withoutDriver(text)) }
        return PostgresSettings.withoutParametersOfGo(text)
    }

    /// How to reach a Redis server; what was said of its login apart from the address is not in it.
    func redis() throws(ConfigurationError) -> RedisSettings {
        let server: RedisSettings
        do {
            server = try RedisSettings(name: name, address: try address.text())
        } catch let error as ConfigurationError {
            throw error
        } catch {
            throw address.source.error("\(error)")
        }
        if server.password != nil, let other = assignments.first(where: { $0.option.subject == "redis.password" }) {
            throw other.source.error("the url has a password already; take one of the two away")
        }
        return server
    }

    /// SQLAlchemy names its driver in the scheme: `postgresql+asyncpg://`.
    private static func withoutDriver(_ url: String) -> String {
        guard let colon = url.firstIndex(of: ":"), let plus = url[..<colon].firstIndex(of: "+"),
            ["postgresql", "postgres"].contains(url[..<plus])
        else { return url }
        return String(url[..<plus] + url[colon...])
    }
}

extension NamedServer.Field {
    /// What the file says: `password`, or the `password_file` that holds it.
    init(_ key: String, _ text: String, at place: YAMLNode.Place) {
        let isFile = key.hasSuffix("_file")
        self.init(
            key: isFile ? String(key.dropLast("_file".count)) : key, value: isFile ? .file(text) : .text(text),
            source: .file(place))
    }

    /// The text, which a file holds as of now.
    func text() throws(ConfigurationError) -> String {
        switch value {
        case .text(let text): return text
        case .list(let elements): return elements.joined(separator: ",")
        case .file(let path):
            do {
                return Option.trimmed(try Secret(file: path).reveal())
            } catch {
                throw source.error(error.detail)
            }
        }
    }

    /// A secret. A file is read now, to say at once if it cannot be, and again at every connect.
    fileprivate func secret() throws(ConfigurationError) -> Secret {
        let text = try text()
        if case .file(let path) = value { return Secret(file: path) }
        return Secret(value: text)
    }
}

extension [NamedServer] {
    /// Refuses a name that two targets have.
    func checkNames() throws(ConfigurationError) {
        var owners = [
            "containers": "this host's containers", "host": "this host itself",
            Gatherer.ownName: "the exporter itself",
        ]
        for server in self {
            if let owner = owners.updateValue("the target at \(server.source)", forKey: server.name) {
                throw server.source.error(
                    "\(quoted(server.name)) is the name of \(owner) already; names differ, whatever the kind")
            }
        }
    }
}
