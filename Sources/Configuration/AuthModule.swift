public import Scraping

/// How a probe logs in to the server that it is asked for, by the name under which the configuration file has it.
public struct AuthModule: Sendable {
    /// Who logs in; `nil` for whom the target names.
    public var username: String?
    /// The password; `nil` where the server asks for none, but for a certificate or the name of the system's user.
    public var password: Secret?
    /// Further parameters of the connection: `sslmode`, `sslcert`, ...
    public var options: [(name: String, value: String)]

    /// A module, by default one that says nothing.
    public init(username: String? = nil, password: Secret? = nil, options: [(name: String, value: String)] = []) {
        self.username = username
        self.password = password
        self.options = options
    }
}
