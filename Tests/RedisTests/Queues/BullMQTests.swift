import Lab
import Testing

@testable import Redis

@Suite(.startsServers, .timeLimit(.minutes(15))) struct BullMQTests {
    private static let isOn = ["redis_bullmq": true]

    private func counts(_ queue: String, _ counts: [String: Double]) -> [String: Double] {
        let states = [
            "waiting", "paused", "active", "prioritized", "delayed", "waiting-children", "completed", "failed",
        ]
        return Dictionary(
            uniqueKeysWithValues: states.flatMap { state in
                [
                    ("bullmq_job_count{queue=\"\(queue)\",state=\"\(state)\"}", counts[state] ?? 0),
                    ("queue_depth{queue=\"\(queue)\",state=\"\(state)\",system=\"bullmq\"}", counts[state] ?? 0),
                ]
            })
    }

    private func age(_ queue: String) -> String {
        "queue_oldest_age_seconds{kind=\"exact\",queue=\"\(queue)\",system=\"bullmq\"}"
    }

    @Test func offWhereNothingIsNamed() async throws {
        let lab = try await QueueLab("bullmq-4", "bullmq-5", "bull-3")
        #expect(try await lab.series().isEmpty)
        await lab.shutdown()
    }

    /// A marker at the end of the list is no job.
    @Test func version4() async throws {
        let lab = try await QueueLab("bullmq-4", collectors: Self.isOn)
        let before = try await lab.errors()
        let series = try await lab.series()
        expect(series, has: counts("mail", ["waiting": 2, "active": 1, "delayed": 1, "completed": 1]))
        expect(series, has: counts("idle", [:]))
        expect(
            series,
            has: [
                "bullmq_job_added_total{queue=\"mail\"}": 5, "bullmq_queue_paused{queue=\"mail\"}": 0,
                "bullmq_queue_paused{queue=\"idle\"}": 0, "queue_overdue{queue=\"mail\",system=\"bullmq\"}": 1,
                "queue_overdue{queue=\"idle\",system=\"bullmq\"}": 0,
                "bull_queue_waiting{prefix=\"bull\",queue=\"mail\"}": 2,
                "bull_queue_active{prefix=\"bull\",queue=\"mail\"}": 1,
                "bull_queue_delayed{prefix=\"bull\",queue=\"mail\"}": 1,
                "bull_queue_completed{prefix=\"bull\",queue=\"mail\"}": 1,
                "bull_queue_failed{prefix=\"bull\",queue=\"mail\"}": 0,
            ])
        #expect(isAge(series[age("mail")], since: 1_700_000_000.25))
        #expect(series[age("idle")] == nil)
        #expect(!series.keys.contains { $0.hasPrefix("bullmq_job_completed") })
        #expect(try await lab.errors() == before)
        await lab.shutdown()
    }

    @Test func version5() async throws {
        let lab = try await QueueLab("bullmq-5", collectors: Self.isOn)
        let series = try await lab.series()
        expect(
            series,
            has: counts(
                "orders",
                [
                    "paused": 2, "active": 1, "prioritized": 3, "delayed": 2, "waiting-children": 1, "completed": 2,
                    "failed": 1,
                ]))
        expect(
            series,
            has: [
                "bullmq_job_completed_total{queue=\"orders\"}": 1200, "bullmq_job_failed_total{queue=\"orders\"}": 7,
                "bullmq_job_added_total{queue=\"orders\"}": 40, "bullmq_queue_paused{queue=\"orders\"}": 1,
                "queue_overdue{queue=\"orders\",system=\"bullmq\"}": 1,
            ])
        #expect(isAge(series[age("orders")], since: 1_700_000_010.5))
        await lab.shutdown()
    }

    /// Of several prefixes, one with braces, and a paused queue whose jobs stay where they are.
    @Test func version6() async throws {
        let lab = try await QueueLab("bullmq-6", "bullmq-5", collectors: Self.isOn) {
            $0.queues.bullmqPrefixes = ["{app}", "bull"]
        }
        let series = try await lab.series()
        expect(series, has: counts("{app}:orders", ["waiting": 2]))
        expect(series, has: counts("{app}:fresh", [:]))
        expect(
            series,
            has: [
                "bullmq_queue_paused{queue=\"{app}:orders\"}": 1, "bullmq_queue_paused{queue=\"{app}:fresh\"}": 0,
                "bullmq_job_count{queue=\"bull:orders\",state=\"paused\"}": 2,
                "bull_queue_waiting{prefix=\"{app}\",queue=\"orders\"}": 2,
                "bull_queue_waiting{prefix=\"bull\",queue=\"orders\"}": 0,
            ])
        #expect(isAge(series[age("{app}:orders")], since: 1_700_000_030.125))
        await lab.shutdown()
    }

    @Test func bull3() async throws {
        let lab = try await QueueLab("bull-3", collectors: Self.isOn)
        let series = try await lab.series()
        expect(
            series,
            has: counts("video", ["paused": 2, "active": 1, "delayed": 1, "completed": 2, "failed": 1]))
        expect(
            series,
            has: [
                "bullmq_queue_paused{queue=\"video\"}": 1, "bullmq_job_added_total{queue=\"video\"}": 9,
                "queue_overdue{queue=\"video\",system=\"bullmq\"}": 1,
                "bull_queue_completed{prefix=\"bull\",queue=\"video\"}": 2,
            ])
        #expect(isAge(series[age("video")], since: 1_700_000_050.75))
        await lab.shutdown()
    }

    /// Named queues are on without being asked for, and nothing is searched.
    @Test func namedQueues() async throws {
        let lab = try await QueueLab("bullmq-4", "bullmq-5") {
            $0.queues.bullmq = ["orders", "none"]
            $0.queues.celery.searchesExchanges = false
        }
        let series = try await lab.series()
        #expect(series["bullmq_job_count{queue=\"orders\",state=\"paused\"}"] == 2)
        expect(series, has: counts("none", [:]))
        #expect(!series.keys.contains { $0.contains("queue=\"mail\"") })
        #expect(try await !lab.server.cli("INFO", "commandstats").contains("cmdstat_scan"))
        await lab.shutdown()
    }

    /// A prefix is no pattern, and keys whose names end alike are no queues.
    @Test func whatIsNoQueue() async throws {
        let lab = try await QueueLab(collectors: Self.isOn) { $0.queues.bullmqPrefixes = ["b*[l]"] }
        try await lab.server.cli("SET", "b*[l]:real:id", "1")
        try await lab.server.cli("SET", "bullet:other:id", "1")
        try await lab.server.cli("HSET", "b*[l]:user:id", "a", "b")
        try await lab.server.cli("SET", "b*[l]:page:meta", "x")
        try await lab.server.cli("SADD", "b*[l]:real:wait", "x")
        let before = try await lab.errors()
        let series = try await lab.series()
        #expect(series.keys.filter { $0.hasPrefix("bullmq_job_added") } == ["bullmq_job_added_total{queue=\"real\"}"])
        #expect(!series.keys.contains { $0.contains("queue=\"user\"") || $0.contains("queue=\"page\"") })
        #expect(series["bullmq_job_count{queue=\"real\",state=\"waiting\"}"] == nil)
        #expect(series["bullmq_job_count{queue=\"real\",state=\"active\"}"] == 0)
        #expect(try await lab.errors() == before)
        await lab.shutdown()
    }
}
