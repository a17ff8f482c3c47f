import Lab
import Testing

@testable import Redis

@Suite(.startsServers, .timeLimit(.minutes(15))) struct ResqueTests {
    @Test func everyFigure() async throws {
        let lab = try await QueueLab("resque")
        let before = try await lab.errors()
        let series = try await lab.series()
        expect(
            series,
            has: [
                "resque_processed_jobs": 321, "resque_failed_jobs": 4, "resque_pending_jobs": 5, "resque_queues": 2,
                "resque_workers": 3, "resque_working": 1, "resque_delayed_timestamps": 2,
            ], alone: "resque_")
        let age = "queue_oldest_age_seconds{kind=\"observed\",queue=\"default\",system=\"resque\"}"
        expect(
            series,
            has: [
                "queue_depth{queue=\"default\",state=\"waiting\",system=\"resque\"}": 2,
                "queue_depth{queue=\"mail\",state=\"waiting\",system=\"resque\"}": 3,
                "queue_depth{queue=\"failed\",state=\"failed\",system=\"resque\"}": 1,
                "queue_depth{queue=\"delayed\",state=\"delayed\",system=\"resque\"}": 3,
                "queue_overdue{queue=\"delayed\",system=\"resque\"}": 1,
                // The jobs of the other queue are all alike, so that nobody can tell how old the oldest is.
                age: 0,
            ], alone: "queue_")

        let later = try #require(try await lab.series()[age])
        #expect(later > 0 && later < 300)
        try await lab.server.cli("LPOP", "resque:queue:default")
        try await lab.server.cli("DEL", "resque:worker:h:1:default,mail")
        try await lab.server.cli("SREM", "resque:workers", "h:3:gone")
        try await lab.server.cli("RPUSH", "resque:queue:new", "{}")
        let next = try await lab.series()
        expect(
            next,
            has: [
                age: 0, "resque_working": 0, "resque_workers": 2,
                "queue_depth{queue=\"default\",state=\"waiting\",system=\"resque\"}": 1,
            ])
        #expect(try await lab.errors() == before)
        await lab.shutdown()
    }

    @Test func aNamedQueueWhereThereIsNoResque() async throws {
        let lab = try await QueueLab { $0.queues.resque = ["mail"] }
        expect(
            try await lab.series(),
            has: [
                "resque_processed_jobs": 0, "resque_failed_jobs": 0, "resque_pending_jobs": 0, "resque_queues": 0,
                "resque_workers": 0, "resque_working": 0,
                "queue_depth{queue=\"mail\",state=\"waiting\",system=\"resque\"}": 0,
                "queue_depth{queue=\"failed\",state=\"failed\",system=\"resque\"}": 0,
            ], alone: "")
        await lab.shutdown()
    }
}
