import Foundation
import Lab
import Testing

/// What a kernel file says.
struct KernelText {
    private let lines: [[Substring]]

    init(_ text: String) {
        lines = text.split(separator: "\n").map { $0.split { $0 == " " || $0 == "\t" } }
    }

    /// The file's only number.
    var number: Double? { word(0) }

    /// The nth word of the first line.
    func word(_ index: Int) -> Double? {
        guard let line = lines.first, index < line.count else { return nil }
        return line[index] == "max" ? .infinity : Double(line[index])
    }

    /// The number behind a key at the beginning of a line.
    subscript(key: String) -> Double? {
        lines.first { $0.first == key[...] && $0.count > 1 }.flatMap { Double($0[1]) }
    }

    /// Seconds: `some avg10=0.00 avg60=0.00 avg300=0.00 total=158123`.
    func pressure(_ line: String) -> Double? {
        lines.first { $0.first == line[...] }?.last.flatMap { Double($0.dropFirst("total=".count)) }.map { $0 / 1e6 }
    }

    /// `254:0 rbytes=4096 wbytes=0 ...`, by the device's numbers.
    var devices: [String: [String: Double]] {
        lines.reduce(into: [:]) { devices, line in
            for pair in line.dropFirst() {
                let parts = pair.split(separator: "=")
                if parts.count == 2 { devices[String(line[0]), default: [:]][String(parts[0])] = Double(parts[1]) }
            }
        }
    }

    /// How many numbers a list such as `0-3,5` has; `nil` for an empty one.
    var countOfList: Double? {
        guard let list = lines.first?.first else { return nil }
        return list.split(separator: ",").reduce(0) { count, range in
            let ends = range.split(separator: "-").compactMap { Double($0) }
            return count + (ends.last ?? 0) - (ends.first ?? 0) + 1
        }
    }

    /// How many lines there are.
    var count: Int { lines.count }
}

/// A cgroup's files at one moment.
struct CgroupFiles {
    private let results: MachineResults
    private let snapshot: String
    private let id: String

    init(_ results: MachineResults, _ snapshot: String, _ id: String) {
        self.results = results
        self.snapshot = snapshot
        self.id = id
    }

    /// `nil` where the kernel makes no such file.
    subscript(file: String) -> KernelText? {
        results["\(snapshot)/cgroup\(isTop ? "" : id)/\(file)"].map(KernelText.init)
    }

    func number(_ file: String) -> Double? { self[file]?.number }
    func number(_ file: String, _ key: String) -> Double? { self[file]?[key] }

    /// Of the keys, those that this kernel has, added up.
    func sum(_ file: String, _ keys: [String]) -> Double? {
        let numbers = keys.compactMap { number(file, $0) }
        return numbers.isEmpty ? nil : numbers.reduce(0, +)
    }

    func pressure(_ resource: String, _ line: String) -> Double? { self["\(resource).pressure"]?.pressure(line) }

    /// `io.stat` by the names of the devices, and their numbers.
    var devices: [String: (fields: [String: Double], numbers: [Substring])] {
        var named: [String: (fields: [String: Double], numbers: [Substring])] = [:]
        // `254 0 65536 vda`
        let partitions = results["\(snapshot)/proc/partitions"]?.split(separator: "\n") ?? []
        for (number, fields) in self["io.stat"]?.devices ?? [:] {
            let numbers = number.split(separator: ":")
            let words = partitions.map { $0.split(separator: " ") }.first { $0.prefix(2) == numbers[...] }
            named["/dev/\(words?.last ?? "")"] = (fields, numbers)
        }
        return named
    }

    var isTop: Bool { id == "/" }

    /// It and its ancestors but the top, which has no limits.
    var lineage: [CgroupFiles] {
        let names = id.split(separator: "/")
        return names.indices.map { CgroupFiles(results, snapshot, "/" + names[...$0].joined(separator: "/")) }
    }

    /// Seconds since 1970, by the directory's date.
    var created: Double? {
        let path = "/sys/fs/cgroup" + (isTop ? "" : id)
        return results["\(snapshot)/times"].flatMap { KernelText($0)[path] }
    }

    /// Seconds since 1970.
    var now: Double? { results["\(snapshot)/clock"].flatMap { KernelText($0).number } }

    /// From `/proc/sys/kernel`.
    func sysctl(_ name: String) -> Double? {
        results["\(snapshot)/proc/sys/kernel/\(name)"].flatMap { KernelText($0).number }
    }

