import Foundation
import Lab
import Testing

/// What people read: README, `docs`, runbooks and the catalogue.
struct DocumentTests {
    private static var documents: [URL] {
        get throws {
            let manager = FileManager.default
            let places = ["docs", "docker", "dashboards"].map { Repository.root.appending(path: $0) }
            let found = places.compactMap { manager.enumerator(at: $0, includingPropertiesForKeys: nil) }
                .flatMap { $0.compactMap { $0 as? URL } }.filter { $0.pathExtension == "md" }
            try #require(found.count > 15)
            return found + [Repository.root.appending(path: "README.md")]
        }
    }

    /// The anchors of its headings, as GitHub makes them.
    private static func anchors(of document: URL) throws -> [String] {
        // What is fenced has an odd number, and no headings but comments.
        let text = try String(contentsOf: document, encoding: .utf8).components(separatedBy: "\n```").enumerated()
            .filter { $0.offset % 2 == 0 }.map(\.element).joined(separator: "\n")
        return text.matches(of: /(?m)^#+ (.*)$/).map { heading in
            heading.1.lowercased().filter { $0.isLetter || $0.isNumber || " -_".contains($0) }
                .replacing(" ", with: "-")
        }
    }

    @Test func everyLinkLeadsSomewhere() throws {
        var links = 0
        for document in try Self.documents {
            let text = try String(contentsOf: document, encoding: .utf8)
            for link in text.matches(of: /\]\(([^)\s:#]*)(?:#([^)\s]+))?\)/) {
                links += 1
                let place = "\(document.lastPathComponent): \(link.0)"
                let file =
                    link.1.isEmpty
                    ? document : document.deletingLastPathComponent().appending(path: String(link.1)).standardized
                #expect(FileManager.default.fileExists(atPath: file.path), "\(place)")
                if let anchor = link.2 { #expect(try Self.anchors(of: file).contains(String(anchor)), "\(place)") }
            }
        }
        #expect(links > 30)
    }

    /// Whoever begins at the README finds every one.
    @Test func everyDocumentIsLinkedFromTheREADME() throws {
        let readme = try Repository.text("README.md")
        for document in try Self.documents where document.deletingLastPathComponent().lastPathComponent == "docs" {
            #expect(readme.contains("](docs/\(document.lastPathComponent))"))
        }
    }
}
