import Lab
import Testing

/// The files that a server does not start with, among them all that exporter-toolkit's tests have.
struct WebConfigurationFileTests {
    private let directory = TemporaryDirectory("web")

    /// What is in the file, where `@` is the certificates' directory, and the sentence, where `@` is that of the file.
    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let text: String
        let sentence: String

        init(_ name: String, _ text: String, _ sentence: String) {
            self.name = name
            self.text = text
            self.sentence = sentence
        }

        var testDescription: String { name }
    }

    private static let pair = "cert_file: @/server.pem\n  key_file: @/server.key"
    private static let missingCertificate = "@/web.yml:2:3: tls_server_config needs one of cert_file and cert"
    private static let missingKey = "@/web.yml:2:3: tls_server_config needs one of key_file and key"
    private static let noHash =
        #"@/web.yml:2:10: this should be a bcrypt hash; htpasswd -nBC 10 "" makes one of a password"#

    @Test(arguments: [
        Case("junk", "hunter2", "@/web.yml:1:1: this should be a mapping, with key: value in each line"),
        Case("no YAML", "basic_auth_users: [hunter2", "@/web.yml:2:1: "),
        Case(
            "unknown key", "tls_config: {}",
            #"@/web.yml:1:1: "tls_config" is no key of the web configuration; there are tls_server_config, http_server_config, basic_auth_users, rate_limit"#
        ),
        Case(
            "mistaken key", "basic_auth_user: {}",
            #"@/web.yml:1:1: "basic_auth_user" is no key of the web configuration; did you mean basic_auth_users?"#),
        Case(
            "key of the wrong section", "tls_server_config:\n  http2: true",
            #"@/web.yml:2:3: "http2" is no key of tls_server_config; there are cert, cert_file, key, key_file, client_ca, client_ca_file, client_auth_type, client_allowed_sans, min_version, max_version, cipher_suites, curve_preferences, prefer_server_cipher_suites"#
        ),
        Case("no certificate", "tls_server_config:\n  {}", missingCertificate),
        Case("only a version", "tls_server_config:\n  min_version: TLS13", missingCertificate),
        Case("cert_file empty", "tls_server_config:\n  cert_file: ''\n  key_file: @/server.key", missingCertificate),
        Case("cert empty", "tls_server_config:\n  cert: ''\n  key_file: @/server.key", missingCertificate),
        Case("key_file empty", "tls_server_config:\n  cert_file: @/server.pem\n  key_file: ''", missingKey),
        Case("key empty", "tls_server_config:\n  cert_file: @/server.pem\n  key: ''", missingKey),
        Case("both empty", "tls_server_config:\n  cert_file: ''\n  key_file: ''", missingCertificate),
        Case(
            "certificate not there", "tls_server_config:\n  cert_file: nothing.pem\n  key_file: @/server.key",
            "the server's certificate @/nothing.pem cannot be read: No such file or directory"),
        Case(
            "key not there", "tls_server_config:\n  cert_file: @/server.pem\n  key_file: nothing.key",
            "the server's key @/nothing.key cannot be read: No such file or directory"),
        Case(
            "neither there", "tls_server_config:\n  cert_file: nothing.pem\n  key_file: nothing.key",
            "the server's certificate @/nothing.pem cannot be read: No such file or directory"),
        Case(
            "certificate is none", "tls_server_config:\n  cert_file: web.yml\n  key_file: @/server.key",
            "the server's certificate @/web.yml holds no certificate in PEM (-----BEGIN CERTIFICATE-----)"),
        Case(
            "key is none", "tls_server_config:\n  cert_file: @/server.pem\n  key: hunter2",
            "the server's key in the file holds no key in PEM (-----BEGIN PRIVATE KEY-----) that can be read without a password"
        ),
        Case(
            "certificate twice", "tls_server_config:\n  cert_file: @/server.pem\n  cert: hunter2\n  key_file: x",
            "@/web.yml:3:9: cert and cert_file say the same; take one of the two away"),
        Case(
            "key twice", "tls_server_config:\n  cert_file: @/server.pem\n  key: hunter2\n  key_file: x",
            "@/web.yml:3:8: key and key_file say the same; take one of the two away"),
        Case(
            "authority without a policy", "tls_server_config:\n  \(pair)\n  client_ca_file: @/authority.pem",
            "@/web.yml:4:19: nobody's certificate is compared with this; set client_auth_type: RequireAndVerifyClientCert"
        ),
        Case(
            "authority with NoClientCert",
            "tls_server_config:\n  \(pair)\n  client_ca_file: @/authority.pem\n  client_auth_type: NoClientCert",
            "@/web.yml:4:19: nobody's certificate is compared with this; set client_auth_type: RequireAndVerifyClientCert"
        ),
        Case(
            "authority not there",
            "tls_server_config:\n  \(pair)\n  client_ca_file: nobody.pem\n  client_auth_type: RequireAndVerifyClientCert",
            "the clients' authority @/nobody.pem cannot be read: No such file or directory"),
        Case(
            "authority is none",
            "tls_server_config:\n  \(pair)\n  client_ca_file: web.yml\n  client_auth_type: RequireAndVerifyClientCert",
            "the clients' authority @/web.yml holds no certificate in PEM (-----BEGIN CERTIFICATE-----)"),
        Case(
            "authority's text is none",
            "tls_server_config:\n  \(pair)\n  client_ca: hunter2\n  client_auth_type: RequireAndVerifyClientCert",
            "the clients' authority in the file holds no certificate in PEM (-----BEGIN CERTIFICATE-----)"),
        Case(
            "policy without an authority",
            "tls_server_config:\n  \(pair)\n  client_auth_type: RequireAndVerifyClientCert",
            "@/web.yml:4:21: RequireAndVerifyClientCert needs one of client_ca_file and client_ca, by which clients are known"
        ),
        Case(
            "unknown policy", "tls_server_config:\n  \(pair)\n  client_auth_type: RequireAndVerifyCert",
            #"@/web.yml:4:21: "RequireAndVerifyCert" is no client_auth_type; there are NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert"#
        ),
        Case(
            "names without a policy", "tls_server_config:\n  \(pair)\n  client_allowed_sans: [scraper.example]",
            "@/web.yml:4:24: a name is worth nothing that nobody has signed; set client_auth_type: RequireAndVerifyClientCert"
        ),
        Case(
            "names of whoever likes to have one",
            "tls_server_config:\n  \(pair)\n  client_auth_type: VerifyClientCertIfGiven\n  client_allowed_sans: [scraper.example]",
            "@/web.yml:5:24: a name is worth nothing that nobody has signed; set client_auth_type: RequireAndVerifyClientCert"
        ),
        Case(
            "no names",
            "tls_server_config:\n  \(pair)\n  client_ca_file: @/authority.pem\n  client_auth_type: RequireAndVerifyClientCert\n  client_allowed_sans: []",
            "@/web.yml:6:24: this should be a list of at least one name"),
        Case(
            "invented cipher", "tls_server_config:\n  \(pair)\n  cipher_suites:\n  - TLS_ECDHE_RSA_WITH_HUNTER2",
            #"@/web.yml:5:5: "TLS_ECDHE_RSA_WITH_HUNTER2" is no cipher suite that is safe to use; there are TLS_AES_128_GCM_SHA256, "#
        ),
        Case(
            "broken cipher", "tls_server_config:\n  \(pair)\n  cipher_suites:\n  - TLS_RSA_WITH_RC4_128_SHA",
            #"@/web.yml:5:5: "TLS_RSA_WITH_RC4_128_SHA" is no cipher suite that is safe to use; "#),
        Case(
            "invented curve", "tls_server_config:\n  \(pair)\n  curve_preferences: [CurveP256, CurveP257]",
            #"@/web.yml:4:34: "CurveP257" is no curve; did you mean CurveP256?"#),
        Case(
            "curve twice", "tls_server_config:\n  \(pair)\n  curve_preferences: [X25519, X25519]",
            "@/web.yml:4:31: the curve stands there already"),
        Case(
            "unknown version", "tls_server_config:\n  \(pair)\n  min_version: TLS111",
            #"@/web.yml:4:16: "TLS111" is no TLS version; did you mean TLS11?"#),
        Case(
            "versions crossed", "tls_server_config:\n  \(pair)\n  min_version: TLS13\n  max_version: TLS12",
            "@/web.yml:4:16: min_version TLS13 is above max_version TLS12, so that nobody could connect"),
        Case(
            "newest version below the usual oldest", "tls_server_config:\n  \(pair)\n  max_version: TLS11",
            "@/web.yml:4:16: min_version TLS12 is above max_version TLS11, so that nobody could connect"),
        Case(
            "no cipher for HTTP/2",
            "tls_server_config:\n  \(pair)\n  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]",
            "@/web.yml:4:18: HTTP/2 needs one that ends with _WITH_AES_128_GCM_SHA256; add TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, or set http2: false"
        ),
        Case(
            "ciphers for another version",
            "tls_server_config:\n  \(pair)\n  cipher_suites: [TLS_AES_128_GCM_SHA256]\n  max_version: TLS12\nhttp_server_config: {http2: false}",
            "@/web.yml:4:18: these are for TLS13 alone, which max_version excludes"),
        Case(
            "key of another certificate", "tls_server_config:\n  cert_file: @/server.pem\n  key_file: @/other.key",
            "the server's key %/other.key is not the key to the server's certificate %/server.pem"),
        Case(
            "key with a password", "tls_server_config:\n  cert_file: @/other.pem\n  key_file: @/locked.key",
            "the server's key %/locked.key holds no key in PEM (-----BEGIN PRIVATE KEY-----) that can be read without a password"
        ),
        Case(
            "X-Content-Type-Options", "http_server_config:\n  headers:\n    X-Content-Type-Options: sniff",
            "@/web.yml:3:29: this should be nosniff"),
        Case(
            "X-Frame-Options", "http_server_config:\n  headers:\n    X-Frame-Options: allow",
            "@/web.yml:3:22: this should be deny or sameorigin"),
        Case(
            "another header", "http_server_config:\n  headers:\n    Server: hunter",
            #"@/web.yml:3:5: "Server" is no key of headers, which are few on purpose; there are Strict-Transport-Security, X-Content-Type-Options, X-Frame-Options, X-XSS-Protection, Content-Security-Policy"#
        ),
        Case(
            "header of two lines",
            #"http_server_config: {headers: {X-XSS-Protection: "1\r\nSet-Cookie: a=b"}}"#,
            "@/web.yml:1:50: this should be one line of ASCII without control characters"),
        Case("http2", "http_server_config: {http2: perhaps}", "@/web.yml:1:29: this should be true or false"),
        Case("password instead of hash", "basic_auth_users:\n  alice: hunter2", noHash),
        Case("hash of another kind", "basic_auth_users:\n  alice: $apr1$hunter2$0000000000000000000000", noHash),
        Case(
            "hash cut", "basic_auth_users:\n  alice: $2y$05$abcdefghijklmnopqrstuu0oPGKPRH81stdiM33IQFG6Fj77J0AD",
            noHash),
        Case(
            "hash too dear", "basic_auth_users:\n  alice: $2y$31$abcdefghijklmnopqrstuu0oPGKPRH81stdiM33IQFG6Fj77J0ADK",
            "@/web.yml:2:10: bcrypt's cost should be from 4 to 16, and is 31; 10 is usual"),
        Case("no password", "basic_auth_users:\n  alice:", "@/web.yml:2:9: this should be text"),
        Case(
            "list of users", "basic_auth_users: [alice]",
            "@/web.yml:1:19: this should be a mapping, with key: value in each line"),
        Case(
            "name with a colon", "basic_auth_users:\n  'a:b': x",
            "@/web.yml:2:3: a user's name is not empty and has no colon, which ends it in a request"),
        Case(
            "user twice", "basic_auth_users:\n  alice: x\n  alice: y",
            #"@/web.yml:3:3: the key "alice" stands in line 2 already; take one of the two away"#),
        Case("no burst", "rate_limit:\n  interval: 1s", "@/web.yml:2:3: rate_limit needs the key burst"),
        Case(
            "burst of none", "rate_limit: {interval: 1s, burst: 0}",
            "@/web.yml:1:35: this should be a whole number from 1 to 1000000"),
        Case("interval", "rate_limit: {interval: soon}", "@/web.yml:1:24: this should be a duration such as 10s"),
    ])
    func isSaidInOneLine(_ input: Case) async throws {
        let certificates = try await Certificates.shared.directory.path
        let file = try directory.write("web.yml", input.text.replacing("@", with: certificates))
        let result = try await Exporter.run([
            "--web.config.file=\(file)", "--web.listen-address=127.0.0.1:\(freePort())",
        ])
        #expect(result.status == 2)
        let sentence = input.sentence.replacing("@", with: directory.path).replacing("%", with: certificates)
        #expect(result.errors.hasPrefix("stack-exporter: \(sentence)"), "\(result.errors)")
        #expect(result.errors.split(separator: "\n").count == 1)
        #expect(!result.errors.contains("hunter2"))
    }

    @Test func aFileThatIsNotThere() async throws {
        let result = try await Exporter.run(["--web.config.file=/nowhere/web.yml"])
        #expect(result.status == 2)
        #expect(result.errors == "stack-exporter: /nowhere/web.yml cannot be read: No such file or directory\n")
    }

    /// What other exporters' users ask for is there or is an error, and never an open page.
    @Test(
        arguments: [
            (
                ["--tls-server-cert-file=c"],
                "--tls-server-cert-file: TLS takes a certificate and its key; add --tls-server-key-file"
            ),
            (
                ["--tls-server-key-file=k"],
                "--tls-server-key-file: TLS takes a certificate and its key; add --tls-server-cert-file"
            ),
            (["--tls-server-ca-cert-file=a"], "--tls-server-ca-cert-file: TLS takes a certificate and its key"),
            (
                ["--tls-server-cert-file=c", "--tls-server-key-file=k", "--tls-server-min-version=TLS12"],
                "--tls-server-min-version=TLS12: this should be TLS1.0, TLS1.1, TLS1.2 or TLS1.3"
            ),
            (["--tls-server-cert-file=c", "--tls-server-key-file=k"], "the server's certificate c cannot be read"),
            (["--basic-auth-username=u"], "--basic-auth-username: a login takes"),
            (["--basic-auth-password=hunter2"], "--basic-auth-password: a login takes"),
            (["--basic-auth-hash-password=hunter2"], "--basic-auth-hash-password: a login takes"),
            (
                ["--basic-auth-username=u", "--basic-auth-password=hunter2", "--basic-auth-hash-password=hunter2"],
                "--basic-auth-username: a login takes"
            ),
            (
                ["--basic-auth-username=u", "--basic-auth-hash-password=hunter2"],
                "--basic-auth-hash-password: this should be a bcrypt hash"
            ),
            (["--http_digest_file=f"], "--http_digest_file=f: this should be left out: digests are not understood"),
            (
                ["--http_auth_file=/nowhere/htpasswd"],
                "--http_auth_file: the password file /nowhere/htpasswd cannot be read"
            ),
            (["--http_auth_file=/dev/null"], "--http_auth_file: /dev/null names nobody who could log in"),
            (["--http_auth_file=/etc/passwd"], "/etc/passwd:1: this should be a bcrypt hash"),
            (
                ["--basic-auth-username=u", "--basic-auth-password=hunter2", "--web.config.file=/dev/null"],
                "--web.config.file and --basic-auth-username both say who may connect; put all of it in the file"
            ),
        ] as [([String], String)])
    func whoAsksForProtectionGetsNoOpenPage(flags: [String], sentence: String) async throws {
        let result = try await Exporter.run(flags + ["--web.listen-address=127.0.0.1:\(freePort())"])
        #expect(result.status == 2)
        let last = try #require(result.errors.split(separator: "\n").last)
        #expect(last.hasPrefix("stack-exporter: \(sentence)"), "\(result.errors)")
        #expect(!result.errors.contains("hunter2"))
    }
}
