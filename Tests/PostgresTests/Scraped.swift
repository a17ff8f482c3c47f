import Exposition

@testable import Scraping

/// One scrape of a target, as a gather has it made.
struct Scraped {
    let outcome: ScrapeOutcome
    /// What the collectors delivered.
    let delivered: [MetricFamily]
    /// What the target says of the scrape.
    let status: [MetricFamily]

    init(_ target: any Target, within limit: Duration = .seconds(20)) async {
        let scrape = Scrape(until: Deadline(after: limit))
        await target.run(scrape)
        scrape.finish()
        (outcome, delivered) = scrape.harvest(target.collectors)
        status = target.status(of: outcome)
    }

    /// Every number by its series, `name{labels}`.
    var series: [String: Double] {
        var series: [String: Double] = [:]
        for family in delivered + status {
            for case let (labels, .number(value)) in family.samples.map({ ($0.labels, $0.value) }) {
                series["\(family.descriptor.name)\(labels)"] = value
            }
        }
        return series
    }
}
