import Lab

@testable import Configuration

/// Loads a file of this content, which errors know by the name given.
func load<Loaded>(
    _ text: String, as name: String, _ load: (_ path: String) throws(ConfigurationError) -> Loaded
) throws(ConfigurationError) -> Loaded {
    let directory = TemporaryDirectory("configuration")
    defer { withExtendedLifetime(directory) {} }
    let file = (try? directory.write(name, text)) ?? name
    do throws(ConfigurationError) {
        return try load(file)
    } catch {
        throw ConfigurationError(error.description.replacing(file, with: name))
    }
}

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
