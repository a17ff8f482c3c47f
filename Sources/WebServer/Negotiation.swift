import Exposition
import NIOHTTP1

/// The format that a request gets, and the media type that says so.
struct AcceptedFormat: Equatable {
    let format: ExpositionFormat
    /// All names on our pages are legal everywhere, so that every scheme leaves them as they are; Prometheus 3 wants to
    /// read which one it is.
    let escaping: String

    private static let escapings: Set<Substring> = ["allow-utf-8", "underscores", "dots", "values"]

    var contentType: String { "\(format.contentType); escaping=\(escaping)" }

    /// The format of the highest weight among those that we have, OpenMetrics where two weigh the same; text 0.0.4 where
    /// nothing that we have is asked for, since a page in another format is better than none.
    init(_ headers: HTTPHeaders) {
        var best: (format: ExpositionFormat, weight: Double, escaping: Substring?)?
        for clause in headers[canonicalForm: "Accept"].compactMap({ WeightedClause($0) }) where clause.weight > 0 {
            let version = clause["version"]
            let format: ExpositionFormat? =
                switch clause.name {
                case "application/openmetrics-text" where version == "1.0.0": .openMetrics
                case "text/plain" where version == nil || version == "0.0.4": .text
                case "text/*", "*/*": .text
                default: nil
                }
            guard let format else { continue }
            if let best, best.weight > clause.weight || best.weight == clause.weight && format == .text { continue }
            best = (format, clause.weight, clause["escaping"])
        }
        format = best?.format ?? .text
        escaping = best?.escaping.flatMap { Self.escapings.contains($0) ? String($0) : nil } ?? "underscores"
    }
}

extension HTTPHeaders {
    /// Whether the answer may be compressed with gzip.
    var acceptGzip: Bool {
        let clauses = self[canonicalForm: "Accept-Encoding"].compactMap { WeightedClause($0) }
        let clause = clauses.first { $0.name == "gzip" } ?? clauses.first { $0.name == "*" }
        return clause.map { $0.weight > 0 } ?? false
    }
}

/// One element of an `Accept` or `Accept-Encoding` field: `text/plain;version=0.0.4;q=0.3`.
private struct WeightedClause {
    let name: String
    private(set) var weight = 1.0
    private let parameters: [(name: String, value: Substring)]

    /// `nil` where it has no name or its weight is none.
    init?(_ text: Substring) {
        let parts = text.split(separator: ";", omittingEmptySubsequences: false).map { $0.trimmed }
        guard let name = parts.first, !name.isEmpty else { return nil }
        self.name = name.lowercased()
        parameters = parts.dropFirst().map { part in
            let equals = part.firstIndex(of: "=") ?? part.endIndex
            var value = part[equals...].dropFirst().trimmed
            if value.count > 1, value.hasPrefix("\""), value.hasSuffix("\"") { value = value.dropFirst().dropLast() }
            return (part[..<equals].trimmed.lowercased(), value)
        }
        if let q = self["q"] {
            guard let weight = Double(q), (0...1).contains(weight) else { return nil }
            self.weight = weight
        }
    }

    subscript(name: String) -> Substring? {
        parameters.first { $0.name == name }?.value
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        let start = drop { $0 == " " || $0 == "\t" }
        return start.lastIndex { $0 != " " && $0 != "\t" }.map { start[...$0] } ?? ""
    }
}
