import Exposition
import Lab
import NIOPosix
import Testing

@testable import Containers
@testable import Scraping

/// A target with a tree of cgroups and an engine.
struct EngineHost {
    let tree = TemporaryDirectory("tree", in: .memory)
    let engine: ScriptedEngine
    let target: ContainersTarget
    let path: String

    static let first = String(repeating: "a", count: 64)
    static let second = String(repeating: "b", count: 64)

    /// - Parameters:
    ///   - isThere: Whether the engine listens from the beginning.
    ///   - patience: How long a scrape may wait for it; long, for this machine may be busy.
    init(
        containers: [String: ScriptedEngine.Container] = [:], isThere: Bool = true,
        patience: Duration = .seconds(30),
        _ script: (@Sendable (String) -> ScriptedEngine.Answer?)? = nil
    ) async throws {
        path = "\(tree.path)/engine.sock"
        try tree.write("cgroup/cgroup.controllers", "memory\n")
        engine = try await ScriptedEngine(at: path, script)
        if !isThere { engine.stop() }
        for (id, container) in containers { engine[id] = container }
        var settings = ContainersTarget.Settings()
        settings.cgroupfs = "\(tree.path)/cgroup"
        settings.runtimeSockets = [path]
        target = try #require(
            try ContainersTarget(
                settings, runtimes: Runtimes(settings, group: MultiThreadedEventLoopGroup.singleton, patience: patience)
            ))
        for (id, container) in containers where container.state == "running" { try start(id) }
    }

    /// Makes the container's cgroup.
    func start(_ id: String) throws { try tree.write("cgroup/docker/\(id)/memory.current", "4096\n") }

    func stop(_ id: String) throws { try tree.remove("cgroup/docker/\(id)") }

    func scrape() async -> Scraped {
        let scrape = Scrape(until: Deadline(after: .seconds(120)))
        await target.run(scrape)
        let (outcome, families) = scrape.harvest(target.collectors)
        return Scraped(families: families, omissions: outcome.omissions)
    }

    /// A page on which something holds.
    func page(where condition: (Scraped) -> Bool) async throws -> Scraped? {
        let last = Mutexed<Scraped?>(nil)
        let isFound = try await eventually {
            let page = await scrape()
            last.value = page
            return condition(page)
        }
        return isFound ? last.value : nil
    }

    func shutdown() async {
        await target.shutdown()
        engine.stop()
    }
}

struct Scraped: Sendable {
    let families: [MetricFamily]
    let omissions: [ScrapeOutcome.Omission]

    /// The series of a name, with the labels in front of their values.
    func series(_ name: String) -> [String: Double] {
        families.filter { $0.descriptor.name == name }.flatMap(\.samples).reduce(into: [:]) { series, sample in
            if case .number(let value) = sample.value { series["\(sample.labels)"] = value }
        }
    }

    /// The names of the containers whose memory is told.
    var names: Set<String> {
        Set(
            families.filter { $0.descriptor.name == "container_memory_usage_bytes" }.flatMap(\.samples)
                .compactMap { $0.labels["name"] })
    }

    /// What containers do, by their names.
    var states: [String: String] {
        families.filter { $0.descriptor.name == "container_state" }.flatMap(\.samples).reduce(into: [:]) {
            if $1.value == .number(1), let name = $1.labels["name"] { $0[name] = $1.labels["state"] }
        }
    }
}

@Suite("An engine's socket", .startsServers, .timeLimit(.minutes(15)))
struct RuntimeSocketTests {
    private let first = EngineHost.first
    private let second = EngineHost.second

    @Test("names are on the first page, and a new container's on the first that shows it")
    func names() async throws {
        let host = try await EngineHost(containers: [first: .init(name: "web")])
        let page = await host.scrape()
        #expect(page.names == ["web"])
        #expect(page.states == ["web": "running"])
        #expect(page.omissions.isEmpty)
        // Nobody tells of it.
        host.engine[second] = .init(name: "jobs")
        try host.start(second)
        let next = await host.scrape()
        #expect(next.names == ["web", "jobs"])
        #expect(next.states == ["web": "running", "jobs": "running"])
        await host.shutdown()
        #expect(try await eventually { !host.engine.hasListener })
    }

