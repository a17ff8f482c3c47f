import Exposition
import Foundation
import Lab
import Scraping
import Testing

@testable import Containers

@Suite("How containers are", .startsServers, .timeLimit(.minutes(15)))
struct StateTests {
    private let first = EngineHost.first
    private let second = EngineHost.second
    private let webLabels = "id=\"/docker/\(EngineHost.first)\",image=\"app:1\",name=\"web\""

    @Test("one that runs")
    func running() async throws {
        let host = try await EngineHost(containers: [first: .init(name: "web", restarts: 2)])
        let page = await host.scrape()
        for state in ContainerDetails.State.allCases {
            let value = page.series("container_state")["{\(webLabels),state=\"\(state.rawValue)\"}"]
            #expect(value == (state == .running ? 1 : 0))
        }
        #expect(page.series("container_restarts_total") == ["{\(webLabels)}": 2])
        #expect(page.series("container_health_state") == ["{\(webLabels)}": -1])
        #expect(page.series("container_exit_code").isEmpty)
        #expect(page.series("container_oom_killed") == ["{\(webLabels)}": 0])
        #expect(page.series("container_start_time_seconds")["{\(webLabels)}"] == 1_795_255_200)
        #expect(page.series("container_creation_time_seconds")["{\(webLabels)}"] == 1_795_200_000)
        await host.shutdown()
    }

    @Test("stop, start and restarts change values and no labels; what is removed is gone")
    func restarted() async throws {
        let host = try await EngineHost(containers: [first: .init(name: "web", health: "healthy")])
        let running = await host.scrape()
        #expect(running.series("container_health_state") == ["{\(webLabels)}": 1])

        host.engine[first]?.state = "exited"
        host.engine[first]?.exitCode = 7
        try host.stop(first)
        host.engine.emit("die", first)
        let stopped = try #require(await host.page { $0.states == ["web": "exited"] })
        #expect(Set(stopped.series("container_state").keys) == Set(running.series("container_state").keys))
        #expect(stopped.series("container_exit_code") == ["{\(webLabels)}": 7])
        #expect(stopped.series("container_oom_killed") == ["{\(webLabels)}": 0])
        #expect(stopped.series("container_health_state").isEmpty)
        #expect(stopped.series("container_start_time_seconds")["{\(webLabels)}"] == nil)
        #expect(stopped.series("container_last_seen")["{\(webLabels)}"] != nil)

        host.engine[first]?.state = "running"
        host.engine[first]?.restarts = 1
        host.engine[first]?.health = "starting"
        host.engine[first]?.started = "2026-11-21T10:00:30.5Z"
        try host.start(first)
        host.engine.emit("start", first)
        // What was told of the run before is not taken for this one's.
        let again = await host.scrape()
        #expect(again.states == ["web": "running"])
        #expect(Set(again.series("container_state").keys) == Set(running.series("container_state").keys))
        #expect(again.series("container_restarts_total") == ["{\(webLabels)}": 1])
        #expect(again.series("container_health_state") == ["{\(webLabels)}": 0])
        #expect(again.series("container_exit_code").isEmpty)
        #expect(again.series("container_start_time_seconds")["{\(webLabels)}"] == 1_795_255_230)
        // It is there once, though it is also one that went.
        let seen = again.families.filter { $0.descriptor.name == "container_last_seen" }.flatMap(\.samples)
        #expect(seen.count { $0.labels["name"] == "web" } == 1)

        host.engine[first] = nil
        try host.stop(first)
        host.engine.emit("destroy", first)
        let gone = try #require(await host.page { $0.states.isEmpty })
        for name in ["container_state", "container_exit_code", "container_restarts_total", "container_health_state"] {
            #expect(gone.series(name).isEmpty)
        }
        #expect(gone.omissions.isEmpty)
        await host.shutdown()
    }

    @Test("each start is on the first page that shows it, also where its event has not come")
    func manyStarts() async throws {
        let host = try await EngineHost(containers: [first: .init(name: "web")])
        _ = await host.scrape()
        for run in 1...3 {
            host.engine[first]?.state = "exited"
            try host.stop(first)
            host.engine.emit("die", first)
            _ = try #require(await host.page { $0.states == ["web": "exited"] })
            host.engine[first]?.state = "running"
            host.engine[first]?.started = "2026-11-21T10:00:0\(run)Z"
            try host.start(first)
            let page = await host.scrape()
            #expect(page.states == ["web": "running"])
            #expect(page.series("container_start_time_seconds")["{\(webLabels)}"] == 1_795_255_200 + Double(run))
        }
        await host.shutdown()
    }

    @Test("one that never ran, and one in another cgroup: where they would be")
    func stopped() async throws {
        let host = try await EngineHost(containers: [
            first: .init(name: "born", state: "created", started: "0001-01-01T00:00:00Z"),
            second: .init(name: "other", state: "exited", exitCode: 137, restarts: 3, parent: "/shop"),
        ])
        let page = try #require(await host.page { $0.states.count == 2 })
        #expect(page.states == ["born": "created", "other": "exited"])
        let labels = "id=\"/shop/\(second)\",image=\"app:1\",name=\"other\""
        #expect(page.series("container_exit_code") == ["{\(labels)}": 137])
        #expect(
            page.series("container_restarts_total") == [
                "{id=\"/docker/\(first)\",image=\"app:1\",name=\"born\"}": 0, "{\(labels)}": 3,
            ])
        #expect(page.series("container_health_state").isEmpty)
        await host.shutdown()
    }

    @Test(
        "health as cAdvisor tells it",
        arguments: [("healthy", 1.0), ("unhealthy", 0), ("starting", 0), ("none", -1), ("", -1)])
    func health(word: String, value: Double) async throws {
        let host = try await EngineHost(containers: [first: .init(name: "web", health: word)])
        #expect(await host.scrape().series("container_health_state") == ["{\(webLabels)}": value])
        await host.shutdown()
    }

    @Test("where nobody can be asked there is nothing")
    func nobody() async throws {
        let reader = try CgroupReader(cgroupfs: Fixture.v2.cgroupfs)
        let families = try reader.families([State()])
        #expect(families.flatMap(\.samples).isEmpty)
        #expect(Set(State().metrics.map(\.descriptor.name)).count == 5)
    }
}
