import Exposition
import Scraping
import Synchronization

/// How many look-ups found their key, between scrapes. The ratio since the server's start, which its counters give,
/// hardly moves any more after a week.
///
/// The exporter's own look-ups are not counted, of which those of empty queues are misses: the server's counters are read
/// before and after them.
final class HitRatioCollector: RedisCollector {
    let name = "redis_hit_ratio"

    var metrics: [CatalogueEntry] { [Self.ratio] }

    private static let ratio = CatalogueEntry(
        "redis_keyspace_hit_ratio", .gauge,
        """
        Share of look-ups that found their key, between the last two scrapes that were at least ten seconds apart; \
        absent where there were none, and until there are two since the server's start or CONFIG RESETSTAT
        """, source: "INFO keyspace_hits, keyspace_misses")

    private let intervals = Mutex(HitIntervals())

    func commands(_ server: RedisFacts) -> [RedisCommand] { server.isSentinel ? [] : [.info] }

    func rights(_ server: RedisFacts) -> RedisRights { RedisRights(of: commands(server)) }

    func families(_ replies: RedisReplies, _ server: RedisFacts) throws(CollectorError) -> [MetricFamily] {
        let read = HitIntervals.Read(try replies.info, own: replies.ownLookups)
        let ratio = intervals.withLock { intervals in
            intervals.update(with: read, at: .now)
            return intervals.ratio
        }
        return ratio.map { [MetricFamily(Self.ratio.descriptor, $0)] } ?? []
    }
}

/// Look-ups by the difference of their counters.
///
/// An interval ends with the first read that comes ``shortest`` after its beginning or later; a read before that
/// repeats the last one. So two that scrape in turn do not leave each other intervals of a second.
struct HitIntervals {
    /// What the server has counted since its start, without the exporter's own.
    struct Read {
        let runID: String
        let hits: Double
        let misses: Double
    }

    static let shortest = Duration.seconds(10)

    /// The read that the next interval begins with.
    private var base: (time: ContinuousClock.Instant, read: Read)?
    /// That of the last interval; `nil` where there is none, or nobody looked anything up in it.
    private(set) var ratio: Double?

    /// Takes a read, which ends an interval unless it comes too soon.
    ///
    /// - Parameter read: `nil` where the server does not count look-ups.
    mutating func update(with read: Read?, at now: ContinuousClock.Instant) {
        if let base, let read, read.continues(base.read) {
            guard base.time.duration(to: now) >= Self.shortest else { return }
            let hits = read.hits - base.read.hits
            let all = hits + read.misses - base.read.misses
            ratio = all > 0 ? hits / all : nil
        } else {
            ratio = nil
        }
        base = read.map { (now, $0) }
    }
}

extension HitIntervals.Read {
    init?(_ info: Info, own: Lookups = Lookups()) {
        guard let all = Lookups(info) else { return nil }
        self.init(runID: info["run_id"]?.text ?? "", hits: all.hits - own.hits, misses: all.misses - own.misses)
    }

    /// Whether the counters were not set back in between, by a restart or by `CONFIG RESETSTAT`.
    fileprivate func continues(_ earlier: Self) -> Bool {
        runID == earlier.runID && hits >= earlier.hits && misses >= earlier.misses
    }
}
