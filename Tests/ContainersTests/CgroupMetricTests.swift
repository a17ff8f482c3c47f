import Exposition
import Lab
import Testing

@testable import Containers

@Suite("From the kernel's numbers to metrics")
struct CgroupMetricTests {
    @Test(
        "units",
        arguments: [
            (.plain, 43_999_232, 43_999_232), (.plain, .infinity, nil),
            (.microseconds, 904_717, 0.904717), (.nanoseconds, 4_235_317_770, 4.23531777), (.ticks, 114, 1.14),
            (.kibibytes, 481_296, 492_847_104),
            (.limit, 67_108_864, 67_108_864), (.limit, .infinity, 0), (.limit, 9_223_372_036_854_771_712, 0),
            (.limit, 9_223_372_036_854_710_272, 0), (.limit, 0x1p62, 0x1p62), (.limit, 0, 0),
            (.bound, 67_108_864, 67_108_864), (.bound, .infinity, nil), (.bound, 9_223_372_036_854_771_712, nil),
            (.bound, 0, 0),
            (.weight, 100, 1024), (.weight, 1, 2), (.weight, 10_000, 262_144), (.weight, 59, 521), (.weight, 0, nil),
            (.weight, 10_001, nil), (.weight, .infinity, nil),
        ] as [(CgroupUnit, Double, Double?)]
    )
    func units(unit: CgroupUnit, number: Double, expected: Double?) {
        #expect(unit.value(number) == expected)
    }

    @Test(
        "a file by itself",
        arguments: [
            ("memory.max", "max\n", "container_spec_memory_limit_bytes", 0),
            ("memory.max", "33554432\n", "container_spec_memory_limit_bytes", 33_554_432),
            ("memory.swap.max", "0\n", "container_spec_memory_swap_limit_bytes", 0),
            ("memory.low", "16777216\n", "container_spec_memory_reservation_limit_bytes", 16_777_216),
            ("memory.current", "", "container_memory_usage_bytes", nil),
            ("memory.current", "-4096\n", "container_memory_usage_bytes", nil),
            ("memory.peak", "max\n", "container_memory_max_usage_bytes", nil),
            ("memory.stat", "inactive_file 4096\n", "container_memory_working_set_bytes", nil),
            ("memory.stat", "slab 100\nkernel_stack 20\nsock 3\n", "container_memory_kernel_usage", 120),
            ("memory.stat", "kernel 286720\nslab 114032\n", "container_memory_kernel_usage", 286_720),
            ("memory.events", "low 0\nhigh 7\nmax 70\noom 2\noom_kill 2\n", "container_memory_failcnt", 70),
            ("memory.events", "low 0\nhigh 7\nmax 70\noom 2\noom_kill 2\n", "container_oom_events_total", 2),
            ("memory.events", "low 0\nhigh 7\nmax 70\n", "container_oom_events_total", nil),
            ("cpu.max", "max 100000\n", "container_spec_cpu_quota", nil),
            ("cpu.max", "max 100000\n", "container_spec_cpu_period", 100_000),
            ("cpu.max", "20000 100000\n", "container_spec_cpu_quota", 20_000),
            ("cpu.stat", "usage_usec 988700\nnr_periods 50\n", "container_cpu_usage_seconds_total", 0.9887),
            ("cpu.stat", "usage_usec 988700\nnr_periods 50\n", "container_cpu_cfs_periods_total", nil),
            ("cpu.weight", "100\n", "container_spec_cpu_shares", 1024),
            ("cpu.max", "150000 100000\n", "container_cpu_limit_effective_cores", 1.5),
            ("cpu.max", "150000 0\n", "container_cpu_limit_effective_cores", nil),
            ("cpu.max", "max 100000\n", "container_cpu_limit_effective_cores", nil),
            ("cpuset.cpus", "0,2-3\n", "container_cpu_limit_effective_cores", 3),
            ("cpuset.cpus", "\n", "container_cpu_limit_effective_cores", nil),
            ("memory.max", "0\n", "container_spec_memory_limit_bytes", 0),
            ("memory.max", "0\n", "container_memory_limit_effective_bytes", 0),
            ("memory.max", "33554432\n", "container_memory_limit_effective_bytes", 33_554_432),
            ("memory.max", "max\n", "container_memory_limit_effective_bytes", 492_847_104),
            ("memory.max", "9223372036854771712\n", "container_memory_limit_effective_bytes", 492_847_104),
            ("memory.max", "-1\n", "container_memory_limit_effective_bytes", 492_847_104),
            ("memory.high", "max\n", "container_spec_memory_high_limit_bytes", 0),
            ("memory.min", "8192\n", "container_spec_memory_reservation_limit_bytes", 8192),
            ("memory.stat", "zswap 4096\nzswapped 12288\n", "container_memory_zswapped_bytes", 12_288),
            ("memory.events", "low 3\noom 2\noom_group_kill 1\n", "container_memory_events_oom_group_kill_total", 1),
            (
                "memory.pressure", "some avg10=1.81 avg60=0.32 avg300=0.06 total=254759\n",
                "container_pressure_memory_waiting_seconds_total", 0.254759
            ),
            (
                "memory.pressure", "some avg10=1.81 avg60=0.32 avg300=0.06 total=254759\n",
                "container_pressure_memory_stalled_seconds_total", nil
            ),
            ("cgroup.procs", "12\n345\n0\n", "container_processes", 3),
            ("cgroup.procs", "", "container_processes", 0),
            ("cgroup.threads", "12\n13\n", "container_threads", 2),
            ("pids.current", "7\n", "container_threads", 7),
            ("pids.max", "max\n", "container_threads_max", 0),
            ("pids.max", "20\n", "container_threads_limit_effective", 20),
            ("pids.events", "max 12\n", "container_threads_refused_total", 12),
            ("memory.swap.peak", "4096\n", "container_memory_swap_max_usage_bytes", 4096),
            (
                "irq.pressure", "full avg10=0.00 avg60=0.00 avg300=0.00 total=7000000\n",
                "container_pressure_irq_stalled_seconds_total", 7
            ),
        ] as [(String, String, String, Double?)]
    )
    func alone(file: String, text: String, metric: String, expected: Double?) throws {
        let tree = TemporaryDirectory("tree", in: .memory)
        try tree.write("cgroup.controllers", "cpu memory\n")
        try tree.write("web.slice/\(file)", text)
        let families = try CgroupReader(cgroupfs: tree.path, procfs: Fixture.v2.procfs).families()
        #expect(families.values(metric)["/web.slice"] == expected)
    }

