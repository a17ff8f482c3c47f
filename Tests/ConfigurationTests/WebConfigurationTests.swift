import Scraping
import Testing

@testable import Configuration

/// What is read of files that are right; the wrong ones are tried against the program.
struct WebConfigurationTests {
    private static let hash = "$2y$10$abcdefghijklmnopqrstuu0oPGKPRH81stdiM33IQFG6Fj77J0ADK"

    private func load(_ text: String) throws(ConfigurationError) -> WebConfiguration {
        try ConfigurationTests.load(text, as: "web.yml", WebConfiguration.load)
    }

    @Test func allThereIs() throws {
        let configuration = try load(
            """
            tls_server_config:
              cert_file: /etc/ssl/server.pem
              key: hunter2
              client_ca_file: /etc/ssl/clients.pem
              client_auth_type: RequireAndVerifyClientCert
              client_allowed_sans: [one, 10.0.0.1]
              min_version: TLS10
              max_version: TLS12
              cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_RSA_WITH_AES_256_CBC_SHA]
              curve_preferences: [X25519, CurveP256]
              prefer_server_cipher_suites: false
            http_server_config:
              http2: false
              headers: {X-Frame-Options: deny, Content-Security-Policy: ""}
            basic_auth_users: {alice: \(Self.hash)}
            rate_limit: {interval: 500ms, burst: 20}
            """)
        let tls = try #require(configuration.tls)
        #expect(tls.certificate == .file("/etc/ssl/server.pem"))
        #expect(tls.key == .text(Secret(value: "hunter2")))
        #expect(tls.clientAuthority == .file("/etc/ssl/clients.pem"))
        #expect(tls.clientAuthentication == .requireAndVerify)
        #expect(tls.allowedNames == ["one", "10.0.0.1"])
        #expect(tls.minimumVersion == .tls10 && tls.maximumVersion == .tls12)
        #expect(
            tls.cipherSuites.map(\.rawValue)
                == ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_256_CBC_SHA"])
        #expect(tls.curves == [.x25519, .p256])
        #expect(!configuration.hasHTTP2)
        #expect(configuration.headers == [.init(name: "X-Frame-Options", value: "deny")])
        #expect(configuration.users == ["alice": .bcrypt(Secret(value: Self.hash))])
        #expect(configuration.rateLimit == .init(interval: .milliseconds(500), burst: 20))
        var dumped = ""
        dump(configuration, to: &dumped)
        #expect(!dumped.contains("hunter2"))
    }

    @Test func whatHoldsOtherwise() throws {
        let configuration = try load("tls_server_config: {cert_file: /c, key_file: /k}")
        let tls = try #require(configuration.tls)
        #expect(tls.minimumVersion == .tls12 && tls.maximumVersion == .tls13)
        #expect(tls.clientAuthentication == .none && tls.clientAuthority == nil)
        #expect(tls.cipherSuites.isEmpty && tls.curves.isEmpty)
        #expect(configuration.hasHTTP2 && configuration.headers.isEmpty && configuration.users.isEmpty)
        #expect(configuration.rateLimit == nil)
    }

    @Test(arguments: ["", "# nothing", "~", "{}", "tls_server_config:\n", "rate_limit: {interval: 0, burst: 0}"])
    func nothingSaid(text: String) throws {
        #expect(try load(text) == WebConfiguration())
    }

    @Test func theSettingsHaveIt() throws {
        let flags = ["--tls-server-cert-file=/c", "--tls-server-key-file=/k", "--tls-server-min-version=TLS1.1"]
        let tls = try #require(try Settings.load(arguments: flags, environment: [:]).settings.web.configuration.tls)
        #expect(tls.certificate == .file("/c") && tls.key == .file("/k") && tls.minimumVersion == .tls11)
        #expect(tls.clientAuthentication == .none)
        let variables = [
            "REDIS_EXPORTER_TLS_SERVER_CERT_FILE": "/c", "REDIS_EXPORTER_TLS_SERVER_KEY_FILE": "/k",
            "REDIS_EXPORTER_TLS_SERVER_CA_CERT_FILE": "/a", "REDIS_EXPORTER_BASIC_AUTH_USERNAME": "alice",
            "REDIS_EXPORTER_BASIC_AUTH_HASH_PASSWORD": Self.hash,
        ]
        let web = try Settings.load(arguments: [], environment: variables).settings.web.configuration
        #expect(web.tls?.clientAuthentication == .requireAndVerify && web.tls?.clientAuthority == .file("/a"))
        #expect(web.users == ["alice": .bcrypt(Secret(value: Self.hash))])
        // A version alone asks for nothing.
        let version = ["REDIS_EXPORTER_TLS_SERVER_MIN_VERSION": "TLS1.2"]
        #expect(try Settings.load(arguments: [], environment: version).settings.web.configuration == WebConfiguration())
    }
}
