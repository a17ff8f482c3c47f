import Foundation
import Lab
import Testing

/// What one family says of one cgroup, by the labels that tell its series apart.
typealias Values = [[String: String]: Double]

/// What the page has to say of a container on cgroup v1, by the kernel's own words.
enum KernelValues {
    /// Reads a family's values; none where the kernel has none.
    typealias Source = @Sendable (KernelFiles) -> Values

    static let all: [String: Source] = [
        // CPU. v1 counts user and system time in hundredths of a second, v2 beside it in microseconds.
        "container_cpu_usage_seconds_total": {
            plain($0.number("cpuacct", "cpuacct.usage"), 1e9, ["cpu": "total"])
        },
        "container_cpu_user_seconds_total": { cpuTime($0, v2: "user_usec", v1: "user") },
        "container_cpu_system_seconds_total": { cpuTime($0, v2: "system_usec", v1: "system") },
        "container_cpu_cfs_periods_total": { withQuota($0, "nr_periods") },
        "container_cpu_cfs_throttled_periods_total": { withQuota($0, "nr_throttled") },
        "container_cpu_cfs_throttled_seconds_total": { withQuota($0, "throttled_time", 1e9) },
        "container_cpu_cfs_burst_periods_total": { withQuota($0, "nr_bursts") },
        "container_cpu_cfs_burst_seconds_total": { withQuota($0, "burst_time", 1e9) },
        "container_spec_cpu_period": { plain($0.number("cpu", "cpu.cfs_period_us")) },
        "container_spec_cpu_quota": { plain($0.number("cpu", "cpu.cfs_quota_us").flatMap { $0 > 0 ? $0 : nil }) },
        "container_spec_cpu_shares": { plain($0.number("cpu", "cpu.shares")) },
        "container_cpu_limit_effective_cores": { files in
            let quotas = files.lineage.compactMap { files -> Double? in
                guard let quota = files.number("cpu", "cpu.cfs_quota_us"), quota > 0 else { return nil }
                return files.number("cpu", "cpu.cfs_period_us").map { quota / $0 }
            }
            let sets = files.lineage.compactMap { $0.cpuCount }
            return plain((quotas + sets + [Double(sysconf(Int32(_SC_NPROCESSORS_ONLN)))]).min())
        },

        // Memory.
        "container_memory_usage_bytes": memory("memory.usage_in_bytes"),
        "container_memory_max_usage_bytes": memory("memory.max_usage_in_bytes"),
        "container_memory_working_set_bytes": { plain($0.workingSet) },
        "container_memory_limit_effective_bytes": { plain($0.effectiveMemory) },
        "container_memory_working_set_ratio": { files in
            plain(files.workingSet.flatMap { used in files.effectiveMemory.map { used / $0 } })
        },
        "container_memory_rss": memory("memory.stat", "total_rss"),
        "container_memory_cache": memory("memory.stat", "total_cache"),
        "container_memory_mapped_file": memory("memory.stat", "total_mapped_file"),
        "container_memory_swap": memory("memory.stat", "total_swap"),
        "container_memory_total_active_file_bytes": memory("memory.stat", "total_active_file"),
        "container_memory_total_inactive_file_bytes": memory("memory.stat", "total_inactive_file"),
        "container_memory_file_dirty_bytes": memory("memory.stat", "total_dirty"),
        "container_memory_file_writeback_bytes": memory("memory.stat", "total_writeback"),
        "container_memory_workingset_refault_file_total": memory("memory.stat", "total_workingset_refault_file"),
        "container_memory_workingset_refault_anon_total": memory("memory.stat", "total_workingset_refault_anon"),
        "container_memory_shmem_bytes": memory("memory.stat", "total_shmem"),
        "container_memory_unevictable_bytes": memory("memory.stat", "total_unevictable"),
        "container_memory_anon_thp_bytes": memory("memory.stat", "total_rss_huge"),
        "container_memory_kernel_usage": memory("memory.kmem.usage_in_bytes"),
        "container_memory_failcnt": memory("memory.failcnt"),
        "container_memory_failures_total": { files in
            var values: Values = [:]
            for (scope, prefix) in [("container", ""), ("hierarchy", "total_")] {
                for type in ["pgfault", "pgmajfault"] {
                    let number = files.number("memory", "memory.stat", prefix + type)
                    values.merge(plain(number, 1, ["failure_type": type, "scope": scope])) { $1 }
                }
            }
            return values
        },
        "container_oom_events_total": memory("memory.oom_control", "oom_kill"),
        "container_oom_events_local_total": memory("memory.oom_control", "oom_kill"),
        "container_memory_events_max_local_total": memory("memory.failcnt"),
        "container_spec_memory_limit_bytes": limit("memory.limit_in_bytes"),
        "container_spec_memory_swap_limit_bytes": limit("memory.memsw.limit_in_bytes"),
        "container_spec_memory_reservation_limit_bytes": limit("memory.soft_limit_in_bytes"),

        // Disks.
        "container_fs_reads_bytes_total": { disks($0, "io_service_bytes", "Read") },
        "container_fs_writes_bytes_total": { disks($0, "io_service_bytes", "Write") },
        "container_fs_reads_total": { disks($0, "io_serviced", "Read") },
        "container_fs_writes_total": { disks($0, "io_serviced", "Write") },
        "container_fs_discards_bytes_total": { disks($0, "io_service_bytes", "Discard") },
        "container_fs_discards_total": { disks($0, "io_serviced", "Discard") },
        "container_fs_sector_reads_total": { disks($0, "io_service_bytes", "Read").mapValues { $0 / 512 } },
        "container_fs_sector_writes_total": { disks($0, "io_service_bytes", "Write").mapValues { $0 / 512 } },
        "container_blkio_device_usage_total": { files in
            var values: Values = [:]
            for operation in ["Read", "Write", "Sync", "Async", "Discard", "Total"] {
                for (number, value) in diskNumbers(files, "io_service_bytes", operation) {
                    let parts = number.split(separator: ":").map(String.init)
                    guard let disk = try? Disk(number: number) else { continue }
                    let labels = [
                        "device": disk.path, "major": parts[0], "minor": parts[1], "operation": operation,
                    ]
                    values[labels] = value
                }
            }
            return values
        },

        // Time lost, which only v2 knows, beside v1 too.
        "container_pressure_cpu_waiting_seconds_total": pressure("cpu", "some"),
        "container_pressure_cpu_stalled_seconds_total": pressure("cpu", "full"),
        "container_pressure_memory_waiting_seconds_total": pressure("memory", "some"),
        "container_pressure_memory_stalled_seconds_total": pressure("memory", "full"),
        "container_pressure_io_waiting_seconds_total": pressure("io", "some"),
        "container_pressure_io_stalled_seconds_total": pressure("io", "full"),
        "container_pressure_irq_stalled_seconds_total": pressure("irq", "full"),

        // Networks: the columns of /proc/PID/net/dev behind the name.
        "container_network_receive_bytes_total": network(1),
        "container_network_receive_packets_total": network(2),
        "container_network_receive_errors_total": network(3),
        "container_network_receive_packets_dropped_total": network(4),
        "container_network_transmit_bytes_total": network(9),
        "container_network_transmit_packets_total": network(10),
        "container_network_transmit_errors_total": network(11),
        "container_network_transmit_packets_dropped_total": network(12),

        // Processes.
        "container_processes": { plain(Double($0.processes.count)) },
        "container_threads": { plain($0.number("pids", "pids.current")) },
        "container_threads_max": { plain($0.threadLimit ?? 0) },
        "container_threads_limit_effective": { files in
            let machine = ["pid_max", "threads-max"].compactMap { KernelFiles.number("/proc/sys/kernel/\($0)") }
            return plain((files.lineage.compactMap(\.threadLimit) + machine).min())
        },
        "container_threads_refused_total": { plain($0.number("pids", "pids.events", "max")) },
        "container_threads_max_usage": { plain($0.number("pids", "pids.peak")) },
        "container_cgroup_descendants": { plain($0.number("unified", "cgroup.stat", "nr_descendants")) },
        "container_cgroup_dying_descendants": { plain($0.number("unified", "cgroup.stat", "nr_dying_descendants")) },
        "container_file_descriptors": { plain(Double($0.descriptors.count)) },
        "container_sockets": { plain(Double($0.descriptors.count { $0.hasPrefix("socket") })) },
        "container_ulimits_soft": { files in
            guard let process = files.processes.first,
                let limits = try? String(contentsOfFile: "/proc/\(process)/limits", encoding: .utf8),
                let line = limits.split(separator: "\n").first(where: { $0.hasPrefix("Max open files") })
            else { return [:] }
            let limit = line.split(separator: " ")[3]
            return plain(limit == "unlimited" ? -1 : Double(limit), 1, ["ulimit": "max_open_files"])
        },
    ]

