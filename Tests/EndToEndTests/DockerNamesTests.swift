import Foundation
import Lab
import Testing

/// What only the engine knows of its containers, asked over its socket: Docker's and Podman's.
@Suite(.sharedDocker(), .startsServers, .enabledOnV1, .timeLimit(.minutes(15)))
struct DockerNamesTests {
    enum Kind: CaseIterable {
        case docker, podman

        func engine() async throws -> any ContainerEngine {
            switch self {
            case .docker: try DockerEngine.shared
            case .podman: try await PodmanService()
            }
        }
    }

    private func exporter(of engine: any ContainerEngine) async throws -> Exporter {
        try await Exporter([:], "--containers.runtime-socket=\(engine.socket)")
    }

    @Test(arguments: Kind.allCases)
    func aContainerHasItsNameItsImageAndComposesLabels(_ kind: Kind) async throws {
        let engine = try await kind.engine()
        let exporter = try await exporter(of: engine)
        let id = try await engine.run(
            "shop-web-1",
            options: [
                "--label", "com.docker.compose.project=shop", "--label", "com.docker.compose.service=web",
                "--label", "secret=hunter2",
            ])
        let cgroup = engine.cgroup(of: id)
        let labels = [
            "id": cgroup, "name": "shop-web-1", "image": busyboxImage,
            "container_label_com_docker_compose_project": "shop", "container_label_com_docker_compose_service": "web",
        ]
        // The engine's list has the name, and what it is asked for each alone the health.
        let page = try await exporter.page {
            $0["container_memory_usage_bytes", labels] != nil && $0["container_health_state", labels] != nil
        }
        // The same on every series of it, and nothing that was not asked for.
        let own = page.values.keys.filter { $0.labels["id"] == cgroup }
        #expect(own.count > 20)
        #expect(own.filter { $0.labels.merging(labels) { $1 } != $0.labels } == [])
        #expect(!page.values.keys.contains { $0.labels.values.contains("hunter2") })
        #expect(page["container_state", labels.merging(["state": "running"]) { $1 }] == 1)
        #expect(page["container_state", labels.merging(["state": "exited"]) { $1 }] == 0)
        #expect(page["container_health_state", labels] == -1)
        #expect(page["container_exit_code", labels] == nil)
        #expect(page.duplicates == [])

        try await engine.cli("rename", "shop-web-1", "shop-web-2")
        let renamed = try await exporter.page { Self.names(on: $0, cgroup) == ["shop-web-2"] }
        #expect(renamed.duplicates == [])
    }

    @Test(arguments: Kind.allCases)
    func aStoppedContainerHasAStateAndARemovedOneHasNot(_ kind: Kind) async throws {
        let engine = try await kind.engine()
        let exporter = try await exporter(of: engine)
        let id = try await engine.run("worker")
        let cgroup = engine.cgroup(of: id)
        let page = try await exporter.page { Self.names(on: $0, cgroup) == ["worker"] }
        #expect(Self.value("container_state", of: "worker", on: page, state: "running") == 1)

        try await engine.cli("kill", "worker")
        let killed = try await exporter.page {
            // Podman cleans up by and by.
            Self.value("container_state", of: "worker", on: $0, state: "exited") == 1
                && Self.value("container_memory_usage_bytes", of: "worker", on: $0) == nil
        }
        #expect(Self.value("container_state", of: "worker", on: killed, state: "running") == 0)
        #expect(Self.value("container_exit_code", of: "worker", on: killed) == 137)
        #expect(Self.value("container_last_seen", of: "worker", on: killed) != nil)

        // By hand is no restart.
        try await engine.cli("start", "worker")
        let started = try await exporter.page {
            Self.value("container_state", of: "worker", on: $0, state: "running") == 1
        }
        #expect(Self.value("container_restarts_total", of: "worker", on: started) == 0)
        #expect(Self.value("container_memory_usage_bytes", of: "worker", on: started) != nil)
        #expect(Self.names(on: started, cgroup) == ["worker"])

        try await engine.cli("rm", "--force", "worker")
        let removed = try await exporter.page {
            Self.value("container_state", of: "worker", on: $0, state: "exited") == nil
        }
        let left = removed.values.keys.filter { $0.labels["name"] == "worker" }.map(\.name)
        #expect(left == ["container_last_seen"])
    }

