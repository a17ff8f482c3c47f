import Exposition
import Glibc
import Scraping

/// What the machine has, for dashboards that show containers as shares of it.
struct Machine: ContainerCollector {
    /// Labels and the files they are read from, the first that there is; an unprivileged user may not read the second.
    private static let identities: [(label: String, paths: [String])] = [
        ("machine_id", ["/etc/machine-id", "/var/lib/dbus/machine-id"]),
        ("system_uuid", ["/sys/class/dmi/id/product_uuid"]),
        ("boot_id", ["/proc/sys/kernel/random/boot_id"]),
    ]

    private static let wanted = [
        CgroupText.Wanted(.key("MemTotal:"), slot: 0), CgroupText.Wanted(.key("SwapTotal:"), slot: 1),
    ]

    private static let cores = entry("machine_cpu_cores", "CPUs that are online", source: "sysconf")
    private static let memory = entry("machine_memory_bytes", "Memory", source: "/proc/meminfo: MemTotal")
    private static let swap = entry("machine_swap_bytes", "Swap space", source: "/proc/meminfo: SwapTotal")

    private static func entry(_ name: String, _ meaning: String, source: String) -> CatalogueEntry {
        CatalogueEntry(name, .gauge, meaning, labels: identities.map(\.label), source: source)
    }

    let name = "machine"

    var metrics: [CatalogueEntry] { [Self.cores, Self.memory, Self.swap] }

    func families(from reader: CgroupReader, until deadline: Deadline) throws(CollectorError) -> [MetricFamily] {
        try deadline.check()
        let labels = Labels(
            Self.identities.compactMap { label, paths in
                paths.lazy.compactMap(Self.firstLine).first.map { (label, $0) }
            }
        )
        var values: [Double?] = [nil, nil]
        if let top = reader.tree.top {
            let meminfo = reader.index(of: CgroupFile(hierarchy: .procfs, name: "meminfo"))
            _ = try reader.read(meminfo, of: top) { CgroupText.read($0, Self.wanted, into: &values) }
        }
        return [
            MetricFamily(Self.cores.descriptor, Double(sysconf(Int32(_SC_NPROCESSORS_ONLN))), labels),
            values[0].map { MetricFamily(Self.memory.descriptor, $0 * 1024, labels) },
            values[1].map { MetricFamily(Self.swap.descriptor, $0 * 1024, labels) },
        ].compactMap(\.self)
    }

    private static func firstLine(of path: String) -> String? {
        guard let bytes = try? File.contents(of: path, limit: 256) else { return nil }
        let line = bytes.prefix { $0 != UInt8(ascii: "\n") }
        return line.isEmpty ? nil : String(decoding: line, as: UTF8.self)
    }
}