    /// Families that have nothing to compare here, by the reason.
    static let elsewhere: [String: Set<String>] = [
        "it is not in the cgroup's files: DockerTests has what happens to it over a container's life": [
            "container_creation_time_seconds", "container_start_time_seconds", "container_last_seen",
        ],
        "the engine tells it: DockerNamesTests": [
            "container_state", "container_exit_code", "container_oom_killed", "container_restarts_total",
            "container_health_state",
        ],
        "it is not of a container: MachineTests, and CadvisorTests where cAdvisor has it": [
            "machine_cpu_cores", "machine_cpu_physical_cores", "machine_cpu_sockets", "machine_memory_bytes",
            "machine_swap_bytes", "machine_dimm_count", "machine_dimm_capacity_bytes", "machine_scrape_error",
            "container_scrape_error",
        ],
        "it needs huge pages, which a machine is seldom given: HugetlbTests": [
            "container_hugetlb_usage_bytes", "container_hugetlb_max_usage_bytes", "container_hugetlb_failcnt",
        ],
        "it needs a scheduler of old, CFQ or BFQ with its debugging: DiskIOTests, as recorded": [
            "container_fs_reads_merged_total", "container_fs_writes_merged_total", "container_fs_read_seconds_total",
            "container_fs_write_seconds_total", "container_fs_io_time_seconds_total", "container_fs_io_current",
        ],
        "v1 has no such thing: CgroupV2Tests and the recorded trees": onlyOfV2,
    ]

