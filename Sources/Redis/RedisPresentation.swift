import Exposition

/// How a target's families appear on the page: what their names begin with, and whether they have the server's role.
///
/// Families of job queues keep their names and labels: only those that begin with `redis_` are the server's.
struct RedisPresentation {
    private let namespace: String
    private let hasRoleLabel: Bool

    private static let prefix = "redis_"
    /// What redis_exporter tells of itself, and of connections, without the role.
    private static let withoutRole: Set = [
        "redis_exporter_last_scrape_connect_time_seconds", "redis_exporter_last_scrape_ping_time_seconds",
        "redis_exporter_scrape_duration_seconds", "redis_exporter_scrapes_total",
    ]

    init(_ options: RedisServerOptions) {
        namespace = options.namespace
        hasRoleLabel = options.hasRoleLabel
    }

    /// The families as they appear.
    ///
    /// - Parameter role: As INFO tells it in this scrape: `master`, `slave`; `nil` where it did not.
    func apply(to families: [MetricFamily], role: String?) -> [MetricFamily] {
        guard hasRoleLabel || namespace != "redis" else { return families }
        return families.map { family in
            guard family.descriptor.name.hasPrefix(Self.prefix) else { return family }
            var presented = MetricFamily(renamed(family.descriptor))
            presented.samples = family.samples
            guard hasRoleLabel, let role, !Self.withoutRole.contains(family.descriptor.name) else { return presented }
            for sample in presented.samples.indices {
                let labels = presented.samples[sample].labels
                presented.samples[sample].labels = labels.adding("instance_role", role)
            }
            return presented
        }
    }

    private func renamed(_ descriptor: MetricDescriptor) -> MetricDescriptor {
        let rest = descriptor.name.dropFirst(Self.prefix.count)
        return MetricDescriptor(
            namespace.isEmpty ? String(rest) : "\(namespace)_\(rest)", descriptor.type, descriptor.help,
            unit: descriptor.unit)
    }
}
