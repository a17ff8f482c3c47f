import Exposition
import Synchronization

@testable import Scraping

/// A target that does what the test says, and counts how often it was asked.
final class FakeTarget: Target {
    static let kind = "fake"
    static let statusMetrics = [CatalogueEntry(MetricDescriptor("fake_up", .gauge, "Up."), source: "the test")]

    let name: String
    let collectors: [String]
    let openConnections: Int? = 1
    let runs = Mutex(0)
    private let work: @Sendable (Scrape) async -> Void
    private let close: @Sendable () -> Void

    init(
        _ name: String = "fake", collectors: [String] = ["a"], close: @escaping @Sendable () -> Void = {},
        work: @escaping @Sendable (Scrape) async -> Void
    ) {
        self.name = name
        self.collectors = collectors
        self.close = close
        self.work = work
    }

    func run(_ scrape: Scrape) async {
        runs.withLock { $0 += 1 }
        await work(scrape)
    }

    func status(of outcome: ScrapeOutcome) -> [MetricFamily] {
        [MetricFamily(Self.statusMetrics[0].descriptor, outcome.isUp ? 1 : 0)]
    }

    func shutdown() async { close() }
}

extension MetricFamily {
    /// A gauge with one sample for each label set.
    static func gauge(_ name: String, _ samples: [(Labels, Double)]) -> MetricFamily {
        var family = MetricFamily(MetricDescriptor(name, .gauge, "Test."))
        for (labels, value) in samples { family.append(value, labels) }
        return family
    }
}

extension Page {
    /// The value of one series, if it is on the page.
    func value(_ name: String, _ labels: Labels = .none) -> Double? {
        for sample in families.first(where: { $0.descriptor.name == name })?.samples ?? [] where sample.labels == labels
        {
            if case .number(let value) = sample.value { return value }
        }
        return nil
    }
}
