import Foundation

@testable import Configuration

/// The settings that a configuration file of this content makes; errors know it as `c.yml`.
func settings(
    _ text: String, _ arguments: [String] = [], _ environment: [String: String] = [:]
) throws(ConfigurationError) -> Settings {
    try load(text, as: "c.yml") { path throws(ConfigurationError) in
        try Settings.load(arguments: arguments + ["--config.file=\(path)"], environment: environment).settings
    }
}

extension Settings {
    /// All that is configured, in a form that can be compared, without where it was said. Sets have no order.
    var content: [[String]] {
        let left: Set = ["sources", "warnings", "configurationFile", "shownConfiguration"]
        return Mirror(reflecting: self).children.compactMap { child in
            guard let label = child.label, !left.contains(label) else { return nil }
            return [label] + "\(child.value)".split(whereSeparator: { ", ()[]".contains($0) }).map { "\($0)" }.sorted()
        }
    }

    /// The sentence of the first warning with a part of it.
    func warning(_ part: String) -> String? { warnings.first { $0.contains(part) } }
}

/// A file that is there while this is.
final class SecretFile: Sendable {
    let path: String

    init(_ content: String) {
        path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        write(content)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ content: String) { try? Data(content.utf8).write(to: URL(filePath: path)) }
}
