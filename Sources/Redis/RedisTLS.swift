import NIOCore
import NIOSSL
import Scraping

extension RedisSettings.TLS {
    /// What connections are made with, from the files as they are now.
    ///
    /// - Throws: `connection`, where a file cannot be read or holds something else.
    func context() throws(CollectorError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.certificateVerification = verifiesServer ? .fullVerification : .none
        if let authorityFile { configuration.trustRoots = .file(authorityFile) }
        do {
            if let certificateFile {
                configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(certificateFile).map {
                    .certificate($0)
                }
            }
            if let keyFile {
                configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: keyFile, format: .pem))
            }
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw CollectorError(
                .connection, "the TLS files (authority, certificate, key) cannot be read, or do not belong together")
        }
    }

    /// The name that the server's certificate must have; `nil` where it must have the address instead.
    func name(ofServerAt host: String?) -> String? {
        if let serverName { return serverName }
        guard let host, (try? SocketAddress(ipAddress: host, port: 0)) == nil else { return nil }
        return host
    }
}