    /// As `docker compose up` does when something has changed.
    @Test func oneMadeAnewTakesTheNameOver() async throws {
        let engine = try DockerEngine.shared
        let exporter = try await exporter(of: engine)
        for _ in 0..<3 {
            let cgroup = engine.cgroup(of: try await engine.run("anew"))
            var twice: [Page.Series] = []
            let page = try await exporter.page {
                // All but the id, which nobody's dashboard shows.
                let series = $0.values.keys.filter { $0.labels["name"] == "anew" }.map { series in
                    Page.Series(name: series.name, labels: series.labels.filter { $0.key != "id" })
                }
                twice += Dictionary(grouping: series) { $0 }.filter { $0.value.count > 1 }.keys
                return Self.names(on: $0, cgroup) == ["anew"]
                    && Self.value("container_state", of: "anew", on: $0, state: "running") == 1
            }
            #expect(twice == [])
            #expect(
                Set(page.all("container_last_seen").keys.filter { $0.labels["name"] == "anew" }.map { $0.labels["id"] })
                    == [cgroup])
            try await engine.cli("rm", "--force", "anew")
        }
        let gone = try await exporter.page {
            Self.value("container_state", of: "anew", on: $0, state: "running") == nil
        }
        #expect(gone.values.keys.filter { $0.labels["name"] == "anew" }.map(\.name) == ["container_last_seen"])
    }

    /// The exporter says itself what it takes to be let in.
    @Test func nobodyWithTheSocketSeesNamesToo() async throws {
        let engine = try DockerEngine.shared
        let cgroup = engine.cgroup(
            of: try await engine.run("shop-db-1", options: ["--label", "com.docker.compose.project=shop"]))
        let socket = ["--volume", "\(engine.socket):/var/run/docker.sock:ro"]
        let refused = try await ContainedExporter("refused", in: engine, options: socket)
        let page = try await refused.page()
        #expect(Self.names(on: page, cgroup).count == 1)
        #expect(page.all("container_state") == [:])
        let advice = try await refused.check()
        let remedy = try #require(
            advice.firstMatch(of: /docker\.sock may not be used.*\n.*\n *or docker run: --group-add ([0-9]+)/),
            "\(advice)")

        let admitted = try await ContainedExporter(
            "admitted", in: engine, options: socket + ["--group-add", String(remedy.1)])
        let labels = [
            "id": cgroup, "name": "shop-db-1", "image": busyboxImage,
            "container_label_com_docker_compose_project": "shop",
        ]
        let isNamed = try await eventually(within: 60) {
            let page = try await admitted.page()
            return page["container_memory_usage_bytes", labels] != nil
                && page["container_state", labels.merging(["state": "running"]) { $1 }] == 1
        }
        #expect(isNamed)
        let rest = try await admitted.check()
        #expect(!rest.contains("docker.sock may not be used") && !rest.contains("engine "), "\(rest)")
    }

    /// The engine hears of it from the kernel, and may miss it where the container ends at the same moment.
    private static let isKilledForMemory = "tail -c 64000000 /dev/zero; sleep 2"

    @Test func whatFailsIsCounted() async throws {
        let engine = try DockerEngine.shared
        let exporter = try await exporter(of: engine)
        try await engine.run("flaky", options: ["--restart", "on-failure:2"], command: ["sh", "-c", "exit 7"])
        try await engine.run(
            "hungry", options: ["--memory", "16m", "--memory-swap", "32m"],
            command: ["sh", "-c", "\(Self.isKilledForMemory); exit 137"])
        let page = try await exporter.page {
            Self.value("container_restarts_total", of: "flaky", on: $0) == 2
                && Self.value("container_state", of: "flaky", on: $0, state: "exited") == 1
                && Self.value("container_state", of: "hungry", on: $0, state: "exited") == 1
                && Self.value("container_oom_killed", of: "hungry", on: $0) == 1
        }
        #expect(Self.value("container_exit_code", of: "flaky", on: page) == 7)
        #expect(Self.value("container_exit_code", of: "hungry", on: page) == 137)
        #expect(Self.value("container_oom_killed", of: "flaky", on: page) == 0)
    }

    /// The new cgroup of a container that is started again counts from 0: only the engine knows then.
    @Test func whoIsStartedAgainWasKilledForMemoryAllTheSame() async throws {
        let engine = try DockerEngine.shared
        let exporter = try await exporter(of: engine)
        // It is greedy once.
        try await engine.run(
            "greedy", options: ["--restart", "always", "--memory", "16m", "--memory-swap", "32m"],
            command: [
                "sh", "-c", "[ -e /tmp/fed ] && exec sleep 1000; touch /tmp/fed; \(Self.isKilledForMemory); exit 137",
            ])
        let page = try await exporter.page {
            Self.value("container_restarts_total", of: "greedy", on: $0) == 1
                && Self.value("container_state", of: "greedy", on: $0, state: "running") == 1
                && Self.value("container_oom_killed", of: "greedy", on: $0) == 1
        }
        #expect(Self.value("container_exit_code", of: "greedy", on: page) == nil)
    }

    @Test func healthIsThatOfTheHealthCheck() async throws {
        let engine = try DockerEngine.shared
        let exporter = try await exporter(of: engine)
        try await engine.run(
            "checked",
            options: ["--health-cmd", "test -e /tmp/well", "--health-interval", "1s", "--health-retries", "1"])
        func health(_ page: Page) -> Double? { Self.value("container_health_state", of: "checked", on: page) }
        _ = try await exporter.page { health($0) == 0 }
        try await engine.cli("exec", "checked", "touch", "/tmp/well")
        _ = try await exporter.page { health($0) == 1 }
        try await engine.cli("exec", "checked", "rm", "/tmp/well")
        _ = try await exporter.page { health($0) == 0 }
    }

    /// What is read from the kernel does not wait for an engine that hangs, and keeps its names.
    @Test func anEngineThatHangsHoldsNothingUp() async throws {
        let engine = try await DockerEngine()
        let exporter = try await exporter(of: engine)
        let id = try await engine.run("web")
        let cgroup = engine.cgroup(of: id)
        _ = try await exporter.page { Self.names(on: $0, cgroup) == ["web"] }
        engine.signal(SIGSTOP)
        for _ in 0..<3 {
            // A time limit by which a page would be short of whatever had to wait.
            let (page, seconds) = try await exporter.timedPage(within: 5)
            #expect(seconds < 5)
            #expect(page.reasons(of: "containers").contains("timeout") == false)
            #expect(Self.names(on: page, cgroup) == ["web"])
            #expect(Self.value("container_memory_usage_bytes", of: "web", on: page) != nil)
            #expect(Self.value("container_cpu_usage_seconds_total", of: "web", on: page) != nil)
        }
        engine.signal(SIGCONT)
        try await engine.cli("rename", "web", "web2")
        _ = try await exporter.page { Self.names(on: $0, cgroup) == ["web2"] }

        // One that was away is asked anew.
        try await engine.stop()
        let stopped = try await exporter.page()
        #expect(Self.value("container_memory_usage_bytes", of: "web2", on: stopped) == nil)
        try await engine.start()
        let next = engine.cgroup(of: try await engine.run("after"))
        _ = try await exporter.page { Self.names(on: $0, next) == ["after"] }
    }

    /// An exporter that is there before its engine finds it.
    @Test func anEngineMayComeLater() async throws {
        let engine = try await DockerEngine()
        try await engine.stop()
        let exporter = try await exporter(of: engine)
        #expect(try await exporter.page()["container_scrape_error"] != nil)
        try await engine.start()
        let cgroup = engine.cgroup(of: try await engine.run("late"))
        _ = try await exporter.page { Self.names(on: $0, cgroup) == ["late"] }
    }

    /// The names under which the kernel's values of a cgroup are shown.
    private static func names(on page: Page, _ cgroup: String) -> Set<String> {
        Set(
            page.all("container_memory_usage_bytes").keys.filter { $0.labels["id"] == cgroup }.map {
                $0.labels["name", default: ""]
            })
    }

    private static func value(
        _ family: String, of name: String, on page: Page, state: String? = nil
    ) -> Double? {
        page.all(family).first { $0.key.labels["name"] == name && $0.key.labels["state"] == state }?.value
    }
}
