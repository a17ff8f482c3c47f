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

        // Memory.
        "container_memory_usage_bytes": memory("memory.usage_in_bytes"),
        "container_memory_max_usage_bytes": memory("memory.max_usage_in_bytes"),
        "container_memory_working_set_bytes": { files in
            guard let usage = files.number("memory", "memory.usage_in_bytes"),
                let inactive = files.number("memory", "memory.stat", "total_inactive_file")
            else { return [:] }
            return plain(max(0, usage - inactive))
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
        "container_spec_memory_limit_bytes": limit("memory.limit_in_bytes"),
        "container_spec_memory_swap_limit_bytes": limit("memory.memsw.limit_in_bytes"),
        "container_spec_memory_reservation_limit_bytes": limit("memory.soft_limit_in_bytes"),

        // Disks.
        "container_fs_reads_bytes_total": { disks($0, "io_service_bytes", "Read") },
        "container_fs_writes_bytes_total": { disks($0, "io_service_bytes", "Write") },
        "container_fs_reads_total": { disks($0, "io_serviced", "Read") },
        "container_fs_writes_total": { disks($0, "io_serviced", "Write") },

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
        "container_threads_max": { plain($0.number("pids", "pids.max") ?? 0) },
        "container_file_descriptors": { plain(Double($0.descriptors.count)) },
        "container_sockets": { plain(Double($0.descriptors.count { $0.hasPrefix("socket") })) },
        "container_ulimits_soft": { files in
            guard let process = files.processes.first,
                let limits = try? String(contentsOfFile: "/proc/\(process)/limits", encoding: .utf8),
                let line = limits.split(separator: "\n").first(where: { $0.hasPrefix("Max open files") })
            else { return [:] }
            return plain(Double(line.split(separator: " ")[3]), 1, ["ulimit": "max_open_files"])
        },
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

    /// `254:0 Read 409600`, by the scheduler that counts or, without one, by the throttling layer.
    private static func disks(_ files: KernelFiles, _ file: String, _ operation: String) -> Values {
        for layer in ["bfq", "throttle"] {
            let lines = files.lines("blkio", "blkio.\(layer).\(file)_recursive").map { $0.split(separator: " ") }
                .filter { $0.count == 3 && $0[1] == operation }
            guard !lines.isEmpty else { continue }
            return lines.reduce(into: [:]) { values, line in
                guard let disk = try? Disk(number: String(line[0])) else { return }
                values[["device": disk.path]] = Double(line[2])
            }
        }
        return [:]
    }

    private static func network(_ column: Int) -> Source {
        { files in
            guard let process = files.processes.first,
                // To its end: the size that this file claims to have is 0.
                let data = try? FileHandle(forReadingFrom: URL(filePath: "/proc/\(process)/net/dev")).readToEnd()
            else { return [:] }
            return String(decoding: data, as: UTF8.self).split(separator: "\n").dropFirst(2).reduce(into: [:]) {
                values, line in
                let words = line.split { $0 == ":" || $0 == " " }
                if words[0] != "lo" { values[["interface": String(words[0])]] = Double(words[column]) }
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

/// Families that are to come, and what is expected of them then. It is to be empty.
let awaited: Set<String> = [
    "container_fs_reads_bytes_total", "container_fs_writes_bytes_total", "container_fs_reads_total",
    "container_fs_writes_total", "container_blkio_device_usage_total",
    "container_network_receive_bytes_total", "container_network_receive_packets_total",
    "container_network_receive_errors_total", "container_network_receive_packets_dropped_total",
    "container_network_transmit_bytes_total", "container_network_transmit_packets_total",
    "container_network_transmit_errors_total", "container_network_transmit_packets_dropped_total",
    "container_processes", "container_threads", "container_threads_max", "container_file_descriptors",
    "container_sockets", "container_ulimits_soft",
    "container_fs_io_current", "container_fs_io_time_seconds_total", "container_fs_io_time_weighted_seconds_total",
    "container_fs_read_seconds_total", "container_fs_reads_merged_total", "container_fs_sector_reads_total",
    "container_fs_sector_writes_total", "container_fs_write_seconds_total", "container_fs_writes_merged_total",
    "machine_cpu_physical_cores", "machine_cpu_sockets", "machine_scrape_error",
]
