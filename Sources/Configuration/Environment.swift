import Glibc

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

    /// A variable as a field of a server, or the file that the variable with `_FILE` behind it names.
    private func field(_ key: String, _ name: String) -> NamedServer.Field? {
        if let path = self["\(name)_FILE"] {
            return .init(key: key, value: .file(path), source: .variable("\(name)_FILE"))
        }
        return self[name].map { .init(key: key, value: .text($0), source: .variable(name)) }
    }

    /// The variable that names the servers of a kind, the first of them that is set; `nil` where none is.
    func variable(naming kind: NamedServer.Kind) -> String? {
        let variables =
            switch kind {
            case .postgres:
                ["DATA_SOURCE_NAME", "DATA_SOURCE_URI", "DATABASE_URL"].flatMap { ["\($0)_FILE", $0] }
                    + ["PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE"]
            case .pgbouncer:
                ["PGBOUNCER_EXPORTER_CONNECTION_STRING", "PGBOUNCER_URL"].flatMap { ["\($0)_FILE", $0] }
            case .redis: [String]()
            }
        return variables.first { self[$0] != nil }
    }

    /// The servers that a variable names, by a number of its own each where there are several.
    ///
    /// - Parameter variable: One that ``variable(naming:)`` returns.
    func servers(_ kind: NamedServer.Kind, from variable: String) throws(ConfigurationError) -> [NamedServer] {
        let name = variable.hasSuffix("_FILE") ? String(variable.dropLast("_FILE".count)) : variable
        let text = try field("", name)?.text() ?? ""
        func server(_ key: String, _ text: String, number: Int? = nil, login: [NamedServer.Field] = []) -> NamedServer {
            let source = SettingSource.variable(variable)
            return NamedServer(
                kind: kind, name: number.map { "\(kind.rawValue)-\($0)" } ?? kind.rawValue, source: source,
                address: .init(key: key, value: .text(text), source: source), login: login)
        }
        switch name {
        case "DATA_SOURCE_URI":
            let login = [field("user", "DATA_SOURCE_USER"), field("password", "DATA_SOURCE_PASS")]
            return [server("dsn", "postgresql://\(text)", login: login.compactMap(\.self))]
        case "DATABASE_URL": return [server("url", text)]
        case _ where name.hasPrefix("PG") && kind == .postgres: return [server("dsn", "")]
        default:
            let sources = DataSources(text).connectionStrings
            return sources.enumerated().map { index, source in
                server("dsn", source, number: sources.count > 1 ? index + 1 : nil)
            }
        }
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
