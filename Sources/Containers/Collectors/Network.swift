import Exposition
import Scraping

/// What went through the network interfaces of containers, as the containers themselves see them.
///
/// A network namespace has its numbers once: at the host (`/`) for those that use the host's network, at the container
/// that was first in it for those that share one, which in Kubernetes is the pod's sandbox. They are read from a
/// process of it, whose number comes from the cgroup or from the runtime.
struct Network: ContainerCollector {
    /// Where a family's number stands behind the interface's name.
    private static let rows: [(column: Int, entry: CatalogueEntry)] = [
        (0, entry("receive_bytes", "Bytes received.")),
        (1, entry("receive_packets", "Packets received.")),
        (2, entry("receive_errors", "Packets that were received broken.")),
        (3, entry("receive_packets_dropped", "Packets received and given up for want of room or of a taker.")),
        (8, entry("transmit_bytes", "Bytes sent.")),
        (9, entry("transmit_packets", "Packets sent.")),
        (10, entry("transmit_errors", "Packets that could not be sent.")),
        (11, entry("transmit_packets_dropped", "Packets to send that were given up.")),
    ]

    private static func entry(_ name: String, _ help: String) -> CatalogueEntry {
        CatalogueEntry(
            MetricDescriptor("container_network_\(name)_total", .counter, help),
            labels: Cgroup.labelNames + ["interface"], source: "/proc/<pid>/net/dev")
    }

    /// By the beginning of their names: within a container loopback, on a host also its ends of the containers' cables.
    private static let ignoredInterfaces = ["lo", "veth", "docker", "nerdctl"].map { Array($0.utf8) }

    /// The most interfaces of a container that are shown.
    static let maximumCount = 1024

    let name = "container_network"

    var metrics: [CatalogueEntry] { Self.rows.map(\.entry) }

    func families(from reader: CgroupReader, until deadline: Deadline) throws(CollectorError) -> [MetricFamily] {
        try deadline.check()
        reader.omissions[name] = nil
        var families = Self.rows.map { MetricFamily($0.entry.descriptor) }
        guard let files = reader.processes else { return [] }
        let top = try files.isOfHost() ? reader.tree.exported.first(where: \.isRoot) : nil
        let host = try files.readFirstNetwork { text in
            guard let top else { return }
            // The interfaces of a host come and go with its containers, so labels for them are not kept.
            Self.read(text, into: &families) { top.labels.adding("interface", $0) }
        }
        guard let host else {
            reader.omissions[name] = Self.isHidden
            return []
        }

        var found: [(cgroup: Cgroup, process: ContainerProcess)] = []
        var owners: [UInt64: ContainerProcess] = [:]
        for cgroup in reader.tree.exported where cgroup.container != nil && !cgroup.isGone {
            try deadline.check()
            guard let process = try process(of: cgroup, files, reader) else { continue }
            found.append((cgroup, process))
            if let owner = owners[process.network], (owner.start, owner.id) <= (process.start, process.id) { continue }
            owners[process.network] = process
        }
        for (cgroup, process) in found {
            try deadline.check()
            func read(_ process: ContainerProcess) throws(CollectorError) -> Bool {
                try files.readNetwork(of: process) { text in
                    Self.read(text, into: &families) { cgroup.labels(adding: reader.interface($0)) }
                }
            }
            if process.network != host, owners[process.network] === process {
                if try read(process) { continue }
            } else if try files.isCurrent(process) {
                continue
            }
            // It has ended, or was looked at while the container was still being made.
            cgroup.process = nil
            if let other = try self.process(of: cgroup, files, reader), other.network != host,
                (owners[other.network] ?? process) === process
            {
                owners[other.network] = other
                _ = try read(other)
            }
        }
        return families
    }

    /// The process by which a container's network is read; `nil` where it has none, or uses another's network.
    private func process(
        of cgroup: Cgroup, _ files: ProcessFiles, _ reader: CgroupReader
    ) throws(CollectorError) -> ContainerProcess? {
        guard cgroup.details?.network ?? .own == .own else { return nil }
        switch try files.process(of: cgroup) {
        case .found(let process): return process
        case .none: return nil
        case .invisible:
            reader.omissions[name] = Self.isInvisible
            return nil
        }
    }

    private static let isHidden = CollectorError(
        .permission,
        "the networks of containers are read from /proc/<pid>/net/dev, and processes are hidden from this user: mount "
            + "/proc without hidepid, or give the user the group that its gid= names")
    private static let isInvisible = CollectorError(
        .permission,
        "the networks of containers are read from /proc/<pid>/net/dev, and their processes are in another PID "
            + "namespace: run this container with pid: host (docker run --pid=host), or mount /proc:/host/proc:ro with "
            + "--path.procfs=/host/proc and give it the runtime's socket")

    /// Reads the lines of `net/dev`: an interface's name, a colon, 8 numbers of what it received and 8 of what it sent.
    private static func read(
        _ text: Span<UInt8>, into families: inout [MetricFamily], _ labels: (String) -> Labels
    ) {
        var numbers = [Double](repeating: 0, count: 16)
        var count = 0
        var lines = CgroupLines()
        repeat {
            let interface = lines.word(of: text, upTo: UInt8(ascii: ":"))
            guard !ignoredInterfaces.contains(where: { text.starts(with: $0, at: interface) }) else { continue }
            var column = 0
            while column < numbers.count, let number = text.number(lines.word(of: text)) {
                numbers[column] = number
                column += 1
            }
            guard column == numbers.count, count < maximumCount else { continue }
            count += 1
            let labels = labels(text.string(interface))
            for (index, row) in rows.enumerated() { families[index].append(numbers[row.column], labels) }
        } while lines.next(in: text)
    }
}
