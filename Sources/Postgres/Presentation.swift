import Exposition

/// How a target's families appear on the page: under which names and with which labels.
struct Presentation {
    private let hasLegacyNames: Bool
    private let prefix: String?
    private let labels: [PostgresOptions.ConstantLabel]

    init(_ options: PostgresOptions) {
        hasLegacyNames = options.hasLegacyNames
        prefix = options.metricPrefix == "pg" ? nil : options.metricPrefix
        labels = options.constantLabels
    }

    /// The families as they appear.
    ///
    /// - Parameter isOwn: Whether their names are ours, and not those of somebody's own queries.
    func apply(_ families: [MetricFamily], isOwn: Bool = true) -> [MetricFamily] {
        var families = hasLegacyNames && isOwn ? LegacyNames.added(to: families) : families
        if let prefix, isOwn { families = families.map { renamed($0, prefix) } }
        guard !labels.isEmpty else { return families }
        for family in families.indices {
            for sample in families[family].samples.indices {
                for label in labels {
                    let own = families[family].samples[sample].labels
                    families[family].samples[sample].labels = own.adding(label.name, label.value)
                }
            }
        }
        return families
    }

    private func renamed(_ family: MetricFamily, _ prefix: String) -> MetricFamily {
        let descriptor = family.descriptor
        guard descriptor.name.hasPrefix("pg_") else { return family }
        var renamed = MetricFamily(
            MetricDescriptor(
                prefix + descriptor.name.dropFirst(2), descriptor.type, descriptor.help, unit: descriptor.unit))
        renamed.samples = family.samples
        return renamed
    }
}