    @Test("a container that the engine does not know is asked for once, and an event makes it known")
    func unknown() async throws {
        let host = try await EngineHost()
        try host.start(first)
        for _ in 0..<3 { #expect(await host.scrape().names == ["aaaaaaaaaaaa"]) }
        #expect(host.engine.questions.count { $0.hasSuffix("\(first)/json") } == 1)
        host.engine[first] = .init(name: "late")
        host.engine.emit("start", first)
        #expect(try await host.page { $0.names == ["late"] } != nil)
        await host.shutdown()
    }

    @Test("a rename, and another container of the same name")
    func renamed() async throws {
        let host = try await EngineHost(containers: [first: .init(name: "web")])
        _ = await host.scrape()
        host.engine[first]?.name = "old"
        host.engine.emit("rename", first)
        #expect(try await host.page { $0.names == ["old"] } != nil)
        host.engine[first] = nil
        try host.stop(first)
        host.engine.emit("destroy", first)
        host.engine[second] = .init(name: "old")
        try host.start(second)
        host.engine.emit("create", second)
        let page = try #require(await host.page { $0.states == ["old": "running"] && $0.names == ["old"] })
        let seen = page.series("container_last_seen").keys.filter { $0.contains("name=\"old\"") }
        // Nobody misses the one that went, since there is another of its name.
        #expect(seen.count == 1)
        #expect(seen.allSatisfy { $0.contains(second) })
        await host.shutdown()
    }

    @Test("each container is asked for once, and then when something happens to it")
    func questions() async throws {
        let host = try await EngineHost(containers: [
            first: .init(name: "web"), second: .init(name: "db", state: "exited"),
        ])
        for _ in 0..<5 { _ = await host.scrape() }
        #expect(host.engine.questions.count { $0 == "/containers/json" } == 1)
        #expect(host.engine.questions.count { $0.hasSuffix("\(first)/json") } == 1)
        #expect(host.engine.questions.count { $0.hasSuffix("\(second)/json") } == 1)
        host.engine.emit("health_status: healthy", first)
        #expect(
            try await eventually { host.engine.questions.count { $0.hasSuffix("\(first)/json") } == 2 })
        #expect(host.engine.questions.count { $0.hasSuffix("\(second)/json") } == 1)
        #expect(!host.engine.questions.contains { $0.hasPrefix("/v1") })
        await host.shutdown()
    }

    @Test("ten thousand events are not ten thousand questions")
    func storm() async throws {
        var containers: [String: ScriptedEngine.Container] = [:]
        let ids = (0..<20).map { String(repeating: "0", count: 62) + String($0 + 10) }
        for (index, id) in ids.enumerated() { containers[id] = .init(name: "c\(index)", state: "exited") }
        let host = try await EngineHost(containers: containers)
        _ = await host.scrape()
        let line = "{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\""
        for _ in 0..<500 { host.engine.send(ids.map { "\(line)\($0)\"}}\n" }.joined()) }
        host.engine[ids[0]]?.name = "last"
        host.engine.emit("rename", ids[0])
        #expect(try await host.page { $0.states.keys.contains("last") } != nil)
        #expect(host.engine.mostAsking <= 4)
        #expect(host.engine.questions.count { $0.hasPrefix("/containers/0") } < 5000)
        await host.shutdown()
    }

