import Exposition
import Glibc
import Scraping

extension HostCollectors {
    /// Whole disks, and partitions where they are named otherwise than by a number behind the disk's name.
    ///
    /// Sectors are of 512 bytes, whatever the disk's are, and times in milliseconds
    /// (Documentation/admin-guide/iostats.rst).
    static let disk = HostRows(
        "node_diskstats", .proc("diskstats"), label: "device", nameWord: 2,
        excluding: "^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme[0-9]+n[0-9]+p)[0-9]+$",
        [
            HostColumn("node_disk_reads_completed_total", .counter, "Reads"),
            HostColumn("node_disk_reads_merged_total", .counter, "Reads that became a part of others"),
            HostColumn("node_disk_read_bytes_total", .counter, "Bytes that were read", divisor: 1.0 / 512),
            HostColumn("node_disk_read_time_seconds_total", .counter, "Time that all reads took", divisor: 1e3),
            HostColumn("node_disk_writes_completed_total", .counter, "Writes"),
            HostColumn("node_disk_writes_merged_total", .counter, "Writes that became a part of others"),
            HostColumn("node_disk_written_bytes_total", .counter, "Bytes that were written", divisor: 1.0 / 512),
            HostColumn("node_disk_write_time_seconds_total", .counter, "Time that all writes took", divisor: 1e3),
            HostColumn("node_disk_io_now", .gauge, "Reads and writes under way"),
            HostColumn(
                "node_disk_io_time_seconds_total", .counter, "Time in which something was under way", divisor: 1e3),
            HostColumn(
                "node_disk_io_time_weighted_seconds_total", .counter,
                "Time in which something was under way, by how much it was", divisor: 1e3),
            HostColumn("node_disk_discards_completed_total", .counter, "Discards", versions: "Linux 4.18+"),
            HostColumn(
                "node_disk_discards_merged_total", .counter, "Discards that became a part of others",
                versions: "Linux 4.18+"),
            HostColumn(
                "node_disk_discarded_sectors_total", .counter, "Sectors of 512 bytes that were discarded",
                versions: "Linux 4.18+"),
            HostColumn(
                "node_disk_discard_time_seconds_total", .counter, "Time that all discards took", divisor: 1e3,
                versions: "Linux 4.18+"),
            HostColumn("node_disk_flush_requests_total", .counter, "Flushes", versions: "Linux 5.5+"),
            HostColumn(
                "node_disk_flush_requests_time_seconds_total", .counter, "Time that all flushes took", divisor: 1e3,
                versions: "Linux 5.5+"),
        ])

    /// Network devices.
    static let network = HostRows(
        "node_netdev", .net("dev"), label: "device", nameWord: 0, separator: ":",
        [
            ("receive_bytes", "Bytes that were received"),
            ("receive_packets", "Packets that were received"),
            ("receive_errs", "Packets that arrived broken"),
            ("receive_drop", "Packets that were received and dropped"),
            ("receive_fifo", "Packets that found no room in the device"),
            ("receive_frame", "Packets that were not framed or sized as they should be"),
            ("receive_compressed", "Packets that arrived compressed"),
            ("receive_multicast", "Packets to a group that were received"),
            ("transmit_bytes", "Bytes that were sent"),
            ("transmit_packets", "Packets that were sent"),
            ("transmit_errs", "Packets that could not be sent"),
            ("transmit_drop", "Packets that were dropped and not sent"),
            ("transmit_fifo", "Packets that the device was out of data for"),
            ("transmit_colls", "Collisions"),
            ("transmit_carrier", "Packets lost with the carrier or for similar reasons"),
            ("transmit_compressed", "Packets that were sent compressed"),
        ].map { name, meaning in HostColumn("node_network_\(name)_total", .counter, meaning) })

    /// Sockets by protocol, and the pages that their buffers take.
    static let sockets = HostNames(
        "node_sockstat", [.net("sockstat"), .net("sockstat6")], .pairs,
        [
            CatalogueEntry(
                "node_sockstat_sockets_used", .gauge, "Sockets of all kinds", source: "/proc/net/sockstat: sockets"),
            CatalogueEntry(
                "node_sockstat_TCP_inuse", .gauge, "TCP sockets that are open", source: "/proc/net/sockstat: TCP"),
            CatalogueEntry(
                "node_sockstat_TCP_orphan", .gauge, "TCP sockets that no process has any more",
                source: "/proc/net/sockstat: TCP"),
            CatalogueEntry(
                "node_sockstat_TCP_tw", .gauge, "TCP connections that were closed and wait for late packets",
                source: "/proc/net/sockstat: TCP"),
            CatalogueEntry(
                "node_sockstat_TCP_alloc", .gauge, "TCP sockets in any state", source: "/proc/net/sockstat: TCP"),
            CatalogueEntry(
                "node_sockstat_TCP_mem", .gauge, "Pages of TCP buffers", source: "/proc/net/sockstat: TCP"),
            CatalogueEntry(
                "node_sockstat_TCP_mem_bytes", .gauge, "Bytes of TCP buffers", source: "/proc/net/sockstat: TCP"),
            CatalogueEntry(
                MetricDescriptor("node_sockstat_<protocol_field>", .gauge, "A field of /proc/net/sockstat."),
                source: "/proc/net/sockstat and sockstat6"),
        ]
    ) { name, _ in
        func metric(_ name: String, _ factor: Double) -> HostNamedMetric {
            HostNamedMetric(
                descriptor: MetricDescriptor("node_sockstat_\(name)", .gauge, "\(name) of /proc/net/sockstat."),
                factor: factor)
        }
        guard name.hasSuffix("_mem") else { return [metric(name, 1)] }
        return [metric(name, 1), metric("\(name)_bytes", Double(sysconf(Int32(_SC_PAGESIZE))))]
    }

    /// The connections that the packet filter keeps track of.
    static let conntrack = HostScalars(
        "node_conntrack",
        [
            HostScalar(
                "node_nf_conntrack_entries", .gauge, "Connections that the packet filter keeps track of",
                .sysctl("netfilter/nf_conntrack_count"), word: 0),
            HostScalar(
                "node_nf_conntrack_entries_limit", .gauge, "The most that it can keep track of",
                .sysctl("netfilter/nf_conntrack_max"), word: 0),
        ])

    /// Open files of the whole machine.
    static let files = HostScalars(
        "node_filefd",
        [
            HostScalar("node_filefd_allocated", .gauge, "Open files", .proc("sys/fs/file-nr"), word: 0),
            HostScalar(
                "node_filefd_maximum", .gauge, "The most files that may be open", .proc("sys/fs/file-nr"), word: 2),
        ])
}
