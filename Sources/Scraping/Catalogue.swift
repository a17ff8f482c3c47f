import Exposition

/// Everything that can be on a page, by the collector that delivers it.
public struct Catalogue: Sendable {
    /// What one collector delivers, or what is there whatever collectors run.
    public struct Section: Sendable {
        /// As in ``Collector/name``; `nil` for what the exporter tells of its targets and of itself.
        public let collector: String?
        /// Whether it is there where nobody said anything.
        public let isEnabledByDefault: Bool
        /// By name.
        public let entries: [CatalogueEntry]

        init(_ collector: (any Collector)?, _ entries: [CatalogueEntry]) {
            self.collector = collector?.name
            isEnabledByDefault = collector?.isEnabledByDefault ?? true
            self.entries = entries.sorted { $0.descriptor.name < $1.descriptor.name }
        }
    }

    /// By the collector's name; what the exporter tells of its targets and of itself comes last.
    public let sections: [Section]

    /// - Parameter own: What the exporter tells of its targets and of itself.
    public init(collectors: [any Collector], own: [CatalogueEntry]) {
        sections =
            collectors.sorted { $0.name < $1.name }.map { Section($0, $0.metrics) } + [Section(nil, own)]
    }
}
