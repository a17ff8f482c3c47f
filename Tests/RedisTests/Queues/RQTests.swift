import Foundation
import Lab
import Testing

@testable import Redis

/// RQ itself makes the keys.
@Suite(.startsServers, .timeLimit(.minutes(15))) struct RQTests {
    private struct Enqueued: Decodable {
        /// When the oldest job of `default` was enqueued.
        let oldest: Double
        /// Of each queue, what RQ itself says of the states that rq-exporter shows.
        let counts: [String: [String: Double]]
    }

    private static let producer = """
        import datetime, json, sys
        from redis import Redis
        from rq import Queue, SimpleWorker
        from rq.registry import (StartedJobRegistry, FinishedJobRegistry, FailedJobRegistry, DeferredJobRegistry,
            ScheduledJobRegistry)
        redis = Redis(unix_socket_path=sys.argv[1])
        default, done = [Queue(name, connection=redis) for name in ("default", "done")]
        first = default.enqueue("math.sqrt", 4)
        default.enqueue("math.sqrt", 9)
        default.enqueue("math.sqrt", 16)
        default.enqueue("math.sqrt", 25, depends_on=first)
        default.enqueue("math.sqrt", 36).cancel()
        now = datetime.datetime.now(datetime.timezone.utc)
        default.enqueue_at(now - datetime.timedelta(minutes=5), "math.sqrt", 49)
        default.enqueue_at(now + datetime.timedelta(hours=1), "math.sqrt", 64)
        default.enqueue_at(now + datetime.timedelta(hours=2), "math.sqrt", 81)
        for value in (1, 4, -1): done.enqueue("math.sqrt", value)
        SimpleWorker([done], connection=redis, name="gone").work(burst=True)
        counts = {}
        for queue in Queue.all(redis):
            registries = {"started": StartedJobRegistry, "finished": FinishedJobRegistry, "failed": FailedJobRegistry,
                "deferred": DeferredJobRegistry, "scheduled": ScheduledJobRegistry}
            counts[queue.name] = {status: redis.zcard(registry(queue=queue).key)
                for status, registry in registries.items()}
            counts[queue.name]["queued"] = queue.count
        oldest = first.enqueued_at
        if oldest.tzinfo is None: oldest = oldest.replace(tzinfo=datetime.timezone.utc)
        print(json.dumps({"oldest": oldest.timestamp(), "counts": counts}))
        """

    private static let worker = """
        import sys
        from redis import Redis
        from rq import Queue, SimpleWorker
        redis = Redis(unix_socket_path=sys.argv[1])
        queue = Queue("work", connection=redis)
        for function, value in (("math.sqrt", 4), ("time.sleep", 0.25), ("math.sqrt", -1), ("time.sleep", 600)):
            queue.enqueue(function, value)
        SimpleWorker([queue, "other"], connection=redis, name="w1").work()
        """

    private func enqueue(_ lab: QueueLab) async throws -> Enqueued {
        let result = try await run([Repository.python, "-c", Self.producer, lab.server.socket])
        try #require(result.status == 0, "\(result.errors.suffix(2000))")
        // A worker tells what it does, in the lines before.
        let line = try #require(result.output.split(separator: "\n").last)
        return try JSONDecoder().decode(Enqueued.self, from: Data(line.utf8))
    }

    private func depths(_ queue: String, _ depths: [String: Double]) -> [String: Double] {
        let states = [
            "waiting", "active", "completed", "failed", "deferred", "delayed", "canceled", "ready", "intermediate",
        ]
        return Dictionary(
            uniqueKeysWithValues: states.map { state in
                ("queue_depth{queue=\"\(queue)\",state=\"\(state)\",system=\"rq\"}", depths[state] ?? 0)
            })
    }

    @Test func queues() async throws {
        let lab = try await QueueLab { $0.queues.rq = ["named"] }
        let enqueued = try await enqueue(lab)
        #expect(
            enqueued.counts == [
                "default": ["queued": 3, "started": 0, "finished": 0, "failed": 0, "deferred": 1, "scheduled": 3],
                "done": ["queued": 0, "started": 0, "finished": 2, "failed": 1, "deferred": 0, "scheduled": 0],
            ])
        let before = try await lab.errors()
        let series = try await lab.series()
        var jobs: [String: Double] = [:]
        for (queue, counts) in enqueued.counts {
            for (status, count) in counts { jobs["rq_jobs{queue=\"\(queue)\",status=\"\(status)\"}"] = count }
        }
        for status in ["queued", "started", "finished", "failed", "deferred", "scheduled"] {
            jobs["rq_jobs{queue=\"named\",status=\"\(status)\"}"] = 0
        }
        expect(series, has: jobs, alone: "rq_")
        var queues = depths("default", ["waiting": 3, "deferred": 1, "delayed": 3, "canceled": 1])
        queues.merge(depths("done", ["completed": 2, "failed": 1])) { _, new in new }
        queues.merge(depths("named", [:])) { _, new in new }
        expect(series, has: queues, alone: "queue_depth")
        expect(
            series,
            has: [
                "queue_overdue{queue=\"default\",system=\"rq\"}": 1, "queue_overdue{queue=\"done\",system=\"rq\"}": 0,
                "queue_overdue{queue=\"named\",system=\"rq\"}": 0,
            ], alone: "queue_overdue")
        let age = "queue_oldest_age_seconds{kind=\"exact\",queue=\"default\",system=\"rq\"}"
        #expect(isAge(series[age], since: enqueued.oldest))
        #expect(series.keys.count { $0.hasPrefix("queue_oldest") } == 1)

        // One that has waited for long; and one that never was in a queue before, of which only that is known.
        let job = try await lab.server.cli("LINDEX", "rq:queue:default", "0").dropLast()
        try await lab.server.cli("HSET", "rq:job:\(job)", "enqueued_at", "2023-11-14T22:13:20.347131Z")
        #expect(isAge(try await lab.series()[age], since: 1_700_000_000.347131))
        try await lab.server.cli("HSET", "rq:job:\(job)", "enqueued_at", "")
        #expect(isAge(try await lab.series()[age], since: enqueued.oldest))
        #expect(try await lab.errors() == before)
        // Types, then lengths, then times.
        let reads = "redis_total_reads_processed"
        let (first, second) = (await lab.scrape().series[reads], await lab.scrape().series[reads])
        #expect(try #require(second) - (first ?? 0) == 3)
        await lab.shutdown()
    }

    @Test func aRunningWorker() async throws {
        let lab = try await QueueLab()
        let worker = try Daemon(
            [Repository.python, "-c", Self.worker, lab.server.socket], stop: "KILL",
            log: lab.server.directory.path("worker.log"))
        defer { worker.stop() }
        // It sleeps in its last job.
        #expect(
            try await eventually(within: 60) {
                try await lab.server.cli("HMGET", "rq:worker:w1", "state", "successful_job_count", "failed_job_count")
                    == "busy\n2\n1\n"
            })
        #expect(try await eventually { try await lab.server.cli("ZCARD", "rq:wip:work") == "1\n" })
        let series = try await lab.series()
        expect(
            series,
            has: [
                "rq_workers{name=\"w1\",queues=\"work,other\",state=\"busy\"}": 1,
                "rq_workers_success_total{name=\"w1\",queues=\"work,other\"}": 2,
                "rq_workers_failed_total{name=\"w1\",queues=\"work,other\"}": 1,
            ])
        #expect(series.keys.count { $0.hasPrefix("rq_workers") } == 4)
        let time = try #require(series["rq_workers_working_time_total{name=\"w1\",queues=\"work,other\"}"])
        #expect(time >= 0.25 && time < 60)
        expect(series, has: depths("work", ["active": 1, "completed": 2, "failed": 1]), alone: "queue_depth")

        // A worker that says that it dies, and one whose hash has expired, are gone.
        try await lab.server.cli("HSET", "rq:worker:w1", "death", "2023-11-14T22:13:20.000000Z")
        #expect(try await !lab.series().keys.contains { $0.hasPrefix("rq_workers") })
        try await lab.server.cli("DEL", "rq:worker:w1")
        #expect(try await !lab.series().keys.contains { $0.hasPrefix("rq_workers") })
        await lab.shutdown()
    }

    /// RQ 3 may have another prefix.
    @Test func anotherPrefix() async throws {
        let lab = try await QueueLab { $0.queues.rqPrefix = "jobs:" }
        try await lab.server.cli("SADD", "jobs:queues", "jobs:queue:a", "rq:queue:b")
        try await lab.server.cli("RPUSH", "jobs:queue:a", "1", "2")
        try await lab.server.cli("HSET", "jobs:job:1", "created_at", "2023-11-14T22:13:20.500000Z")
        let series = try await lab.series()
        expect(series, has: depths("a", ["waiting": 2]), alone: "queue_depth")
        let age = series["queue_oldest_age_seconds{kind=\"exact\",queue=\"a\",system=\"rq\"}"]
        #expect(isAge(age, since: 1_700_000_000.5))
        await lab.shutdown()
    }
}
