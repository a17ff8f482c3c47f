import Lab
import Testing

@testable import Redis

@Suite(.startsServers, .timeLimit(.minutes(15))) struct SidekiqTests {
    @Test func version8() async throws {
        let lab = try await QueueLab("sidekiq-8")
        let before = try await lab.errors()
        let series = try await lab.series()
        let names = ["default", "mailers"]
        var expected: [String: Double] = [
            "sidekiq_processed_jobs_total": 1234, "sidekiq_failed_jobs_total": 56, "sidekiq_enqueued_jobs": 3,
            "sidekiq_scheduled_jobs": 2, "sidekiq_retry_jobs": 3, "sidekiq_dead_jobs": 1,
            "sidekiq_processes": 3, "sidekiq_workers": 18, "sidekiq_busy_workers": 3,
            "sidekiq_host_processes{host=\"web-1\",quiet=\"false\"}": 1,
            "sidekiq_host_processes{host=\"web-1\",quiet=\"true\"}": 1,
            "sidekiq_host_processes{host=\"jobs-2\",quiet=\"false\"}": 1,
            "sidekiq_host_processes_memory_usage_bytes{host=\"web-1\"}": 104_448 * 1024,
            "sidekiq_host_processes_memory_usage_bytes{host=\"jobs-2\"}": 1_048_576,
            "sidekiq_queue_enqueued_jobs{name=\"default\"}": 2, "sidekiq_queue_enqueued_jobs{name=\"mailers\"}": 1,
            "sidekiq_queue_enqueued_jobs{name=\"low\"}": 0, "sidekiq_queue_latency_seconds{name=\"low\"}": 0,
            "sidekiq_queue_processes{name=\"default\"}": 2, "sidekiq_queue_processes{name=\"mailers\"}": 1,
            "sidekiq_queue_processes{name=\"low\"}": 1,
            "sidekiq_queue_workers{name=\"default\"}": 15, "sidekiq_queue_workers{name=\"mailers\"}": 5,
            "sidekiq_queue_workers{name=\"low\"}": 3,
            "sidekiq_queue_busy_workers{name=\"default\"}": 3, "sidekiq_queue_busy_workers{name=\"mailers\"}": 2,
            "sidekiq_queue_busy_workers{name=\"low\"}": 0,
        ]
        let times: [String: Double] = [
            "sidekiq_queue_latency_seconds{name=\"default\"}": 1_700_000_000.456,
            "sidekiq_queue_latency_seconds{name=\"mailers\"}": 1_700_000_002.5,
            "sidekiq_queue_max_processing_time_seconds{name=\"default\"}": 1_700_000_300,
            "sidekiq_queue_max_processing_time_seconds{name=\"mailers\"}": 1_700_000_450,
            "sidekiq_leader_lifetime_seconds": 1_700_000_010.25,
        ]
        for (name, time) in times {
            #expect(isAge(series[name], since: time), "\(name)")
            expected[name] = series[name]
        }
        expect(series, has: expected, alone: "sidekiq_")

        let latency = names.map { series["sidekiq_queue_latency_seconds{name=\"\($0)\"}"] }
        let ages = names.map { "queue_oldest_age_seconds{kind=\"exact\",queue=\"\($0)\",system=\"sidekiq\"}" }
        #expect(ages.map { series[$0] } == latency)
        expect(
            series,
            has: [
                "queue_depth{queue=\"default\",state=\"waiting\",system=\"sidekiq\"}": 2,
                "queue_depth{queue=\"mailers\",state=\"waiting\",system=\"sidekiq\"}": 1,
                "queue_depth{queue=\"low\",state=\"waiting\",system=\"sidekiq\"}": 0,
                "queue_depth{queue=\"default\",state=\"active\",system=\"sidekiq\"}": 2,
                "queue_depth{queue=\"mailers\",state=\"active\",system=\"sidekiq\"}": 1,
                "queue_depth{queue=\"low\",state=\"active\",system=\"sidekiq\"}": 0,
                "queue_depth{queue=\"schedule\",state=\"delayed\",system=\"sidekiq\"}": 2,
                "queue_depth{queue=\"retry\",state=\"delayed\",system=\"sidekiq\"}": 3,
                "queue_depth{queue=\"dead\",state=\"dead\",system=\"sidekiq\"}": 1,
            ], alone: "queue_depth")
        expect(
            series,
            has: [
                "queue_overdue{queue=\"schedule\",system=\"sidekiq\"}": 1,
                "queue_overdue{queue=\"retry\",system=\"sidekiq\"}": 2,
            ], alone: "queue_overdue")
        #expect(series.keys.count { $0.hasPrefix("queue_oldest") } == 2)

        // A process that was killed leaves its name, one that has ended its state; both for a minute.
        try await lab.server.cli("DEL", "web-1:10:5f3a", "web-1:10:5f3a:work")
        try await lab.server.cli("SREM", "processes", "web-1:11:77c0")
        expect(try await lab.series(), has: ["sidekiq_processes": 1, "sidekiq_workers": 3, "sidekiq_busy_workers": 0])
        try await lab.server.cli("DEL", "processes")
        expect(try await lab.series(), has: ["sidekiq_processes": 0, "sidekiq_workers": 0, "sidekiq_busy_workers": 0])
        #expect(try await lab.errors() == before)
        await lab.shutdown()
    }

    /// Seconds in place of milliseconds, `:workers` in place of `:work`, and a namespace.
    @Test func version6WithANamespace() async throws {
        let lab = try await QueueLab("sidekiq-6", database: 2) {
            $0.queues.sidekiqPrefix = "app:"
            $0.queues.sidekiq = ["default", "named"]
        }
        let series = try await lab.series()
        expect(
            series,
            has: [
                "sidekiq_processed_jobs_total": 7, "sidekiq_failed_jobs_total": 0, "sidekiq_enqueued_jobs": 2,
                "sidekiq_workers": 25, "sidekiq_processes": 1, "sidekiq_busy_workers": 1,
                "sidekiq_scheduled_jobs": 1, "sidekiq_retry_jobs": 0, "sidekiq_dead_jobs": 0,
                "sidekiq_queue_enqueued_jobs{name=\"named\"}": 0, "sidekiq_queue_workers{name=\"default\"}": 25,
                "queue_overdue{queue=\"schedule\",system=\"sidekiq\"}": 0,
                "queue_overdue{queue=\"retry\",system=\"sidekiq\"}": 0,
                "queue_depth{queue=\"default\",state=\"active\",system=\"sidekiq\"}": 1,
            ])
        #expect(isAge(series["sidekiq_queue_latency_seconds{name=\"default\"}"], since: 1_700_000_000.4567))
        #expect(isAge(series["sidekiq_queue_max_processing_time_seconds{name=\"default\"}"], since: 1_700_000_005))
        #expect(series.keys.allSatisfy { !$0.hasPrefix("sidekiq_host_processes_memory") })
        #expect(series.keys.allSatisfy { !$0.hasPrefix("sidekiq_leader") })
        await lab.shutdown()
    }

    /// Sets that only have the names of Sidekiq's are no Sidekiq.
    @Test func aSetOfThatName() async throws {
        let lab = try await QueueLab()
        try await lab.server.cli("SADD", "queues", "north", "south")
        try await lab.server.cli("SADD", "processes", "milling")
        try await lab.server.cli("SET", "milling", "x")
        try await lab.server.cli("ZADD", "retry", "1", "x")
        let before = try await lab.errors()
        #expect(try await lab.series().isEmpty)
        #expect(try await lab.errors() == before)
        await lab.shutdown()
    }
}
