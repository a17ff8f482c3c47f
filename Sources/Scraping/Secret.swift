import Glibc

/// A password, given as it is or by the file that holds it. It prints as `<redacted>` wherever it turns up.
public struct Secret: Sendable {
    private enum Source {
        case value(String)
        case file(String, (any SecretReading)?)
    }

    private let source: Source

    /// A secret that never changes.
    public init(value: String) {
        source = .value(value)
    }

    /// A secret that is read from a file each time it is needed, so that it can be rotated.
    ///
    /// - Parameter reading: Finds it in the content, which is the secret itself where nothing is said.
    public init(file: String, reading: (any SecretReading)? = nil) {
        source = .file(file, reading)
    }

    /// The secret itself; a file's without the line ends behind it.
    ///
    /// - Throws: `authentication`, where the file cannot be read, is longer than 64 KiB or holds something else.
    public func reveal() throws(CollectorError) -> String {
        switch source {
        case .value(let value):
            return value
        case .file(let path, let reading):
            let limit = 64 * 1024
            var bytes: [UInt8]
            do {
                bytes = try File.contents(of: path, limit: limit + 1)
            } catch {
                throw CollectorError(
                    .authentication, "the password file \(path) cannot be read: \(error)",
                    remedies: File.remedies(error, of: path))
            }
            guard bytes.count <= limit else {
                throw CollectorError(.authentication, "the password file \(path) is longer than 64 KiB")
            }
            while let last = bytes.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") { bytes.removeLast() }
            let content = String(decoding: bytes, as: UTF8.self)
            return try reading?.secret(in: content) ?? content
        }
    }
}

extension Secret {
    /// Where Compose and Swarm put secrets, which there everybody in the container may read.
    private static let managed = "/run/secrets/"

    /// That everybody on this machine may read its file, where that is so.
    public var exposure: Finding? {
        guard case .file(let path, _) = source, !path.hasPrefix(Self.managed) else { return nil }
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IROTH != 0 else { return nil }
        return Finding(
            .hint, "everybody on this machine may read the password file \(path)",
            [Remedy("sh", "chmod o-r \(path.quotedForShell)")])
    }
}

/// Finds a secret in a file's content. Two that are equal find the same.
public protocol SecretReading: Sendable, Equatable {
    /// - Throws: `authentication`, where the content holds something else.
    func secret(in content: String) throws(CollectorError) -> String
}

extension Secret: Equatable {
    /// Whether both are the same text, or are read from the same file in the same way.
    public static func == (one: Secret, other: Secret) -> Bool {
        switch (one.source, other.source) {
        case (.value(let one), .value(let other)): one == other
        case (.file(let onePath, let one), .file(let otherPath, let other)):
            onePath == otherPath && (one.map { isSame($0, as: other) } ?? (other == nil))
        case (.value, .file), (.file, .value): false
        }
    }

    private static func isSame<Reading: SecretReading>(_ one: Reading, as other: (any SecretReading)?) -> Bool {
        one == other as? Reading
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Never the secret.
    public var description: String { "<redacted>" }
    /// Never the secret.
    public var debugDescription: String { "<redacted>" }
    /// Nothing to look into.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