    @Test("throttling is looked for only where there is a quota")
    func conditions() throws {
        let tree = TemporaryDirectory("tree", in: .memory)
        for (name, quota) in [("free", "-1"), ("bound", "20000")] {
            try tree.write("cpu/\(name)/cpu.cfs_quota_us", "\(quota)\n")
            try tree.write("cpu/\(name)/cpu.stat", "nr_periods 50\nnr_throttled 7\nthrottled_time 1500000000\n")
        }
        let reader = try CgroupReader(cgroupfs: tree.path, procfs: Fixture.v2.procfs)
        let families = try reader.families()
        #expect(families.values("container_cpu_cfs_throttled_periods_total") == ["/bound": 7])
        #expect(families.values("container_cpu_cfs_throttled_seconds_total") == ["/bound": 1.5])
        let file = reader.index(of: CgroupFile(hierarchy: .v1("cpu"), name: "cpu.stat"))
        let cgroups = reader.tree.exported.filter { !$0.isRoot }
        #expect(cgroups.map { $0.keepsOpen(file) } == [true, false])
        // v2's has more than that in it.
        let v2 = try CgroupReader(cgroupfs: Fixture.v2.cgroupfs, procfs: Fixture.v2.procfs)
        #expect(try v2.families().values("container_cpu_user_seconds_total").count == v2.tree.exported.count)
    }

    @Test("threads are counted only where the kernel does not")
    func alternatives() throws {
        let tree = TemporaryDirectory("tree", in: .memory)
        try tree.write("cgroup.controllers", "cpu pids\n")
        try tree.write("web.slice/pids.current", "5\n")
        try tree.write("web.slice/cgroup.threads", "1\n2\n")
        let reader = try CgroupReader(cgroupfs: tree.path, procfs: Fixture.v2.procfs)
        #expect(try reader.families().values("container_threads") == ["/web.slice": 5])
        let threads = reader.index(of: CgroupFile(hierarchy: .v2, name: "cgroup.threads"))
        let cgroup = try #require(reader.tree.exported.last)
        #expect(!cgroup.keepsOpen(threads))
    }

