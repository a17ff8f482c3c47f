import Exposition
import Logging
import Synchronization
import Testing

@testable import Scraping

@Suite(.timeLimit(.minutes(1)))
struct GathererTests {
    private let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    @Test func collectorsFailAlone() async {
        let target = FakeTarget(collectors: ["good", "bad", "forgotten", "absent"]) { scrape in
            scrape.targetAnswered()
            scrape.skip("absent")
            scrape.deliver("bad") { () throws(CollectorError) in throw CollectorError(.permission, "no") }
            scrape.deliver("good") { [.gauge("good", [(.none, 7)])] }
        }
        let page = await Gatherer(targets: [target], log: log).page()
        #expect(page.value("good") == 7)
        #expect(page.value("fake_up") == 1)
        let success = "stack_exporter_collector_success"
        #expect(page.value(success, ["target": "fake", "collector": "good"]) == 1)
        #expect(page.value(success, ["target": "fake", "collector": "bad"]) == 0)
        #expect(page.value(success, ["target": "fake", "collector": "absent"]) == nil)
        let error = "stack_exporter_collector_error"
        #expect(page.value(error, ["target": "fake", "collector": "bad", "reason": "permission"]) == 1)
        #expect(page.value(error, ["target": "fake", "collector": "forgotten", "reason": "internal"]) == 1)
        #expect(page.families.first { $0.descriptor.name == error }?.samples.count == 2)
        #expect(page.value("stack_exporter_connections", ["target": "fake"]) == 1)
    }

    @Test func aLateTargetIsLeftBehindWithWhatItDelivered() async {
        let release = Signal()
        let late = FakeTarget("late", collectors: ["early", "never"]) { scrape in
            scrape.targetAnswered()
            scrape.deliver("early") { [.gauge("early", [(.none, 1)])] }
            // Deaf to cancellation, as a look-up of a name is.
            await release.wait(until: Deadline(after: .seconds(30)))
            scrape.deliver("never") { [.gauge("never", [(.none, 1)])] }
        }
        let gatherer = Gatherer(targets: [late], log: log)
        let start = ContinuousClock.now
        let page = await gatherer.page(within: .seconds(1))
        #expect(start.duration(to: .now) < .seconds(15))
        #expect(page.value("early") == 1)
        #expect(page.value("never") == nil)
        #expect(page.value("fake_up") == 1)
        let reason: Labels = ["target": "late", "collector": "never", "reason": "timeout"]
        #expect(page.value("stack_exporter_collector_error", reason) == 1)

        // While it is stuck it is not asked again, and the page says so at once.
        var second = await gatherer.page(within: .seconds(20))
        #expect(start.duration(to: .now) < .seconds(18))
        // On a machine that stands still the first gather may not have ended yet, and was joined.
        for _ in 0..<100 where second.value("early") != nil { second = await gatherer.page() }
        #expect(second.value("early") == nil)
        #expect(second.value("fake_up") == 0)
        #expect(second.value("stack_exporter_collector_error", reason) == 1)
        #expect(late.runs.withLock { $0 } == 1)

        release.fire()
        var third = await gatherer.page()
        for _ in 0..<1000 where third.value("never") == nil {
            try? await Task.sleep(for: .milliseconds(5))
            third = await gatherer.page()
        }
        #expect(third.value("never") == 1)
    }

