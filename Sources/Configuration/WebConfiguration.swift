public import Scraping

/// Who may connect and how: what `--web.config.file` says, in exporter-toolkit's format.
public struct WebConfiguration: Sendable, Equatable {
    /// How connections are encrypted; `nil` for not at all.
    public var tls: TLS?
    /// Whether a client that asks for HTTP/2 gets it; without TLS nobody does.
    public var hasHTTP2 = true
    /// Fields of every answer.
    public var headers: [Header] = []
    /// Who has to say a password, by name; empty where nobody has to.
    public var users: [String: Password] = [:]
    /// How often requests are let in; `nil` for as often as they come.
    public var rateLimit: RateLimit?

    /// Whoever comes is let in, in the clear.
    public init() {}

    /// A field of an answer's head.
    public struct Header: Sendable, Equatable {
        /// One of ``WebConfiguration/Header/allowed``.
        public let name: String
        /// One line of visible characters.
        public let value: String
    }

    /// What a user's password is known by.
    public enum Password: Sendable, Equatable {
        /// `$2y$10$` and so on, as `htpasswd -B` makes it.
        case bcrypt(Secret)
        /// As it is, which only redis_exporter's flags say.
        case plain(Secret)
    }

    /// So many requests at once, and then one each interval.
    public struct RateLimit: Sendable, Equatable {
        /// From one request to the next; above 0.
        public let interval: Duration
        /// How many may come at once; above 0.
        public let burst: Int
    }
}

extension WebConfiguration {
    /// How connections are encrypted.
    public struct TLS: Sendable, Equatable {
        /// The server's certificate and those between it and its root.
        public var certificate: PEM
        /// The key to it.
        public var key: PEM
        /// Whose certificates clients may have; `nil` for nobody's.
        public var clientAuthority: PEM?
        /// What is asked of clients.
        public var clientAuthentication = ClientAuthentication.none
        /// The names of which a client's certificate must have one; empty for any.
        public var allowedNames: [String] = []
        /// The oldest version that is spoken.
        public var minimumVersion = Version.tls12
        /// The newest version that is spoken.
        public var maximumVersion = Version.tls13
        /// Those for versions up to 1.2, the preferred one first; empty for the usual ones.
        public var cipherSuites: [CipherSuite] = []
        /// The preferred one first; empty for the usual ones.
        public var curves: [Curve] = []
    }

    /// Text in PEM, given as it is or by the file that holds it.
    public enum PEM: Sendable, Equatable {
        case text(Secret)
        case file(String)

        /// The file; `nil` where there is none.
        public var path: String? {
            guard case .file(let path) = self else { return nil }
            return path
        }
    }

    /// What is asked of clients, by Go's names.
    public enum ClientAuthentication: String, Sendable, CaseIterable {
        case none = "NoClientCert"
        /// A certificate, whose holder nobody looks at, from those who have one.
        case request = "RequestClientCert"
        /// A certificate, whoever has signed it.
        case requireAny = "RequireAnyClientCert"
        /// A certificate of the authority, from those who have one.
        case verifyIfGiven = "VerifyClientCertIfGiven"
        /// A certificate of the authority.
        case requireAndVerify = "RequireAndVerifyClientCert"

        /// Whether the authority must have signed what a client shows.
        public var verifies: Bool { self == .verifyIfGiven || self == .requireAndVerify }
    }

    /// A version of TLS, by Go's names.
    public enum Version: String, Sendable, CaseIterable, Comparable {
        case tls10 = "TLS10"
        case tls11 = "TLS11"
        case tls12 = "TLS12"
        case tls13 = "TLS13"

        /// Whether one is older than the other.
        public static func < (one: Version, other: Version) -> Bool { one.rawValue < other.rawValue }
    }

    /// A curve on which keys are agreed, by Go's names.
    public enum Curve: String, Sendable, CaseIterable {
        case p256 = "CurveP256"
        case p384 = "CurveP384"
        case p521 = "CurveP521"
        case x25519 = "X25519"
        case x25519MLKEM768 = "X25519MLKEM768"
    }

    /// A cipher suite by its IANA name, which is also Go's.
    public struct CipherSuite: Sendable, Equatable, RawRepresentable, CaseIterable {
        /// `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`
        public let rawValue: String

        /// - Parameter rawValue: One of those there are.
        public init?(rawValue: String) {
            guard Self.names.contains(rawValue) else { return nil }
            self.rawValue = rawValue
        }

        private init(known name: String) { rawValue = name }

        /// All that there are: those of Go that are no danger, and RSA's without forward secrecy, which Go once had among
        /// them.
        public static let allCases = names.map { CipherSuite(known: $0) }

        private static let names = [
            "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
            "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
            "TLS_RSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_256_GCM_SHA384", "TLS_RSA_WITH_AES_128_CBC_SHA",
            "TLS_RSA_WITH_AES_256_CBC_SHA",
        ]

        /// Whether it is one of TLS 1.3, which has all of its own whatever is chosen.
        public var isOfTLS13: Bool { !rawValue.contains("_WITH_") }

        /// Whether HTTP/2 is content with it alone.
        var sufficesForHTTP2: Bool { rawValue.hasPrefix("TLS_ECDHE") && rawValue.hasSuffix("_WITH_AES_128_GCM_SHA256") }
    }
}
