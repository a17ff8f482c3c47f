import Foundation
import Scraping
import Testing

@testable import Containers

/// What a real engine sent: Docker 20.10.24 and Podman 4.3.1 (its compatible API), header and chunks as they came.
struct RuntimeRecording {
    /// All of it.
    let bytes: [UInt8]

    init(_ name: String) throws {
        bytes = try Array(Data(contentsOf: Fixture.engines.appending(path: "\(name).http")))
    }

    /// Behind the header, without the chunks.
    var body: [UInt8] {
        let gap = Array("\r\n\r\n".utf8)
        guard let end = bytes.indices.first(where: { bytes[$0...].starts(with: gap) }) else { return [] }
        let rest = bytes[(end + 4)...]
        let head = String(decoding: bytes[..<end], as: UTF8.self)
        return head.contains("Transfer-Encoding: chunked") ? Self.unchunked(rest) : Array(rest)
    }

    private static func unchunked(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var rest = bytes
        var body: [UInt8] = []
        while let end = rest.firstIndex(of: 13),
            let length = Int(String(decoding: rest[..<end], as: UTF8.self), radix: 16), length > 0
        {
            rest = rest[(end + 2)...]
            body += rest.prefix(length)
            rest = rest.dropFirst(length + 2)
        }
        return body
    }

    /// The JSON objects of the body.
    var objects: [JSONText] {
        get throws { try body.objects() }
    }

    /// What `/containers/<id>/json` told.
    func inspected(
        _ settings: ContainersTarget.Settings = .init()
    ) throws -> (id: String, details: ContainerDetails, parent: String?) {
        try #require(try objects.first.flatMap { RuntimeAnswers.inspected($0, settings) })
    }

    /// What `/containers/json` told, by name.
    func listed(_ settings: ContainersTarget.Settings = .init()) throws -> [String: ContainerDetails] {
        try objects.compactMap { RuntimeAnswers.listed($0, settings) }
            .reduce(into: [:]) { $0[$1.details.name ?? ""] = $1.details }
    }
}

extension [UInt8] {
    /// The objects that end in it, whatever the pieces in which it comes.
    func objects(pieces: Int = .max, limit: Int = 1 << 20) throws -> [JSONText] {
        var scanner = JSONObjects(limit: limit)
        var objects: [JSONText] = []
        var rest = self[...]
        while !rest.isEmpty {
            let piece = rest.prefix(pieces)
            rest = rest.dropFirst(piece.count)
            try piece.withUnsafeBytes { bytes in
                try scanner.take(bytes) { if let object = JSONText(Array($0)) { objects.append(object) } }
            }
        }
        return objects
    }
}
