public import Exposition

/// A family as the catalogue tells it: what it is, and where its values come from.
public struct CatalogueEntry: Sendable, Hashable {
    /// Name, type, unit and meaning. A name with `<...>` in it stands for the many that the source makes of it.
    public let descriptor: MetricDescriptor
    /// The descriptor's help, without the source where that is the end of it.
    public let meaning: String
    /// The names of its labels, in the order in which they are said.
    public let labels: [String]
    /// The view, field or file that it is read from: `pg_stat_database`.
    public let source: String
    /// Which versions of the server have it, where not all have: `14+`, `before 17`.
    public let versions: String?

    /// An entry of the catalogue.
    public init(_ descriptor: MetricDescriptor, labels: [String] = [], source: String, versions: String? = nil) {
        self.descriptor = descriptor
        meaning = descriptor.help
        self.labels = labels
        self.source = source
        self.versions = versions
    }

    /// An entry whose help ends with the source and the versions: `Keys that expired (INFO expired_keys).`
    ///
    /// - Parameter meaning: One sentence without its full stop.
    public init(
        _ name: String, _ type: MetricType, _ meaning: String, labels: [String] = [], source: String,
        versions: String? = nil
    ) {
        let origin = versions.map { "\(source); \($0)" } ?? source
        descriptor = MetricDescriptor(name, type, "\(meaning) (\(origin)).")
        self.meaning = "\(meaning)."
        self.labels = labels
        self.source = source
        self.versions = versions
    }
}