    @Test(
        "shares as the runtime was told them, where the weight is made of them",
        arguments: [
            (1024, 100, 1024), (1000, 99, 1000), (2, 1, 2), (262_144, 10_000, 262_144),
            // By the formula before runc 1.3.2.
            (1024, 39, 1024), (512, 20, 512),
            // Changed since.
            (1024, 200, 2452), (512, 100, 1024), (0, 100, 1024), (1, 100, 1024), (-5, 100, 1024),
            (1 << 40, 100, 1024),
        ] as [(Int, Double, Double)])
    func shares(told: Int, weight: Double, expected: Double) throws {
        var details = ContainerDetails()
        let found = try #require(CgroupUnit.weight.value(weight))
        #expect(CPUWeight.shares(found, toldBy: details) == found)
        details.cpuShares = told
        #expect(CPUWeight.shares(found, toldBy: details) == expected)
    }

    @Test("page cache beyond usage leaves a working set of zero")
    func floor() throws {
        let tree = TemporaryDirectory("tree", in: .memory)
        try tree.write("cgroup.controllers", "memory\n")
        try tree.write("web.slice/memory.current", "4096\n")
        try tree.write("web.slice/memory.stat", "inactive_file 8192\n")
        let families = try CgroupReader(cgroupfs: tree.path).families()
        #expect(families.values("container_memory_working_set_bytes")["/web.slice"] == 0)
    }

    @Test("the least limit of all that a container is in, on the page or not")
    func path() throws {
        let tree = TemporaryDirectory("tree", in: .memory)
        let pod = "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice"
        let first = "\(pod)/cri-containerd-\(String(repeating: "a", count: 64)).scope"
        let second = "\(pod)/cri-containerd-\(String(repeating: "b", count: 64)).scope"
        let other = "kubepods.slice/kubepods-pod2.slice/cri-containerd-\(String(repeating: "c", count: 64)).scope"
        try tree.write("cgroup.controllers", "cpu cpuset memory pids\n")
        try tree.write("kubepods.slice/memory.max", "419430400\n")
        try tree.write("kubepods.slice/cpu.max", "350000 100000\n")
        try tree.write("\(pod)/memory.max", "104857600\n")
        try tree.write("\(pod)/cpuset.cpus", "0-1\n")
        try tree.write("\(first)/memory.max", "max\n")
        try tree.write("\(first)/memory.current", "57671680\n")
        try tree.write("\(first)/memory.stat", "inactive_file 5242880\n")
        try tree.write("\(second)/memory.max", "52428800\n")
        try tree.write("\(second)/cpu.max", "50000 100000\n")
        try tree.write("\(other)/memory.max", "4194304000\n")
        try tree.write("proc/meminfo", "MemTotal: 1024000 kB\n")
        try tree.write("proc/stat", "cpu  1 2 3\ncpu0 1 2 3\ncpu1 1 2 3\ncpu2 1 2 3\ncpu3 1 2 3\nctxt 99\n")
        try tree.write("proc/sys/kernel/pid_max", "4194304\n")
        try tree.write("proc/sys/kernel/threads-max", "15000\n")
        let reader = try CgroupReader(cgroupfs: tree.path, procfs: "\(tree.path)/proc")
        for _ in 1...2 {
            let families = try reader.families()
            let memory = families.values("container_memory_limit_effective_bytes")
            #expect(memory["/"] == 1_048_576_000)
            #expect(memory["/kubepods.slice"] == 419_430_400)
            #expect(memory["/\(first)"] == 104_857_600)
            #expect(memory["/\(second)"] == 52_428_800)
            #expect(memory["/\(other)"] == 419_430_400)
            let cores = families.values("container_cpu_limit_effective_cores")
            #expect(cores["/"] == 4)
            #expect(cores["/kubepods.slice"] == 3.5)
            #expect(cores["/\(first)"] == 2)
            #expect(cores["/\(second)"] == 0.5)
            #expect(cores["/\(other)"] == 3.5)
            #expect(families.values("container_threads_limit_effective")["/\(other)"] == 15_000)
            #expect(families.values("container_memory_working_set_ratio") == ["/\(first)": 0.5])
        }
        // A limit that is changed, also one of a cgroup that is not on the page.
        try tree.write("\(pod)/memory.max", "209715200\n")
        #expect(try reader.families().values("container_memory_limit_effective_bytes")["/\(first)"] == 209_715_200)
    }

