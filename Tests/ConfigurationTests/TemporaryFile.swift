import Configuration
import Foundation

/// Loads a file of this content, which errors know by the name given.
func load<Loaded>(
    _ text: String, as name: String, _ load: (_ path: String) throws(ConfigurationError) -> Loaded
) throws(ConfigurationError) -> Loaded {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try? Data(text.utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    do throws(ConfigurationError) {
        return try load(file.path)
    } catch {
        throw ConfigurationError(error.description.replacing(file.path, with: name))
    }
}
