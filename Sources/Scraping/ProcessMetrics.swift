public import Exposition
import Glibc

/// The exporter's own process: the `process_*` families that all exporters have, from `/proc/self`.
public struct ProcessMetrics: SelfMetrics {
    private let startTime: Double?
    private let ticksPerSecond = Double(sysconf(Int32(_SC_CLK_TCK)))
    private let pageSize = Double(sysconf(Int32(_SC_PAGESIZE)))

    /// Reads once what never changes: the start, as ticks since boot in `stat` and the boot time in `/proc/stat`.
    public init() {
        let bootTime = Self.text("/proc/stat").split(separator: "\n").lazy
            .first { $0.hasPrefix("btime ") }.flatMap { Double($0.dropFirst("btime ".count)) }
        let ticks = Self.statFields().map { $0[19] }.flatMap { Double($0) }
        startTime = if let bootTime, let ticks { bootTime + ticks / ticksPerSecond } else { nil }
    }

    private static let cpu = entry(
        "process_cpu_seconds_total", .counter, "CPU time that this process has used, user and system.", from: "stat")
    private static let residentMemory = entry(
        "process_resident_memory_bytes", .gauge, "Memory of this process that is in RAM.", from: "stat")
    private static let virtualMemory = entry(
        "process_virtual_memory_bytes", .gauge, "Address space of this process.", from: "stat")
    private static let maximumVirtualMemory = entry(
        "process_virtual_memory_max_bytes", .gauge, "The most address space it may have, -1 for any amount.",
        from: "limits")
    private static let openFileDescriptors = entry(
        "process_open_fds", .gauge, "File descriptors that are open.", from: "fd")
    private static let maximumFileDescriptors = entry(
        "process_max_fds", .gauge, "The most file descriptors that may be open.", from: "limits")
    private static let start = entry(
        "process_start_time_seconds", .gauge, "When this process started, in seconds since the epoch.", from: "stat")

    /// What it can tell.
    public static let metrics = [
        cpu, residentMemory, virtualMemory, maximumVirtualMemory, openFileDescriptors, maximumFileDescriptors, start,
    ]

    private static func entry(_ name: String, _ type: MetricType, _ help: String, from file: String) -> CatalogueEntry {
        CatalogueEntry(MetricDescriptor(name, type, help), source: "/proc/self/\(file)")
    }

    /// The families as of now; one whose file cannot be read is absent.
    public func families() -> [MetricFamily] {
        let stat = Self.statFields()
        let cpuTicks = stat.flatMap { stat in Double(stat[11]).flatMap { user in Double(stat[12]).map { user + $0 } } }
        let values: [(CatalogueEntry, Double?)] = [
            (Self.cpu, cpuTicks.map { $0 / ticksPerSecond }),
            (Self.residentMemory, stat.flatMap { Double($0[21]) }.map { $0 * pageSize }),
            (Self.virtualMemory, stat.flatMap { Double($0[20]) }),
            (Self.maximumVirtualMemory, Self.limit("Max address space")),
            (Self.openFileDescriptors, Self.openFileDescriptorCount()),
            (Self.maximumFileDescriptors, Self.limit("Max open files")),
            (Self.start, startTime),
        ]
        return values.compactMap { entry, value in value.map { MetricFamily(entry.descriptor, $0) } }
    }

    private static func text(_ path: String) -> String {
        guard let bytes = try? File.contents(of: path) else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The fields of `/proc/self/stat` behind the command's name, which may hold blanks: the first is the state.
    private static func statFields() -> [Substring]? {
        let text = text("/proc/self/stat")
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split { $0 == " " || $0 == "\n" }
        return fields.count > 21 ? fields : nil
    }

    /// The soft limit of a line in `/proc/self/limits`.
    private static func limit(_ name: String) -> Double? {
        guard let line = text("/proc/self/limits").split(separator: "\n").first(where: { $0.hasPrefix(name) }) else {
            return nil
        }
        let word = line.dropFirst(name.count).split(separator: " ").first
        return word == "unlimited" ? -1 : word.flatMap { Double($0) }
    }

    private static func openFileDescriptorCount() -> Double? {
        // Since Linux 6.2 the directory's size is the number, which spares reading through thousands of entries.
        var status = stat()
        if stat("/proc/self/fd", &status) == 0, status.st_size > 0 { return Double(status.st_size) }
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        // `.`, `..` and the directory itself.
        return Double(count - 3)
    }
}
