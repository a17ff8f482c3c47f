import Exposition
import Scraping

/// Events that took longer than `latency-monitor-threshold`: `LATENCY LATEST`. There are none where that is 0, as it is
/// by default.
struct LatencyCollector: RedisCollector {
    let name = "redis_latency"

    var metrics: [CatalogueEntry] { [Self.last, Self.duration] }

    private static let last = entry(
        "redis_latency_spike_last",
        "When the event last took longer than latency-monitor-threshold, in seconds since 1970")
    private static let duration = entry(
        "redis_latency_spike_duration_seconds", "Seconds that the event took when it last was beyond the threshold")

    private static func entry(_ name: String, _ meaning: String) -> CatalogueEntry {
        CatalogueEntry(name, .gauge, meaning, labels: ["event_name"], source: latest.name)
    }

    private static let latest = RedisCommand("LATENCY LATEST", isOptional: true)

    func commands(_ server: RedisFacts) -> [RedisCommand] { server.isSentinel ? [] : [Self.latest] }

    func rights(_ server: RedisFacts) -> RedisRights { RedisRights(of: commands(server)) }

    func families(_ replies: RedisReplies, _ server: RedisFacts) throws(CollectorError) -> [MetricFamily] {
        var last = MetricFamily(Self.last.descriptor)
        var duration = MetricFamily(Self.duration.descriptor)
        // Name, time and milliseconds of the last one; behind them the longest of all, and on Valkey sum and count.
        for event in try replies.array(Self.latest).map(\.elements) where event.count > 2 {
            guard let name = event[0].text, let time = event[1].number, let milliseconds = event[2].number else {
                continue
            }
            let labels: Labels = ["event_name": name[...].text]
            last.append(time, labels)
            duration.append(milliseconds / 1e3, labels)
        }
        return [last, duration]
    }
}
