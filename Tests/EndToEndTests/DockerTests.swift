import Foundation
import Lab
import Testing

/// Containers of a real Docker engine, where it has them by default, by what the kernel and the engine say of them.
@Suite(.sharedDocker(parent: "/docker"), .startsServers, .enabledOnV1, .timeLimit(.minutes(15)))
struct DockerTests {
    /// Each test has its own, for whom nobody else's scrape is under way. It knows of no engine.
    private func nameless() async throws -> Exporter {
        try await Exporter(
            [:], "--containers.runtime-socket=none", "--collector.container_open_files",
            "--collector.container_details")
    }

    /// What must not be 0 lest the comparison say nothing.
    private static let positive: [Load: [String]] = [
        .cpu: [
            "container_cpu_usage_seconds_total", "container_cpu_user_seconds_total", "container_cpu_cfs_periods_total",
            "container_cpu_cfs_throttled_periods_total", "container_cpu_cfs_throttled_seconds_total",
            "container_memory_cache", "container_memory_rss", "container_memory_kernel_usage",
            "container_spec_cpu_quota",
            "container_spec_memory_limit_bytes", "container_spec_memory_swap_limit_bytes",
            "container_spec_memory_reservation_limit_bytes", "container_threads_max",
            "container_pressure_cpu_waiting_seconds_total", "container_pressure_cpu_stalled_seconds_total",
            "container_memory_working_set_ratio", "container_processes", "container_threads",
            "container_file_descriptors", "container_ulimits_soft", "container_cpu_limit_effective_cores",
            "container_threads_limit_effective",
        ],
        .memory: ["container_oom_events_total", "container_memory_failcnt", "container_memory_max_usage_bytes"],
        .disk: [
            "container_fs_reads_bytes_total", "container_fs_writes_bytes_total", "container_fs_reads_total",
            "container_fs_writes_total", "container_fs_sector_reads_total", "container_fs_sector_writes_total",
            "container_blkio_device_usage_total", "container_pressure_io_waiting_seconds_total",
        ],
        .network: [
            "container_network_transmit_bytes_total", "container_network_transmit_packets_total",
            "container_network_receive_bytes_total", "container_network_receive_packets_total",
        ],
        .none: ["container_memory_usage_bytes"],
    ]

    @Test(arguments: Load.allCases)
    func everyValueIsTheKernelsAndTheEngines(_ load: Load) async throws {
        let engine = try DockerEngine.shared
        let exporter = try await nameless()
        let name = "load-\(load)"
        let files = try await load.frozen(in: engine, named: name)

        // What does not belong to the container moves all the same: the pages that each CPU holds in stock for it, the
        // host's network.
        var agreed: [Page.Series: Double] = [:]
        var shown: [Page.Series: Double] = [:]
        var left: [Page.Series: Double] = [:]
        let agree = try await eventually(within: 30) {
            let before = KernelValues.of(files)
            let stats = try await EngineStats(of: name, from: engine).series
            shown = try await exporter.page().of(files.cgroup)
            let after = KernelValues.of(files)
            for (series, value) in shown where after[series] == value && before[series] == value {
                // The engine does not tell everything.
                if let told = stats[series], told != value { continue }
                agreed[series] = value
            }
            // Neither what is missing nor what nobody said.
            left = after.merging(shown.filter { KernelValues.all[$0.key.name] != nil }) { kernels, _ in kernels }
                .filter { agreed[$0.key] == nil }
            return left.isEmpty
        }
        #expect(agree, "\(left) but \(shown.filter { left[$0.key] != nil })")
        // Paused by v1's freezer, it is not frozen by v2's.
        let impossible = KernelValues.onlyOfV2.intersection(shown.keys.map(\.name))
        #expect(impossible == [])
        for family in Self.positive[load, default: []] {
            #expect(agreed.contains { $0.key.name == family && $0.value > 0 }, "\(family)")
        }
        try await engine.cli("rm", "--force", name)
    }

    @Test func everyFamilyIsComparedOrItIsSaidWhyNot() async throws {
        struct Family: Decodable { let name: String }
        let catalogue = try await Exporter.run(["metrics", "--format=json"]).output
        let names = try JSONDecoder().decode([Family].self, from: Data(catalogue.utf8)).map { $0.name }
        let served = Set(names.filter { $0.hasPrefix("container_") || $0.hasPrefix("machine_") })
        let compared = Set(KernelValues.all.keys)
        let elsewhere = KernelValues.elsewhere.values.reduce(into: Set()) { $0.formUnion($1) }
        #expect(served.symmetricDifference(compared.union(elsewhere)) == [])
        #expect(compared.intersection(elsewhere) == [])
    }

