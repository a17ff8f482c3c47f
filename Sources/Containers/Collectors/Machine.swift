import Exposition
import Glibc
import Scraping
import Synchronization

/// What the machine has, for dashboards that show containers as shares of it.
struct Machine: ContainerCollector {
    private static let memoryFields: [(position: CgroupText.Position, slot: Int)] = [
        (.key("MemTotal:"), 0), (.key("SwapTotal:"), 1),
    ]

    private static let cores = entry("machine_cpu_cores", "CPUs that are online", source: "sysconf")
    private static let physicalCores = entry(
        "machine_cpu_physical_cores", "Cores, of which each may be several CPUs",
        source: "/sys/devices/system/cpu/cpu*/topology/core_id")
    private static let sockets = entry(
        "machine_cpu_sockets", "Sockets with CPUs in them",
        source: "/sys/devices/system/cpu/cpu*/topology/physical_package_id")
    private static let memory = entry("machine_memory_bytes", "Memory", source: "/proc/meminfo: MemTotal")
    private static let swap = entry("machine_swap_bytes", "Swap space", source: "/proc/meminfo: SwapTotal")
    private static let dimms = entry(
        "machine_dimm_count", "Memory modules", labels: ["type"], source: "/sys/devices/system/edac/mc")
    private static let dimmCapacity = entry(
        "machine_dimm_capacity_bytes", "Size of the memory modules", labels: ["type"],
        source: "/sys/devices/system/edac/mc")
    private static let scrapeError = CatalogueEntry(
        MetricDescriptor(
            "machine_scrape_error", .gauge, "1 if the machine's memory or CPUs could not be read, else 0."),
        source: "the scrape")
    // The labels that would name a cAdvisor's own version, or Docker's as one knew it once, are not there.
    private static let version = CatalogueEntry(
        "cadvisor_version_info", .gauge, "The versions of kernel and distribution, under the name that dashboards know",
        labels: ["kernelVersion", "osVersion"], source: "uname, /etc/os-release: PRETTY_NAME")

    private static func entry(
        _ name: String, _ meaning: String, labels: [String] = [], source: String
    ) -> CatalogueEntry {
        CatalogueEntry(
            name, .gauge, meaning, labels: ["machine_id", "system_uuid", "boot_id"] + labels, source: source)
    }

    let name = "machine"

    var metrics: [CatalogueEntry] {
        [
            Self.cores, Self.physicalCores, Self.sockets, Self.memory, Self.swap, Self.dimms, Self.dimmCapacity,
            Self.scrapeError, Self.version,
        ]
    }

    private let sysfs: String
    private let topology: Topology

    /// - Parameter sysfs: Where `/sys` is mounted.
    init(sysfs: String = "/sys") {
        self.sysfs = sysfs
        topology = Topology("\(sysfs)/devices/system/cpu")
    }

    func families(from reader: CgroupReader, until deadline: Deadline) throws(CollectorError) -> [MetricFamily] {
        try deadline.check()
        let labels = identity
        var memory: [Double] = [.nan, .nan]
        if let top = reader.tree.top {
            let meminfo = reader.index(of: CgroupFile(hierarchy: .procfs, name: "meminfo"))
            let parser = CgroupParser(Self.memoryFields)
            _ = try reader.read(meminfo, of: top) { parser.read($0, into: &memory, from: 0) }
        }
        let cores = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        let counts = topology.counts
        return [
            cores > 0 ? MetricFamily(Self.cores.descriptor, Double(cores), labels) : nil,
            counts.map { MetricFamily(Self.physicalCores.descriptor, Double($0.cores), labels) },
            counts.map { MetricFamily(Self.sockets.descriptor, Double($0.sockets), labels) },
            memory[0].isNaN ? nil : MetricFamily(Self.memory.descriptor, memory[0] * 1024, labels),
            memory[1].isNaN ? nil : MetricFamily(Self.swap.descriptor, memory[1] * 1024, labels),
        ].compactMap(\.self) + memoryModules(labels) + [
            MetricFamily(Self.scrapeError.descriptor, memory[0].isNaN || cores < 1 ? 1 : 0),
            MetricFamily(Self.version.descriptor, 1, Self.versions),
        ]
    }

