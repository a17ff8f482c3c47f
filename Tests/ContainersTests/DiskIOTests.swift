import Exposition
import Foundation
import Lab
import Scraping
import Testing

@testable import Containers

private let id = "3f4c9b1e7d2a8056c1e0f9b3a7d45e6281c0b9f7e3d2a1450968b7c6d5e4f302"

@Suite("Disk IO")
struct DiskIOTests {
    /// A cgroup tree with one container.
    private struct Host {
        let tree = TemporaryDirectory("tree", in: .memory)
        let reader: CgroupReader
        private let isV2: Bool

        /// - Parameter top: Files of the top cgroup.
        init(v2 isV2: Bool, top: [String: String] = [:]) throws {
            self.isV2 = isV2
            if isV2 {
                try tree.write("cgroup/cgroup.controllers", "io\n")
            } else {
                try tree.write("cgroup/memory/docker/\(id)/memory.usage_in_bytes", "0\n")
            }
            for (name, text) in top { try tree.write("cgroup/\(isV2 ? "" : "blkio/")\(name)", text) }
            try tree.write("cgroup/\(isV2 ? "" : "blkio/")docker/\(id)/cgroup.procs", "")
            try tree.write(
                "proc/partitions",
                """
                major minor  #blocks  name

                 259        0  976762584 nvme0n1
                 259        1     524288 nvme0n1p1
                 179        0   31166976 mmcblk0
                 253        1   20971520 dm-1
                   9      127   10485760 md127
                   7        3      65536 loop3
                   8       16  488386584 sdb

                """)
            reader = try CgroupReader(cgroupfs: "\(tree.path)/cgroup", procfs: "\(tree.path)/proc", descriptors: 0)
        }

        func write(_ name: String, _ text: String) throws {
            try tree.write("cgroup/\(isV2 ? "" : "blkio/")docker/\(id)/\(name)", text)
        }

        /// Each series of the container, by the rest of its name and labels.
        func series() throws -> [String: Double] {
            var series: [String: Double] = [:]
            for family in try reader.families([DiskIO()]) {
                for sample in family.samples where sample.labels["name"] != nil {
                    guard case .number(let value) = sample.value else { continue }
                    let labels = ["device", "major", "minor", "operation"].compactMap { sample.labels[$0] }
                    let key = "\(family.descriptor.name.dropFirst("container_".count)) \(labels.joined(separator: " "))"
                    #expect(series.updateValue(value, forKey: key) == nil)
                }
            }
            return series
        }
    }

    private func recorded(_ name: String) throws -> [MetricFamily] {
        let root = try #require(Bundle.module.resourceURL).appending(path: "Fixtures/disk/\(name)").path
        return try CgroupReader(cgroupfs: "\(root)/cgroup", procfs: "\(root)/proc").families([DiskIO()])
    }