    /// A network is its owner's, and the machine's is no container's.
    @Test func aNetworkHasExactlyWhatWasSentAndIsShownOnce() async throws {
        let engine = try DockerEngine.shared
        let exporter = try await nameless()
        let owner = engine.cgroup(of: try await engine.run("owner", options: Cable.options))
        let guest = engine.cgroup(of: try await engine.run("guest", options: ["--network", "container:owner"]))
        let foreign = engine.cgroup(of: try await engine.run("foreign", options: ["--network", "host"]))
        let cable = try await Cable(in: "owner", of: engine)
        for count in 1...3 {
            try await cable.send(bytes: 1000)
            let page = try await exporter.page()
            func network(_ cgroup: String) -> [Page.Series: Double] {
                page.of(cgroup).filter { $0.key.name.hasPrefix("container_network_") }
            }
            let sent: [String: [String: Double]] = [
                "eth0": ["transmit_bytes": 1042, "transmit_packets": 1],
                "eth1": ["receive_bytes": 1042, "receive_packets": 1],
            ]
            #expect(network(owner).count == 16)
            for (series, value) in network(owner) {
                let family = series.name.dropFirst("container_network_".count).dropLast("_total".count)
                let once = sent[series.labels["interface", default: ""], default: [:]][String(family), default: 0]
                #expect(value == once * Double(count), "\(series)")
            }
            #expect(network(guest) == [:])
            #expect(network(foreign) == [:])
        }
        try await engine.cli("rm", "--force", "guest", "owner", "foreign")
    }

    /// Whatever the kernel shows to everybody, which is all but what files are open.
    @Test func nobodyWithoutASocketSeesEverythingButNames() async throws {
        let engine = try DockerEngine.shared
        let files = try await Load.cpu.frozen(in: engine, named: "watched")
        let root = try await Exporter([:], "--containers.runtime-socket=none")
        let nobody = try await ContainedExporter("nobody", in: engine)
        var difference: [Page.Series: [Double?]] = [:]
        let agree = try await eventually(within: 30) {
            let (all, seen) = (try await root.page().of(files.cgroup), try await nobody.page().of(files.cgroup))
            let series = Set(all.keys).union(seen.keys).filter {
                $0.name != "container_last_seen" && all[$0] != seen[$0]
            }
            difference = series.reduce(into: [:]) { $0[$1] = [all[$1], seen[$1]] }
            return all.count > 50 && difference.isEmpty
        }
        #expect(agree, "\(difference)")
        let page = try await nobody.page()
        #expect(page.reasons(of: "containers") == [])
        let names = Set(page.values.keys.filter { $0.labels["id"] == files.cgroup }.map { $0.labels["name"] })
        #expect(names == [String(files.id.prefix(12))])

        let advice = try await nobody.check()
        #expect(advice.contains("containers (containers): up"))
        #expect(advice.contains("nobody tells the names of containers of Docker"))
        #expect(advice.contains("/var/run/docker.sock:/var/run/docker.sock:ro"))
        #expect(advice.contains("the open files and sockets of other users' processes cannot be counted"))
        #expect(!advice.contains("only the exporter's own cgroup"))
        #expect(!advice.contains("have no numbers here"))
        try await engine.cli("rm", "--force", "nobody", "watched")
    }

    /// What lives between two scrapes leaves no series and no open file.
    @Test func whatNoScrapeMeetsLeavesNothing() async throws {
        let engine = try DockerEngine.shared
        let exporter = try await nameless()
        func ours(_ page: Page) -> Set<String> { Set(page.values.keys.compactMap { $0.labels["id"] }) }
        func openFiles(of cgroups: Set<String>) throws -> [String] {
            let directory = "/proc/\(exporter.daemon.pid)/fd"
            return try FileManager.default.contentsOfDirectory(atPath: directory)
                .compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\($0)") }
                .filter { file in cgroups.contains { file.contains($0) } }
        }
        // One that a scrape does meet is closed again once it is gone.
        let met = engine.cgroup(of: try await engine.run("met"))
        #expect(ours(try await exporter.page()).contains(met))
        #expect(try openFiles(of: [met]) != [])
        try await engine.cli("rm", "--force", "met")
        var unmet: Set<String> = []
        for _ in 0..<3 {
            unmet.insert(engine.cgroup(of: try await engine.run("unmet")))
            try await engine.cli("rm", "--force", "unmet")
        }
        let left = ours(try await exporter.page()).intersection(unmet)
        #expect(left == [])
        let isClosed = try await eventually {
            _ = try await exporter.page()
            return try openFiles(of: unmet.union([met])) == []
        }
        let open = try openFiles(of: unmet.union([met]))
        #expect(isClosed, "\(open)")
    }

