import Configuration
import Glibc
import NIOCore
import NIOSSL
import Scraping

/// What connections are encrypted with, from the files as they were when it was made.
struct TLSContext: Sendable {
    private let context: NIOSSLContext
    private let configuration: WebConfiguration.TLS
    let certificate: ServerCertificate

    /// - Throws: Where a file cannot be read or holds something else, or certificate and key do not belong together.
    init(
        _ configuration: WebConfiguration.TLS, hasHTTP2: Bool, closeTimeout: Duration
    ) throws(ServerCertificate.Unusable) {
        let chain = try configuration.certificate.certificates("the server's certificate")
        let key = try configuration.key.key("the server's key")
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        tls.minimumTLSVersion = .init(configuration.minimumVersion)
        tls.maximumTLSVersion = .init(configuration.maximumVersion)
        let suites = configuration.cipherSuites.filter { !$0.isOfTLS13 }
        if !suites.isEmpty {
            tls.cipherSuites = suites.map(\.rawValue).joined(separator: ":")
        } else if !configuration.cipherSuites.isEmpty {
            // None is left for older versions.
            tls.minimumTLSVersion = .tlsv13
        }
        if !configuration.curves.isEmpty { tls.curves = configuration.curves.map { .init($0) } }
        tls.applicationProtocols = (hasHTTP2 ? [HTTP2.name] : []) + ["http/1.1"]
        tls.shutdownTimeout = TimeAmount(closeTimeout)
        switch configuration.clientAuthentication {
        case .none: tls.certificateVerification = .none
        case .request, .verifyIfGiven: tls.certificateVerification = .optionalVerification
        case .requireAny, .requireAndVerify: tls.certificateVerification = .noHostnameVerification
        }
        // Not the system's authorities, of which any may know anybody.
        tls.trustRoots = .certificates(
            try configuration.clientAuthority?.certificates("the clients' authority") ?? [])
        tls.sendCANameList = configuration.clientAuthority != nil
        do {
            context = try NIOSSLContext(configuration: tls)
        } catch {
            throw ServerCertificate.Unusable(
                "\(configuration.key.place("the server's key")) is not the key to \(configuration.certificate.place("the server's certificate"))",
                Self.comparison(of: configuration))
        }
        self.configuration = configuration
        certificate = ServerCertificate(chain)
    }

    /// What shows which key is whose.
    private static func comparison(of configuration: WebConfiguration.TLS) -> [Remedy] {
        guard let certificate = configuration.certificate.path, let key = configuration.key.path else { return [] }
        return [
            Remedy(
                "sh",
                "openssl x509 -noout -pubkey -in \(certificate.quotedForShell); "
                    + "openssl pkey -pubout -in \(key.quotedForShell)")
        ]
    }

    /// What encrypts one connection.
    func makeHandler() throws -> NIOSSLServerHandler {
        switch configuration.clientAuthentication {
        case .none, .verifyIfGiven, .requireAndVerify: NIOSSLServerHandler(context: context)
        case .request, .requireAny:
            // Any certificate will do.
            NIOSSLServerHandler(context: context, customVerificationCallback: { $1.succeed(.certificateVerified) })
        }
    }

    /// Whether a client with this certificate has one of the allowed names.
    func admits(_ certificate: NIOSSLCertificate?) -> Bool {
        configuration.allowedNames.isEmpty
            || certificate?.alternativeNames.contains(where: configuration.allowedNames.contains) == true
    }

    /// What to say where the server's certificate is not valid now, with which most clients do not connect.
    var warning: String? {
        let now = time(nil)
        let place = configuration.certificate.place("the server's certificate")
        if certificate.end < now { return "\(place) has expired; put a new one in its place" }
        if certificate.start > now { return "\(place) is not valid yet; is the clock right?" }
        return nil
    }
}

extension NIOSSLCertificate {
    /// Its subject's alternative names, as Go writes them: host names, email and IP addresses, URIs.
    var alternativeNames: [String] {
        _subjectAlternativeNames().compactMap { name in
            switch name.nameType {
            case .dnsName, .email, .uri: String(validating: name.contents, as: UTF8.self)
            case .ipAddress:
                switch name.contents.count {
                case 4: Self.text(of: name.contents, AF_INET)
                case 16: Self.text(of: name.contents, AF_INET6)
                default: nil
                }
            default: nil
            }
        }
    }

    private static func text(of address: some Collection<UInt8>, _ family: CInt) -> String? {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(family, Array(address), &text, socklen_t(text.count)) != nil else { return nil }
        return text.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } }
    }
}

extension WebConfiguration.PEM {
    private static let longestFile = 1 << 20

    /// - Parameter what: What it is, in an error.
    fileprivate func place(_ what: String) -> String { path.map { "\(what) \($0)" } ?? "\(what) in the file" }

    private func bytes(_ what: String) throws(ServerCertificate.Unusable) -> [UInt8] {
        switch self {
        case .text(let secret):
            do {
                return Array(try secret.reveal().utf8)
            } catch {
                throw ServerCertificate.Unusable("\(what): \(error.detail)", error.remedies)
            }
        case .file(let path):
            let bytes: [UInt8]
            do {
                bytes = try File.contents(of: path, limit: Self.longestFile + 1)
            } catch {
                throw ServerCertificate.Unusable(
                    "\(place(what)) cannot be read: \(error)", File.remedies(error, of: path))
            }
            guard bytes.count <= Self.longestFile else {
                throw ServerCertificate.Unusable("\(place(what)) is longer than \(Self.longestFile >> 20) MiB")
            }
            return bytes
        }
    }

    /// At least one.
    fileprivate func certificates(_ what: String) throws(ServerCertificate.Unusable) -> [NIOSSLCertificate] {
        let bytes = try bytes(what)
        guard let certificates = try? NIOSSLCertificate.fromPEMBytes(bytes), !certificates.isEmpty else {
            throw ServerCertificate.Unusable(
                "\(place(what)) holds no certificate in PEM (-----BEGIN CERTIFICATE-----)")
        }
        return certificates
    }

    fileprivate func key(_ what: String) throws(ServerCertificate.Unusable) -> NIOSSLPrivateKey {
        let bytes = try bytes(what)
        do {
            return try NIOSSLPrivateKey(bytes: bytes, format: .pem) { (_: NIOSSLPassphraseSetter<[UInt8]>) in
                throw NIOSSLError.failedToLoadPrivateKey
            }
        } catch {
            throw ServerCertificate.Unusable(
                "\(place(what)) holds no key in PEM (-----BEGIN PRIVATE KEY-----) that can be read without a password")
        }
    }
}

extension TLSVersion {
    fileprivate init(_ version: WebConfiguration.Version) {
        self =
            switch version {
            case .tls10: .tlsv1
            case .tls11: .tlsv11
            case .tls12: .tlsv12
            case .tls13: .tlsv13
            }
    }
}

extension NIOTLSCurve {
    fileprivate init(_ curve: WebConfiguration.Curve) {
        self =
            switch curve {
            case .p256: .secp256r1
            case .p384: .secp384r1
            case .p521: .secp521r1
            case .x25519: .x25519
            case .x25519MLKEM768: .x25519_MLKEM768
            }
    }
}
