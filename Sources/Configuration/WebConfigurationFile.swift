import Scraping

extension WebConfiguration {
    /// Reads a file in exporter-toolkit's format. Without a word in it, it asks nothing of anybody.
    ///
    /// - Throws: What is wrong, in which line and column, and how to mend it; never a key or a hash.
    public static func load(path: String) throws(ConfigurationError) -> WebConfiguration {
        var configuration = WebConfiguration()
        guard let root = try YAMLNode.read(path: path).root, !root.isNull else { return configuration }
        let fields = try root.fields(
            ["tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"],
            of: "the web configuration")
        if let http = fields["http_server_config"] {
            let fields = try http.fields(["http2", "headers"], of: "http_server_config")
            configuration.hasHTTP2 = try fields["http2"]?.bool() ?? true
            configuration.headers = try fields["headers"]?.headers() ?? []
        }
        if let tls = fields["tls_server_config"] {
            configuration.tls = try tls.tls(in: directory(of: path), hasHTTP2: configuration.hasHTTP2)
        }
        configuration.users = try fields["basic_auth_users"]?.users() ?? [:]
        configuration.rateLimit = try fields["rate_limit"]?.rateLimit() ?? nil
        return configuration
    }

    private static func directory(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    }
}

extension WebConfiguration.Header {
    /// The fields that may be set, with the values that they may have where not any will do.
    static let allowed: [(name: String, values: [String])] = [
        ("Strict-Transport-Security", []), ("X-Content-Type-Options", ["nosniff"]),
        ("X-Frame-Options", ["deny", "sameorigin"]), ("X-XSS-Protection", []), ("Content-Security-Policy", []),
    ]
}

extension YAMLNode {
    fileprivate func headers() throws(ConfigurationError) -> [WebConfiguration.Header] {
        let known = WebConfiguration.Header.allowed
        let fields = try fields(known.map(\.name), of: "headers, which are few on purpose")
        var headers: [WebConfiguration.Header] = []
        for (name, values) in known {
            guard let node = fields[name], let value = try node.text() else { continue }
            guard values.isEmpty || values.contains(value) else {
                throw node.unexpected(values.joined(separator: " or "))
            }
            guard value.utf8.allSatisfy({ 0x20..<0x7f ~= $0 }) else {
                throw node.unexpected("one line of ASCII without control characters")
            }
            headers.append(.init(name: name, value: value))
        }
        return headers
    }

    fileprivate func rateLimit() throws(ConfigurationError) -> WebConfiguration.RateLimit? {
        let fields = try fields(["interval", "burst"], of: "rate_limit")
        let interval = try fields["interval"]?.duration() ?? .zero
        // Without it there is no limit, as with an interval of 0 that is written out.
        guard interval > .zero else {
            _ = try fields["burst"]?.int(0...1_000_000)
            return nil
        }
        return .init(interval: interval, burst: try fields.required("burst").int(1...1_000_000))
    }

    /// Names and hashes.
    fileprivate func users() throws(ConfigurationError) -> [String: WebConfiguration.Password] {
        var users: [String: WebConfiguration.Password] = [:]
        for entry in try entries() {
            guard !entry.key.isEmpty, !entry.key.contains(":") else {
                throw entry.place.error("a user's name is not empty and has no colon, which ends it in a request")
            }
            let hash = try entry.value.string()
            if let problem = BcryptHash.problem(of: hash) { throw entry.value.place.error(problem) }
            users[entry.key] = .bcrypt(Secret(value: hash))
        }
        return users
    }

