public import Foundation

/// The source tree that the tests are of.
public enum Repository {
    /// Its uppermost directory.
    public static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// What configures the stack around the exporter.
    public static let docker = root.appending(path: "docker")

    /// A Python with the packages that the Makefile lists, which puts it there.
    public static let python = pythonProgram("python3")

    /// A program that came with one of them.
    public static func pythonProgram(_ name: String) -> String {
        root.appending(path: ".build/python/bin/\(name)").path
    }

    /// The text of a file.
    public static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// The first block of YAML in a document, below a heading where one is named.
    public static func example(in path: String, below heading: String? = nil) throws -> String {
        let text = try text(path)
        let start = heading.map { text.range(of: "\n\($0)\n")?.upperBound } ?? text.startIndex
        guard let start, let block = text[start...].firstMatch(of: /```yaml\n((?s).*?)```/) else {
            throw LabError("\(path) has no example below \(heading ?? "its beginning")")
        }
        return String(block.1)
    }
}
