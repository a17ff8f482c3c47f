import Synchronization

/// A target that can be asked at any time whether it is well.
public protocol ChecksHealth: Target {
    /// Asks something small on the connection that scrapes use, which is made where there is none; never on another one.
    ///
    /// - Throws: Why there is no answer by the deadline.
    func checkHealth(until deadline: Deadline) async throws(CollectorError) -> TargetHealth
}

/// What a target that is well says of itself.
public struct TargetHealth: Sendable {
    /// From the question to the answer, without waiting for a scrape or a connection.
    public let latency: Duration
    /// The database that was asked.
    public let database: String?
    /// How many of the database's tables the exporter's user may read.
    public let accessibleTables: Int?
    /// How much memory the target uses, in bytes.
    public let memory: Double?

    /// - Parameters:
    ///   - latency: From the question to the answer.
    ///   - memory: In bytes.
    public init(latency: Duration, database: String? = nil, accessibleTables: Int? = nil, memory: Double? = nil) {
        self.latency = latency
        self.database = database
        self.accessibleTables = accessibleTables
        self.memory = memory
    }
}

/// Asks targets whether they are well. However many want to know, a target is asked once at a time, and its answer is
/// good for a second.
public final class HealthChecks: Sendable {
    private final class Check: Sendable {
        let done = Signal()
        let result = Mutex<Result<TargetHealth, CollectorError>?>(nil)
    }

    /// How long an answer is good for.
    private static let lifetime = Duration.seconds(1)

    /// By their targets, as long as they are under way or good.
    private let checks = Mutex<[ObjectIdentifier: Check]>([:])

    /// Nothing has been asked yet.
    public init() {}

    /// How a target is, as far as it says so within `limit`.
    public func check(_ target: any ChecksHealth, within limit: Duration) async -> Result<TargetHealth, CollectorError>
    {
        let id = ObjectIdentifier(target)
        let deadline = Deadline(after: limit)
        let (check, isNew) = checks.withLock { checks in
            if let known = checks[id] { return (known, false) }
            let check = Check()
            checks[id] = check
            return (check, true)
        }
        // Apart from this request, whose client may go away while others wait.
        if isNew { Task { await ask(target, check, until: deadline) } }
        await check.done.wait(until: deadline)
        return check.result.withLock { $0 } ?? .failure(CollectorError(.timeout, "no answer in time"))
    }

    private func ask(_ target: any ChecksHealth, _ check: Check, until deadline: Deadline) async {
        let result: Result<TargetHealth, CollectorError>
        do throws(CollectorError) {
            result = .success(try await target.checkHealth(until: deadline))
        } catch {
            result = .failure(error)
        }
        check.result.withLock { $0 = result }
        check.done.fire()
        try? await Task.sleep(for: Self.lifetime)
        // Until here the target is kept, so that no other one has its identity.
        _ = checks.withLock { $0.removeValue(forKey: ObjectIdentifier(target)) }
    }
}
