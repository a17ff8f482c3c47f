import Exposition
import Logging
import Synchronization
import Testing

@testable import Scraping

@Suite(.timeLimit(.minutes(1)))
struct ProbedTargetsTests {
    private let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Makes targets with a gauge that counts how often each was scraped, and knows which were closed.
    private final class Factory: Sendable {
        let made = Mutex<[String]>([])
        let closed = Mutex<[String]>([])
        let isOpen = Mutex(true)

        func make(_ name: String) -> FakeTarget {
            made.withLock { $0.append(name) }
            return FakeTarget(
                name, close: { self.closed.withLock { $0.append(name) } }
            ) { [self] scrape in
                while !isOpen.withLock({ $0 }) { try? await Task.sleep(for: .milliseconds(5)) }
                scrape.targetAnswered()
                scrape.deliver("a") { [.gauge("a", [(.none, 1)])] }
            }
        }
    }

    private func eventually(_ condition: () -> Bool) async throws {
        for _ in 0..<3000 where !condition() { try await Task.sleep(for: .milliseconds(10)) }
        #expect(condition())
    }

    @Test func aTargetIsMadeOnceAndItsPageIsItsOwn() async {
        let factory = Factory()
        let targets = ProbedTargets(log: log)
        for _ in 0..<3 {
            let page = await targets.page(of: "x", within: nil) { factory.make("x") }
            #expect(page.families.map(\.descriptor.name) == ["a", "fake_up"])
        }
        #expect(factory.made.withLock { $0 } == ["x"])
        await targets.shutdown()
        #expect(factory.closed.withLock { $0 } == ["x"])
    }

    @Test func theLeastRecentlyUsedIsClosedWhereThereAreTooMany() async throws {
        let factory = Factory()
        let targets = ProbedTargets(capacity: 2, log: log)
        for name in ["a", "b", "a", "c"] { _ = await targets.page(of: name, within: nil) { factory.make(name) } }
        try await eventually { factory.closed.withLock { $0 } == ["b"] }
        // The one that stayed is still the same, the other one is made anew.
        for name in ["a", "b"] { _ = await targets.page(of: name, within: nil) { factory.make(name) } }
        #expect(factory.made.withLock { $0 } == ["a", "b", "c", "b"])
        try await eventually { factory.closed.withLock { $0 } == ["b", "c"] }
    }

    @Test func whatIsInUseStays() async throws {
        let factory = Factory()
        factory.isOpen.withLock { $0 = false }
        let targets = ProbedTargets(capacity: 1, log: log)
        async let first = targets.page(of: "a", within: nil) { factory.make("a") }
        try await eventually { factory.made.withLock { $0 } == ["a"] }
        async let second = targets.page(of: "b", within: nil) { factory.make("b") }
        try await eventually { factory.made.withLock { $0 } == ["a", "b"] }
        factory.isOpen.withLock { $0 = true }
        #expect(await first.value("a") == 1)
        #expect(await second.value("a") == 1)
        #expect(factory.closed.withLock { $0 } == [])
        _ = await targets.page(of: "b", within: nil) { factory.make("b") }
        _ = await targets.page(of: "c", within: nil) { factory.make("c") }
        try await eventually { Set(factory.closed.withLock { $0 }) == ["a", "b"] }
    }

    @Test func whatNobodyAsksForIsClosed() async throws {
        let factory = Factory()
        let targets = ProbedTargets(lifetime: .zero, log: log)
        for name in ["a", "b"] { _ = await targets.page(of: name, within: nil) { factory.make(name) } }
        try await eventually { factory.closed.withLock { $0 } == ["a"] }
    }

    @Test func requestsAtOnceShareOneGather() async throws {
        let factory = Factory()
        factory.isOpen.withLock { $0 = false }
        let targets = ProbedTargets(log: log)
        let pages = try await withThrowingTaskGroup(of: Page.self) { group in
            for _ in 0..<20 { group.addTask { await targets.page(of: "x", within: nil) { factory.make("x") } } }
            try await eventually { !factory.made.withLock(\.isEmpty) }
            try await Task.sleep(for: .milliseconds(50))
            factory.isOpen.withLock { $0 = true }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(pages.allSatisfy { $0.value("a") == 1 })
        #expect(factory.made.withLock { $0 } == ["x"])
    }
}
