/// How many look-ups of keys found them, and how many did not: `keyspace_hits` and `keyspace_misses`.
struct Lookups: Sendable, Equatable {
    var hits = 0.0
    var misses = 0.0

    /// None.
    init() {}

    /// What the server has counted since its start; `nil` where it does not count.
    init?(_ info: Info) {
        guard let hits = info["keyspace_hits"]?.number, let misses = info["keyspace_misses"]?.number else { return nil }
        self.hits = hits
        self.misses = misses
    }

    /// Those of both.
    static func + (left: Lookups, right: Lookups) -> Lookups {
        var sum = left
        sum.hits += right.hits
        sum.misses += right.misses
        return sum
    }

    /// Those that came since; none where the counters were set back.
    static func - (left: Lookups, right: Lookups) -> Lookups {
        var difference = left
        difference.hits = max(left.hits - right.hits, 0)
        difference.misses = max(left.misses - right.misses, 0)
        return difference
    }
}
