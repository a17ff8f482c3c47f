public import Exposition

/// A part of the exporter that tells of itself on every page.
public protocol SelfMetrics: Sendable {
    /// Every family that it can tell.
    static var metrics: [CatalogueEntry] { get }

    /// The families as of now.
    func families() -> [MetricFamily]
}
