import NIOSSL
public import Scraping

/// A server's certificate with its key, as they are in their files now.
public struct ServerCertificate: Sendable {
    /// From when on it is valid, in seconds since 1970.
    public let start: Int
    /// Until when it is valid, in seconds since 1970; the chain's sooner end counts.
    public let end: Int

    /// Why they cannot be used.
    public struct Unusable: Error, Sendable, CustomStringConvertible {
        /// One sentence that names the file.
        public let description: String
        /// What mends it.
        public let remedies: [Remedy]
    }

    /// Reads both files, PEM.
    public init(certificate: String, key: String) throws(Unusable) {
        try Self.checkReadable(certificate)
        try Self.checkReadable(key)
        let chain: [NIOSSLCertificate]
        do {
            chain = try NIOSSLCertificate.fromPEMFile(certificate)
        } catch {
            throw Unusable(description: "\(certificate) holds no certificate in PEM form", remedies: [])
        }
        let privateKey: NIOSSLPrivateKey
        do {
            privateKey = try NIOSSLPrivateKey(file: key, format: .pem)
        } catch {
            throw Unusable(description: "\(key) holds no key in PEM form, or one with a password", remedies: [])
        }
        do {
            _ = try NIOSSLContext(
                configuration: .makeServerConfiguration(
                    certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(privateKey)))
        } catch {
            throw Unusable(
                description: "the key \(key) is not that of the certificate \(certificate)",
                remedies: [
                    Remedy(
                        "sh",
                        "openssl x509 -noout -pubkey -in \(certificate.quotedForShell); "
                            + "openssl pkey -pubout -in \(key.quotedForShell)")
                ])
        }
        start = chain.map { Int($0.notValidBefore) }.max() ?? 0
        end = chain.map { Int($0.notValidAfter) }.min() ?? 0
    }

    private static func checkReadable(_ path: String) throws(Unusable) {
        do {
            _ = try File(path)
        } catch {
            throw Unusable(description: "\(path) cannot be read: \(error)", remedies: File.remedies(error, of: path))
        }
    }
}