    @Test func requestsAtOnceShareOneGather() async {
        let release = Signal()
        let started = Signal()
        let target = FakeTarget { scrape in
            started.fire()
            await release.wait(until: Deadline(after: .seconds(30)))
            scrape.deliver("a") { [.gauge("a", [(.none, 1)])] }
        }
        let gatherer = Gatherer(targets: [target], log: log)
        async let first = gatherer.page()
        await started.wait(until: Deadline(after: .seconds(20)))

        // One that has less time gets what there is when its time is up, and leaves the gather alone.
        let hasty = await gatherer.page(within: .milliseconds(50))
        #expect(hasty.value("a") == nil)
        #expect(hasty.value("stack_exporter_collector_success", ["target": "fake", "collector": "a"]) == 0)

        async let others = withTaskGroup(of: Page.self) { group in
            for _ in 0..<50 { group.addTask { await gatherer.page() } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        try? await Task.sleep(for: .milliseconds(100))
        release.fire()
        let page = await first
        let pages = await others
        #expect(page.value("a") == 1)
        #expect(pages.allSatisfy { $0.value("a") == 1 })
        // Some of the fifty may have come after the first gather's end and shared the next.
        #expect(target.runs.withLock { $0 } <= 3)
        let shared = await gatherer.page().value("stack_exporter_gathers_shared_total")
        #expect((shared ?? 0) >= 40)
    }

    @Test func sharedBytesAreMadeOnce() async {
        let page = await Gatherer(targets: [], log: log).page()
        var made = 0
        for _ in 0..<3 {
            #expect(
                page.bytes(for: "text") {
                    made += 1; return [1]
                } == [1])
        }
        #expect(
            page.bytes(for: "gzip") {
                made += 1; return [2]
            } == [2])
        #expect(made == 2)
    }

    @Test func severalTargetsOfAKindAreToldApart() async {
        let targets = ["one", "two"].map { name in
            FakeTarget(name) { scrape in
                scrape.targetAnswered()
                scrape.deliver("a") { [.gauge("a", [(["zone": "x"], 1), (.none, 2)])] }
            }
        }
        let page = await Gatherer(targets: targets, log: log).page()
        #expect(page.value("a", ["target": "one", "zone": "x"]) == 1)
        #expect(page.value("a", ["target": "two"]) == 2)
        #expect(page.value("fake_up", ["target": "two"]) == 1)
        #expect(page.families.count { $0.descriptor.name == "a" } == 1)
        #expect(page.value("stack_exporter_samples_dropped_total", ["reason": "duplicate"]) == 0)
    }

    @Test func theBudgetIsTheTargetsAndNotTheExportersOwn() async {
        let target = FakeTarget { scrape in
            scrape.targetAnswered()
            scrape.deliver("a") { [.gauge("a", (0..<50).map { (["n": "\($0)"], 1) })] }
        }
        var limits = Gatherer.Limits()
        limits.seriesPerTarget = 3
        let page = await Gatherer(targets: [target], limits: limits, log: log).page()
        #expect(page.families.first { $0.descriptor.name == "a" }?.samples.count == 2)
        #expect(page.value("fake_up") == 1)
        let dropped = "stack_exporter_samples_dropped_total"
        #expect(page.value(dropped, ["reason": "budget"]) == 48)
        #expect(page.value(dropped, ["reason": "value"]) == 0)
        #expect(page.value("stack_exporter_gathers_total") == 1)
        #expect(page.value("stack_exporter_collector_success", ["target": "fake", "collector": "a"]) == 1)
    }

    @Test func theSameScrapeTwiceIsTheSamePage() async {
        let targets = (1...4).map { index in
            FakeTarget("t\(index)", collectors: ["a", "b"]) { scrape in
                try? await Task.sleep(for: .milliseconds(Int.random(in: 0...3)))
                for name in ["a", "b"].shuffled() {
                    scrape.deliver(name, took: .zero, .success([.gauge(name, [(["n": "\(index)"], 1)])]))
                }
            }
        }
        let gatherer = Gatherer(targets: targets, log: log)
        var lines = Set<[String]>()
        for _ in 0..<10 {
            var page: [UInt8] = []
            ExpositionFormat.text.encode(await gatherer.page().families, into: &page)
            lines.insert(
                String(decoding: page, as: UTF8.self).split(separator: "\n")
                    .map { String($0.prefix(while: { $0 != " " }) + ($0.hasPrefix("#") ? $0 : "")) })
        }
        #expect(lines.count == 1)
    }

