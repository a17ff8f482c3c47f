import Foundation
import Lab
import Testing

/// cAdvisor 0.38.7 and the exporter, side by side on the same containers: who replaces the one by the other misses nothing.
@Suite(.sharedDocker(), .startsServers, .enabledOnV1, .timeLimit(.minutes(15)))
struct CadvisorTests {
    /// Where ours is not what cAdvisor's is, and why.
    private static let deviations: [String: Deviation] = [
        // An average that is only measured with --enable_load_reader, by netlink from cgroup v1 alone, and 0 otherwise.
        "container_cpu_load_average_10s": .absent,
        "container_tasks_state": .absent,
        // Hardware that no more is sold, by a library that nobody links; always 0.
        "machine_nvm_capacity": .absent,
        "machine_nvm_avg_power_budget_watts": .absent,
        // They say when the container was made where ours say when it was started, which is never before.
        "container_start_time_seconds": .between(0, 60),
        // Now, at either scrape.
        "container_last_seen": .between(-60, 60),
        // Ours are the kernel's microseconds where theirs are its hundredths of a second, rounded by each on its own.
        "container_cpu_user_seconds_total": .between(-0.03, 0.03),
        "container_cpu_system_seconds_total": .between(-0.03, 0.03),
    ]

    /// The same for what is only so of the root.
    private static let rootDeviations: [String: Deviation] = [
        // cAdvisor has the root's own faults in both scopes; ours are those of all cgroups in `hierarchy`.
        "container_memory_failures_total": .between(0, .infinity),
        // cAdvisor adds up the whole machine; ours are those of the processes in no other cgroup.
        "container_file_descriptors": .between(-.infinity, .infinity),
        "container_sockets": .between(-.infinity, .infinity),
        "container_processes": .between(-.infinity, .infinity),
        // The kernel does not count them there, for which cAdvisor has 0; ours are counted as the processes are.
        "container_threads": .between(0, .infinity),
        // There can be no limit there, which cAdvisor has as 0 too.
        "container_threads_max": .absent,
        // cAdvisor takes a date that changes whenever a cgroup is made; ours is the earliest that it ever had.
        "container_start_time_seconds": .between(-.infinity, 60),
    ]

    private enum Deviation {
        /// Ours has none.
        case absent
        /// By how much ours may be more.
        case between(Double, Double)
    }

    @Test func everySeriesOfCadvisorIsOnOurPageWithItsValue() async throws {
        let engine = try DockerEngine.shared
        let exporter = try await Exporter(
            [:], "--containers.runtime-socket=none", "--collector.container_open_files")
        let cadvisor = try await Cadvisor(of: engine)
        var files: [KernelFiles] = []
        for load in Load.allCases { files.append(try await load.frozen(in: engine, named: "load-\(load)")) }

        // It looks at each container now and then, and says when it did: only what it saw of one that was frozen already
        // compares.
        let frozen = Date().timeIntervalSince1970
        var theirs = try await cadvisor.page()
        let hasSeenThem = try await eventually(within: 60) {
            theirs = try await cadvisor.page()
            return files.allSatisfy { theirs.lastLook(at: $0.cgroup) > frozen }
        }
        #expect(hasSeenThem, "\(cadvisor.log.suffix(2000))")

        var ours = try await exporter.page()
        for (name, type) in theirs.page.types where name.hasPrefix("container_") || name.hasPrefix("machine_") {
            guard !Self.isAbsent(name) else { continue }
            #expect(ours.types[name] == type, "\(name)")
        }
        for files in files {
            var left: [String] = []
            let agree = try await eventually(within: 30) {
                theirs = try await cadvisor.page()
                ours = try await exporter.page()
                let shown = ours.of(files.cgroup)
                // cAdvisor has the machine's network under the name of every container that uses it.
                let hasNetwork = files.hasOwnNetwork
                left = theirs.page.of(files.cgroup)
                    .filter { hasNetwork || $0.key.labels["interface"] == nil }
                    .filter { !Self.agrees(shown[$0.key], $0.key, $0.value) }
                    .map { "\($0.key.name) \($0.key.labels): \($0.value), ours \(shown[$0.key] as Double?)" }
                return left.isEmpty
            }
            #expect(agree, "\(left.sorted().joined(separator: "\n"))")
        }
    }