    /// Where v1 has the controller, whatever v2 beside it says.
    static let onlyOfV2: Set<String> = [
        "container_fs_io_cost_usage_seconds_total", "container_fs_io_cost_wait_seconds_total",
        "container_fs_io_cost_indebt_seconds_total", "container_fs_io_cost_indelay_seconds_total",
        "container_memory_zswap_bytes", "container_memory_zswapped_bytes", "container_memory_kernel_stack_bytes",
        "container_memory_pagetables_bytes", "container_memory_slab_reclaimable_bytes",
        "container_memory_slab_unreclaimable_bytes", "container_memory_sock_bytes",
        "container_memory_pgscan_total", "container_memory_pgsteal_total", "container_memory_pswpin_total",
        "container_memory_pswpout_total", "container_memory_events_low_total",
        "container_memory_events_high_total", "container_memory_events_max_total",
        "container_memory_events_oom_total", "container_memory_events_oom_group_kill_total",
        "container_spec_memory_high_limit_bytes", "container_memory_swap_max_usage_bytes",
        "container_memory_swap_events_max_total", "container_memory_swap_events_fail_total",
        "container_cgroup_frozen",
    ]

    static func of(_ files: KernelFiles) -> [Page.Series: Double] {
        var series: [Page.Series: Double] = [:]
        for (name, source) in all {
            for (labels, value) in source(files) { series[Page.Series(name: name, labels: labels)] = value }
        }
        return series
    }

    // MARK: Sources

    private static func plain(_ value: Double?, _ unit: Double = 1, _ labels: [String: String] = [:]) -> Values {
        value.map { [labels: $0 / unit] } ?? [:]
    }

    private static func memory(_ file: String, _ key: String? = nil) -> Source {
        { plain($0.number("memory", file, key)) }
    }

    /// 0 stands for none.
    private static func limit(_ file: String) -> Source {
        { plain($0.number("memory", file).map { $0 > 0x1p62 ? 0 : $0 }) }
    }

    private static func cpuTime(_ files: KernelFiles, v2: String, v1: String) -> Values {
        let seconds = [
            files.number("unified", "cpu.stat", v2).map { $0 / 1e6 },
            files.number("cpuacct", "cpuacct.stat", v1).map { $0 / 100 },
        ]
        return plain(seconds.compactMap(\.self).max())
    }

    private static func withQuota(_ files: KernelFiles, _ key: String, _ unit: Double = 1) -> Values {
        guard files.number("cpu", "cpu.cfs_quota_us") ?? 0 > 0 else { return [:] }
        return plain(files.number("cpu", "cpu.stat", key), unit)
    }

    /// By the path of the device.
    private static func disks(_ files: KernelFiles, _ file: String, _ operation: String) -> Values {
        diskNumbers(files, file, operation).reduce(into: [:]) { values, entry in
            if let disk = try? Disk(number: entry.key) { values[["device": disk.path]] = entry.value }
        }
    }

