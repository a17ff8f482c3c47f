import Foundation
import Lab

/// What people read: README, `docs`, runbooks and the catalogue.
enum DocumentFiles {
    static var all: [URL] {
        let places = ["docs", "docker", "dashboards"].map { Repository.root.appending(path: $0) }
        let found = places.compactMap { FileManager.default.enumerator(at: $0, includingPropertiesForKeys: nil) }
            .flatMap { $0.compactMap { $0 as? URL } }.filter { $0.pathExtension == "md" }
        return found + [Repository.root.appending(path: "README.md")]
    }

    /// The anchors of headings, as GitHub makes them.
    ///
    /// - Parameter levels: Of which headings: 2 for `## PostgresDown`.
    static func anchors(of document: URL, levels: ClosedRange<Int> = 1...6) throws -> [String] {
        // What is fenced has an odd number, and no headings but comments.
        let text = try String(contentsOf: document, encoding: .utf8).components(separatedBy: "\n```").enumerated()
            .filter { $0.offset % 2 == 0 }.map(\.element).joined(separator: "\n")
        return text.matches(of: /(?m)^(#+) (.*)$/).filter { levels.contains($0.1.count) }.map { heading in
            heading.2.lowercased().filter { $0.isLetter || $0.isNumber || " -_".contains($0) }
                .replacing(" ", with: "-")
        }
    }
}
