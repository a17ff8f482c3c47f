import Exposition
import Scraping

/// A file that custom queries were read from, for `pg_exporter_user_queries_load_error`.
public struct CustomQuerySource: Sendable, Equatable {
    /// As it was given.
    public let path: String
    /// The SHA-256 of its content, in hexadecimal digits.
    public let hash: String

    /// A file that was read.
    public init(path: String, hash: String) {
        self.path = path
        self.hash = hash
    }

    private static let descriptor = MetricDescriptor(
        "pg_exporter_user_queries_load_error", .gauge, "Whether a file of custom queries could not be loaded: 1 or 0.")

    /// For the catalogue.
    static let metric = CatalogueEntry(descriptor, labels: ["filename", "hashsum"], source: "the file")

    /// Whether each of the files could be loaded, which all have been that are here.
    static func family(_ sources: [CustomQuerySource]) -> MetricFamily {
        var family = MetricFamily(descriptor)
        for source in sources { family.append(0, ["filename": source.path, "hashsum": source.hash]) }
        return family
    }
}