    /// What people see of their containers.
    @Test func memoryIsWhatDockerStatsShows() async throws {
        struct Line: Decodable {
            let MemUsage: String
            let PIDs: String
        }
        let engine = try DockerEngine.shared
        let exporter = try await nameless()
        let files = try await Load.cpu.frozen(in: engine, named: "stats")
        var line = ""
        var page = try await exporter.page()
        let agree = try await eventually(within: 30) {
            line = try await engine.cli("stats", "--no-stream", "--format", "{{json .}}", "stats")
            page = try await exporter.page()
            let row = try JSONDecoder().decode(Line.self, from: Data(line.utf8))
            let shown = page.of(files.cgroup)
            func value(_ name: String) -> Double? { shown[Page.Series(name: name, labels: [:])] }
            let numbers = row.MemUsage.split(separator: "/").map { Self.bytes($0.trimmingCharacters(in: .whitespaces)) }
            guard let used = value("container_memory_working_set_bytes") else { return false }
            // Four digits.
            return numbers.count == 2 && abs(used - numbers[0]) <= used * 1e-3
                && numbers[1] == value("container_spec_memory_limit_bytes")
                && Double(row.PIDs) == value("container_threads")
        }
        #expect(agree, "\(line) \(page.of(files.cgroup))")
        try await engine.cli("rm", "--force", "stats")
    }

    private static func bytes(_ text: String) -> Double {
        let units = ["KiB": 0x1p10, "MiB": 0x1p20, "GiB": 0x1p30, "B": 1.0]
        let unit = text.drop { $0.isNumber || $0 == "." }
        return (Double(text.dropLast(unit.count)) ?? .nan) * units[String(unit), default: .nan]
    }

    @Test func aStoppedContainerLeavesNothingButTheTimeItWasSeen() async throws {
        let engine = try DockerEngine.shared
        let exporter = try await nameless()
        let id = try await engine.run("stopped")
        let cgroup = engine.cgroup(of: id)
        #expect(try await exporter.page().of(cgroup).count > 20)
        let seen = Date()
        try await engine.cli("stop", "stopped")
        let page = try await exporter.page()
        #expect(page.of(cgroup).keys.map(\.name) == ["container_last_seen"])
        let last = try #require(page.of(cgroup).values.first)
        #expect(last <= Date().timeIntervalSince1970 && last >= seen.timeIntervalSince1970.rounded(.down) - 60)

        try await engine.cli("start", "stopped")
        let again = try await exporter.page().of(cgroup)
        #expect(again.count > 20)
        #expect(again[Page.Series(name: "container_cpu_usage_seconds_total", labels: ["cpu": "total"])] ?? 0 < 10)
        try await engine.cli("rm", "--force", "stopped")
    }

    /// The engine makes the cgroup anew, whose counters begin at 0.
    @Test func aRestartedContainerBeginsAnew() async throws {
        let engine = try DockerEngine.shared
        let exporter = try await nameless()
        let files = try await Load.cpu.frozen(in: engine, named: "restarted")
        let throttled = Page.Series(name: "container_cpu_cfs_throttled_periods_total", labels: [:])
        let before = try await exporter.page().of(files.cgroup)
        try #require(before[throttled] ?? 0 > 0)
        try await engine.cli("unpause", "restarted")
        try await engine.cli("update", "--cpus", "1.5", "restarted")
        try await engine.cli("kill", "restarted")
        try await engine.cli("start", "restarted")
        try await engine.cli("pause", "restarted")
        let after = try await exporter.page().of(files.cgroup)
        #expect(after[throttled] == files.number("cpu", "cpu.stat", "nr_throttled"))
        #expect(after[Page.Series(name: "container_spec_cpu_quota", labels: [:])] == 150_000)
        let started = Page.Series(name: "container_start_time_seconds", labels: [:])
        #expect(try #require(after[started]) >= #require(before[started]))
        try await engine.cli("rm", "--force", "restarted")
    }