    /// By which machines and their boots are told apart; an unprivileged user may not read the second.
    private var identity: Labels {
        let places = [
            ("machine_id", ["/etc/machine-id", "/var/lib/dbus/machine-id"]),
            ("system_uuid", ["\(sysfs)/class/dmi/id/product_uuid"]),
            ("boot_id", ["/proc/sys/kernel/random/boot_id"]),
        ]
        return Labels(
            places.compactMap { label, paths in paths.lazy.compactMap(Self.firstLine).first.map { (label, $0) } })
    }

    private static var versions: Labels {
        var labels: [(String, String)] = []
        var system = utsname()
        if uname(&system) == 0 {
            let release = withUnsafeBytes(of: &system.release) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            labels.append(("kernelVersion", release))
        }
        if let bytes = try? File.contents(of: "/etc/os-release", limit: 4096) {
            let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
            let prefix = "PRETTY_NAME="
            if let line = lines.first(where: { $0.hasPrefix(prefix) }) {
                labels.append(("osVersion", line.dropFirst(prefix.count).filter { $0 != "\"" && $0 != "'" }))
            }
        }
        return Labels(labels)
    }

    /// Where the memory controller's driver knows its modules; virtual machines have none.
    private func memoryModules(_ labels: Labels) -> [MetricFamily] {
        let root = "\(sysfs)/devices/system/edac/mc"
        var modules: [String: (count: Int, bytes: Double)] = [:]
        for controller in (try? Directory.names(in: root)) ?? [] where controller.hasPrefix("mc") {
            for name in (try? Directory.names(in: "\(root)/\(controller)")) ?? [] where name.hasPrefix("dimm") {
                let path = "\(root)/\(controller)/\(name)"
                guard let type = Self.firstLine(of: "\(path)/dimm_mem_type"),
                    let mebibytes = Self.firstLine(of: "\(path)/size").flatMap({ UInt32($0) })
                else { continue }
                modules[type, default: (0, 0)].count += 1
                modules[type, default: (0, 0)].bytes += Double(mebibytes) * 0x1p20
            }
        }
        var count = MetricFamily(Self.dimms.descriptor)
        var capacity = MetricFamily(Self.dimmCapacity.descriptor)
        for (type, found) in modules.sorted(by: { $0.key < $1.key }) {
            count.append(Double(found.count), labels.adding("type", type))
            capacity.append(found.bytes, labels.adding("type", type))
        }
        return [count, capacity]
    }

    fileprivate static func firstLine(of path: String) -> String? {
        guard let bytes = try? File.contents(of: path, limit: 256) else { return nil }
        let line = bytes.prefix { $0 != UInt8(ascii: "\n") }
        return line.isEmpty ? nil : String(decoding: line, as: UTF8.self)
    }
}

/// How many cores and sockets the CPUs are; looked up anew only when others are online, for it takes two files of each.
private final class Topology: Sendable {
    private let directory: String
    private let known = Mutex<(online: String, counts: (cores: Int, sockets: Int)?)>(("", nil))

    init(_ directory: String) {
        self.directory = directory
    }

    /// `nil` where the kernel does not tell it.
    var counts: (cores: Int, sockets: Int)? {
        guard let online = Machine.firstLine(of: "\(directory)/online") else { return nil }
        return known.withLock { known in
            if known.online != online { known = (online, read()) }
            return known.counts
        }
    }

    private func read() -> (cores: Int, sockets: Int)? {
        var cores: Set<[Int]> = []
        var sockets: Set<Int> = []
        for name in (try? Directory.names(in: directory)) ?? [] where Int(name.dropFirst(3)) != nil {
            // A CPU that is not online has no topology.
            let path = "\(directory)/\(name)/topology"
            guard name.hasPrefix("cpu"), let core = Machine.firstLine(of: "\(path)/core_id").flatMap({ Int($0) }),
                let socket = Machine.firstLine(of: "\(path)/physical_package_id").flatMap({ Int($0) })
            else { continue }
            cores.insert([socket, core])
            sockets.insert(socket)
        }
        return cores.isEmpty ? nil : (cores.count, sockets.count)
    }
}
