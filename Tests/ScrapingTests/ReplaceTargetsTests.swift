import Exposition
import Logging
import Synchronization
import Testing

@testable import Scraping

@Suite(.timeLimit(.minutes(1)))
struct ReplaceTargetsTests {
    private let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// A target that is held back, and says when it is closed.
    private struct Held {
        let target: FakeTarget
        let started = Signal()
        let release = Signal()
        let closed = Signal()

        init(_ name: String) {
            target = FakeTarget(name, close: { [closed] in closed.fire() }) { [started, release] scrape in
                started.fire()
                scrape.targetAnswered()
                await release.wait(until: Deadline(after: .seconds(30)))
                scrape.deliver("a") { [.gauge("a", [(.none, 1)])] }
            }
        }
    }

    private final class Count: Sendable {
        let closed = Mutex(0)
    }

    @Test func whatStaysKeepsItsHistoryAndWhatGoesIsForgotten() async {
        let stays = FakeTarget("stays") { $0.targetAnswered() }
        let closed = Signal()
        let goes = FakeTarget("goes", close: { closed.fire() }) { $0.targetAnswered() }
        let gatherer = Gatherer(targets: [stays, goes], log: log)
        _ = await gatherer.page()
        let comes = FakeTarget("comes") { $0.targetAnswered() }
        await gatherer.replaceTargets([comes, stays], limits: .init())
        #expect(await closed.wait(until: Deadline(after: .zero)))
        #expect(gatherer.lastOutcomes.map(\.name) == ["comes", "stays"])
        #expect(gatherer.lastOutcomes.map { $0.outcome?.isUp } == [nil, true])
        #expect(await gatherer.page(of: "goes")?.families == nil)

        let page = await gatherer.page()
        #expect(page.value("fake_up", ["target": "comes"]) == 1)
        #expect(page.value("fake_up", ["target": "goes"]) == nil)
        #expect(stays.runs.withLock { $0 } == 2)
        #expect(goes.runs.withLock { $0 } == 1)
        // One alone has no label any more.
        await gatherer.replaceTargets([stays], limits: .init())
        #expect(await gatherer.page().value("fake_up") == 1)
    }

    @Test func oneOfTheSameNameIsAnother() async {
        let first = FakeTarget { $0.targetAnswered() }
        let second = FakeTarget { $0.targetAnswered() }
        let gatherer = Gatherer(targets: [first], log: log)
        _ = await gatherer.page()
        await gatherer.replaceTargets([second], limits: .init())
        #expect(gatherer.lastOutcomes.map { $0.outcome?.isUp } == [nil])
        _ = await gatherer.page(of: "fake")
        #expect(first.runs.withLock { $0 } == 1)
        #expect(second.runs.withLock { $0 } == 1)
    }

    @Test func aGatherUnderWayEndsWithItsTargetsAndTheNextHasTheNewOnes() async {
        let (goes, stays) = (Held("goes"), Held("stays"))
        let gatherer = Gatherer(targets: [goes.target, stays.target], log: log)
        async let before = gatherer.page(within: .seconds(30))
        async let probe = gatherer.page(of: "goes", within: .seconds(30))
        for held in [goes, stays] { await held.started.wait(until: Deadline(after: .seconds(20))) }

        let comes = FakeTarget("comes") { $0.targetAnswered() }
        async let replaced: Void = gatherer.replaceTargets([stays.target, comes], limits: .init())
        while gatherer.targets.count != 2 || gatherer.targets.last !== comes { await Task.yield() }
        // It joins the scrape of the one that stays, which is still under way.
        async let after = gatherer.page(within: .seconds(30))
        while comes.runs.withLock({ $0 }) == 0 { await Task.yield() }
        #expect(await !goes.closed.wait(until: Deadline(after: .milliseconds(20))))

        for held in [goes, stays] { held.release.fire() }
        await replaced
        #expect(await goes.closed.wait(until: Deadline(after: .seconds(20))))
        let (first, second) = (await before, await after)
        #expect(first.value("a", ["target": "goes"]) == 1)
        #expect(first.value("fake_up", ["target": "comes"]) == nil)
        #expect(await probe?.value("a") == 1)
        #expect(second.value("a", ["target": "stays"]) == 1)
        #expect(second.value("fake_up", ["target": "comes"]) == 1)
        #expect(second.value("fake_up", ["target": "goes"]) == nil)
        #expect(stays.target.runs.withLock { $0 } == 1)
        // What the gather of before found of the one that went is nobody's any more.
        #expect(gatherer.lastOutcomes.map(\.name) == ["stays", "comes"])
        #expect(gatherer.lastOutcomes.allSatisfy { $0.outcome?.isUp == true })
    }

    @Test func oneThatHangsHoldsNothingUp() async {
        let stuck = Held("stuck")
        let gatherer = Gatherer(targets: [stuck.target], log: log)
        _ = await gatherer.page(within: .milliseconds(50))
        let comes = FakeTarget("comes") { $0.targetAnswered() }
        var limits = Gatherer.Limits()
        limits.timeout = .milliseconds(100)
        // Its scrape has had its time, and so it is closed while it hangs.
        await gatherer.replaceTargets([comes], limits: limits)
        #expect(await stuck.closed.wait(until: Deadline(after: .seconds(20))))
        #expect(await gatherer.page().value("fake_up") == 1)
        stuck.release.fire()
    }

    @Test func limitsChange() async {
        let target = FakeTarget { scrape in
            scrape.targetAnswered()
            scrape.deliver("a") { [.gauge("a", (0..<50).map { (["n": "\($0)"], 1) })] }
        }
        let gatherer = Gatherer(targets: [target], log: log)
        var limits = Gatherer.Limits()
        limits.seriesPerTarget = 3
        await gatherer.replaceTargets([target], limits: limits)
        #expect(await gatherer.page().families.first { $0.descriptor.name == "a" }?.samples.count == 2)
    }

    /// Whatever comes together, every page has all that were configured when it was begun, and each target is closed once.
    @Test func manyReplacementsDuringManyGathers() async {
        let count = Count()
        let target = { @Sendable (name: String) in
            FakeTarget(name, close: { count.closed.withLock { $0 += 1 } }) { scrape in
                try? await Task.sleep(for: .microseconds(Int.random(in: 0...300)))
                scrape.targetAnswered()
            }
        }
        let constant = target("constant")
        let gatherer = Gatherer(targets: [constant, target("0")], log: log)
        await withDiscardingTaskGroup { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<100 {
                        let page = await gatherer.page()
                        let up = page.families.first { $0.descriptor.name == "fake_up" }?.samples ?? []
                        #expect(up.count == 2 && page.value("fake_up", ["target": "constant"]) == 1)
                        #expect(await gatherer.page(of: "constant")?.value("fake_up") == 1)
                    }
                }
            }
            group.addTask {
                for index in 1...200 { await gatherer.replaceTargets([constant, target("\(index)")], limits: .init()) }
            }
        }
        #expect(count.closed.withLock { $0 } == 200)
        #expect(gatherer.lastOutcomes.map(\.name) == ["constant", "200"])
    }
}
