import Exposition

/// What the gather says of itself.
enum GatherMetrics {
    private static let duration = MetricDescriptor(
        "stack_exporter_collector_duration_seconds", .gauge,
        "How long the collector worked, without waiting for others."
    )
    private static let success = MetricDescriptor(
        "stack_exporter_collector_success", .gauge, "Whether the collector delivered: 1 or 0."
    )
    private static let error = MetricDescriptor(
        "stack_exporter_collector_error", .gauge, "1 for a collector that did not deliver everything, with the reason."
    )
    private static let age = MetricDescriptor(
        "stack_exporter_collector_age_seconds", .gauge,
        "How old the oldest facts of a collector are that does not read all of them at every scrape."
    )
    private static let dropped = MetricDescriptor(
        "stack_exporter_samples_dropped_total", .counter, "Samples that were left out of a page, by reason."
    )
    private static let connections = MetricDescriptor(
        "stack_exporter_connections", .gauge, "Connections that are open to the target."
    )
    private static let gathers = MetricDescriptor(
        "stack_exporter_gathers_total", .counter, "Gathers that were started."
    )
    private static let shared = MetricDescriptor(
        "stack_exporter_gathers_shared_total", .counter, "Requests that joined a gather already under way."
    )

    static func families(
        outcomes: [(target: any Target, outcome: ScrapeOutcome)],
        gathers gatherCount: Int,
        shared sharedCount: Int,
        dropped droppedSamples: DroppedSamples
    ) -> [MetricFamily] {
        var durations = MetricFamily(duration)
        var successes = MetricFamily(success)
        var errors = MetricFamily(error)
        var ages = MetricFamily(age)
        var open = MetricFamily(connections)
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
        var drops = MetricFamily(dropped)
        for reason in DroppedSamples.Reason.allCases {
            drops.append(Double(droppedSamples[reason]), ["reason": reason.rawValue])
        }
        return [
            durations, successes, errors, ages, open, drops,
            MetricFamily(gathers, Double(gatherCount)), MetricFamily(shared, Double(sharedCount)),
        ]
    }
}
