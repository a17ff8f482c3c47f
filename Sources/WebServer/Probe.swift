public import Configuration
import NIOHTTP1
public import Scraping

/// What `/probe` or `/scrape` asks for, and answers the page of one target.
public struct Probe: Sendable {
    /// The paths that it may be asked for at.
    public enum Path: String, Sendable {
        /// As postgres_exporter has it.
        case probe = "/probe"
        /// As redis_exporter has it.
        case scrape = "/scrape"
    }

    /// Where it is asked for.
    public let path: Path
    /// The name of a target, or a server's address.
    public let target: String
    /// How to log in there; `nil` where nothing is said.
    public let module: String?
    /// All that the request says, the first of each name.
    public let parameters: [String: String]

    /// Makes the page of what is asked for, within a time limit.
    public typealias Answer = @Sendable (Probe, Duration?) async throws(ProbeRefusal) -> Page

    /// - Throws: Where the request names no target.
    init(_ path: Path, _ request: HTTPRequest) throws(ProbeRefusal) {
        let parameters = QueryParameters(request.query)
        guard let target = parameters["target"], !target.isEmpty else {
            throw ProbeRefusal(.malformed, "Name what to probe: \(path.rawValue)?target=<name or address>.")
        }
        self.path = path
        self.target = target
        self.parameters = parameters.byName
        module = parameters["auth_module"].flatMap { $0.isEmpty ? nil : $0 }
    }
}

extension ProbeRefusal {
    var response: HTTPResponse {
        switch reason {
        case .malformed: HTTPResponse(.badRequest, sentence)
        case .forbidden: HTTPResponse(.forbidden, sentence)
        case .unknown: HTTPResponse(.notFound, sentence)
        }
    }
}

/// The part of a request's target behind the question mark, as forms write it: `a=b&c=d`.
struct QueryParameters {
    private let pairs: [(name: String, value: String)]

    init(_ query: Substring?) {
        pairs = (query ?? "").split(separator: "&").map { pair in
            let equals = pair.firstIndex(of: "=") ?? pair.endIndex
            return (Self.decoded(pair[..<equals]), Self.decoded(pair[equals...].dropFirst()))
        }
    }

    /// The first value of this name.
    subscript(name: String) -> String? { pairs.first { $0.name == name }?.value }

    /// All values of this name.
    func all(_ name: String) -> [String] { pairs.filter { $0.name == name }.map(\.value) }

    /// The first value of each name.
    var byName: [String: String] { Dictionary(pairs.map { ($0.name, $0.value) }) { first, _ in first } }

    /// `+` is a space and `%41` an A; a percent sign before anything else stands for itself.
    private static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                let digits = rest.prefix(2)
                if digits.count == 2, digits.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }),
                    let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
                {
                    bytes.append(value)
                    rest = rest.dropFirst(2)
                } else {
                    bytes.append(byte)
                }
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