    /// The monitor of each container has a cgroup too.
    @Test func podmansContainersAreContainersAndItsMonitorsAreNot() async throws {
        let podman = try await PodmanService()
        let exporter = try await nameless()
        let id = try await podman.run("other", options: ["--memory", "64m", "--cpus", "0.5"])
        let page = try await exporter.page()
        let shown = page.of(podman.cgroup(of: id))
        #expect(shown[Page.Series(name: "container_spec_memory_limit_bytes", labels: [:])] == 0x1p26)
        #expect(shown[Page.Series(name: "container_spec_cpu_quota", labels: [:])] == 50_000)
        let ids = Set(page.values.keys.compactMap { $0.labels["id"] }.filter { $0.hasPrefix(podman.parent) })
        #expect(ids == [podman.cgroup(of: id)])
        try await podman.cli("rm", "--force", "--time", "0", "other")
        #expect(try await exporter.page().of(podman.cgroup(of: id)).keys.map(\.name) == ["container_last_seen"])
    }
}

/// What `GET /containers/ID/stats` tells, as the series that it should be the same as.
private struct EngineStats {
    private struct Answer: Decodable {
        struct CPU: Decodable {
            struct Usage: Decodable { let total_usage: Double }
            struct Throttling: Decodable {
                let periods: Double
                let throttled_periods: Double
                let throttled_time: Double
            }
            let cpu_usage: Usage
            let throttling_data: Throttling
        }
        struct Memory: Decodable {
            let usage: Double
            let max_usage: Double
            let failcnt: Double?
            let limit: Double
            let stats: [String: Double]
        }
        struct PIDs: Decodable {
            let current: Double
            let limit: Double?
        }
        struct IO: Decodable {
            struct Entry: Decodable {
                let major: Int
                let minor: Int
                let op: String
                let value: Double
            }
            let io_service_bytes_recursive: [Entry]?
            let io_serviced_recursive: [Entry]?
        }
        let cpu_stats: CPU
        let memory_stats: Memory
        let pids_stats: PIDs
        let blkio_stats: IO
    }

    /// Those that may be on the page.
    let series: [Page.Series: Double]

    init(of container: String, from engine: DockerEngine) async throws {
        let body = try await engine.api("/containers/\(container)/stats?stream=false&one-shot=1")
        let answer = try JSONDecoder().decode(Answer.self, from: body)
        let (cpu, memory) = (answer.cpu_stats, answer.memory_stats)
        var series: [Page.Series: Double] = [:]
        func add(_ name: String, _ value: Double?, _ labels: [String: String] = [:]) {
            if let value { series[Page.Series(name: name, labels: labels)] = value }
        }
        add("container_cpu_usage_seconds_total", cpu.cpu_usage.total_usage / 1e9, ["cpu": "total"])
        add("container_cpu_cfs_periods_total", cpu.throttling_data.periods)
        add("container_cpu_cfs_throttled_periods_total", cpu.throttling_data.throttled_periods)
        add("container_cpu_cfs_throttled_seconds_total", cpu.throttling_data.throttled_time / 1e9)
        add("container_memory_usage_bytes", memory.usage)
        add("container_memory_max_usage_bytes", memory.max_usage)
        add("container_memory_failcnt", memory.failcnt)
        add("container_memory_rss", memory.stats["total_rss"])
        add("container_memory_cache", memory.stats["total_cache"])
        add("container_memory_mapped_file", memory.stats["total_mapped_file"])
        // Without a limit it tells the machine's memory.
        if memory.stats["hierarchical_memory_limit"] ?? .infinity < 0x1p62 {
            add("container_spec_memory_limit_bytes", memory.limit)
        }
        add("container_threads", answer.pids_stats.current)
        add("container_threads_max", answer.pids_stats.limit)
        for (names, entries) in [
            (
                ["container_fs_reads_bytes_total", "container_fs_writes_bytes_total"],
                answer.blkio_stats.io_service_bytes_recursive
            ),
            (["container_fs_reads_total", "container_fs_writes_total"], answer.blkio_stats.io_serviced_recursive),
        ] {
            for entry in entries ?? [] where ["read", "write"].contains(entry.op.lowercased()) {
                let disk = try Disk(number: "\(entry.major):\(entry.minor)")
                add(names[entry.op.lowercased() == "read" ? 0 : 1], entry.value, ["device": disk.path])
            }
        }
        self.series = series
    }
}
