public import Configuration
import NIOSSL
public import Scraping

/// The server's own certificate, with its key, as they are now.
public struct ServerCertificate: Sendable {
    /// From when on it is valid, in seconds since 1970.
    public let start: Int
    /// Until when it is valid, in seconds since 1970; the chain's sooner end counts.
    public let end: Int

    /// Why connections cannot be encrypted.
    public struct Unusable: Error, Sendable, CustomStringConvertible {
        /// One sentence that names the file.
        public let description: String
        /// What mends it.
        public let remedies: [Remedy]

        init(_ description: String, _ remedies: [Remedy] = []) {
            self.description = description
            self.remedies = remedies
        }
    }

    /// Reads all that connections would be encrypted with.
    public init(_ settings: WebConfiguration.TLS) throws(Unusable) {
        self = try TLSContext(settings, hasHTTP2: false, closeTimeout: .zero).certificate
    }

    init(_ chain: [NIOSSLCertificate]) {
        start = chain.map { Int($0.notValidBefore) }.max() ?? 0
        end = chain.map { Int($0.notValidAfter) }.min() ?? 0
    }
}
