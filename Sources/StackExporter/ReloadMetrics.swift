import Exposition
import Scraping
import Synchronization

/// Whether what is configured is what is in force, as Prometheus tells it of itself.
final class ReloadMetrics: SelfMetrics {
    private static let successful = CatalogueEntry(
        MetricDescriptor(
            "stack_exporter_config_last_reload_successful", .gauge,
            "Whether the configuration was understood when it was last read: 1 or 0."),
        source: "the configuration")
    private static let timestamp = CatalogueEntry(
        MetricDescriptor(
            "stack_exporter_config_last_reload_success_timestamp_seconds", .gauge,
            "When the configuration that is in force was read."),
        source: "the configuration")

    static let metrics = [successful, timestamp]

    /// The start counts as the first reload.
    private let state = Mutex((isSuccessful: true, success: WallClock.seconds()))

    func succeed() { state.withLock { $0 = (true, WallClock.seconds()) } }

    func fail() { state.withLock { $0.isSuccessful = false } }

    func families() -> [MetricFamily] {
        let state = state.withLock { $0 }
        return [
            MetricFamily(Self.successful.descriptor, state.isSuccessful ? 1 : 0),
            MetricFamily(Self.timestamp.descriptor, state.success),
        ]
    }
}