    @Test("while the engine is away names stay and states go, and all is listed again when it is back")
    func away() async throws {
        let host = try await EngineHost(containers: [first: .init(name: "web"), second: .init(name: "db")])
        let before = await host.scrape()
        host.engine.stop()
        let page = try #require(await host.page { !$0.omissions.isEmpty })
        #expect(page.states.isEmpty)
        #expect(page.series("container_restarts_total").isEmpty)
        #expect(page.series("container_health_state").isEmpty)
        #expect(page.names == ["web", "db"])
        #expect(page.series("container_start_time_seconds") == before.series("container_start_time_seconds"))
        #expect(page.omissions.map(\.name) == ["engine \(host.path)"])
        // One that is started again meanwhile has its name, and nothing of the run before.
        try host.stop(first)
        _ = await host.scrape()
        try host.start(first)
        let restarted = await host.scrape()
        #expect(restarted.names == ["web", "db"])
        let start = restarted.series("container_start_time_seconds").first { $0.key.contains("name=\"web\"") }
        #expect((start?.value ?? 0) > 1_795_200_000 - 86_400 * 10_000)
        #expect(start?.value != 1_795_255_200)

        host.engine[second] = nil
        try host.stop(second)
        host.engine[first]?.name = "web2"
        try await host.engine.start()
        let after = try #require(await host.page { $0.states == ["web2": "running"] && $0.omissions.isEmpty })
        #expect(after.names == ["web2"])
        #expect(host.engine.questions.count { $0 == "/containers/json" } == 2)
        await host.shutdown()
    }

    @Test("a socket that appears later is found")
    func later() async throws {
        let host = try await EngineHost(containers: [first: .init(name: "web")], isThere: false)
        let page = await host.scrape()
        #expect(page.names == ["aaaaaaaaaaaa"])
        #expect(page.omissions.first?.reason.detail.contains("mount the socket") == true)
        try await host.engine.start()
        #expect(try await host.page { $0.names == ["web"] && $0.omissions.isEmpty } != nil)
        await host.shutdown()
    }

    @Test("an engine that hangs is waited for once")
    func hanging() async throws {
        let tree = TemporaryDirectory("tree", in: .memory)
        let engine = try await ScriptedEngine(at: "\(tree.path)/s") { _ in .nothing }
        let socket = RuntimeSocket(
            engine.path, isOptional: false, .init(), group: MultiThreadedEventLoopGroup.singleton)
        let start = ContinuousClock.now
        let signal = try #require(socket.begin())
        #expect(await !signal.wait(until: Deadline(after: .milliseconds(250))))
        socket.wasLate(since: start)
        #expect(socket.begin() == nil)
        #expect(socket.ask(about: [first]) == nil)
        #expect(socket.begin() == nil)
        #expect(!socket.snapshot.isCurrent)
        // It is said, and said as it is.
        #expect(try await eventually { socket.snapshot.failure?.reason == .timeout })
        #expect(socket.begin() == nil)
        await socket.shutdown()
        engine.stop()
    }

    @Test("an engine that begins to hang tells no more states, is not waited for twice, and comes back")
    func beginsToHang() async throws {
        let host = try await EngineHost(containers: [first: .init(name: "web")])
        #expect(try await host.page { $0.states == ["web": "running"] } != nil)
        host.engine.script { _ in .nothing }
        let page = try #require(await host.page { $0.states.isEmpty })
        #expect(page.names == ["web"])
        #expect(try await host.page { $0.omissions.first?.reason.reason == .timeout } != nil)
        host.engine.script(nil)
        #expect(try await host.page { $0.states == ["web": "running"] && $0.omissions.isEmpty } != nil)
        await host.shutdown()
    }

    @Test("a container that alone cannot be told of has a name and no state")
    func oneHangs() async throws {
        let bad = second
        let host = try await EngineHost(containers: [first: .init(name: "web"), second: .init(name: "db")]) { path in
            path.contains(bad) ? .body("{}", status: "500 Internal Server Error") : nil
        }
        let page = try #require(await host.page { $0.states == ["web": "running"] })
        #expect(page.names == ["web", "db"])
        #expect(page.omissions.isEmpty)
        await host.shutdown()
    }

