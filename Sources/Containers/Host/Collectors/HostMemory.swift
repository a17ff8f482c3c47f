import Exposition
import Scraping

extension HostCollectors {
    /// Every line of `/proc/meminfo`: `Active(anon): 1 kB` is `node_memory_Active_anon_bytes`, and a number without a
    /// unit has its name alone.
    static let memory = HostNames(
        "node_meminfo", [.proc("meminfo")], .line,
        [
            ("MemTotal", "Memory that the kernel has to give", nil),
            ("MemFree", "Memory that nothing uses", nil),
            ("MemAvailable", "Memory that could be had without swapping, by the kernel's estimate", "Linux 3.14+"),
            ("Buffers", "Memory that caches block devices", nil),
            ("Cached", "Memory that caches files, tmpfs included", nil),
            ("SwapTotal", "Swap space", nil),
            ("SwapFree", "Swap space that nothing uses", nil),
            ("Dirty", "Memory that waits to be written to disk", nil),
            ("Slab", "Memory of the kernel's own structures", nil),
            ("Shmem", "Memory of tmpfs and of shared memory", nil),
        ].map { field, meaning, versions in
            CatalogueEntry(
                "node_memory_\(field)_bytes", .gauge, meaning, source: "/proc/meminfo: \(field)", versions: versions)
        } + [
            CatalogueEntry(memoryField("<field>", "kB").descriptor, source: "/proc/meminfo"),
            CatalogueEntry(memoryField("HugePages_<field>", "").descriptor, source: "/proc/meminfo"),
        ]
    ) { name, unit in
        [memoryField(name, unit)]
    }

    private static func memoryField(_ name: String, _ unit: String) -> HostNamedMetric {
        let legal = name.split { $0 == "(" || $0 == ")" }.joined(separator: "_")
        let isBytes = unit == "kB"
        return HostNamedMetric(
            descriptor: MetricDescriptor(
                "node_memory_\(legal)\(isBytes ? "_bytes" : "")", .gauge, "\(name) of /proc/meminfo."),
            factor: isBytes ? 1024 : 1)
    }

    /// Of the fields of `/proc/vmstat` those that node_exporter shows: paging, swapping, faults and kills.
    static let virtualMemory = HostNames(
        "node_vmstat", [.proc("vmstat")], .line,
        [
            CatalogueEntry(
                "node_vmstat_oom_kill", .unknown, "Processes that were killed for want of memory",
                source: "/proc/vmstat: oom_kill", versions: "Linux 4.13+"),
            CatalogueEntry(
                "node_vmstat_pgfault", .unknown, "Page faults", source: "/proc/vmstat: pgfault"),
            CatalogueEntry(
                "node_vmstat_pgmajfault", .unknown, "Page faults that had to be read from disk",
                source: "/proc/vmstat: pgmajfault"),
            CatalogueEntry(virtualMemoryField("<field>").descriptor, source: "/proc/vmstat"),
        ]
    ) { name, _ in
        let isShown =
            ["oom_kill", "pgpg", "pswp"].contains { name.hasPrefix($0) }
            || name.hasPrefix("pg") && name.dropFirst(2).contains("fault")
        return isShown ? [virtualMemoryField(name)] : []
    }

    /// Without a type, as node_exporter has them, though all are counters.
    private static func virtualMemoryField(_ name: String) -> HostNamedMetric {
        HostNamedMetric(
            descriptor: MetricDescriptor("node_vmstat_\(name)", .unknown, "\(name) of /proc/vmstat."), factor: 1)
    }

    /// Time in which threads had to wait for something that there was not enough of.
    ///
    /// The whole machine has no `full` of CPU: Linux 5.13 and later write 0 for it.
    static let pressure = HostScalars(
        "node_pressure", separator: "=",
        [
            ("cpu", "some", "waiting", "some thread waited for a CPU", "Linux 4.20+"),
            ("memory", "some", "waiting", "some thread waited for memory", "Linux 4.20+"),
            ("memory", "full", "stalled", "all threads that were not idle waited for memory", "Linux 4.20+"),
            ("io", "some", "waiting", "some thread waited for a disk", "Linux 4.20+"),
            ("io", "full", "stalled", "all threads that were not idle waited for a disk", "Linux 4.20+"),
            ("irq", "full", "stalled", "interrupts kept all threads that were not idle waiting", "Linux 6.1+"),
        ].map { resource, line, name, meaning, versions in
            HostScalar(
                "node_pressure_\(resource)_\(name)_seconds_total", .counter, "Time in which \(meaning)",
                .proc("pressure/\(resource)"), key: line, word: 8, divisor: 1e6, versions: versions)
        })
}