    /// Bytes, from `/proc/meminfo`.
    func meminfo(_ key: String) -> Double? {
        results["\(snapshot)/proc/meminfo"].flatMap { KernelText($0)["\(key):"] }.map { $0 * 1024 }
    }
}

/// A metric, and how its series follow from the files.
struct CgroupMetricRow: Sendable, CustomTestStringConvertible {
    /// By the labels beside `id` and `name`.
    typealias Series = [[String: String]: Double]

    let name: String
    let series: @Sendable (CgroupFiles) -> Series

    var testDescription: String { name }

    /// A metric with at most one series.
    private init(
        _ name: String, _ labels: [String: String] = [:], _ value: @escaping @Sendable (CgroupFiles) -> Double?
    ) {
        self.name = name
        series = { files in value(files).map { [labels: $0] } ?? [:] }
    }

    private init(name: String, series: @escaping @Sendable (CgroupFiles) -> Series) {
        self.name = name
        self.series = series
    }

    /// A metric with a series for each of several labels.
    private static func several(
        _ name: String, _ series: @escaping @Sendable (CgroupFiles) -> Series
    ) -> CgroupMetricRow {
        CgroupMetricRow(name: name, series: series)
    }

    /// What is not read from files of the cgroup: the top's are the machine's interfaces, of `/proc/1/net/dev`.
    static let testedElsewhere = ["receive", "transmit"].flatMap { direction in
        ["bytes", "errors", "packets", "packets_dropped"].map { "container_network_\(direction)_\($0)_total" }
    }

    /// What is on every page.
    static let all = always + cpu + memory + disk + process + pressure + hugetlb + effective

    private static let always = [
        CgroupMetricRow("container_creation_time_seconds") { $0.created },
        CgroupMetricRow("container_start_time_seconds") { $0.created },
        CgroupMetricRow("container_last_seen") { $0.now },
    ]

    private static let cpu = [
        CgroupMetricRow("container_cpu_usage_seconds_total", ["cpu": "total"]) {
            $0.number("cpu.stat", "usage_usec").map { $0 / 1e6 }
        },
        CgroupMetricRow("container_cpu_user_seconds_total") { $0.number("cpu.stat", "user_usec").map { $0 / 1e6 } },
        CgroupMetricRow("container_cpu_system_seconds_total") { $0.number("cpu.stat", "system_usec").map { $0 / 1e6 } },
        ofQuota("container_cpu_cfs_periods_total", "nr_periods"),
        ofQuota("container_cpu_cfs_throttled_periods_total", "nr_throttled"),
        ofQuota("container_cpu_cfs_throttled_seconds_total", "throttled_usec", in: 1e6),
        ofQuota("container_cpu_cfs_burst_periods_total", "nr_bursts"),
        ofQuota("container_cpu_cfs_burst_seconds_total", "burst_usec", in: 1e6),
        CgroupMetricRow("container_spec_cpu_period") { $0["cpu.max"]?.word(1) },
        CgroupMetricRow("container_spec_cpu_quota") { $0.quota },
        CgroupMetricRow("container_spec_cpu_shares") { $0.number("cpu.weight").map { shares(of: $0) } },
    ]

    private static func ofQuota(_ name: String, _ key: String, in unit: Double = 1) -> CgroupMetricRow {
        CgroupMetricRow(name) { files in
            files.quota == nil ? nil : files.number("cpu.stat", key).map { $0 / unit }
        }
    }

    /// The shares of which runc makes this weight, found by trying.
    private static func shares(of wanted: Double) -> Double {
        func weight(of shares: Double) -> Double {
            let l = log2(shares)
            return pow(10, (l * l + 125 * l) / 612 - 7.0 / 34)
        }
        var (low, high) = (2.0, 262_144.0)
        while high - low > 0.001 {
            let middle = (low + high) / 2
            if weight(of: middle) < wanted { low = middle } else { high = middle }
        }
        return low.rounded()
    }