    @Test func onePageOfOneTargetHasNoLabelAndNothingOfTheExporters() async {
        let targets = ["one", "two"].map { name in
            FakeTarget(name) { scrape in
                scrape.targetAnswered()
                scrape.deliver("a") { [.gauge("a", [(["who": name], 1)])] }
            }
        }
        let gatherer = Gatherer(targets: targets, log: log)
        let page = await gatherer.page(of: "two")
        #expect(page?.families.map(\.descriptor.name) == ["a", "fake_up"])
        #expect(page?.value("a", ["who": "two"]) == 1)
        #expect(targets[0].runs.withLock { $0 } == 0)
        #expect(gatherer.lastOutcomes.map { $0.outcome?.isUp } == [nil, true])
        #expect(await gatherer.page(of: "three")?.families == nil)
    }

    @Test(arguments: [true, false])
    func aProbeAndAGatherShareTheScrapeOfATarget(isProbeFirst: Bool) async {
        let release = Signal()
        let started = Signal()
        let slow = FakeTarget("slow") { scrape in
            started.fire()
            scrape.targetAnswered()
            await release.wait(until: Deadline(after: .seconds(30)))
            scrape.deliver("a") { [.gauge("a", [(.none, 1)])] }
        }
        let other = FakeTarget("other") { $0.targetAnswered() }
        let gatherer = Gatherer(targets: [slow, other], log: log)
        let (all, one) = (
            { @Sendable in await gatherer.page().value("a", ["target": "slow"]) },
            { @Sendable in await gatherer.page(of: "slow")?.value("a") }
        )
        async let first = isProbeFirst ? one() : all()
        await started.wait(until: Deadline(after: .seconds(20)))
        async let second = isProbeFirst ? all() : one()
        try? await Task.sleep(for: .milliseconds(100))
        release.fire()
        #expect(await first == 1)
        #expect(await second == 1)
        // On a machine that stands still the second may have come after the end of the first.
        #expect(slow.runs.withLock { $0 } <= 2)
    }

    @Test func whoJoinsAScrapeAndLeavesItEarlySaysNothingOfIt() async {
        let release = Signal()
        let started = Signal()
        let slow = FakeTarget("slow") { scrape in
            started.fire()
            await release.wait(until: Deadline(after: .seconds(30)))
            scrape.targetAnswered()
            scrape.deliver("a") { [.gauge("a", [(.none, 1)])] }
        }
        let lines = LogLines()
        let gatherer = Gatherer(targets: [slow], log: Logger(label: "test") { _ in lines })
        async let all = gatherer.page(within: .seconds(20))
        await started.wait(until: Deadline(after: .seconds(20)))
        let hasty = await gatherer.page(of: "slow", within: .milliseconds(20))
        #expect(hasty?.value("fake_up") == 0)
        #expect(gatherer.lastOutcomes.first?.outcome == nil)
        release.fire()
        #expect(await all.value("a") == 1)
        #expect(gatherer.lastOutcomes.first?.outcome?.isUp == true)
        #expect(lines.all == [])
    }

    @Test func failuresAreLoggedWhenTheyBeginAndEnd() async {
        let isBroken = Mutex(true)
        let target = FakeTarget { scrape in
            scrape.targetAnswered()
            scrape.deliver("a") { () throws(CollectorError) in
                if isBroken.withLock({ $0 }) { throw CollectorError(.locked, "somebody holds a lock") }
                return []
            }
        }
        let lines = LogLines()
        let gatherer = Gatherer(targets: [target], log: Logger(label: "test") { _ in lines })
        for _ in 0..<3 { _ = await gatherer.page() }
        isBroken.withLock { $0 = false }
        for _ in 0..<3 { _ = await gatherer.page() }
        #expect(lines.all == ["warning somebody holds a lock", "info collecting again"])
    }
}

/// Keeps what is logged.
private struct LogLines: LogHandler {
    private final class Storage: Sendable {
        let lines = Mutex<[String]>([])
    }

    private let storage = Storage()
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info
    var all: [String] { storage.lines.withLock { $0 } }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        storage.lines.withLock { $0.append("\(event.level) \(event.message)") }
    }
}