    @Test("v2, as Linux 6.1 told it")
    func v2() throws {
        let page = try recorded("v2").text
        let pod =
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0a1b2c3d_0000_4000_8000_00000000000a.slice/"
            + "cri-containerd-\(String(repeating: "d", count: 63))4.scope"
        let labels = #"id="\#(pod)",name="dddddddddddd"}"#
        for line in [
            #"container_fs_reads_bytes_total{device="/dev/vda",\#(labels) 32438272"#,
            #"container_fs_writes_bytes_total{device="/dev/vda",\#(labels) 1048576"#,
            #"container_fs_discards_bytes_total{device="/dev/vda",\#(labels) 0"#,
            #"container_fs_reads_total{device="/dev/vda",\#(labels) 335"#,
            #"container_fs_writes_total{device="/dev/vda",\#(labels) 820"#,
            #"container_fs_sector_writes_total{device="/dev/vda",\#(labels) 2048"#,
            #"container_fs_reads_bytes_total{device="/dev/vdc",id="/"} 4096"#,
            #"container_fs_writes_bytes_total{device="/dev/vdb",id="/machine.slice"} 26644480"#,
        ] { #expect(page.contains(line + "\n")) }
        let usage =
            #"container_blkio_device_usage_total{device="/dev/vda",id="\#(pod)",major="254",minor="0","#
            + #"name="dddddddddddd",operation="Read"} 32438272"#
        #expect(page.contains(usage + "\n"))
        #expect(!page.contains("aaaaaaaaaaaa"))
        #expect(!page.contains("merged") && !page.contains("io_time") && !page.contains("cost"))
    }

    @Test("v1, as Linux 6.18 told it of Docker's containers, no disk of which is BFQ's")
    func v1() throws {
        let families = try recorded("v1")
        let container = "/docker/b3af8221e7c7571f02ff4f466da89985df454be951cf3b79c7bf617e1e7741e5"
        #expect(families.values("container_fs_reads_bytes_total")[container] == 409_600)
        #expect(families.values("container_fs_writes_bytes_total")[container] == 8_388_608)
        #expect(families.values("container_fs_reads_total")[container] == 100)
        #expect(families.values("container_fs_writes_total")[container] == 128)
        #expect(families.values("container_fs_discards_total")[container] == 0)
        #expect(families.values("container_fs_discards_bytes_total")["/"] == 1_232_896)
        // What its children did is the parent's too.
        #expect(families.values("container_fs_writes_bytes_total")["/docker"] == 16_777_216)
        let operations = families.first { $0.descriptor.name == "container_blkio_device_usage_total" }?.samples
            .filter { $0.labels["id"] == container }.compactMap { $0.labels["operation"] }
        #expect(operations == ["Read", "Write", "Sync", "Async", "Discard", "Total"])
        // It did nothing, and the kernel has no line of it.
        #expect(!families.text.contains("17d539c4a78c"))
    }

    /// Linux 6.1 with BFQ: what is counted by it is not by `throttle`, whose lines are there nevertheless.
    @Test("v1, as Linux 6.1 told it with BFQ")
    func bfq() throws {
        func lines(read: Int, write: Int) -> String {
            """
            254:0 Read \(read)
            254:0 Write \(write)
            254:0 Sync \(read + write)
            254:0 Async 0
            254:0 Discard 0
            254:0 Total \(read + write)
            Total \(read + write)

            """
        }
        var files: [String: String] = [:]
        for (source, suffix, factor) in [
            ("bfq", "", 0), ("bfq", "_recursive", 1), ("throttle", "", 0), ("throttle", "_recursive", 0),
        ] {
            files["blkio.\(source).io_service_bytes\(suffix)"] = lines(
                read: 1_048_576 * factor, write: 524_288 * factor)
            files["blkio.\(source).io_serviced\(suffix)"] = lines(read: 16 * factor, write: 8 * factor)
        }
        let host = try Host(v2: false, top: files)
        for (name, text) in files { try host.write(name, text) }
        let series = try host.series()
        #expect(series["fs_reads_bytes_total 254:0"] == 1_048_576)
        #expect(series["fs_writes_total 254:0"] == 8)
        #expect(series["blkio_device_usage_total 254:0 254 0 Sync"] == 1_572_864)
        #expect(series.keys.allSatisfy { !$0.contains("seconds") && !$0.contains("merged") && !$0.contains("current") })
    }

    @Test("v1 with a scheduler that tells times, merges and queues")
    func scheduler() throws {
        let files = [
            "blkio.io_service_bytes_recursive": "8:16 Read 4096\n8:16 Write 0\n8:16 Total 4096\nTotal 4096\n",
            "blkio.io_serviced_recursive": "8:16 Read 1\n8:16 Write 0\n8:16 Total 1\nTotal 1\n",
            "blkio.io_service_time_recursive": "8:16 Read 1500000000\n8:16 Write 250000000\n8:16 Total 1750000000\n",
            "blkio.io_merged_recursive": "8:16 Read 3\n8:16 Write 7\n8:16 Total 10\nTotal 10\n",
            "blkio.io_queued_recursive": "8:16 Read 2\n8:16 Write 4\n8:16 Total 6\nTotal 6\n",
            "blkio.sectors_recursive": "8:16 8\n",
            "blkio.throttle.io_service_bytes": "8:16 Read 9\n8:16 Total 9\nTotal 9\n",
        ]
        let host = try Host(v2: false, top: files)
        for (name, text) in files { try host.write(name, text) }
        let series = try host.series()
        #expect(series["fs_reads_bytes_total /dev/sdb"] == 4096)
        #expect(series["fs_read_seconds_total /dev/sdb"] == 1.5)
        #expect(series["fs_write_seconds_total /dev/sdb"] == 0.25)
        #expect(series["fs_io_time_seconds_total /dev/sdb"] == 1.75)
        #expect(series["fs_reads_merged_total /dev/sdb"] == 3)
        #expect(series["fs_writes_merged_total /dev/sdb"] == 7)
        #expect(series["fs_io_current /dev/sdb"] == 6)
        #expect(series["fs_sector_reads_total /dev/sdb"] == 8)
    }

    @Test("v1: whoever counts on most disks is believed, and looked for anew once nothing comes of it")
    func choice() throws {
        let bytes = "blkio.bfq.io_service_bytes_recursive"
        let all = "blkio.throttle.io_service_bytes_recursive"
        let host = try Host(v2: false, top: [bytes: "Total 0\n", all: "Total 0\n"])
        try host.write(bytes, "8:16 Read 1\n8:16 Total 1\n")
        try host.write(all, "8:16 Read 2\n8:16 Total 2\n259:0 Read 3\n259:0 Total 3\n")
        #expect(try host.series().isEmpty)
        try host.tree.write("cgroup/blkio/\(bytes)", "8:16 Read 1\n8:16 Total 1\n")
        try host.tree.write("cgroup/blkio/\(all)", "8:16 Read 2\n8:16 Total 2\n259:0 Read 3\n259:0 Total 3\n")
        #expect(try host.series()["fs_reads_bytes_total /dev/sdb"] == 2)
        #expect(try host.series()["fs_reads_bytes_total /dev/nvme0n1"] == 3)
        try host.tree.write("cgroup/blkio/\(all)", "Total 0\n")
        #expect(try host.series()["fs_reads_bytes_total /dev/sdb"] == 1)
        #expect(try host.series()["fs_reads_bytes_total /dev/nvme0n1"] == nil)
    }

    /// Recorded on Linux 6.1 with `blkcg_debug_stats`; the top cgroup has the rate too, which is none of it.
    @Test("the cost of IO")
    func cost() throws {
        let host = try Host(v2: true)
        try host.write(
            "io.stat",
            "254:0 rbytes=24576000 wbytes=15728640 rios=6000 wios=240 dbytes=0 dios=0 cost.vrate=10.00 "
                + "cost.usage=2164721 cost.wait=897958 cost.indebt=0 cost.indelay=0\n")
        let series = try host.series()
        #expect(series["fs_io_cost_usage_seconds_total 254:0"] == 2.164721)
        #expect(series["fs_io_cost_wait_seconds_total 254:0"] == 0.897958)
        #expect(series["fs_io_cost_indebt_seconds_total 254:0"] == 0)
        #expect(series["fs_io_cost_indelay_seconds_total 254:0"] == 0)
        #expect(series["fs_reads_bytes_total 254:0"] == 24_576_000)
    }

    @Test(
        "devices by their names",
        arguments: [
            ("259:0", "/dev/nvme0n1"), ("259:1", "/dev/nvme0n1p1"), ("179:0", "/dev/mmcblk0"), ("253:1", "/dev/dm-1"),
            ("9:127", "/dev/md127"), ("7:3", "/dev/loop3"), ("8:16", "/dev/sdb"), ("8:160", "8:160"), ("0:45", "0:45"),
            ("4294967295:4294967295", "4294967295:4294967295"),
        ])
    func names(number: String, device: String) throws {
        let host = try Host(v2: true)
        try host.write("io.stat", "\(number) rbytes=1\n")
        #expect(
            try host.series() == [
                "fs_reads_bytes_total \(device)": 1, "fs_sector_reads_total \(device)": 1.0 / 512,
                "blkio_device_usage_total \(device) \(number.replacingOccurrences(of: ":", with: " ")) Read": 1,
            ])
    }

