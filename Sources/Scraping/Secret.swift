/// A password, given as it is or by the file that holds it. It prints as `<redacted>` wherever it turns up.
public struct Secret: Sendable {
    private enum Source {
        case value(String)
        case file(String, Reading)
    }

    /// Finds the secret in a file's content.
    public typealias Reading = @Sendable (String) throws(CollectorError) -> String

    private let source: Source

    /// A secret that never changes.
    public init(value: String) {
        source = .value(value)
    }

    /// A secret that is read from a file each time it is needed, so that it can be rotated.
    ///
    /// - Parameter reading: Finds it in the content, which is the secret itself where nothing is said.
    public init(file: String, reading: @escaping Reading = { content throws(CollectorError) in content }) {
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
                throw CollectorError(.authentication, "the password file \(path) cannot be read: \(error)")
            }
            guard bytes.count <= limit else {
                throw CollectorError(.authentication, "the password file \(path) is longer than 64 KiB")
            }
            while let last = bytes.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") { bytes.removeLast() }
            return try reading(String(decoding: bytes, as: UTF8.self))
        }
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
