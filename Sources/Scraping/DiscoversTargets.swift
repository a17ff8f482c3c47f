/// A target that may find others: a cluster, whose nodes know each other.
public protocol DiscoversTargets: Target {
    /// The addresses of all that it knows of, itself included, as `redis://10.0.0.1:6379`; those that are down stay. None
    /// where it is alone, or has not been asked yet.
    var discovered: [String] { get }

    /// The same, looked up where nothing is known yet.
    func discover(until deadline: Deadline) async -> [String]
}

extension Gatherer {
    /// What targets have found by now, by the targets' names.
    public var discovered: [(target: String, addresses: [String])] {
        targets.compactMap { target in
            (target as? any DiscoversTargets).map { (target.name, $0.discovered) }
        }
    }

    /// The addresses of all that targets find.
    public func discover(within timeout: Duration? = nil) async -> [String] {
        let deadline = Deadline(after: min(timeout ?? limits.timeout, limits.timeout))
        var addresses: [String] = []
        for target in targets {
            guard let target = target as? any DiscoversTargets else { continue }
            addresses += await target.discover(until: deadline)
        }
        return addresses
    }
}
