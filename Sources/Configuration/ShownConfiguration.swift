import Postgres
import Redis
import Scraping

/// All settings and where each comes from, written as a configuration file that says the same; secrets are not in it.
struct ShownConfiguration {
    private var root = Mapping()

    private typealias Mapping = ShownMapping

    /// - Parameters:
    ///   - assignments: What is said of all targets.
    ///   - servers: Each with what is said of it alone.
    init(
        _ assignments: [Assignment], _ servers: [NamedServer], _ modules: [String: ConfigurationFile.AuthModule]
    ) throws(ConfigurationError) {
        for kind in NamedServer.Kind.allCases {
            var list: [Mapping] = []
            for server in servers where server.kind == kind { list.append(try Self.mapping(server)) }
            if !list.isEmpty { root.add(.list(list), at: [kind.rawValue, "servers"]) }
        }
        for option in Option.all where option.isOfFiles {
            let path = ConfigurationKeys.paths(of: option)[0]
            if let assignment = assignments.first(where: { $0.option.flag == option.flag }) {
                root.add(assignment, at: path[...])
            } else if option.advice == nil {
                root.add(.standard(option.defaultText), at: path[...])
            }
        }
        for (name, module) in modules.sorted(by: { $0.key < $1.key }) {
            root.add(.mapping(Self.mapping(module)), at: ["auth_modules", name])
        }
    }

    /// The file.
    var text: String { root.lines.map { "\($0)\n" }.joined() }

    // MARK: Servers

    static let redacted = "<redacted>"

    private static func mapping(_ server: NamedServer) throws(ConfigurationError) -> Mapping {
        var mapping = Mapping()
        mapping.add(.value(YAMLText.scalar(server.name), source: "\(server.source)"), at: ["name"])
        for field in [server.address] + server.login {
            let value =
                switch field.value {
                case .file(let path): path
                case _ where field.key == "password": redacted
                case _ where !field.isAddress: try field.text()
                default: server.kind == .redis ? try redisURL(server) : try connectionString(server)
                }
            var key = field.key
            if case .file = field.value { key += "_file" }
            mapping.add(.value(YAMLText.scalar(value), source: "\(field.source)"), at: [key])
        }
        for assignment in server.assignments {
            let paths = ConfigurationKeys.paths(of: assignment.option)
            guard let path = paths.first(where: { $0[0] == server.kind.rawValue }) else { continue }
            mapping.add(assignment, at: path.dropFirst())
        }
        return mapping
    }

    /// As it was said where there is no secret in it, or else keyword by keyword.
    private static func connectionString(_ server: NamedServer) throws(ConfigurationError) -> String {
        let text = try server.connectionString()
        // A database's name that looks like an address may be the end of a password, or another connection string.
        guard var parameters = try? ConnectionParameters(text),
            parameters["dbname"]?.contains(where: { "@=:/".contains($0) }) != true
        else { return redacted }
        let secrets = parameters.keywords.filter { Self.isSecret($0) && parameters[$0] != "" }
        for keyword in secrets { parameters[keyword] = redacted }
        return secrets.isEmpty ? text : parameters.connectionString
    }

    /// Made of what was understood of it, so that nothing else is in it.
    private static func redisURL(_ server: NamedServer) throws(ConfigurationError) -> String {
        let settings = try server.redis()
        var login = settings.username.map(percentEncoded) ?? ""
        if settings.password != nil { login += ":\(redacted)" } else if !login.isEmpty { login += ":" }
        if !login.isEmpty { login += "@" }
        let secure = settings.tls == nil ? "" : "s"
        let database = settings.database == 0 ? "" : "/\(settings.database)"
        switch settings.address {
        case .tcp: return "redis\(secure)://\(login)\(settings.address)\(database)"
        case .unix(let path): return "unix://\(login)\(percentEncoded(path))"
        case .master(let name, let sentinels):
            let hosts = sentinels.map(\.description).joined(separator: ",")
            return "redis\(secure)+sentinel://\(login)\(hosts)/\(percentEncoded(name))\(database)"
        }
    }

    private static func percentEncoded(_ text: String) -> String {
        text.utf8.map { byte in
            let scalar = Unicode.Scalar(byte)
            let isPlain =
                scalar.isASCII && scalar.properties.isAlphabetic || "0123456789-._~/".unicodeScalars.contains(scalar)
            return isPlain ? String(scalar) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }.joined()
    }

    private static func mapping(_ module: ConfigurationFile.AuthModule) -> Mapping {
        var mapping = Mapping()
        // These know no variables.
        func add(_ value: String, at path: String...) {
            mapping.add(.value(YAMLText.verbatim(value), source: "auth module"), at: path[...])
        }
        add("userpass", at: "type")
        if let username = module.username { add(username, at: "userpass", "username") }
        if module.password != nil { add(redacted, at: "userpass", "password") }
        for (name, value) in module.options { add(isSecret(name) ? redacted : value, at: "options", name) }
        return mapping
    }

    /// Whether a parameter of libpq's is nobody's business.
    private static func isSecret(_ keyword: String) -> Bool {
        ["password", "secret", "scram_"].contains { keyword.contains($0) }
    }
}