    @Test(
        "what is no engine is said once for all, and shows no names",
        arguments: [
            .hangUp, .bytes(Array("garbage\r\n\r\n".utf8)), .body("{}", status: "500 Internal Server Error"),
            .body("{}", status: "404 Not Found"), .body("hello"), .bytes(Array("HTTP/1.1 200 OK\r\nConten".utf8)),
        ] as [ScriptedEngine.Answer])
    func nonsense(answer: ScriptedEngine.Answer) async throws {
        let host = try await EngineHost { _ in answer }
        try host.start(first)
        let page = try #require(await host.page { !$0.omissions.isEmpty })
        #expect(page.names == ["aaaaaaaaaaaa"])
        #expect(page.states.isEmpty)
        #expect(page.families.values("container_memory_usage_bytes")["/docker/\(first)"] == 4096)
        await host.shutdown()
    }

    @Test(
        "a list that is forbidden, cut off or none is a reason, too",
        arguments: [
            (.body("{}", status: "403 Forbidden"), .permission), (.body("[{", status: "200 OK"), .internal),
            (.body("{}", status: "404 Not Found"), .unsupportedVersion), (.hangUp, .connection),
        ] as [(ScriptedEngine.Answer, FailureReason)])
    func noList(answer: ScriptedEngine.Answer, reason: FailureReason) async throws {
        let host = try await EngineHost { $0 == "/containers/json" ? answer : nil }
        let page = try #require(await host.page { !$0.omissions.isEmpty })
        #expect(page.omissions.first?.reason.reason == reason)
        await host.shutdown()
    }

    @Test("an engine whose events end at once is not connected to again and again, and it is said")
    func unsteady() async throws {
        let host = try await EngineHost(containers: [first: .init(name: "web")])
        _ = await host.scrape()
        host.engine.endEvents()
        #expect(try await host.page { !$0.omissions.isEmpty } != nil)
        let lists = { host.engine.questions.count { $0 == "/containers/json" } }
        let before = lists()
        for _ in 0..<20 { _ = await host.scrape() }
        #expect(lists() <= before + 1)
        #expect(try await host.page { $0.states == ["web": "running"] && $0.omissions.isEmpty } != nil)
        await host.shutdown()
    }

    @Test("an event without an end, or of nonsense, harms nobody")
    func oddEvents() async throws {
        let host = try await EngineHost(containers: [first: .init(name: "web")])
        _ = await host.scrape()
        host.engine.send("nonsense } ] \"\n{\"Actor\":{\"ID\":\"../../secret\"}}\n{}\n{\"Actor\":7}\n")
        host.engine[first]?.name = "web2"
        host.engine.emit("rename", first)
        #expect(try await host.page { $0.names == ["web2"] } != nil)
        #expect(!host.engine.questions.contains { $0.contains("secret") })
        host.engine.send("{\"a\":\"" + String(repeating: "x", count: 300_000))
        #expect(try await eventually { !host.engine.hasListener })
        // What it held is told again by the next list.
        #expect(try await host.page { $0.states == ["web2": "running"] } != nil)
        await host.shutdown()
    }

    @Test("usual sockets that are not there are nobody's fault")
    func optional() async throws {
        let tree = TemporaryDirectory("tree", in: .memory)
        let socket = RuntimeSocket(
            "\(tree.path)/none", isOptional: true, .init(), group: MultiThreadedEventLoopGroup.singleton)
        let signal = try #require(socket.begin())
        #expect(await signal.wait(until: Deadline(after: .seconds(30))))
        #expect(socket.snapshot.failure == nil)
        await socket.shutdown()
        #expect(socket.begin() == nil)
    }

    @Test("a thousand containers are all asked for, four at a time")
    func many() async throws {
        var containers: [String: ScriptedEngine.Container] = [:]
        for index in 0..<1000 {
            let id = String(repeating: "c", count: 60) + String(index + 1000)
            containers[id] = .init(name: "c\(index)", state: "exited", exitCode: index % 256)
        }
        let host = try await EngineHost(containers: containers)
        let page = try #require(await host.page { $0.series("container_exit_code").count == 1000 })
        #expect(page.series("container_state").count == 7000)
        #expect(host.engine.mostAsking <= 4)
        await host.shutdown()
    }
}
