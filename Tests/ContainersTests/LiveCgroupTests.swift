import Exposition
import Foundation
import Glibc
import Lab
import Testing

@testable import Containers
@testable import Scraping

/// The real cgroups of the machine the tests run on; each test leaves nothing behind.
@Suite("Real cgroups", .serialized, .enabled(if: RealCgroup.isPossible, "no cgroup can be made here"))
struct LiveCgroupTests {
    private let deadline = Deadline(after: .seconds(60))

    @Test("what a process uses is in the page")
    func usage() async throws {
        let cgroup = try RealCgroup()
        let reader = try CgroupReader(live: 100)
        func cpu() throws -> Double? {
            try reader.families().values("container_cpu_usage_seconds_total")[cgroup.id]
        }
        #expect(try reader.families().values("container_memory_usage_bytes")[cgroup.id] != nil)
        #expect(try cpu() == 0)

        let start = ContinuousClock.now
        let process = try Daemon(
            ["sh", "-c", cgroup.join + "while :; do :; done"], stop: "KILL", log: "/dev/null")
        defer { process.stop() }
        var usage: [Double] = []
        for _ in 1...3 {
            try await Task.sleep(for: .milliseconds(200))
            usage.append(try #require(try cpu()))
        }
        #expect(usage[0] > 0)
        #expect(usage[1] > usage[0])
        #expect(usage[2] > usage[1])
        #expect(.seconds(usage[2]) < start.duration(to: .now) + .seconds(1))
        #expect(try reader.families().values("container_memory_usage_bytes")[cgroup.id] ?? 0 > 0)
    }

    @Test("a cgroup that goes while its files are open takes its series with it; one of its name starts afresh")
    func vanishing() throws {
        let cgroup = try RealCgroup()
        let reader = try CgroupReader(live: 1000)
        _ = try reader.families()
        let before = try #require(reader.tree.exported.first { $0.labels["id"] == cgroup.id })
        #expect(before.openFiles > 0)
        let name = try #require(before.labels["name"])

        // Between the walk and the reading: the kernel answers ENODEV.
        try reader.tree.refresh(now: 1_000_000_000, until: deadline)
        cgroup.remove()
        let memory = try ContainerCollectors.memory.families(from: reader, until: deadline)
        #expect(!memory.text.contains(name))
        #expect(before.isGone)

        #expect(try !reader.families().text.contains(name))
        #expect(reader.tree.departed.contains { $0.labels["name"] == name })
        cgroup.make()
        let families = try reader.families()
        #expect(families.values("container_memory_usage_bytes")[cgroup.id] != nil)
        #expect(families.values("container_memory_max_usage_bytes")[cgroup.id] ?? 0 < 0x1p20)
        let after = try #require(reader.tree.exported.first { $0.labels["id"] == cgroup.id })
        #expect(after !== before)
        #expect(after.inode != before.inode)
    }

    @Test("one that goes and comes back between two scrapes is another one")
    func replaced() throws {
        let cgroup = try RealCgroup()
        let reader = try CgroupReader(live: 1000)
        _ = try reader.families()
        let before = try #require(reader.tree.exported.first { $0.labels["id"] == cgroup.id })
        cgroup.remove()
        cgroup.make()
        #expect(try reader.families().values("container_memory_usage_bytes")[cgroup.id] != nil)
        let after = try #require(reader.tree.exported.first { $0.labels["id"] == cgroup.id })
        #expect(after.inode != before.inode)
    }

    @Test("without a kept descriptor, one that goes between the walk and the reading leaves nothing either")
    func vanishingUnkept() throws {
        let cgroup = try RealCgroup()
        let reader = try CgroupReader(live: 0)
        try reader.tree.refresh(now: 1_000_000_000, until: deadline)
        cgroup.remove()
        for table in [ContainerCollectors.memory, ContainerCollectors.cpu] {
            #expect(try table.families(from: reader, until: deadline).values("container_memory_rss")[cgroup.id] == nil)
        }
        #expect(try !reader.families().text.contains(cgroup.id))
    }

    @Test("descriptors go back with their cgroup")
    func descriptors() throws {
        let cgroup = try RealCgroup()
        let reader = try CgroupReader(live: 5000)
        _ = try reader.families()
        let kept = try #require(reader.tree.exported.first { $0.labels["id"] == cgroup.id })
            .openFiles
        #expect(kept > 5)
        let free = reader.budget.free
        cgroup.remove()
        try reader.tree.refresh(now: 1_000_000_000, until: deadline)
        #expect(reader.budget.free >= free + kept)
    }

    @Test("every number is the one that the kernel's files tell")
    func agreement() async throws {
        let cgroup = try RealCgroup()
        try cgroup.set(v1: "memory.limit_in_bytes", v2: "memory.max", "67108864")
        try cgroup.set(v1: "pids.max", v2: "pids.max", "20")
        try cgroup.set(v1: "cpu.cfs_quota_us", v2: "cpu.max", "50000")
        let process = try Daemon(
            ["sh", "-c", cgroup.join + "exec sleep 1000"], stop: "KILL", log: "/dev/null")
        defer { process.stop() }
        #expect(try await eventually { try cgroup.text(v1: "pids.current", v2: "pids.current") == "1" })

        let families = try CgroupReader(live: 100).families()
        func value(_ name: String) -> Double? { families.values(name)[cgroup.id] }
        #expect(value("container_spec_memory_limit_bytes") == 67_108_864)
        #expect(value("container_memory_limit_effective_bytes") == 67_108_864)
        #expect(value("container_spec_cpu_quota") == 50_000)
        #expect(value("container_cpu_limit_effective_cores") == 0.5)
        #expect(value("container_threads_max") == 20)
        #expect(value("container_threads_limit_effective") == 20)
        #expect(value("container_threads") == 1)
        #expect(value("container_processes") == 1)
        #expect(value("container_threads_refused_total") == 0)
        let workingSet = try #require(value("container_memory_working_set_bytes"))
        #expect(value("container_memory_working_set_ratio") == workingSet / 67_108_864)
        let stat = try cgroup.text(v1: "memory.stat", v2: "memory.stat").split(separator: "\n")
        func number(v1: String, v2: String) -> Double? {
            stat.first { $0.hasPrefix("\(cgroup.isV1 ? v1 : v2) ") }.flatMap { Double($0.split(separator: " ")[1]) }
        }
        // An idle process: nothing of this changes between the two readings.
        #expect(value("container_memory_rss") == number(v1: "total_rss", v2: "anon"))
        #expect(value("container_memory_shmem_bytes") == number(v1: "total_shmem", v2: "shmem"))
        #expect(value("container_memory_cache") == number(v1: "total_cache", v2: "file"))
        // The machine's, where the cgroup has none of its own.
        #expect(
            families.values("container_cpu_limit_effective_cores")["/"] == Double(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        #expect(
            families.values("container_memory_limit_effective_bytes")["/"]
                == Double(sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))))
        #expect(families.values("container_threads_limit_effective")["/"] ?? 0 > 100)
    }

    @Test("limits of what a container is in hold for it, and are seen when they are changed")
    func effectiveLimits() throws {
        let outer = try RealCgroup("stack-exporter-tables")
        let inner = try RealCgroup(in: outer)
        let reader = try CgroupReader(live: 1000)
        func limits() throws -> [Double?] {
            let families = try reader.families()
            return ["container_memory_limit_effective_bytes", "container_cpu_limit_effective_cores"]
                .map { families.values($0)[inner.id] }
        }
        let machine = try limits()
        #expect(machine.allSatisfy { $0 ?? 0 > 0 })
        try outer.set(v1: "memory.limit_in_bytes", v2: "memory.max", "104857600")
        try outer.set(v1: "cpu.cfs_quota_us", v2: "cpu.max", "30000")
        #expect(try limits() == [104_857_600, 0.3])
        try inner.set(v1: "memory.limit_in_bytes", v2: "memory.max", "52428800")
        #expect(try limits() == [52_428_800, 0.3])
        try outer.set(v1: "memory.limit_in_bytes", v2: "memory.max", outer.isV1 ? "-1" : "max")
        try inner.set(v1: "memory.limit_in_bytes", v2: "memory.max", outer.isV1 ? "-1" : "max")
        try outer.set(v1: "cpu.cfs_quota_us", v2: "cpu.max", outer.isV1 ? "-1" : "max")
        #expect(try limits() == machine)
    }

    @Test("processes that the kernel ended for memory, and those it refused to make, are counted")
    func events() async throws {
        let cgroup = try RealCgroup()
        try cgroup.set(v1: "memory.limit_in_bytes", v2: "memory.max", "16777216")
        let reader = try CgroupReader(live: 100)
        func value(_ name: String) throws -> Double? { try reader.families().values(name)[cgroup.id] }
        #expect(try value("container_oom_events_total") == 0)
        let killed = try await run(["sh", "-c", cgroup.join + "exec tail /dev/zero"])
        #expect(killed.status == 128 + SIGKILL)
        #expect(try value("container_oom_events_total") == 1)
        #expect(try value("container_oom_events_local_total") == 1)
        #expect(try value("container_memory_failcnt") ?? 0 > 0)

        try cgroup.set(v1: "pids.max", v2: "pids.max", "1")
        let refused = try await run(["sh", "-c", cgroup.join + "sleep 0 & wait"])
        #expect(refused.errors.contains("fork"))
        #expect(try value("container_threads_refused_total") ?? 0 > 0)
    }

    @Test("time lost waiting, unless that is not told")
    func pressure() async throws {
        let mounts = try #require(try CgroupMounts.find(cgroupfs: nil, procfs: "/proc"))
        let unified = try #require(mounts.directories[.v2])
        try #require(access("\(unified)/cpu.pressure", R_OK) == 0, "this kernel has no PSI")
        let cgroup = try RealCgroup()
        let directory = "\(unified)\(cgroup.id)"
        func total() throws -> Double {
            let line = try String(contentsOfFile: "\(directory)/cpu.pressure", encoding: .utf8).prefix { $0 != "\n" }
            return (Double(line.split(separator: "=").last ?? "") ?? -1) / 1e6
        }
        // A process that is throttled waits most of the time.
        try cgroup.set(v1: "cpu.cfs_quota_us", v2: "cpu.max", "5000")
        let process = try Daemon(
            ["sh", "-c", cgroup.join + "while :; do :; done"], stop: "KILL", log: "/dev/null")
        defer { process.stop() }
        #expect(try await eventually { try total() > 0 })
        let reader = try CgroupReader(live: 1000)
        let before = try total()
        let families = try reader.families()
        let after = try total()
        let value = try #require(families.values("container_pressure_cpu_waiting_seconds_total")[cgroup.id])
        #expect(before <= value && value <= after)
        #expect(families.values("container_pressure_io_stalled_seconds_total")[cgroup.id] == 0)

        try #require(access("\(directory)/cgroup.pressure", W_OK) == 0, "takes Linux 6.1")
        for (setting, isThere) in [("0", false), ("1", true)] {
            try setting.write(toFile: "\(directory)/cgroup.pressure", atomically: false, encoding: .utf8)
            let families = try reader.families()
            for resource in ["cpu", "memory", "io"] {
                for state in ["waiting", "stalled"] {
                    let values = families.values("container_pressure_\(resource)_\(state)_seconds_total")
                    #expect((values[cgroup.id] != nil) == isThere)
                }
            }
            #expect(families.values("container_cpu_usage_seconds_total")[cgroup.id] != nil)
        }
    }

    @Test("a file that goes alone takes its numbers with it, not the cgroup")
    func controllerSwitchedOff() throws {
        let cgroup = try RealCgroup()
        let reader = try CgroupReader(live: 1000)
        // On v1 a cgroup may be in some hierarchies only; on v2 pressure can be hidden.
        let tables = [ContainerCollectors.cpu, ContainerCollectors.pressure, ContainerCollectors.memory]
        let before = try reader.families(tables).values("container_memory_usage_bytes")[cgroup.id]
        #expect(before != nil)
        let known = try #require(reader.tree.exported.first { $0.labels["id"] == cgroup.id })
        if cgroup.isV1 {
            try cgroup.remove(from: .v1("cpu"))
        } else {
            try cgroup.set(v1: "", v2: "cgroup.pressure", "0")
        }
        let families = try reader.families(tables)
        #expect(families.values("container_memory_usage_bytes")[cgroup.id] != nil)
        #expect(
            families.values(cgroup.isV1 ? "container_spec_cpu_shares" : "container_pressure_cpu_waiting_seconds_total")[
                cgroup.id] == nil)
        #expect(reader.tree.exported.contains { $0 === known })
        #expect(!known.isGone)
    }

    @Test("all processes are counted, however many")
    func manyProcesses() async throws {
        let cgroup = try RealCgroup()
        let script = "i=0; while [ $i -lt 700 ]; do sleep 1000 & i=$((i + 1)); done; wait"
        let process = try Daemon(["sh", "-c", cgroup.join + script], stop: "KILL", log: "/dev/null")
        defer {
            process.stop()
            cgroup.kill()
        }
        // v1 keeps a list for a second after it was last read, so it is not what may be looked at again and again.
        #expect(try await eventually { try cgroup.text(v1: "pids.current", v2: "pids.current") == "701" })
        let families = try CgroupReader(live: 100).families([ContainerCollectors.processes])
        #expect(families.values("container_processes")[cgroup.id] == 701)
    }

    @Test("limits that are written through another mount are seen")
    func otherMount() async throws {
        let cgroup = try RealCgroup()
        let reader = try CgroupReader(live: 100)
        func limit() throws -> Double? {
            try reader.families([ContainerCollectors.memory]).values("container_spec_memory_limit_bytes")[cgroup.id]
        }
        #expect(try limit() == 0)
        let known = try #require(reader.tree.exported.first { $0.labels["id"] == cgroup.id })
        #expect(reader.tree.seesLimits(of: known))
        let (type, file) = cgroup.isV1 ? ("cgroup -o memory", "memory.limit_in_bytes") : ("cgroup2", "memory.max")
        let written = try await run([
            "unshare", "-m", "sh", "-ec",
            "mount -t tmpfs none /mnt; mkdir /mnt/x; mount -t \(type) none /mnt/x; echo 8388608 > /mnt/x\(cgroup.id)/\(file)",
        ])
        #expect(written.status == 0, "\(written.errors)")
        #expect(try limit() == 8_388_608)
    }

    @Test("what comes, goes and is written in all hierarchies, step by step")
    func anything() throws {
        let reader = try CgroupReader(live: 1000)
        let outer = try RealCgroup("stack-exporter-hard")
        var cgroups: [RealCgroup] = []
        let tables = [ContainerCollectors.memory, ContainerCollectors.cpu, ContainerCollectors.processes]
        let limits = [
            "container_spec_memory_limit_bytes", "container_memory_limit_effective_bytes", "container_spec_cpu_quota",
            "container_cpu_limit_effective_cores", "container_threads_max", "container_threads_limit_effective",
        ]
        for step in 0..<30 {
            switch Int.random(in: 0..<6) {
            case 0, 1: cgroups.append(try RealCgroup(in: outer))
            case 2 where !cgroups.isEmpty: cgroups.remove(at: Int.random(in: cgroups.indices))
            case 3:
                cgroups.randomElement()?.remove()
                cgroups.randomElement()?.remove()
            case 4:
                for cgroup in cgroups { cgroup.make() }
            default:
                let cgroup = cgroups.filter(\.isThere).randomElement() ?? outer
                try cgroup.set(v1: "memory.limit_in_bytes", v2: "memory.max", "\((step + 10) << 20)")
                // v1 refuses one that is more than that of what it is in.
                try? cgroup.set(v1: "cpu.cfs_quota_us", v2: "cpu.max", "\((step + 10) * 1000)")
                try cgroup.set(v1: "pids.max", v2: "pids.max", "\(step + 10)")
            }
            let families = try reader.families(tables, now: 1_000_000_000 + step * 7)
            let expected = try CgroupReader(live: 0).families(tables, now: 1_000_000_000 + step * 7)
            for name in limits {
                func ours(_ values: [String: Double]) -> [String: Double] {
                    values.filter { $0.key.hasPrefix(outer.id) }
                }
                #expect(ours(families.values(name)) == ours(expected.values(name)), "\(name) in step \(step)")
            }
        }
        #expect(outer.id == "/stack-exporter-hard")
    }

    @Test("containers that came and went leave neither watch nor descriptor")
    func manyComeAndGo() throws {
        let outer = try RealCgroup("stack-exporter-many")
        let reader = try CgroupReader(live: 4000)
        _ = try reader.families()
        let known = try #require(reader.tree.exported.first { $0.labels["id"] == outer.id })
        // Others make and remove cgroups meanwhile, so only ours are counted.
        for _ in 1...2 {
            var cgroups = try (0..<100).map { _ in try RealCgroup(in: outer) }
            _ = try reader.families()
            #expect(known.children.count == 100)
            let ours = known.children
            #expect(ours.allSatisfy { $0.openFiles > 5 })
            cgroups = []
            _ = try reader.families()
            #expect(known.children.isEmpty && cgroups.isEmpty)
            #expect(ours.allSatisfy { $0.watches.isEmpty && $0.isGone })
        }
    }

    @Test(
        "without any right, all but what needs some", .enabled(if: geteuid() == 0, "takes root to give up being root"))
    func nobody() throws {
        let cgroup = try RealCgroup()
        func scrape() throws -> (families: [MetricFamily], reader: CgroupReader) {
            let reader = try CgroupReader(live: 1000)
            try reader.tree.refresh(now: 1_000_000_000, until: deadline)
            let families = try ContainerCollectors.all.flatMap { try $0.families(from: reader, until: deadline) }
            return (families, reader)
        }
        let all = try scrape()
        let (families, reader) = try asNobody { try scrape() }
        func names(_ families: [MetricFamily]) -> Set<String> {
            Set(families.map(\.descriptor.name).filter { families.values($0)[cgroup.id] != nil })
        }
        #expect(names(families) == names(all.families))
        #expect(names(families).count > 30)
        #expect(Set(reader.omissions.keys).isSubset(of: ["container_open_files"]))
        let known = try #require(reader.tree.exported.first { $0.labels["id"] == cgroup.id })
        #expect(reader.tree.seesLimits(of: known))
    }

    @Test("a whole scrape through the target")
    func target() async throws {
        let cgroup = try RealCgroup()
        let target = try #require(try ContainersTarget())
        let scrape = Scrape(until: Deadline(after: .seconds(30)))
        await target.run(scrape)
        let (outcome, families) = scrape.harvest(target.collectors)
        #expect(outcome.isUp)
        #expect(families.values("container_memory_usage_bytes")[cgroup.id] != nil)
        #expect(families.values("machine_memory_bytes")[""] ?? 0 > 0)
        await target.shutdown()
    }
}