    @Test("a number that is given to another device is that one's from then on; one that goes is gone")
    func changes() throws {
        let host = try Host(v2: true)
        try host.write("io.stat", "259:0 rbytes=1\n8:16 rbytes=2\n")
        #expect(try host.series()["fs_reads_bytes_total /dev/nvme0n1"] == 1)
        try host.tree.write("proc/partitions", "major minor  #blocks  name\n\n 259 0 5 nvme7n1\n")
        #expect(try host.series()["fs_reads_bytes_total /dev/nvme7n1"] == 1)
        #expect(try host.series()["fs_reads_bytes_total 8:16"] == 2)
        try host.write("io.stat", "8:16 rbytes=2\n")
        #expect(try host.series().keys.allSatisfy { $0.contains("8:16") })
        try host.tree.remove("proc/partitions")
        #expect(try host.series()["fs_reads_bytes_total 8:16"] == 2)
    }

    @Test(
        "lines that are none, and numbers that are none",
        arguments: [
            "", "\n", "259:0\n", "259:0 \n", "Total 0\n", "(unknown) rbytes=1 wbytes=2\n", "259 rbytes=1\n",
            ":0 rbytes=1\n", "259: rbytes=1\n", "-1:0 rbytes=1\n", "4294967296:0 rbytes=1\n", "259:0:1 rbytes=1\n",
            "259:0 rbytes=\n", "259:0 rbytes=-1\n", "259:0 rbytes=max\n", "259:0 rbytes=1.5\n", "259:0 rbytes\n",
            "259:0 rbytes=18446744073709551616\n", "259:0 xrbytes=1 rbytesx=1 =1 ==\n", "259:0 rbytes=1",
            "\u{0}\u{1}\u{FFFD}", "259:0 = = = rbytes\n259:0",
        ])
    func malformed(text: String) throws {
        let host = try Host(v2: true)
        try host.write("io.stat", text)
        #expect(try host.series().isEmpty)
    }

