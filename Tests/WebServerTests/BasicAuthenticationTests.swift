import Configuration
import Foundation
import Scraping
import Synchronization
import Testing

@testable import WebServer

struct BasicAuthenticationTests {
    private static let hash = "$2y$05$abcdefghijklmnopqrstuu0oPGKPRH81stdiM33IQFG6Fj77J0ADK"
    private static let other = "$2b$05$bcdefghijklmnopqrstuvuoxuz6S4JOrR7MmPlw1euXSRRnnVFGHS"

    private func field(_ name: String, _ password: String) -> String {
        "Basic \(Data("\(name):\(password)".utf8).base64EncodedString())"
    }

    @Test func whoIsNotKnownCostsAsMuch() async {
        let checker = PasswordChecker()
        let authentication = BasicAuthentication(
            ["alice": .bcrypt(.init(value: Self.hash)), "bob": .bcrypt(.init(value: Self.other))], checker: checker)
        #expect(await authentication.verdict(on: field("alice", "wrong")) == .denied)
        #expect(await checker.count == 1)
        #expect(await authentication.verdict(on: field("nobody", "wrong")) == .denied)
        #expect(await checker.count == 2)
        // Another user's password opens nothing, whichever of them it is compared with.
        for name in ["nobody", "someone", "anyone", "no one"] {
            #expect(await authentication.verdict(on: field(name, "hunter2 of alice")) == .denied)
            #expect(await authentication.verdict(on: field(name, "hunter2 of bob")) == .denied)
        }
        #expect(await checker.count == 10)
        #expect(await authentication.verdict(on: field("alice", "hunter2 of alice")) == .granted)
    }

    @Test func aPairIsComparedOnce() async {
        let checker = PasswordChecker()
        let authentication = BasicAuthentication(["alice": .bcrypt(.init(value: Self.hash))], checker: checker)
        for _ in 0..<5 {
            #expect(await authentication.verdict(on: field("alice", "hunter2 of alice")) == .granted)
            #expect(await authentication.verdict(on: field("alice", "wrong")) == .denied)
            #expect(await authentication.verdict(on: field("nobody", "wrong")) == .denied)
        }
        #expect(await checker.count == 3)
        #expect(await authentication.verdict(on: nil) == .denied)
        #expect(await authentication.verdict(on: "Basic") == .denied)
        #expect(await checker.count == 3)
    }

    @Test func wrongOnesDoNotPushRightOnesOut() async {
        let checker = PasswordChecker()
        let authentication = BasicAuthentication(["alice": .plain(.init(value: "right"))], checker: checker)
        #expect(await authentication.verdict(on: field("alice", "right")) == .granted)
        for number in 0..<3 * BasicAuthentication.memory {
            #expect(await authentication.verdict(on: field("alice", "wrong \(number)")) == .denied)
        }
        let count = await checker.count
        #expect(count == 3 * BasicAuthentication.memory + 1)
        #expect(await authentication.verdict(on: field("alice", "right")) == .granted)
        #expect(await checker.count == count)
    }

    /// Whoever comes with passwords that have to be compared, those that are known by now need not wait.
    @Test func aFloodIsTurnedAway() async throws {
        let checker = PasswordChecker()
        let authentication = BasicAuthentication(["alice": .bcrypt(.init(value: Self.hash))], checker: checker)
        #expect(await authentication.verdict(on: field("alice", "hunter2 of alice")) == .granted)
        // Nothing else is compared until the checker is let go.
        let letGo = DispatchSemaphore(value: 0)
        let held = Task { await checker.hold(until: letGo) }
        let verdicts = Verdicts()
        let fields = (0..<100).map { field("alice", "wrong \($0)") }
        let flood = Task {
            await withTaskGroup(of: BasicAuthentication.Verdict.self) { group in
                for field in fields { group.addTask { await authentication.verdict(on: field) } }
                for await verdict in group { verdicts.all.withLock { $0.append(verdict) } }
            }
        }
        try await eventually { verdicts.all.withLock { $0.count } == 100 - BasicAuthentication.queueLimit }
        #expect(verdicts.all.withLock { $0.allSatisfy { $0 == .busy } })
        #expect(await authentication.verdict(on: field("alice", "hunter2 of alice")) == .granted)
        #expect(await authentication.verdict(on: field("alice", "one more")) == .busy)
        letGo.signal()
        await held.value
        await flood.value
        #expect(verdicts.all.withLock { $0.count { $0 == .denied } } == BasicAuthentication.queueLimit)
        #expect(await authentication.verdict(on: field("alice", "one more")) == .denied)
    }

    @Test(arguments: ["2a", "2b", "2y"])
    func bcrypt(kind: String) {
        let hash = Self.hash.replacing("2y", with: kind)
        func matches(_ password: String, _ hash: String) -> Bool { Bcrypt().matches(password, hash) }
        #expect(matches("hunter2 of alice", hash))
        for wrong in ["hunter2 of Alice", "", String(repeating: "x", count: 10_000)] { #expect(!matches(wrong, hash)) }
        #expect(!matches("hunter2", "*0"))
    }

    @Test func comparing() {
        #expect(constantTimeEquals([1, 2], [1, 2]))
        #expect(!constantTimeEquals([1, 2], [1, 3]))
        #expect(!constantTimeEquals([1, 2], [1, 2, 3]))
    }
}

extension PasswordChecker {
    /// Keeps the thread busy.
    fileprivate func hold(until letGo: DispatchSemaphore) {
        letGo.wait()
    }
}

private final class Verdicts: Sendable {
    let all = Mutex<[BasicAuthentication.Verdict]>([])
}