    fileprivate func tls(in directory: String, hasHTTP2: Bool) throws(ConfigurationError) -> WebConfiguration.TLS {
        let fields = try fields(
            [
                "cert", "cert_file", "key", "key_file", "client_ca", "client_ca_file", "client_auth_type",
                "client_allowed_sans", "min_version", "max_version", "cipher_suites", "curve_preferences",
                "prefer_server_cipher_suites",
            ], of: "tls_server_config")
        guard let certificate = try fields.pem("cert", in: directory), let key = try fields.pem("key", in: directory)
        else {
            let missing = try fields.pem("cert", in: directory) == nil ? "cert" : "key"
            throw place.error("tls_server_config needs one of \(missing)_file and \(missing)")
        }
        var tls = WebConfiguration.TLS(certificate: certificate, key: key)
        tls.clientAuthority = try fields.pem("client_ca", in: directory)
        tls.clientAuthentication = try fields["client_auth_type"]?.clientAuthentication() ?? .none
        tls.allowedNames = try fields["client_allowed_sans"]?.strings() ?? []
        tls.minimumVersion = try fields["min_version"]?.choice("TLS version") ?? .tls12
        tls.maximumVersion = try fields["max_version"]?.choice("TLS version") ?? .tls13
        for node in try fields["cipher_suites"]?.list() ?? [] {
            tls.cipherSuites.append(try node.choice("cipher suite that is safe to use"))
        }
        for node in try fields["curve_preferences"]?.list() ?? [] {
            let curve: WebConfiguration.Curve = try node.choice("curve")
            guard !tls.curves.contains(curve) else { throw node.place.error("the curve stands there already") }
            tls.curves.append(curve)
        }
        // The order is always the server's, as in Go since 1.17.
        _ = try fields["prefer_server_cipher_suites"]?.bool()
        try fields.checkClients(tls)
        try fields.checkVersions(tls, hasHTTP2: hasHTTP2)
        return tls
    }

    /// By any case, and by its first name, which exporter-toolkit still knows.
    private func clientAuthentication() throws(ConfigurationError) -> WebConfiguration.ClientAuthentication {
        guard let text = try text() else { return .none }
        if text.lowercased() == "requireclientcert" { return .requireAny }
        let known = WebConfiguration.ClientAuthentication.allCases
        if let choice = known.first(where: { $0.rawValue.lowercased() == text.lowercased() }) { return choice }
        return try choice("client_auth_type")
    }

    /// `nil` for an empty text, which says as little as none.
    fileprivate func text() throws(ConfigurationError) -> String? {
        let text = try string()
        return text.isEmpty ? nil : text
    }
}

extension YAMLFields {
    /// What is given by `name` as it is, or by the file that `name_file` names.
    fileprivate func pem(_ name: String, in directory: String) throws(ConfigurationError) -> WebConfiguration.PEM? {
        let text = try self[name].flatMap { node throws(ConfigurationError) in try node.text() }
        let path = try self["\(name)_file"].flatMap { node throws(ConfigurationError) in try node.text() }
        if text != nil, path != nil {
            throw (self[name]?.place ?? place).error("\(name) and \(name)_file say the same; take one of the two away")
        }
        return text.map { .text(Secret(value: $0)) } ?? path.map { .file($0.hasPrefix("/") ? $0 : directory + $0) }
    }

    fileprivate func checkClients(_ tls: WebConfiguration.TLS) throws(ConfigurationError) {
        let kind = tls.clientAuthentication
        if kind == .requireAndVerify, tls.clientAuthority == nil {
            throw (self["client_auth_type"]?.place ?? place).error(
                "\(kind.rawValue) needs one of client_ca_file and client_ca, by which clients are known")
        }
        if let authority = self["client_ca"] ?? self["client_ca_file"], tls.clientAuthority != nil, !kind.verifies {
            throw authority.place.error(
                "nobody's certificate is compared with this; set client_auth_type: RequireAndVerifyClientCert")
        }
        if let names = self["client_allowed_sans"] {
            guard !tls.allowedNames.isEmpty else { throw names.unexpected("a list of at least one name") }
            guard kind == .requireAndVerify else {
                throw names.place.error(
                    "a name is worth nothing that nobody has signed; set client_auth_type: RequireAndVerifyClientCert")
            }
        }
    }

    fileprivate func checkVersions(_ tls: WebConfiguration.TLS, hasHTTP2: Bool) throws(ConfigurationError) {
        guard tls.minimumVersion <= tls.maximumVersion else {
            throw ((self["min_version"] ?? self["max_version"])?.place ?? place).error(
                "min_version \(tls.minimumVersion.rawValue) is above max_version \(tls.maximumVersion.rawValue), so that nobody could connect"
            )
        }
        guard let suites = self["cipher_suites"], !tls.cipherSuites.isEmpty, tls.minimumVersion < .tls13 else { return }
        if tls.maximumVersion < .tls13, tls.cipherSuites.allSatisfy(\.isOfTLS13) {
            throw suites.place.error("these are for TLS13 alone, which max_version excludes")
        }
        if hasHTTP2, tls.maximumVersion >= .tls12, !tls.cipherSuites.contains(where: \.sufficesForHTTP2) {
            throw suites.place.error(
                "HTTP/2 needs one that ends with _WITH_AES_128_GCM_SHA256; add TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, or set http2: false"
            )
        }
    }
}