    private static let memory =
        [
            CgroupMetricRow("container_memory_usage_bytes") {
                $0.number("memory.current") ?? $0.sum("memory.stat", ["anon", "file"])
            },
            CgroupMetricRow("container_memory_max_usage_bytes") { $0.number("memory.peak") },
            CgroupMetricRow("container_memory_working_set_bytes") { $0.workingSet },
            CgroupMetricRow("container_memory_swap") {
                guard let total = $0.meminfo("SwapTotal"), let free = $0.meminfo("SwapFree"), $0.isTop else {
                    return $0.number("memory.swap.current")
                }
                return total - free
            },
            // Before Linux 5.18 its parts.
            CgroupMetricRow("container_memory_kernel_usage") {
                $0.number("memory.stat", "kernel")
                    ?? $0.sum("memory.stat", ["kernel_stack", "pagetables", "percpu", "vmalloc", "slab"])
            },
            CgroupMetricRow("container_memory_failcnt") { $0.number("memory.events", "max") },
            CgroupMetricRow("container_oom_events_total") { $0.number("memory.events", "oom_kill") },
            several("container_memory_failures_total") { files in
                var series: Series = [:]
                for type in ["pgfault", "pgmajfault"] {
                    guard let number = files.number("memory.stat", type) else { continue }
                    for scope in ["container", "hierarchy"] { series[["failure_type": type, "scope": scope]] = number }
                }
                return series
            },
            CgroupMetricRow("container_spec_memory_limit_bytes") {
                $0.isTop ? $0.meminfo("MemTotal") : $0.limit("memory.max")
            },
            CgroupMetricRow("container_spec_memory_swap_limit_bytes") {
                $0.isTop ? $0.meminfo("SwapTotal") : $0.limit("memory.swap.max")
            },
            CgroupMetricRow("container_spec_memory_high_limit_bytes") { $0.limit("memory.high") },
            // Kubernetes writes a reservation to memory.min, everybody else to memory.low.
            CgroupMetricRow("container_spec_memory_reservation_limit_bytes") { files in
                guard let low = files.limit("memory.low"), low == 0 else { return files.limit("memory.low") }
                return files.limit("memory.min")
            },
        ]
        + ["low", "high", "max", "oom", "oom_group_kill"].map { key in
            CgroupMetricRow("container_memory_events_\(key)_total") { $0.number("memory.events", key) }
        }
        + [
            "rss": "anon", "cache": "file", "mapped_file": "file_mapped", "total_active_file_bytes": "active_file",
            "total_inactive_file_bytes": "inactive_file", "file_dirty_bytes": "file_dirty",
            "file_writeback_bytes": "file_writeback", "pgscan_total": "pgscan", "pgsteal_total": "pgsteal",
            "workingset_refault_file_total": "workingset_refault_file",
            "workingset_refault_anon_total": "workingset_refault_anon", "pswpin_total": "pswpin",
            "pswpout_total": "pswpout", "zswap_bytes": "zswap", "zswapped_bytes": "zswapped",
            "kernel_stack_bytes": "kernel_stack", "pagetables_bytes": "pagetables",
            "slab_reclaimable_bytes": "slab_reclaimable", "slab_unreclaimable_bytes": "slab_unreclaimable",
            "sock_bytes": "sock", "shmem_bytes": "shmem", "unevictable_bytes": "unevictable",
            "anon_thp_bytes": "anon_thp",
        ].map { name, key in CgroupMetricRow("container_memory_\(name)") { $0.number("memory.stat", key) } }

    private static let disk =
        [
            several("container_blkio_device_usage_total") { files in
                var series: Series = [:]
                for (device, (fields, numbers)) in files.devices {
                    for (operation, field) in [("Read", "rbytes"), ("Write", "wbytes")] {
                        let labels = [
                            "device": device, "major": String(numbers[0]), "minor": String(numbers[1]),
                            "operation": operation,
                        ]
                        series[labels] = fields[field]
                    }
                }
                return series
            }
        ]
        + [
            ("reads_bytes_total", "rbytes", 1), ("writes_bytes_total", "wbytes", 1), ("reads_total", "rios", 1),
            ("writes_total", "wios", 1), ("discards_bytes_total", "dbytes", 1), ("discards_total", "dios", 1),
            ("sector_reads_total", "rbytes", 512), ("sector_writes_total", "wbytes", 512),
            ("io_cost_usage_seconds_total", "cost.usage", 1e6),
            ("io_cost_wait_seconds_total", "cost.wait", 1e6), ("io_cost_indebt_seconds_total", "cost.indebt", 1e6),
            ("io_cost_indelay_seconds_total", "cost.indelay", 1e6),
        ].map { name, field, unit in
            several("container_fs_\(name)") { files in
                var series: Series = [:]
                for (device, (fields, _)) in files.devices {
                    series[["device": device]] = fields[field].map { $0 / unit }
                }
                return series
            }
        }