    /// `254:0 Read 409600`, by the scheduler that counts or, without one, by the throttling layer.
    private static func diskNumbers(_ files: KernelFiles, _ file: String, _ operation: String) -> [String: Double] {
        func numbers(_ files: KernelFiles, _ layer: String, _ file: String, _ word: String) -> [String: Double] {
            files.lines("blkio", "blkio.\(layer).\(file)_recursive").reduce(into: [:]) { numbers, line in
                let words = line.split(separator: " ")
                if words.count == 3, words[1] == word { numbers[String(words[0])] = Double(words[2]) }
            }
        }
        // One that counts has counted something of the machine's by now.
        let layer = ["bfq", "throttle"].max { first, second in
            let counts = [first, second].map { layer in
                numbers(.top, layer, "io_service_bytes", "Total").values.count { $0 > 0 }
            }
            return counts[0] < counts[1]
        }
        return layer.map { numbers(files, $0, file, operation) } ?? [:]
    }

    /// `some avg10=0.00 avg60=0.00 avg300=0.00 total=158123`
    private static func pressure(_ resource: String, _ line: String) -> Source {
        { files in
            let line = files.lines("unified", "\(resource).pressure").first { $0.hasPrefix("\(line) ") }
            return plain(line?.split(separator: "=").last.flatMap { Double($0) }, 1e6)
        }
    }

    private static func network(_ column: Int) -> Source {
        { files in
            guard let process = files.processes.first, files.hasOwnNetwork,
                // To its end: the size that this file claims to have is 0.
                let data = try? FileHandle(forReadingFrom: URL(filePath: "/proc/\(process)/net/dev")).readToEnd()
            else { return [:] }
            return String(decoding: data, as: UTF8.self).split(separator: "\n").dropFirst(2).reduce(into: [:]) {
                values, line in
                let words = line.split { $0 == ":" || $0 == " " }
                // The ends of cables that lead to containers are not one's own, and loopback is nobody's.
                guard !["lo", "veth", "docker", "nerdctl"].contains(where: words[0].hasPrefix) else { return }
                values[["interface": String(words[0])]] = Double(words[column])
            }
        }
    }
}

extension KernelFiles {
    /// What the descriptors of its processes lead to.
    fileprivate var descriptors: [String] {
        processes.flatMap { process in
            let directory = "/proc/\(process)/fd"
            return ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [])
                .map { (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\($0)")) ?? "" }
        }
    }

    /// Whether it does not use the machine's, which is that of the tests.
    var hasOwnNetwork: Bool {
        let networks = (["self"] + processes.prefix(1).map(String.init)).compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\($0)/ns/net")
        }
        return Set(networks).count == 2
    }

    fileprivate var workingSet: Double? {
        guard let usage = number("memory", "memory.usage_in_bytes"),
            let inactive = number("memory", "memory.stat", "total_inactive_file")
        else { return nil }
        return max(0, usage - inactive)
    }

    /// The least of its own limit, those of what it is in, and the machine's memory.
    fileprivate var effectiveMemory: Double? {
        let machine = Self.number("/proc/meminfo", "MemTotal:").map { $0 * 1024 }
        return (lineage.map { $0.number("memory", "memory.limit_in_bytes") } + [machine]).compactMap(\.self).min()
    }

    /// `nil` for none.
    fileprivate var threadLimit: Double? { number("pids", "pids.max").flatMap { $0.isFinite ? $0 : nil } }

    /// How many CPUs are in a set such as `0-2,5`.
    fileprivate var cpuCount: Double? {
        lines("cpuset", "cpuset.cpus").first.map { list in
            list.split(separator: ",").reduce(0) { count, range in
                let ends = range.split(separator: "-").compactMap { Double($0) }
                return count + (ends.last ?? 0) - (ends.first ?? 0) + 1
            }
        }
    }
}

extension Page {
    /// What it says of a cgroup, without what the labels of all its series are.
    func of(_ cgroup: String) -> [Series: Double] {
        values.reduce(into: [:]) { result, entry in
            guard entry.key.labels["id"] == cgroup else { return }
            let labels = entry.key.labels.filter {
                !["id", "name", "image"].contains($0.key) && !$0.key.hasPrefix("container_label_")
            }
            result[Series(name: entry.key.name, labels: labels)] = entry.value
        }
    }
}
