import Scraping

/// Who may connect, as the flags of redis_exporter and cAdvisor say it.
struct FormerAccess: Sendable, Equatable {
    var certificateFile: String?
    var keyFile: String?
    var clientAuthorityFile: String?
    /// `TLS1.0` to `TLS1.3`
    var minimumVersion: String?
    var username: String?
    var password: Secret?
    var passwordHash: Secret?
    /// cAdvisor's, as `htpasswd` writes it.
    var passwordFile: String?
}

extension Settings {
    /// Makes one ``WebConfiguration`` of the file or the flags that say who may connect. Whoever says half of it gets no
    /// open page but an error.
    mutating func readWebConfiguration() throws(ConfigurationError) {
        let tls = try formerTLS()
        let users = try formerUsers()
        if let file = web.configurationFile {
            guard tls == nil, users.isEmpty else {
                let flag = tls != nil ? "tls-server-cert-file" : formerLoginFlag
                throw ConfigurationError(
                    "\(place(of: "web.config.file")) and \(place(of: flag)) both say who may connect; put all of it in the file"
                )
            }
            web.configuration = try WebConfiguration.load(path: file)
        } else {
            web.configuration.tls = tls
            web.configuration.users = users
        }
    }

    private func formerTLS() throws(ConfigurationError) -> WebConfiguration.TLS? {
        guard let certificate = formerAccess.certificateFile, let key = formerAccess.keyFile else {
            // A version alone asks for nothing.
            let flags = [
                ("cert-file", formerAccess.certificateFile), ("key-file", formerAccess.keyFile),
                ("ca-cert-file", formerAccess.clientAuthorityFile),
            ]
            guard let given = flags.first(where: { $0.1 != nil }) else { return nil }
            throw ConfigurationError(
                "\(place(of: "tls-server-\(given.0)")): TLS takes a certificate and its key; add --tls-server-\(formerAccess.certificateFile == nil ? "cert" : "key")-file, or leave all of --tls-server-... out"
            )
        }
        var tls = WebConfiguration.TLS(certificate: .file(certificate), key: .file(key))
        if let authority = formerAccess.clientAuthorityFile {
            tls.clientAuthority = .file(authority)
            tls.clientAuthentication = .requireAndVerify
        }
        if let name = formerAccess.minimumVersion {
            guard name.hasPrefix("TLS1."), let version = WebConfiguration.Version(rawValue: "TLS1\(name.dropFirst(5))")
            else {
                throw ConfigurationError(
                    "\(place(of: "tls-server-min-version"))=\(name): this should be TLS1.0, TLS1.1, TLS1.2 or TLS1.3")
            }
            tls.minimumVersion = version
        }
        return tls
    }

    private var formerLoginFlag: String {
        formerAccess.passwordFile != nil ? "http_auth_file" : "basic-auth-username"
    }

    private func formerUsers() throws(ConfigurationError) -> [String: WebConfiguration.Password] {
        var users =
            try formerAccess.passwordFile.map { path throws(ConfigurationError) in
                try passwords(in: path)
            } ?? [:]
        let flags = [
            ("basic-auth-username", formerAccess.username != nil),
            ("basic-auth-password", formerAccess.password != nil),
            ("basic-auth-hash-password", formerAccess.passwordHash != nil),
        ]
        guard let given = flags.first(where: \.1) else { return users }
        guard let name = formerAccess.username, (formerAccess.password == nil) != (formerAccess.passwordHash == nil)
        else {
            throw ConfigurationError(
                "\(place(of: given.0)): a login takes --basic-auth-username and one of --basic-auth-password and --basic-auth-hash-password"
            )
        }
        guard !name.contains(":") else {
            throw ConfigurationError("\(place(of: "basic-auth-username")): a name has no colon")
        }
        if let hash = formerAccess.passwordHash {
            if let problem = BcryptHash.problem(of: (try? hash.reveal()) ?? "") {
                throw ConfigurationError("\(place(of: "basic-auth-hash-password")): \(problem)")
            }
            users[name] = .bcrypt(hash)
        } else if let password = formerAccess.password {
            users[name] = .plain(password)
        }
        return users
    }

    /// The lines `name:hash` of a file that `htpasswd -B` has written.
    private func passwords(in path: String) throws(ConfigurationError) -> [String: WebConfiguration.Password] {
        let content: String
        do {
            content = try Secret(file: path).reveal()
        } catch {
            throw ConfigurationError("\(place(of: "http_auth_file")): \(error.detail)")
        }
        var users: [String: WebConfiguration.Password] = [:]
        for (index, line) in content.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = Option.trimmed(line)
            guard !line.isEmpty, !line.hasPrefix("#") else { continue }
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, !parts[0].isEmpty else {
                throw ConfigurationError("\(path):\(index + 1): this should be name:hash, as htpasswd -B writes it")
            }
            if let problem = BcryptHash.problem(of: parts[1]) {
                throw ConfigurationError("\(path):\(index + 1): \(problem)")
            }
            users[parts[0]] = .bcrypt(Secret(value: parts[1]))
        }
        guard !users.isEmpty else {
            throw ConfigurationError("\(place(of: "http_auth_file")): \(path) names nobody who could log in")
        }
        return users
    }
}
