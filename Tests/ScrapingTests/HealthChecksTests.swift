import Exposition
import Synchronization
import Testing

@testable import Scraping

/// A target that answers when the test lets it.
private final class Patient: ChecksHealth {
    static let kind = "patient"
    static let statusMetrics: [CatalogueEntry] = []
    let name = "patient"
    let collectors: [String] = []
    let openConnections: Int? = nil
    let asked = Mutex(0)
    let release = Signal()

    func run(_ scrape: Scrape) async {}
    func status(of outcome: ScrapeOutcome) -> [MetricFamily] { [] }
    func shutdown() async {}

    func checkHealth(until deadline: Deadline) async throws(CollectorError) -> TargetHealth {
        asked.withLock { $0 += 1 }
        await release.wait(until: Deadline(after: .seconds(30)))
        return TargetHealth(latency: .milliseconds(1))
    }
}

@Suite(.timeLimit(.minutes(1)))
struct HealthChecksTests {
    @Test func aFloodAsksOnceAtATime() async {
        let patient = Patient()
        let checks = HealthChecks()
        await withDiscardingTaskGroup { group in
            for _ in 0..<500 {
                group.addTask {
                    let result = await checks.check(patient, within: .milliseconds(50))
                    #expect(throws: CollectorError(.timeout, "no answer in time")) { try result.get() }
                }
            }
        }
        // However long it takes.
        await #expect(throws: CollectorError.self) {
            try await checks.check(patient, within: .milliseconds(10)).get()
        }
        #expect(patient.asked.withLock { $0 } == 1)
        patient.release.fire()
        let result = await checks.check(patient, within: .seconds(20))
        #expect((try? result.get())?.latency == .milliseconds(1))
    }

    @Test func anAnswerIsGoodForASecond() async throws {
        let patient = Patient()
        patient.release.fire()
        let checks = HealthChecks()
        let start = ContinuousClock.now
        while patient.asked.withLock({ $0 }) < 3 {
            _ = try await checks.check(patient, within: .seconds(20)).get()
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(start.duration(to: .now) >= .seconds(2))
    }

    private struct Weak {
        weak var target: Patient?
    }

    /// One that is removed goes with its connection, though nobody asks again.
    @Test func nothingIsKept() async throws {
        let checks = HealthChecks()
        var patient: Patient? = Patient()
        let kept = Weak(target: patient)
        patient?.release.fire()
        if let patient { _ = try await checks.check(patient, within: .seconds(20)).get() }
        patient = nil
        for _ in 0..<2000 where kept.target != nil { try await Task.sleep(for: .milliseconds(10)) }
        #expect(kept.target == nil)
    }

    /// Another target of the same kind has an answer of its own.
    @Test func targetsAreAskedEachForItself() async throws {
        let checks = HealthChecks()
        for _ in 0..<3 {
            let patient = Patient()
            patient.release.fire()
            _ = try await checks.check(patient, within: .seconds(20)).get()
            #expect(patient.asked.withLock { $0 } == 1)
        }
    }
}