    private static let process = [
        CgroupMetricRow("container_processes") { $0["cgroup.procs"].map { Double($0.count) } },
        CgroupMetricRow("container_threads") {
            $0.number("pids.current") ?? $0["cgroup.threads"].map { Double($0.count) }
        },
        CgroupMetricRow("container_threads_max") { $0.limit("pids.max") },
    ]

    private static let pressure = ["cpu", "io", "memory"].flatMap { resource in
        [("waiting", "some"), ("stalled", "full")].map { name, line in
            CgroupMetricRow("container_pressure_\(resource)_\(name)_seconds_total") { $0.pressure(resource, line) }
        }
    }

    /// cAdvisor's `container_hugetlb_max_usage_bytes` is always 0 in v2: there is no such file.
    private static let hugetlb = [
        several("container_hugetlb_usage_bytes") { files in
            ofPages(files.number("hugetlb.2MB.rsvd.current") ?? files.number("hugetlb.2MB.current"))
        },
        several("container_hugetlb_failcnt") { ofPages($0.number("hugetlb.2MB.events", "max")) },
    ]

    /// The machine has pages of this size alone.
    private static func ofPages(_ value: Double?) -> Series { value.map { [["pagesize": "2MB"]: $0] } ?? [:] }

    /// The least of the ancestors' limits, and the machine's where they have none.
    private static let effective = [
        CgroupMetricRow("container_memory_limit_effective_bytes") { $0.effectiveMemory },
        CgroupMetricRow("container_cpu_limit_effective_cores") { files in
            // The machine has two.
            files.lineage.flatMap { files in
                [
                    files.quota.flatMap { quota in files["cpu.max"]?.word(1).map { quota / $0 } },
                    files["cpuset.cpus"]?.countOfList,
                ].compactMap(\.self)
            }.reduce(2, min)
        },
        CgroupMetricRow("container_threads_limit_effective") { files in
            (files.lineage.compactMap { $0.number("pids.max") }
                + ["pid_max", "threads-max"].compactMap(files.sysctl)).min()
        },
        CgroupMetricRow("container_memory_working_set_ratio") { files in
            files.workingSet.flatMap { used in files.effectiveMemory.map { used / $0 } }
        },
    ]

    /// What `--collector.container_details` adds.
    static let details =
        [
            CgroupMetricRow("container_threads_refused_total") { $0.number("pids.events", "max") },
            CgroupMetricRow("container_oom_events_local_total") { $0.number("memory.events.local", "oom_kill") },
            CgroupMetricRow("container_memory_events_max_local_total") { $0.number("memory.events.local", "max") },
            CgroupMetricRow("container_memory_swap_max_usage_bytes") { $0.number("memory.swap.peak") },
            CgroupMetricRow("container_threads_max_usage") { $0.number("pids.peak") },
            CgroupMetricRow("container_pressure_irq_stalled_seconds_total") { $0.pressure("irq", "full") },
            CgroupMetricRow("container_cgroup_descendants") { $0.number("cgroup.stat", "nr_descendants") },
            CgroupMetricRow("container_cgroup_dying_descendants") { $0.number("cgroup.stat", "nr_dying_descendants") },
            CgroupMetricRow("container_cgroup_frozen") { $0.number("cgroup.events", "frozen") },
        ]
        + ["max", "fail"].map { key in
            CgroupMetricRow("container_memory_swap_events_\(key)_total") { $0.number("memory.swap.events", key) }
        }
}

extension CgroupFiles {
    /// Microseconds in each period.
    fileprivate var quota: Double? { number("cpu.max").flatMap { $0.isFinite ? $0 : nil } }

    /// 0 for none.
    fileprivate func limit(_ file: String) -> Double? { number(file).map { $0.isFinite ? $0 : 0 } }

    fileprivate var workingSet: Double? {
        guard let inactive = number("memory.stat", "inactive_file"),
            let usage = number("memory.current") ?? sum("memory.stat", ["anon", "file"])
        else { return nil }
        return max(0, usage - inactive)
    }

    fileprivate var effectiveMemory: Double? {
        (lineage.compactMap { $0.number("memory.max") } + [meminfo("MemTotal")].compactMap(\.self)).min()
    }
}
