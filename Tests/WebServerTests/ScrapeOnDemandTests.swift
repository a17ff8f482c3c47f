import Exposition
import Logging
import Scraping
import Testing

@testable import Scraping
@testable import WebServer

/// Who opens the status page sees something also where nobody scrapes, and cannot make a storm of it.
@Suite struct ScrapeOnDemandTests {
    private let history = StatusHistory()

    private func onDemand(_ target: TestTarget) -> ScrapeOnDemand {
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return ScrapeOnDemand(Gatherer(targets: [target], observer: history, log: log), history: history)
    }

    @Test func theFirstLookScrapesAndTheNextOnesDoNot() async {
        let target = TestTarget()
        let onDemand = onDemand(target)
        await withDiscardingTaskGroup { group in
            for _ in 0..<50 { group.addTask { await onDemand.refresh() } }
        }
        for _ in 0..<10 { await onDemand.refresh() }
        #expect(target.runs == 1)
        #expect(history.records(of: [target])["test"]?.last.isUp == true)
    }

    @Test func aTargetThatHangsKeepsThePageForAShortTimeOnly() async {
        let target = TestTarget(isOpen: false)
        let onDemand = onDemand(target)
        await withDiscardingTaskGroup { group in
            for _ in 0..<5 { group.addTask { await onDemand.refresh() } }
        }
        #expect(target.runs == 1)
        #expect(history.records(of: [target])["test"]?.last.isUp != true)
        target.open()
    }

    @Test func whatIsStale() {
        let now = ContinuousClock.now
        func isStale(_ ages: [String: Double]) -> Bool {
            ScrapeOnDemand.isStale(["a", "b"], ages.mapValues { now - .seconds($0) }, at: now)
        }
        #expect(isStale([:]))
        #expect(isStale(["a": 1]))
        #expect(!isStale(["a": 1, "b": 19]))
        #expect(!isStale(["a": 1, "b": 60]))
        #expect(isStale(["a": 20, "b": 60]))
        #expect(isStale(["a": 1, "b": 120]))
        #expect(!ScrapeOnDemand.isStale([], [:], at: now))
    }
}
