import Glibc

/// Where the server listens.
public enum ListenAddress: Sendable, Equatable {
    /// A TCP port. An empty host is every address of the machine, port 0 a free port that the system picks.
    case tcp(host: String, port: Int)
    /// A unix socket by its absolute path.
    case unix(path: String)
    /// A socket that is bound already and was handed over by its descriptor.
    case inherited(descriptor: CInt)

    /// An address that is none.
    public struct Malformed: Error, CustomStringConvertible {
        /// One sentence that says what is wrong and how it is written.
        public let description: String
    }

    /// The longest path that fits `sockaddr_un`, which ends it with a zero.
    private static let maximumPathLength = 107

    /// - Parameter text: `:19187`, `0.0.0.0:19187`, `[::1]:9187`, `host:port` or `unix:/path`.
    public init(_ text: String) throws(Malformed) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst("unix:".count))
            guard path.hasPrefix("/") else {
                throw Malformed(
                    description: "\"\(text)\" is no listen address: a unix socket's path starts with a slash")
            }
            guard path.utf8.count <= Self.maximumPathLength else {
                throw Malformed(
                    description:
                        "\"\(text)\" is no listen address: a unix socket's path has at most \(Self.maximumPathLength) bytes"
                )
            }
            self = .unix(path: path)
            return
        }
        guard let colon = text.lastIndex(of: ":"), let host = Self.host(text[..<colon]) else {
            throw Malformed(
                description: "\"\(text)\" is no listen address: write :port, host:port, [ipv6]:port or unix:/path"
            )
        }
        let digits = text[text.index(after: colon)...]
        guard digits.utf8.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains), let port = UInt16(digits) else {
            throw Malformed(description: "\"\(text)\" is no listen address: a port is a number from 0 to 65535")
        }
        self = .tcp(host: host, port: Int(port))
    }

    /// The host without brackets; `nil` where it is neither a name nor an address.
    private static func host(_ text: Substring) -> String? {
        if text.hasPrefix("["), text.hasSuffix("]") {
            let address = String(text.dropFirst().dropLast())
            var parsed = in6_addr()
            guard inet_pton(AF_INET6, address, &parsed) == 1 else { return nil }
            return address
        }
        let isName = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        return isName ? String(text) : nil
    }
}

extension ListenAddress: CustomStringConvertible {
    /// As it is written in `--web.listen-address`, where it can be.
    public var description: String {
        switch self {
        case .tcp(let host, let port): host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        case .inherited(let descriptor): "inherited socket \(descriptor)"
        }
    }
}
