import Exposition
import Logging
import Synchronization
import Testing

@testable import Scraping

/// Who is told of scrapes is told of each once, and soon.
@Suite struct ScrapeObserverTests {
    private final class Observer: ScrapeObserver {
        let seen = Mutex<[(target: String, isUp: Bool, families: [MetricFamily])]>([])

        func scraped(_ target: any Target, _ outcome: ScrapeOutcome, _ families: [MetricFamily]) {
            seen.withLock { $0.append((target.name, outcome.isUp, families)) }
        }

        var names: [String] { seen.withLock { $0.map(\.target) } }
    }

    private let observer = Observer()

    private func gatherer(_ targets: FakeTarget...) -> Gatherer {
        Gatherer(targets: targets, observer: observer, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private func target(_ name: String) -> FakeTarget {
        FakeTarget(name) { scrape in
            scrape.targetAnswered()
            scrape.deliver("a", took: .zero, .success([.gauge("number", [(["x": "y"], 1)])]))
        }
    }

    @Test func eachScrapeIsToldOnceWithoutTheTargetsLabel() async {
        let gatherer = gatherer(target("one"), target("two"))
        _ = await gatherer.page()
        #expect(observer.names.sorted() == ["one", "two"])
        _ = await gatherer.page(of: "one")
        #expect(observer.names.sorted() == ["one", "one", "two"])
        let seen = observer.seen.withLock { $0 }
        #expect(seen.allSatisfy { $0.isUp && $0.families.map(\.descriptor.name) == ["number"] })
        #expect(seen.allSatisfy { $0.families.first?.samples.map(\.labels) == [["x": "y"]] })
    }

    @Test func whoIsLateIsToldOnceAndKeepsNobodyWaiting() async throws {
        let release = Signal()
        let hanging = FakeTarget("hanging") { _ in await release.wait(until: Deadline(after: .seconds(60))) }
        let gatherer = gatherer(hanging, target("quick"))
        let page = Task { await gatherer.page(within: .seconds(1)) }
        // Before the gather has ended.
        while observer.names.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        #expect(observer.names == ["quick"])
        _ = await page.value
        while observer.names.count < 2 { try await Task.sleep(for: .milliseconds(5)) }
        #expect(observer.names == ["quick", "hanging"])
        #expect(observer.seen.withLock { $0.last?.isUp } == false)
        // It is left out, and so it is not told of.
        _ = await gatherer.page(within: .seconds(5))
        #expect(observer.names == ["quick", "hanging", "quick"])
        release.fire()
        while hanging.runs.withLock({ $0 }) < 2 { _ = await gatherer.page(within: .seconds(10)) }
        // Of its end that came too late, nothing was said; of the next scrape it was.
        #expect(observer.names.count { $0 == "hanging" } == 2)
    }
}