    /// The root never stands still: what it says lies between two looks of ours, before theirs and after it.
    @Test func theRootAndTheMachineAreTheSame() async throws {
        let engine = try DockerEngine.shared
        let exporter = try await Exporter(
            [:], "--containers.runtime-socket=none", "--collector.container_open_files")
        let cadvisor = try await Cadvisor(of: engine)
        func relevant(_ page: Page) -> [Page.Series: Double] {
            // cAdvisor does not know what devices such as loop's are called, of which ours says so.
            var series = page.of("/").filter { $0.key.labels["device"] != "" }
            for (machine, value) in page.values where machine.name.hasPrefix("machine_") {
                // What has none has its machine_id there too, by cAdvisor.
                let labels = machine.labels.filter { $0.key != "system_uuid" }
                series[Page.Series(name: machine.name, labels: labels)] = value
            }
            return series
        }
        var agreed: Set<Page.Series> = []
        var left: [String] = []
        let agree = try await eventually(within: 60) {
            let before = relevant(try await exporter.page())
            let start = Date().timeIntervalSince1970
            var theirs = try await cadvisor.page()
            _ = try await eventually(within: 20) {
                theirs = try await cadvisor.page()
                return theirs.lastLook(at: "/") > start
            }
            let after = relevant(try await exporter.page())
            left = []
            for (series, value) in relevant(theirs.page) where !agreed.contains(series) {
                let range = [before[series], after[series]].compactMap(\.self).sorted()
                let lies = range.count == 2 && range[0] <= value && value <= range[1]
                if lies || Self.agrees(after[series], series, value, besides: Self.rootDeviations) {
                    agreed.insert(series)
                } else {
                    left.append("\(series.name) \(series.labels): \(value), ours \(range)")
                }
            }
            return left.isEmpty
        }
        #expect(agree, "\(left.sorted().joined(separator: "\n"))")
        #expect(agreed.count > 20)
    }

    private static func isAbsent(_ name: String) -> Bool {
        if case .absent = deviations[name] { true } else { false }
    }

    private static func agrees(
        _ ours: Double?, _ series: Page.Series, _ theirs: Double, besides further: [String: Deviation] = [:]
    ) -> Bool {
        switch further[series.name] ?? deviations[series.name] {
        case .absent: return ours == nil
        case .between(let least, let most):
            guard let ours else { return false }
            return least...most ~= ours - theirs
        case nil:
            // Nine digits behind the point are not always the same in the last of them.
            guard let ours else { return false }
            return abs(ours - theirs) <= 1e-9 * abs(theirs)
        }
    }
}

/// cAdvisor at work.
private final class Cadvisor: Sendable {
    private let port = freePort()
    private let daemon: Daemon
    private let file: String

    /// What it has to say for itself.
    var log: String { (try? String(contentsOfFile: file, encoding: .utf8)) ?? "" }

    /// Starts one that looks twice a second, with the groups of metrics that ours has, and waits until it has looked.
    init(of engine: DockerEngine) async throws {
        guard let directory = ProcessInfo.processInfo.environment["REPLACED_EXPORTERS"] else {
            throw LabError("REPLACED_EXPORTERS does not say where cadvisor is; make test sets it")
        }
        file = engine.directory.path("cadvisor-\(port).log")
        daemon = try Daemon(
            [
                "\(directory)/cadvisor", "-logtostderr", "-listen_ip", "127.0.0.1", "-port", "\(port)",
                "-docker", "unix://\(engine.socket)", "-docker_root", engine.data, "-containerd", "/nowhere",
                // Not the cgroups of the other tests, of which there may be thousands.
                "-docker_only", "-housekeeping_interval", "500ms", "-allow_dynamic_housekeeping=false",
                // By CPU is off as in Kubernetes; of `disk` comes what `du` says, and the machine's disks under the
                // containers' names.
                "-disable_metrics",
                "percpu,disk,memory_numa,tcp,udp,advtcp,sched,referenced_memory,cpu_topology,resctrl",
            ],
            environment: .only([:]), stop: "KILL", log: file)
        let isReady = try await eventually(within: 60) { (try? await page())?.lastLook(at: "/") ?? 0 > 0 }
        guard isReady else { throw LabError("cadvisor does not start: \(log.suffix(2000))") }
    }

    deinit {
        daemon.stop()
    }

    func page() async throws -> Reading {
        let result = try await run(
            ["curl", "-sS", "--max-time", "60", "http://127.0.0.1:\(port)/metrics"], environment: .only([:]))
        guard result.status == 0 else { throw LabError(result.errors) }
        return try Reading(result.output)
    }

    /// Its page, whose samples say when they were taken.
    struct Reading {
        let page: Page
        private let looks: [String: Double]

        init(_ text: String) throws {
            var lines: [String] = []
            var looks: [String: Double] = [:]
            for line in text.split(separator: "\n") {
                let end = line.hasPrefix("#") ? nil : line.lastIndex(of: "}")
                let words = end.map { line[line.index(after: $0)...].split(separator: " ") } ?? []
                guard let end, words.count == 2 else {
                    lines.append(String(line))
                    continue
                }
                let series = "\(line[...end]) \(words[0])"
                lines.append(series)
                if series.hasPrefix("container_memory_usage_bytes"), let time = Double(words[1]),
                    let id = series.firstRange(of: "id=\"").map({ series[$0.upperBound...].prefix { $0 != "\"" } })
                {
                    looks[String(id)] = time / 1000
                }
            }
            page = try Page(lines.joined(separator: "\n"))
            self.looks = looks
        }

        /// When it last looked at a cgroup, in seconds since 1970; 0 for never.
        func lastLook(at cgroup: String) -> Double { looks[cgroup, default: 0] }
    }
}
