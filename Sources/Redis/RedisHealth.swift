public import Scraping

extension RedisTarget: ChecksHealth {
    /// Asks on the kept connection how much memory the server uses.
    public func checkHealth(until deadline: Deadline) async throws(CollectorError) -> TargetHealth {
        // What a scrape of this moment may take from it and a connection that has to be made are no latency.
        _ = try await connection.facts(until: deadline)
        let start = ContinuousClock.now
        let question = RedisCommand("INFO", "memory")
        let replies = try await connection.run([question], until: deadline)
        let latency = start.duration(to: .now)
        do throws(CollectorError) {
            let memory = Info(try replies.text(question))["used_memory"]
            return TargetHealth(
                latency: latency, memory: memory.flatMap { Double(String(decoding: $0, as: UTF8.self)) })
        } catch {
            // A user that may not ask this has an answer all the same.
            guard error.reason == .permission else { throw error }
            return TargetHealth(latency: latency)
        }
    }
}