    @Test("what a line says before it is cut, or beside what is not known, counts")
    func partial() throws {
        let host = try Host(v2: true)
        try host.write("io.stat", "8:16 new=5 rbytes=18446744073709551615 wbytes=x wios=7\n\n259:0 rbytes=1 wios=12")
        let series = try host.series()
        #expect(series["fs_reads_bytes_total /dev/sdb"] == 0x1p64)
        #expect(series["fs_writes_total /dev/sdb"] == 7)
        #expect(series["fs_writes_bytes_total /dev/sdb"] == nil)
        #expect(series.keys.allSatisfy { $0.contains("sdb") })
    }

    @Test("a thousand devices are shown, and as many as may be are kept in mind")
    func many() throws {
        let host = try Host(v2: true)
        for start in [0, 1000, 2000] {
            let lines = (start..<start + 1000).map { "252:\($0) rbytes=\($0)\n" }
            try host.write("io.stat", lines.joined())
            let series = try host.series()
            #expect(series.count == 3 * 1000)
            #expect(series["fs_reads_bytes_total 252:\(start + 999)"] == Double(start + 999))
            #expect(host.reader.labelSets.count <= CgroupReader.maximumLabelSets)
        }
        try host.write("io.stat", (0..<5000).map { "252:\($0) rbytes=\($0)\n" }.joined())
        #expect(try host.series().count == 3 * BlockDevices.maximumCount)
    }

    @Test("every family is in the catalogue once, with the labels that it has")
    func catalogue() {
        let metrics = DiskIO().metrics
        #expect(Set(metrics.map(\.descriptor.name)).count == metrics.count)
        #expect(metrics.last?.labels == Cgroup.labelNames + ["device", "major", "minor", "operation"])
        #expect(metrics.last?.source == "io.stat: rbytes, wbytes; on v1 blkio.*.io_service_bytes")
        #expect(metrics.first { $0.descriptor.name == "container_fs_io_current" }?.source == "blkio.*.io_queued: Total")
        #expect(metrics.first?.source == "io.stat: rbytes; on v1 blkio.*.io_service_bytes: Read")
    }
}
