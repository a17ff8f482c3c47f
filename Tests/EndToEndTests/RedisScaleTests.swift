import Foundation
import Lab
import Testing

/// A broker of a platform team: 5,000 Celery queues that nobody has named, and a stream that 1,000 consumers read.
///
/// Its name has `ScaleTests` in it, by which `make test` runs it after the others.
@Suite(.startsServers, .timeLimit(.minutes(5)))
struct RedisScaleTests {
    private static let queues = 5000
    private static let consumers = 1000

    private func server() async throws -> RedisServer {
        let server = try await RedisServer()
        // Every second queue has messages, every tenth of them with priorities.
        let fill = """
            local message = '{"body":"W10=","headers":{"id":"x","timestamp":1795215310.5},"properties":{"priority":0}}'
            for i = 1, \(Self.queues) do
                local queue = 'queue-' .. i
                redis.call('SADD', '_kombu.binding.celery', queue .. '\\6\\22\\6\\22' .. queue)
                if i % 2 == 0 then redis.call('LPUSH', queue, message, message) end
                if i % 10 == 0 then redis.call('LPUSH', queue .. '\\6\\0229', message) end
            end
            for i = 1, \(Self.consumers) do redis.call('XADD', 'events', i .. '-1', 'a', 'b') end
            redis.call('XGROUP', 'CREATE', 'events', 'workers', '0')
            for i = 1, \(Self.consumers) do
                redis.call('XREADGROUP', 'GROUP', 'workers', 'consumer-' .. i, 'COUNT', '1', 'STREAMS', 'events', '>')
            end
            return 'filled'
            """
        #expect(try await server.cli("EVAL", fill, "0") == "filled\n")
        return server
    }

    @Test func scrapesHoldTheirDeadlineOnOneConnectionAndLittleMemory() async throws {
        let server = try await server()
        let exporter = try await Exporter(
            ["REDIS_ADDR": "unix://\(server.socket)"], "--check-single-streams=events", "--redis.queues.stream=events")
        _ = try await exporter.page { $0.all("celery_queue_length").count == Self.queues }
        for _ in 1...3 {
            let answers = try await withThrowingTaskGroup(of: (status: Int, seconds: Double).self) { group in
                for _ in 0..<30 {
                    group.addTask {
                        let answer = try await exporter.get("/metrics", "X-Prometheus-Scrape-Timeout-Seconds: 5")
                        return (answer.status, answer.seconds)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.allSatisfy { $0.status == 200 && $0.seconds < 5 }, "\(answers)")
        }

        let page = try await exporter.page()
        #expect(page["redis_up"] == 1)
        #expect(page.failures == [:])
        #expect(page.duplicates.isEmpty)
        #expect(page["redis_connected_clients"] == 1)
        let lengths = page.all("celery_queue_length")
        #expect(lengths.count == Self.queues)
        #expect(lengths.values.reduce(0, +) == Double(Self.queues / 2 * 2 + Self.queues / 10))
        #expect(page["celery_queue_length", ["queue_name": "queue-10"]] == 3)
        #expect(page["celery_queue_length", ["queue_name": "queue-11"]] == 0)
        let ages = page.all("queue_oldest_age_seconds").filter { $0.key.labels["system"] == "celery" }
        #expect(ages.count == Self.queues / 2)
        let pending = page.all("redis_stream_group_consumer_messages_pending")
        #expect(pending.count == Self.consumers)
        #expect(pending.values.allSatisfy { $0 == 1 })
        #expect(page["queue_unacked", ["system": "stream", "queue": "events"]] == Double(Self.consumers))

        if Exporter.releaseBinary != nil { #expect(try peakMegabytes(of: exporter) < 60) }
    }

    /// Whoever reads the oldest message gets all of it: it is as long as somebody made it.
    @Test func aMessageOfAHundredMegabytesIsPassedOver() async throws {
        let server = try await RedisServer()
        try await server.cli("EVAL", "redis.call('LPUSH', KEYS[1], string.rep('x', 100 * 1024 * 1024))", "1", "celery")
        try await server.cli("LPUSH", "mails", #"{"headers":{"timestamp":1795215310.5}}"#)
        let exporter = try await Exporter(
            ["REDIS_ADDR": "unix://\(server.socket)"], "--redis.queues.celery=celery,mails",
            "--redis.queues.list=celery,mails")
        for _ in 1...3 {
            let page = try await exporter.page()
            #expect(page["redis_up"] == 1)
            #expect(page.failures == [:])
            #expect(page["celery_queue_length", ["queue_name": "celery"]] == 1)
            #expect(page["queue_depth", ["system": "list", "queue": "celery", "state": "waiting"]] == 1)
            let queues = page.all("queue_oldest_age_seconds").keys.compactMap { $0.labels["queue"] }
            #expect(Set(queues) == ["mails"])
        }
        if Exporter.releaseBinary != nil { #expect(try peakMegabytes(of: exporter) < 60) }
    }

    private func peakMegabytes(of exporter: Exporter) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(exporter.daemon.pid)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        return try #require(Int(line.filter(\.isNumber))) / 1024
    }
}
