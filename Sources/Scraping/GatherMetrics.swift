import Exposition

/// What the gather says of itself.
enum GatherMetrics {
    private static let duration = entry(
        "stack_exporter_collector_duration_seconds", .gauge,
        "How long the collector worked, without waiting for others.", labels: ["collector", "target"])
    private static let success = entry(
        "stack_exporter_collector_success", .gauge, "Whether the collector delivered: 1 or 0.",
        labels: ["collector", "target"])
    private static let error = entry(
        "stack_exporter_collector_error", .gauge, "1 for a collector that did not deliver everything, with the reason.",
        labels: ["collector", "reason", "target"])
    private static let age = entry(
        "stack_exporter_collector_age_seconds", .gauge,
        "How old the oldest facts of a collector are that does not read all of them at every scrape.",
        labels: ["collector", "target"])
    private static let connections = entry(
        "stack_exporter_connections", .gauge, "Connections that are open to the target.", labels: ["target"])
    private static let dropped = entry(
        "stack_exporter_samples_dropped_total", .counter, "Samples that were left out of a page, by reason.",
        labels: ["reason"])
    private static let gathers = entry("stack_exporter_gathers_total", .counter, "Gathers that were started.")
    private static let shared = entry(
        "stack_exporter_gathers_shared_total", .counter, "Requests that joined a gather already under way.")

    static let metrics = [duration, success, error, age, connections, dropped, gathers, shared]

    private static func entry(
        _ name: String, _ type: MetricType, _ help: String, labels: [String] = []
    ) -> CatalogueEntry {
        CatalogueEntry(MetricDescriptor(name, type, help), labels: labels, source: "the gather")
    }

    static func families(
        outcomes: [(target: any Target, outcome: ScrapeOutcome)],
        gathers gatherCount: Int,
        shared sharedCount: Int,
        dropped droppedSamples: DroppedSamples
    ) -> [MetricFamily] {
        var durations = MetricFamily(duration.descriptor)
        var successes = MetricFamily(success.descriptor)
        var errors = MetricFamily(error.descriptor)
        var ages = MetricFamily(age.descriptor)
        var open = MetricFamily(connections.descriptor)
        for (target, outcome) in outcomes {
            for collector in outcome.collectors {
                let labels: Labels = ["target": target.name, "collector": collector.name]
                durations.append(collector.duration.seconds, labels)
                successes.append(collector.error == nil ? 1 : 0, labels)
                if let age = collector.age { ages.append(age.seconds, labels) }
                if let reason = collector.error?.reason {
                    errors.append(1, labels.adding("reason", reason.rawValue))
                }
            }
            if let count = target.openConnections {
                open.append(Double(count), ["target": target.name])
            }
        }
        var drops = MetricFamily(dropped.descriptor)
        for reason in DroppedSamples.Reason.allCases {
            drops.append(Double(droppedSamples[reason]), ["reason": reason.rawValue])
        }
        return [
            durations, successes, errors, ages, open, drops,
            MetricFamily(gathers.descriptor, Double(gatherCount)), MetricFamily(shared.descriptor, Double(sharedCount)),
        ]
    }
}
