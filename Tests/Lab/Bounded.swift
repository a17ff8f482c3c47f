import Synchronization
public import Testing

/// Lets only a few of the tests that start servers run at one time: with a hundred servers on two cores, each would be so
/// slow that what is tested are its time limits.
public struct Bounded: TestTrait, SuiteTrait, TestScoping {
    /// It is each test of a suite that waits, not the suite.
    public var isRecursive: Bool { true }

    /// Runs the test once there is room for it.
    public func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await function() }
        await Self.room.enter()
        do {
            try await function()
        } catch {
            Self.room.leave()
            throw error
        }
        Self.room.leave()
    }

    private static let room = Room(places: 6)
}

extension Trait where Self == Bounded {
    /// Starts servers, and so waits until there is room for them.
    public static var startsServers: Bounded { Bounded() }
}

/// So many places, and a queue of those who wait for one.
final class Room: Sendable {
    private struct State {
        var free: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    init(places: Int) {
        state = Mutex(State(free: places))
    }

    func enter() async {
        await withCheckedContinuation { continuation in
            let hasPlace = state.withLock { state in
                guard state.free > 0 else {
                    state.waiting.append(continuation)
                    return false
                }
                state.free -= 1
                return true
            }
            if hasPlace { continuation.resume() }
        }
    }

    func leave() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if state.waiting.isEmpty {
                state.free += 1
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.resume()
    }
}
