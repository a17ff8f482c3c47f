import Foundation
import Lab
import Testing

/// The image, run on a real engine as Compose would: `make test-docker`, which says by `STACK_EXPORTER_IMAGE` where it has
/// saved it.
@Suite(
    .enabled("make test-docker runs it") { SharedImage.archive != nil }, .sharedImage, .startsServers,
    .timeLimit(.minutes(15)))
struct ImageTests {
    fileprivate static let image = "stack-exporter"

    /// What the services of `docker/` may do, and the network of the host, since this engine has none.
    private static let limits = [
        "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true", "--memory", "64m",
        "--memory-swap", "64m", "--cgroupns", "private", "--network", "host",
    ]
    /// What else they have.
    private static let options =
        limits + [
            "--restart", "unless-stopped", "--volume", "/sys/fs/cgroup:/host/sys/fs/cgroup:ro",
            "--volume", "/proc:/host/proc:ro",
        ]

    /// A container of it.
    private struct Contained {
        let engine: DockerEngine
        let name: String
        let port = freePort()

        init(_ name: String, in engine: DockerEngine, options: [String] = []) async throws {
            self.engine = engine
            self.name = name
            try await engine.cli(
                ["run", "--detach", "--name", name] + ImageTests.options + options
                    + ["--env", "STACK_EXPORTER_WEB_LISTEN_ADDRESS=127.0.0.1:\(port)", ImageTests.image])
            try await becomesHealthy()
        }

        /// By the image's own check.
        func becomesHealthy() async throws {
            let isHealthy = try await eventually(within: 60) {
                try await engine.inspect(name, "{{.State.Health.Status}}") == "healthy"
            }
            guard isHealthy else { throw LabError("\(name): \(try await engine.cli("logs", name))") }
        }

        func page() async throws -> Page {
            let result = try await run(
                ["curl", "-sS", "--fail", "--max-time", "60", "http://127.0.0.1:\(port)/metrics"],
                environment: .only([:]))
            guard result.status == 0 else { throw LabError(result.errors) }
            return try Page(result.output)
        }

        func page(until condition: (Page) -> Bool) async throws -> Page {
            var last: Page?
            let isThere = try await eventually(within: 60) {
                last = try? await page()
                return last.map(condition) ?? false
            }
            guard isThere, let last else {
                throw LabError("\(last?.failures ?? [:]) \(try await engine.cli("logs", name))")
            }
            return last
        }
    }

    @Test func itIsSmallAndSaysWhatItIs() async throws {
        struct Image: Decodable {
            struct Config: Decodable {
                struct Healthcheck: Decodable { let Test: [String] }
                let User: String
                let Entrypoint: [String]
                let Healthcheck: Healthcheck
                let Labels: [String: String]
            }
            let Size: Int
            let Config: Config
        }
        let engine = try DockerEngine.shared
        let text = try await engine.cli("image", "inspect", "--format", "{{json .}}", Self.image)
        let image = try JSONDecoder().decode(Image.self, from: Data(text.utf8))
        #expect(image.Size < 60_000_000)
        #expect(image.Config.User == "65532:65532")
        #expect(image.Config.Entrypoint == ["stack-exporter"])
        #expect(image.Config.Healthcheck.Test == ["CMD", "stack-exporter", "health"])
        let labels = image.Config.Labels
        let version = try #require(labels["org.opencontainers.image.version"])
        let revision = try #require(labels["org.opencontainers.image.revision"])
        let said = try await engine.cli(["run", "--rm"] + Self.limits + [Self.image, "version"])
        #expect(said.contains(version) && said.contains(revision), "\(said)")
        #expect(revision.wholeMatch(of: /[0-9a-f]{12}\+?/) != nil)
    }