/// A cgroup that looks like a Docker container's, made in every hierarchy of this machine.
final class RealCgroup {
    let id: String
    let isV1: Bool
    private let directories: [String]
    /// Goes after what is in it.
    private let parent: RealCgroup?

    static var isPossible: Bool {
        guard let mounts = mounts else { return false }
        return hierarchies(of: mounts).allSatisfy { access($0, W_OK) == 0 }
            && (mounts.primary == .v1("memory")
                || (try? String(contentsOfFile: "\(hierarchies(of: mounts)[0])/cgroup.subtree_control", encoding: .utf8))?
                    .contains("memory") == true)
    }

    private static var mounts: CgroupMounts? { try? CgroupMounts.find(cgroupfs: nil, procfs: "/proc") }

    private static func hierarchies(of mounts: CgroupMounts) -> [String] {
        let read: [Hierarchy] =
            mounts.primary == .v2 ? [.v2] : [.v1("memory"), .v1("cpu"), .v1("cpuacct"), .v1("pids"), .v2]
        return Set(read.compactMap { mounts.directories[$0] }).sorted()
    }

    /// - Parameters:
    ///   - name: By default one of a container.
    ///   - parent: What it is in; by default the root.
    init(
        _ name: String = (0..<8).map { _ in String(format: "%08x", UInt32.random(in: .min ... .max)) }.joined(),
        in parent: RealCgroup? = nil
    ) throws {
        id = "\(parent?.id ?? "")/\(name)"
        self.parent = parent
        let mounts = try #require(Self.mounts)
        isV1 = mounts.primary != .v2
        directories = Self.hierarchies(of: mounts).map { [id] in "\($0)\(id)" }
        // Controllers are handed down cgroup by cgroup.
        if !isV1, let parent {
            for directory in parent.directories {
                try "+cpu +memory +pids".write(
                    toFile: "\(directory)/cgroup.subtree_control", atomically: false, encoding: .utf8)
            }
        }
        make()
    }

