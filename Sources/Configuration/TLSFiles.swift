/// The files of the server's own certificate that a web configuration file names.
public struct TLSFiles: Sendable {
    /// PEM file of the certificate and those between it and its authority.
    public let certificate: String
    /// PEM file of its key.
    public let key: String

    /// Reads a web configuration file no further than for these.
    ///
    /// - Returns: `nil` where it names none.
    /// - Throws: Where the file cannot be read or is no YAML.
    public static func named(in path: String) throws(ConfigurationError) -> TLSFiles? {
        guard let root = try YAMLNode.read(path: path).root,
            let section = try root.entries().first(where: { $0.key == "tls_server_config" })?.value
        else { return nil }
        // Paths begin where the file is.
        let directory = path.lastIndex(of: "/").map { path[...$0] } ?? ""
        func file(_ key: String) throws(ConfigurationError) -> String? {
            guard let text = try section.entries().first(where: { $0.key == key })?.value.string() else { return nil }
            return text.hasPrefix("/") ? text : directory + text
        }
        guard let certificate = try file("cert_file"), let key = try file("key_file") else { return nil }
        return TLSFiles(certificate: certificate, key: key)
    }
}
