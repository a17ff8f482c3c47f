import Exposition
import Scraping

/// Commands that took longer than `slowlog-log-slower-than`: `SLOWLOG`. Of the last one, whose reply has its arguments
/// too, nothing but two numbers is kept.
struct SlowlogCollector: RedisCollector {
    let name = "redis_slowlog"

    var metrics: [CatalogueEntry] { [Self.length, Self.lastID, Self.lastDuration] }

    private static let length = CatalogueEntry(
        "redis_slowlog_length", .gauge, "Commands in the slow log, which keeps slowlog-max-len", source: "SLOWLOG LEN")
    private static let lastID = CatalogueEntry(
        "redis_slowlog_last_id", .gauge,
        "Number of the last command in the slow log, counted from the server's start; 0 while the log is empty",
        source: "SLOWLOG GET 1")
    private static let lastDuration = CatalogueEntry(
        "redis_last_slow_execution_duration_seconds", .gauge,
        "Seconds that the last command in the slow log took; 0 while the log is empty", source: "SLOWLOG GET 1")

    private static let lengthCommand = RedisCommand("SLOWLOG LEN", isOptional: true)
    private static let lastCommand = RedisCommand("SLOWLOG GET", 1, isOptional: true)

    func commands(_ server: RedisFacts) -> [RedisCommand] {
        server.isSentinel ? [] : [Self.lengthCommand, Self.lastCommand]
    }

    func rights(_ server: RedisFacts) -> RedisRights { RedisRights(of: commands(server)) }

    func result(_ replies: RedisReplies, _ server: RedisFacts) -> CollectorResult {
        var result = CollectorResult()
        result.read { () throws(CollectorError) in
            [MetricFamily(Self.length.descriptor, Double(try replies.integer(Self.lengthCommand)))]
        }
        result.read { () throws(CollectorError) in try Self.last(replies) }
        return result
    }

    private static func last(_ replies: RedisReplies) throws(CollectorError) -> [MetricFamily] {
        var (id, microseconds) = (0.0, 0.0)
        if let entry = try replies.array(lastCommand).first?.elements {
            guard entry.count > 2, case .integer(let number) = entry[0], case .integer(let time) = entry[2] else {
                throw CollectorError(.internal, "SLOWLOG GET was not answered as its documentation says")
            }
            (id, microseconds) = (Double(number), Double(time))
        }
        return [MetricFamily(lastID.descriptor, id), MetricFamily(lastDuration.descriptor, microseconds / 1e6)]
    }
}

extension CollectorResult {
    /// Adds what one of several replies says or, where it says nothing, why.
    mutating func read(_ part: () throws(CollectorError) -> [MetricFamily]) {
        do throws(CollectorError) {
            families += try part()
        } catch {
            self.error = self.error ?? error
        }
    }
}
