/// A target that finds others: a cluster, whose nodes know each other.
public protocol DiscoversTargets: Target {
    /// The addresses of all that it knows of, itself included, as `redis://10.0.0.1:6379`; those that are down stay.
    /// `nil` where it is none that finds others.
    var discovered: [String]? { get }
}

extension Gatherer {
    /// What targets have found, by the targets' names; only of those that can find others.
    public var discovered: [(target: String, addresses: [String])] {
        targets.compactMap { target in
            (target as? any DiscoversTargets)?.discovered.map { (target.name, $0) }
        }
    }
}