    @Test("limits of v1 are looked for in the hierarchy of their controller")
    func pathOnV1() throws {
        let tree = TemporaryDirectory("tree", in: .memory)
        let id = String(repeating: "a", count: 64)
        for name in ["memory", "cpu", "pids", "cpuset"] { try tree.write("\(name)/docker/\(id)/cgroup.procs", "7\n") }
        try tree.write("memory/memory.limit_in_bytes", "9223372036854771712\n")
        try tree.write("memory/docker/memory.limit_in_bytes", "104857600\n")
        try tree.write("memory/docker/\(id)/memory.limit_in_bytes", "9223372036854771712\n")
        try tree.write("cpu/docker/cpu.cfs_quota_us", "250000\n")
        try tree.write("cpu/docker/cpu.cfs_period_us", "100000\n")
        try tree.write("cpu/docker/\(id)/cpu.cfs_quota_us", "-1\n")
        try tree.write("cpu/docker/\(id)/cpu.cfs_period_us", "100000\n")
        try tree.write("cpuset/docker/cpuset.cpus", "0-3\n")
        try tree.write("cpuset/docker/\(id)/cpuset.cpus", "1\n")
        try tree.write("pids/docker/\(id)/pids.max", "max\n")
        try tree.write("pids/docker/pids.max", "100\n")
        let reader = try CgroupReader(cgroupfs: tree.path, procfs: Fixture.hybrid.procfs)
        let families = try reader.families()
        #expect(families.values("container_memory_limit_effective_bytes")["/docker/\(id)"] == 104_857_600)
        #expect(families.values("container_spec_memory_limit_bytes")["/docker/\(id)"] == 0)
        #expect(families.values("container_cpu_limit_effective_cores") == ["/docker": 2.5, "/docker/\(id)": 1])
        #expect(families.values("container_threads_limit_effective")["/docker/\(id)"] == 100)
        #expect(families.values("container_threads_max") == ["/docker": 100, "/docker/\(id)": 0])
        #expect(families.values("container_processes") == ["/docker/\(id)": 1])
    }

    @Test("rows that this kind of host has no files for are not in the plan")
    func plan() throws {
        func names(_ table: CgroupTable, _ fixture: Fixture) throws -> Set<String> {
            let reader = try CgroupReader(cgroupfs: fixture.cgroupfs, procfs: fixture.procfs)
            return Set(reader.plan(of: table).descriptors.map(\.name))
        }
        let v2 = try names(ContainerCollectors.memory, .v2)
        let hybrid = try names(ContainerCollectors.memory, .hybrid)
        #expect(hybrid.isStrictSubset(of: v2))
        #expect(v2.subtracting(hybrid).contains("container_memory_events_high_total"))
        #expect(try names(ContainerCollectors.pressure, .hybrid).count == 6)
        let tree = TemporaryDirectory("tree", in: .memory)
        try tree.write("memory/memory.stat", "")
        let reader = try CgroupReader(cgroupfs: tree.path)
        #expect(reader.plan(of: ContainerCollectors.pressure).descriptors.isEmpty)
        #expect(
            reader.plan(of: ContainerCollectors.cpu).descriptors.map(\.name) == ["container_cpu_limit_effective_cores"])
    }

    @Test("v2 beside v1 says whether a cgroup is frozen, unless the freezer is v1's")
    func freezer() throws {
        let tree = TemporaryDirectory("tree", in: .memory)
        try tree.write("memory/memory.stat", "")
        try tree.write("unified/cgroup.controllers", "\n")
        func names() throws -> [String] {
            try CgroupReader(cgroupfs: tree.path).plan(of: ContainerCollectors.details).descriptors.map(\.name)
        }
        #expect(try names().contains("container_cgroup_frozen"))
        try tree.write("freezer/cgroup.procs", "")
        #expect(try !names().contains("container_cgroup_frozen"))
        #expect(try names().contains("container_cgroup_descendants"))
    }

    @Test("every row of the tables names files of a controller, and a name has one meaning")
    func tables() {
        var descriptors: [String: MetricDescriptor] = [:]
        for metric in ContainerCollectors.tables.flatMap(\.rows) {
            for source in metric.columns.v1 + metric.columns.v2 {
                #expect(
                    ["memory", "cpu", "cpuacct", "cpuset", "pids", "io", "irq", "cgroup", "freezer"].contains(
                        source.controller))
            }
            let known = descriptors.updateValue(metric.descriptor, forKey: metric.descriptor.name)
            #expect(known == nil || known == metric.descriptor)
        }
    }
}
