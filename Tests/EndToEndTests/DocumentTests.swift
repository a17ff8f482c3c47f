import Foundation
import Lab
import Testing

struct DocumentTests {
    @Test func everyLinkLeadsSomewhere() throws {
        var links = 0
        #expect(DocumentFiles.all.count > 16)
        for document in DocumentFiles.all {
            let text = try String(contentsOf: document, encoding: .utf8)
            for link in text.matches(of: /\]\(([^)\s:#]*)(?:#([^)\s]+))?\)/) {
                links += 1
                let place = "\(document.lastPathComponent): \(link.0)"
                let file =
                    link.1.isEmpty
                    ? document : document.deletingLastPathComponent().appending(path: String(link.1)).standardized
                #expect(FileManager.default.fileExists(atPath: file.path), "\(place)")
                if let anchor = link.2 {
                    #expect(try DocumentFiles.anchors(of: file).contains(String(anchor)), "\(place)")
                }
            }
        }
        #expect(links > 30)
    }

    /// Whoever begins at the README finds every one.
    @Test func everyDocumentIsLinkedFromTheREADME() throws {
        let readme = try Repository.text("README.md")
        for document in DocumentFiles.all where document.deletingLastPathComponent().lastPathComponent == "docs" {
            #expect(readme.contains("](docs/\(document.lastPathComponent))"))
        }
    }
}
