import Exposition
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
            (.limit, 9_223_372_036_854_710_272, 0), (.limit, 0x1p62, 0x1p62),
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
        ] as [(String, String, String, Double?)]
    )
    func alone(file: String, text: String, metric: String, expected: Double?) throws {
        let tree = try TemporaryTree()
        try tree.write("cgroup.controllers", "cpu memory\n")
        try tree.write("web.slice/\(file)", text)
        let families = try CgroupReader(cgroupfs: tree.path, procfs: Fixture.v2.procfs).families()
        #expect(families.values(metric)["/web.slice"] == expected)
    }

    @Test("page cache beyond usage leaves a working set of zero")
    func floor() throws {
        let tree = try TemporaryTree()
        try tree.write("cgroup.controllers", "memory\n")
        try tree.write("web.slice/memory.current", "4096\n")
        try tree.write("web.slice/memory.stat", "inactive_file 8192\n")
        let families = try CgroupReader(cgroupfs: tree.path).families()
        #expect(families.values("container_memory_working_set_bytes")["/web.slice"] == 0)
    }

    @Test("every row of the tables names files of a controller, and a name has one meaning")
    func tables() {
        for table in [ContainerCollectors.memory, ContainerCollectors.cpu] {
            var descriptors: [String: MetricDescriptor] = [:]
            for metric in table.rows {
                for source in metric.columns.v1 + metric.columns.v2 {
                    #expect(["memory", "cpu", "cpuacct"].contains(source.controller))
                }
                let known = descriptors.updateValue(metric.descriptor, forKey: metric.descriptor.name)
                #expect(known == nil || known == metric.descriptor)
            }
        }
    }
}
