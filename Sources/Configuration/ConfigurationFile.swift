public import Scraping

/// What `--config.file` says, in the format of postgres_exporter's.
public struct ConfigurationFile: Sendable {
    /// By name: who to log in as at what `/probe` is sent to.
    public var authModules: [String: AuthModule] = [:]

    /// A file that says nothing.
    public init() {}

    /// Who to log in as, and further connection parameters.
    public struct AuthModule: Sendable {
        /// The role; `nil` where the target says it.
        public var username: String?
        /// Its password; `nil` where it needs none, or the target says it.
        public var password: Secret?
        /// libpq's parameters, as `sslmode`, in the order of the file.
        public var options: [(name: String, value: String)] = []
    }

    /// Reads a file.
    ///
    /// - Throws: What is wrong, in which line and column, and how to mend it; never a password.
    public static func load(path: String) throws(ConfigurationError) -> ConfigurationFile {
        var file = ConfigurationFile()
        let fields = try YAMLNode.read(path: path).root?.fields(["auth_modules"], of: "the configuration")
        for entry in try fields?["auth_modules"]?.entries() ?? [] {
            file.authModules[entry.key] = try authModule(entry.value)
        }
        return file
    }

    /// The kinds of login; there is one.
    private enum AuthKind: String, CaseIterable {
        case userpass
    }

    private static func authModule(_ node: YAMLNode) throws(ConfigurationError) -> AuthModule {
        let fields = try node.fields(["type", "userpass", "options"], of: "an auth module")
        _ = try fields.required("type").choice("type of auth module", as: AuthKind.self)
        var module = AuthModule()
        if let login = try fields["userpass"]?.fields(["username", "password"], of: "userpass") {
            module.username = try login["username"]?.string()
            module.password = try login["password"].map { node throws(ConfigurationError) in
                Secret(value: try node.string())
            }
        }
        for entry in try fields["options"]?.entries() ?? [] {
            module.options.append((entry.key, try entry.value.string()))
        }
        return module
    }
}
