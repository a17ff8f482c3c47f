public import Exposition

/// Is told how each scrape of a target went, whoever asked for it.
public protocol ScrapeObserver: Sendable {
    /// Called once for each scrape that was begun: when the target has returned, or when the gather's time was up.
    ///
    /// - Parameter families: What its collectors delivered, without a `target` label.
    func scraped(_ target: any Target, _ outcome: ScrapeOutcome, _ families: [MetricFamily])
}