    /// Neither a shell nor a package manager; a list of what it is made of, which holds every library.
    @Test func nothingElseIsInIt() async throws {
        let engine = try DockerEngine.shared
        let id = try await engine.cli("create", Self.image)
        let directory = engine.directory.url.appending(path: "root")
        let unpacked = try await run(
            [
                "sh", "-euc",
                "mkdir \"$1\"; archive=$1.tar; shift; \"$@\" >\"$archive\"; tar -C \"${archive%.tar}\" -xf \"$archive\"",
                "unpack", directory.path,
            ] + engine.program + ["export", id])
        #expect(unpacked.status == 0, "\(unpacked.errors)")
        try await engine.cli("rm", id)
        let files = try FileManager.default.subpathsOfDirectory(atPath: directory.path)
        let programs = files.filter { $0.contains("bin/") && !$0.hasSuffix("/") }
        #expect(programs == ["usr/bin/stack-exporter"])
        #expect(files.contains("etc/ssl/certs/ca-certificates.crt"))

        struct Document: Decodable {
            struct Package: Decodable {
                let name: String
                let versionInfo: String
            }
            let packages: [Package]
        }
        let list = directory.appending(path: "usr/share/sbom/stack-exporter.spdx.json")
        let document = try JSONDecoder().decode(Document.self, from: Data(contentsOf: list))
        let names = Set(document.packages.map(\.name))
        #expect(names.isSuperset(of: ["libc6", "libpq5", "libssl3", "ca-certificates", "swift", "swift-nio"]))
        #expect(!document.packages.contains { $0.versionInfo == "unknown" || $0.versionInfo.isEmpty })
        let known = try FileManager.default.contentsOfDirectory(
            atPath: directory.appending(path: "var/lib/dpkg/status.d").path)
        #expect(names.isSuperset(of: known))
        let valid = try await run([Repository.pythonProgram("pyspdxtools"), "--infile", list.path])
        #expect(valid.status == 0, "\(valid.output)\(valid.errors)")
    }

    @Test(arguments: [false, true])
    func withoutPrivilegesItSeesOthersAsTheEngineDoes(hasSocket: Bool) async throws {
        let engine = try DockerEngine.shared
        let watched = hasSocket ? "watched-by-name" : "watched"
        let files = try await Load.cpu.frozen(in: engine, named: watched)
        let wired = try await Load.network.frozen(in: engine, named: "\(watched)-wired")
        let exporter = try await Contained(
            "exporter-\(hasSocket)", in: engine,
            options: hasSocket
                ? ["--volume", "\(engine.socket):/var/run/docker.sock:ro", "--group-add", try engine.group]
                : [])

        let process = try await engine.inspect(exporter.name, "{{.State.Pid}}")
        let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        let fields = status.split(separator: "\n").reduce(into: [Substring: [Substring]]()) { fields, line in
            let words = line.split { $0 == ":" || $0 == "\t" || $0 == " " }
            fields[words[0]] = Array(words.dropFirst())
        }
        #expect(fields["Uid"] == ["65532", "65532", "65532", "65532"])
        for capabilities in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            #expect(fields[Substring(capabilities)] == ["0000000000000000"])
        }
        #expect(fields["NoNewPrivs"] == ["1"])
        let mounts = try String(contentsOfFile: "/proc/\(process)/mounts", encoding: .utf8)
        #expect(mounts.contains(/(?m)^\S+ \/ \S+ ro,/))