    deinit {
        remove()
    }

    /// Shell words that move the shell into the cgroup.
    var join: String {
        directories.map { "echo $$ > \($0)/cgroup.procs; " }.joined()
    }

    /// Writes a file, which is in one of the hierarchies.
    func set(v1: String, v2: String, _ text: String) throws {
        try text.write(toFile: path(isV1 ? v1 : v2), atomically: false, encoding: .utf8)
    }

    func text(v1: String, v2: String) throws -> String {
        try String(contentsOfFile: path(isV1 ? v1 : v2), encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func path(_ file: String) throws -> String {
        let paths = directories.map { "\($0)/\(file)" }
        return try #require(paths.first { access($0, F_OK) == 0 }, "no \(file)")
    }

    var isThere: Bool { directories.allSatisfy { access($0, F_OK) == 0 } }

    /// Ends all processes in it.
    func kill() {
        for directory in directories {
            let text = (try? String(contentsOfFile: "\(directory)/cgroup.procs", encoding: .utf8)) ?? ""
            for id in text.split(separator: "\n").compactMap({ pid_t($0) }) where id > 0 { Glibc.kill(id, SIGKILL) }
        }
    }

    /// Removes its directory in one hierarchy.
    func remove(from hierarchy: Hierarchy) throws {
        let directory = try #require(Self.mounts?.directories[hierarchy])
        try #require(rmdir("\(directory)\(id)") == 0)
    }

    func make() {
        for directory in directories { mkdir(directory, 0o755) }
    }

    func remove() {
        for directory in directories {
            // A process that has just ended may still be on its way out.
            for _ in 1...50 where rmdir(directory) != 0 && errno == EBUSY { usleep(20_000) }
        }
    }
}

extension CgroupReader {
    fileprivate convenience init(live descriptors: Int) throws {
        let mounts = try #require(try CgroupMounts.find(cgroupfs: nil, procfs: "/proc"))
        try self.init(mounts: mounts, procfs: "/proc", descriptors: descriptors)
    }
}
