import Exposition
import Scraping

/// How long calls of each command took, in buckets: `LATENCY HISTOGRAM`. The server has it as long as
/// `latency-tracking` is on, which it is by default.
struct LatencyHistogramCollector: RedisCollector {
    let name = "redis_latency_histogram"

    var metrics: [CatalogueEntry] { [Self.latencies] }

    private static let latencies = CatalogueEntry(
        "redis_commands_latencies_usec", .histogram,
        "Microseconds that calls of the command took since the server's start or CONFIG RESETSTAT", labels: ["cmd"],
        source: "LATENCY HISTOGRAM; the sum is INFO cmdstat_<cmd>: usec", versions: "Redis 7.0+")

    private static let histogram = RedisCommand("LATENCY HISTOGRAM", isOptional: true)

    func commands(_ server: RedisFacts) -> [RedisCommand] {
        server.isRedis(7) && !server.isSentinel ? [.info, Self.histogram] : []
    }

    func rights(_ server: RedisFacts) -> RedisRights { RedisRights(of: commands(server)) }

    func families(_ replies: RedisReplies, _ server: RedisFacts) throws(CollectorError) -> [MetricFamily] {
        let histograms = try replies.array(Self.histogram)
        var sums: [Info.Text: Double] = [:]
        for line in try replies.info.lines {
            if let command = line.field.after("cmdstat_") { sums[command] = line.value.number(of: "usec") }
        }
        var latencies = MetricFamily(Self.latencies.descriptor)
        for index in stride(from: 0, to: histograms.count - 1, by: 2) {
            // A command that was first called after INFO has no sum yet.
            guard let command = histograms[index].text?[...], let sum = sums[command],
                let histogram = Histogram(histograms[index + 1], sum: sum)
            else { continue }
            latencies.append(histogram, ["cmd": command.text])
        }
        return [latencies]
    }
}

extension Histogram {
    /// Of `calls`, a number, `histogram_usec`, and upper bounds and counts by turns, each count with those below it.
    fileprivate init?(_ reply: RedisReply, sum: Double) {
        let fields = reply.fields
        guard let count = fields[Array("calls".utf8)]?.count,
            case .array(let pairs) = fields[Array("histogram_usec".utf8)]
        else { return nil }
        var buckets: [Bucket] = []
        for index in stride(from: 0, to: pairs.count - 1, by: 2) {
            guard let bound = pairs[index].number, let count = pairs[index + 1].count else { return nil }
            buckets.append(Bucket(upperBound: bound, cumulativeCount: count))
        }
        self.init(buckets: buckets, count: count, sum: sum)
    }
}

extension RedisReply {
    fileprivate var count: UInt64? {
        if case .integer(let value) = self { UInt64(exactly: value) } else { nil }
    }
}