        struct Stats: Decodable {
            struct CPU: Decodable {
                struct Usage: Decodable { let total_usage: Double }
                let cpu_usage: Usage
            }
            struct Memory: Decodable {
                let usage: Double
                let limit: Double
            }
            let cpu_stats: CPU
            let memory_stats: Memory
        }
        var difference: [String: [Double?]] = [:]
        let agree = try await eventually(within: 60) {
            let body = try await engine.api("/containers/\(watched)/stats?stream=false&one-shot=1")
            let stats = try JSONDecoder().decode(Stats.self, from: body)
            let page = try await exporter.page().of(files.cgroup)
            func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
                page[Page.Series(name: name, labels: labels)]
            }
            difference = [
                "cpu": [
                    value("container_cpu_usage_seconds_total", ["cpu": "total"]),
                    stats.cpu_stats.cpu_usage.total_usage / 1e9,
                ],
                "memory": [value("container_memory_usage_bytes"), stats.memory_stats.usage],
                "limit": [value("container_spec_memory_limit_bytes"), stats.memory_stats.limit],
            ]
            return difference.values.allSatisfy { $0[0] == $0[1] }
        }
        #expect(agree, "\(difference)")

        let name = hasSocket ? watched : String(files.id.prefix(12))
        let page = try await exporter.page {
            $0.all("container_memory_usage_bytes").keys.contains {
                $0.labels["id"] == files.cgroup && $0.labels["name"] == name
            }
        }
        #expect(page.all("container_state").isEmpty == !hasSocket)
        #expect(page.reasons(of: "containers") == [])
        let networks = page.all("container_network_receive_bytes_total").keys
        #expect(networks.contains { $0.labels["id"] == "/" })
        // That of a container takes the number of its process, which the engine tells.
        #expect(networks.contains { $0.labels["id"] == wired.cgroup && $0.labels["interface"] == "eth0" } == hasSocket)
        // 64 MB are plenty.
        let own = engine.cgroup(of: try await engine.inspect(exporter.name, "{{.Id}}"))
        let memory = try #require(page.of(own)[Page.Series(name: "container_memory_working_set_bytes", labels: [:])])
        #expect(memory < 40_000_000)
        try await engine.cli("rm", "--force", exporter.name, watched, "\(watched)-wired")
    }

    /// Databases by their names, and passwords from files, as in the Compose files.
    @Test func itReachesDatabasesByName() async throws {
        let engine = try DockerEngine.shared
        let files = try await ComposeFiles()
        let postgres = try await PostgresServer()
        try await postgres.initialize(with: files)
        let redis = try await RedisServer("--aclfile", files.directory.path("secrets/redis_users"))
        let environment = try #require(try await files.services()["exporter"]?.environment).mapValues {
            $0.replacing("postgres:5432", with: "postgres:\(postgres.port)")
                .replacing("redis:6379", with: "redis:\(redis.port)")
        }
        let volumes = [
            "\(files.directory.path)/secrets:/run/secrets:ro",
            "\(files.directory.path)/queries.yaml:/etc/stack-exporter/queries.yaml:ro",
        ]
        // The directory as a whole is mounted here, where Compose mounts its files.
        try await run(["chmod", "755", files.directory.path("secrets")])
        let exporter = try await Contained(
            "exporter-databases", in: engine,
            options: environment.flatMap { ["--env", "\($0.key)=\($0.value)"] } + volumes.flatMap { ["--volume", $0] }
                + ["--add-host", "postgres:127.0.0.1", "--add-host", "redis:127.0.0.1"])
        let page = try await exporter.page { $0["pg_up"] == 1 && $0["redis_up"] == 1 }
        #expect(page.failures.filter { $0.key.hasPrefix("postgres/") || $0.key.hasPrefix("redis/") } == [:])
        let check = try await engine.cli("exec", exporter.name, "stack-exporter", "check")
        #expect(check.contains("redis (redis): up"))
        try await engine.cli("rm", "--force", exporter.name)
    }

    /// By Compose, on a network of Docker's own, where it listens on every address and is found by its name.
    @Test func composeAddsItToAStack() async throws {
        let engine = try DockerEngine.shared
        let files = try await ComposeFiles()
        // The host's port may be somebody else's here.
        let sidecar = try files.directory.write(
            "sidecar.yaml", files.text("sidecar.yaml").replacing("127.0.0.1:19187:19187", with: "19187"))
        func compose(_ arguments: String...) async throws -> CommandResult {
            try await run(
                ["timeout", "120", "docker-compose", "--file", sidecar, "--project-name", "shop"] + arguments,
                environment: .added(["DOCKER_HOST": "unix://\(engine.socket)"]))
        }
        let started = try await compose("up", "--detach")
        #expect(started.status == 0, "\(started.errors)")
        let id = try await compose("ps", "--quiet").output.trimmingCharacters(in: .newlines)
        let isHealthy = try await eventually(within: 60) {
            (try? await engine.inspect(id, "{{.State.Health.Status}}")) == "healthy"
        }
        let memory = try? await engine.inspect(id, "{{.HostConfig.Memory}}")
        let said = try? await engine.cli("logs", id)
        let text = try? await engine.cli([
            "run", "--rm", "--network", "shop_default", busyboxImage, "wget", "-q", "-O", "-",
            "http://stack-exporter:19187/metrics",
        ])
        // Whatever came of it: the network is one of the machine.
        let ended = try await compose("down", "--timeout", "5")
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(isHealthy, "\(said ?? "")")
        #expect(memory == "67108864")
        let page = try Page(#require(text))
        // The databases are not there, and it says so.
        #expect(page["pg_up"] == 0 && page["redis_up"] == 0)
        let own = engine.cgroup(of: id)
        #expect(page.all("container_memory_usage_bytes").keys.contains { $0.labels["id"] == own })
        // The host's network, and not that of the container.
        #expect(page["node_network_receive_bytes_total", ["device": "lo"]] ?? 0 > 0)
    }

    /// Others that restart begin anew and disturb nobody; the engine's own restart is a gap, and nothing more.
    @Test func restartsLoseNothingButTheGap() async throws {
        let engine = try await DockerEngine()
        try await engine.load()
        let exporter = try await Contained(
            "exporter", in: engine,
            options: [
                "--volume", "\(engine.socket):/var/run/docker.sock:ro", "--group-add", try engine.group,
            ])
        let options = ["--restart", "unless-stopped"]
        let steady = engine.cgroup(of: try await engine.run("steady", options: options))
        let other = engine.cgroup(of: try await engine.run("other", options: options))
        func isShown(_ page: Page, _ cgroup: String, _ name: String) -> Bool {
            page.all("container_cpu_usage_seconds_total").keys.contains {
                $0.labels["id"] == cgroup && $0.labels["name"] == name
            }
        }
        func isWhole(_ page: Page) -> Bool { isShown(page, steady, "steady") && isShown(page, other, "other") }
        _ = try await exporter.page(until: isWhole)

        for _ in 0..<3 {
            try await engine.cli("restart", "--time", "0", "other")
            let page = try await exporter.page()
            #expect(isShown(page, steady, "steady"))
            #expect(page.duplicates == [])
        }
        let restarted = try await exporter.page(until: isWhole)
        #expect(restarted.duplicates == [])

        try await engine.stop()
        try await engine.start()
        try await exporter.becomesHealthy()
        let back = try await exporter.page(until: isWhole)
        #expect(back.duplicates == [])
        #expect(back.reasons(of: "containers") == [])
        try await engine.cli("rm", "--force", "exporter", "steady", "other")
    }
}

extension DockerEngine {
    /// Loads the image that `make test-docker` has saved.
    fileprivate func load() async throws {
        let loaded = try await cli("load", "--input", try #require(SharedImage.archive))
        // Podman puts localhost/ before the name.
        let name = try #require(loaded.firstMatch(of: /Loaded image: (\S+)/), "\(loaded)")
        try await cli("tag", String(name.1), ImageTests.image)
    }

    /// The number of the group whose members may use the socket.
    fileprivate var group: String {
        get throws {
            let attributes = try FileManager.default.attributesOfItem(atPath: socket)
            return "\(try #require(attributes[.groupOwnerAccountID] as? Int))"
        }
    }
}

/// Gives all tests of a suite the same engine with the image in it.
private struct SharedImage: SuiteTrait, TestScoping {
    static let archive = ProcessInfo.processInfo.environment["STACK_EXPORTER_IMAGE"]

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await SharedDocker(parent: nil).provideScope(for: test, testCase: testCase) {
            try await DockerEngine.shared.load()
            try await function()
        }
    }
}

extension Trait where Self == SharedImage {
    fileprivate static var sharedImage: SharedImage { SharedImage() }
}
