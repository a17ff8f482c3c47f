import Exposition
import Scraping
import Testing

@testable import Containers

@Suite("Cgroup tables in the catalogue")
struct CgroupCatalogueTests {
    private func entry(_ name: String) throws -> CatalogueEntry {
        try #require(ContainerCollectors.all.flatMap(\.metrics).first { $0.descriptor.name == name })
    }

    @Test(
        "sources as the kernel's documentation writes them",
        arguments: [
            ("container_cpu_cfs_periods_total", "cpu.stat: nr_periods"),
            ("container_cpu_usage_seconds_total", "cpu.stat: usage_usec; on v1 cpuacct.usage"),
            ("container_spec_cpu_period", "cpu.max: word 2; on v1 cpu.cfs_period_us"),
            (
                "container_memory_working_set_bytes",
                "memory.current - memory.stat: inactive_file or memory.stat: anon + file - inactive_file; "
                    + "on v1 memory.usage_in_bytes - memory.stat: total_inactive_file"
            ),
            (
                "container_memory_swap",
                "memory.swap.current; on v1 memory.stat: total_swap; of the machine meminfo: SwapTotal - SwapFree"
            ),
            ("container_pressure_cpu_waiting_seconds_total", "cpu.pressure: some total"),
            ("container_processes", "lines of cgroup.procs"),
            (
                "container_memory_limit_effective_bytes",
                "the least, up to the root, of memory.max; on v1 memory.limit_in_bytes; of the machine meminfo: MemTotal"
            ),
            (
                "container_cpu_limit_effective_cores",
                "the least, up to the root, of cpu.max / cpu.max: word 2 or CPUs in cpuset.cpus; on v1 cpu.cfs_quota_us / "
                    + "cpu.cfs_period_us or CPUs in cpuset.cpus; of the machine lines cpuN of stat"
            ),
            (
                "container_memory_working_set_ratio",
                "memory.current - memory.stat: inactive_file or memory.stat: anon + file - inactive_file; "
                    + "on v1 memory.usage_in_bytes - memory.stat: total_inactive_file, divided by "
                    + "the least, up to the root, of memory.max; on v1 memory.limit_in_bytes; "
                    + "of the machine meminfo: MemTotal"
            ),
        ])
    func sources(name: String, source: String) throws {
        #expect(try entry(name).source == source)
    }

    @Test("rows of one name are one entry, with the labels that tell them apart")
    func rowsOfOneName() throws {
        let failures = try entry("container_memory_failures_total")
        #expect(failures.labels == Cgroup.labelNames + ["failure_type", "scope"])
        #expect(
            failures.source == "memory.stat: pgfault, memory.stat: pgmajfault; on v1 memory.stat: pgfault, "
                + "memory.stat: total_pgfault, memory.stat: pgmajfault, memory.stat: total_pgmajfault")
        let names = ContainerCollectors.memory.metrics.map(\.descriptor.name)
        #expect(Set(names).count == names.count)
    }

    @Test("versions")
    func versions() throws {
        #expect(try entry("container_memory_pgscan_total").versions == "cgroup v2")
        #expect(try entry("container_cpu_cfs_burst_seconds_total").versions == "Linux 5.15+")
        #expect(try entry("container_memory_rss").versions == nil)
    }
}
