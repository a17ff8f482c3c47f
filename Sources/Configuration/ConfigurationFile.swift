public import Scraping

/// What `--config.file` says: postgres_exporter's is one, which has auth modules alone.
public struct ConfigurationFile: Sendable {
    /// By name: who to log in as at what `/probe` is sent to.
    var authModules: [String: AuthModule] = [:]
    /// What is said of all targets.
    var assignments: [Assignment] = []
    /// The servers that it names.
    var servers: [NamedServer] = []
    /// The variables of the environment that are put into it.
    var variables: Set<String> = []

    /// The files that are looked for where none is named, in the order in which they count.
    public static let usualPaths = ["/etc/stack-exporter/config.yml", "postgres_exporter.yml"]

    /// Who to log in as, and further connection parameters.
    public struct AuthModule: Sendable, CustomReflectable {
        /// The role; `nil` where the target says it.
        public var username: String?
        /// Its password; `nil` where it needs none, or the target says it.
        public var password: Secret?
        /// libpq's parameters, as `sslmode`, in the order of the file.
        public var options: [(name: String, value: String)] = []

        /// Nothing to look into: an option may be a password too.
        public var customMirror: Mirror { Mirror(self, children: []) }
    }

    /// Reads a file.
    ///
    /// - Parameter environment: Whose variables stand for what is written as `${NAME}`.
    /// - Throws: What is wrong, in which line and column, and how to mend it; never a password.
    static func load(
        path: String, environment: Environment = Environment([:])
    ) throws(ConfigurationError) -> ConfigurationFile {
        var file = ConfigurationFile()
        guard let root = try YAMLNode.read(path: path).root, !root.isNull else { return file }
        var reader = ConfigurationReader()
        var entries: [YAMLNode.Entry] = []
        for entry in try root.entries() {
            if entry.key == "auth_modules" {
                // As postgres_exporter reads them, to which a dollar is one.
                if !entry.value.isNull { file.authModules = try authModules(entry.value) }
            } else {
                let value = try entry.value.withVariables(of: environment, used: &file.variables)
                entries.append(YAMLNode.Entry(key: entry.key, place: entry.place, value: value))
            }
        }
        try reader.read(entries)
        file.assignments = reader.assignments
        file.servers = reader.servers
        return file
    }

    /// The kinds of login; there is one.
    private enum AuthKind: String, CaseIterable {
        case userpass
    }

    private static func authModules(_ node: YAMLNode) throws(ConfigurationError) -> [String: AuthModule] {
        var modules: [String: AuthModule] = [:]
        for entry in try node.entries() { modules[entry.key] = try authModule(entry.value) }
        return modules
    }

    private static func authModule(_ node: YAMLNode) throws(ConfigurationError) -> AuthModule {
        let fields = try node.fields(["type", "userpass", "options"], of: "an auth module")
        _ = try fields.required("type").choice("type of auth module", as: AuthKind.self)
        var module = AuthModule()
        if let login = try fields["userpass"]?.fields(["username", "password", "password_file"], of: "userpass") {
            module.username = try login["username"]?.string()
            module.password = try login["password"].map { node throws(ConfigurationError) in
                Secret(value: try node.string())
            }
            if let file = login["password_file"] {
                guard module.password == nil else {
                    throw file.place.error("the password is said already; take one of the two away")
                }
                module.password = Secret(file: try file.string())
            }
        }
        for entry in try fields["options"]?.entries() ?? [] {
            module.options.append((entry.key, try entry.value.string()))
        }
        return module
    }
}
