import Glibc
import Postgres
import Scraping

/// The variables of the replaced exporters and of the applications that the exporter sits beside.
struct Environment {
    private let variables: [String: String]

    init(_ variables: [String: String]) {
        self.variables = variables
    }

    /// A variable's value; `nil` where it is not set or empty, which Compose files make of one that is not there.
    subscript(name: String) -> String? {
        variables[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// A variable's value, or the content of the file that the variable with `_FILE` behind it names.
    private func valueOrFile(_ name: String) throws(ConfigurationError) -> String? {
        if let path = self["\(name)_FILE"] { return Option.trimmed(try content(of: path, for: "\(name)_FILE")) }
        return self[name]
    }

    /// A variable as a secret. A file is read now, to say at once if it cannot be, and again at every connect.
    private func secret(_ name: String) throws(ConfigurationError) -> Secret? {
        if let path = self["\(name)_FILE"] {
            _ = try content(of: path, for: "\(name)_FILE")
            return Secret(file: path)
        }
        return self[name].map { Secret(value: $0) }
    }

    private func content(of path: String, for variable: String) throws(ConfigurationError) -> String {
        do {
            return try Secret(file: path).reveal()
        } catch {
            throw ConfigurationError("\(variable): \(error.detail)")
        }
    }

    /// The PostgreSQL servers that the environment names: `DATA_SOURCE_NAME`, else `DATA_SOURCE_URI` with `_USER` and
    /// `_PASS`, else `DATABASE_URL`, else libpq's own `PGHOST`, `PGHOSTADDR`, `PGSERVICE` or `PGDATABASE`.
    func postgres() throws(ConfigurationError) -> [PostgresSettings] {
        let user = try valueOrFile("DATA_SOURCE_USER")
        let password = try secret("DATA_SOURCE_PASS")
        if let list = try valueOrFile("DATA_SOURCE_NAME") { return try servers("postgres", "DATA_SOURCE_NAME", list) }
        if let address = try valueOrFile("DATA_SOURCE_URI") {
            let uri = "postgresql://\(address)"
            return [try server("postgres", "DATA_SOURCE_URI", uri, user: user, password: password)]
        }
        if let url = try valueOrFile("DATABASE_URL") {
            let uri = PostgresSettings.withoutForeignParameters(Self.withoutDriver(url))
            return [try server("postgres", "DATABASE_URL", uri)]
        }
        if let variable = ["PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE"].first(where: { self[$0] != nil }) {
            return [try server("postgres", variable, "")]
        }
        return []
    }

    /// The PgBouncers that the environment names: `PGBOUNCER_EXPORTER_CONNECTION_STRING`, else `PGBOUNCER_URL`.
    func pgbouncer() throws(ConfigurationError) -> [PostgresSettings] {
        for variable in ["PGBOUNCER_EXPORTER_CONNECTION_STRING", "PGBOUNCER_URL"] {
            guard let list = try valueOrFile(variable) else { continue }
            return try servers("pgbouncer", variable, list)
        }
        return []
    }

    /// One target for each source in a list, by a number of its own where there are several.
    private func servers(
        _ kind: String, _ variable: String, _ list: String
    ) throws(ConfigurationError) -> [PostgresSettings] {
        let sources = DataSources(list).connectionStrings
        return try sources.enumerated().map { index, source throws(ConfigurationError) in
            try server(sources.count > 1 ? "\(kind)-\(index + 1)" : kind, variable, source)
        }
    }

    private func server(
        _ name: String, _ variable: String, _ connectionString: String, user: String? = nil, password: Secret? = nil
    ) throws(ConfigurationError) -> PostgresSettings {
        do {
            return try PostgresSettings(
                name: name, connectionString: PostgresSettings.withoutParametersOfGo(connectionString), user: user,
                password: password)
        } catch {
            throw ConfigurationError("\(variable) \(error)")
        }
    }

    /// SQLAlchemy names its driver in the scheme: `postgresql+asyncpg://`.
    private static func withoutDriver(_ url: String) -> String {
        guard let colon = url.firstIndex(of: ":"), let plus = url[..<colon].firstIndex(of: "+"),
            ["postgresql", "postgres"].contains(url[..<plus])
        else { return url }
        return String(url[..<plus] + url[colon...])
    }

    /// The sockets that systemd has bound and handed over, from descriptor 3 on.
    ///
    /// - Throws: Where there are none for this process.
    func systemdSockets() throws(ConfigurationError) -> [ListenAddress] {
        guard self["LISTEN_PID"] == "\(getpid())", let count = self["LISTEN_FDS"].flatMap(CInt.init),
            (1...64).contains(count)
        else {
            throw ConfigurationError(
                "--web.systemd-socket: systemd has handed over no socket; start the service by its .socket unit")
        }
        return (3..<3 + count).map { .inherited(descriptor: $0) }
    }
}
