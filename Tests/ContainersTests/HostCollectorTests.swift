import Exposition
import Foundation
import Glibc
import Lab
import Scraping
import Testing

@testable import Containers

@Suite("The host's figures")
struct HostCollectorTests {
    /// A `/proc` that the test writes.
    private func tree(_ files: [String: String]) throws -> TemporaryDirectory {
        let tree = TemporaryDirectory("tree", in: .memory)
        for (name, text) in files { try tree.write(name, text) }
        return tree
    }

    private func page(_ tree: TemporaryDirectory) throws -> HostPage {
        try HostPage(HostReader(procfs: tree.path).families())
    }

    @Test("the same page as node_exporter's of the same files")
    func nodeExporter() throws {
        // The clock and the name are of the machine that runs the test.
        let collectors = HostCollectors.tables.filter { !["node_time", "node_uname"].contains($0.name) }
        let ours = try HostPage(HostReader(procfs: HostFixture.procfs).families(collectors))
        let theirs = try HostPage(HostFixture.nodeExporterPage())
        // node_exporter has it since 1.9.
        let newer = "node_pressure_irq_stalled_seconds_total"
        #expect(ours[newer] == 8.123456)
        #expect(Set(ours.values.keys).subtracting([newer]) == Set(theirs.values.keys))
        #expect(ours.types.filter { $0.key != newer } == theirs.types)
        // It multiplies by 0.001 where we divide by 1000.
        let differing = theirs.values.filter { abs((ours[$0.key] ?? .nan) - $0.value) > 1e-12 * abs($0.value) }
        #expect(differing == [:])
    }

    @Test(
        "units of the kernel",
        arguments: [
            // /proc/stat: cpu1 665085, in hundredths of a second
            ("node_cpu_seconds_total{cpu=\"1\",mode=\"user\"}", 6650.85),
            ("node_cpu_guest_seconds_total{cpu=\"1\",mode=\"nice\"}", 10.11),
            // some ... total=93660, in microseconds
            ("node_pressure_memory_waiting_seconds_total", 0.09366),
            ("node_pressure_memory_stalled_seconds_total", 0.000688),
            ("node_sockstat_TCP_mem", 42),
            ("node_sockstat_TCP_mem_bytes", 42 * Double(sysconf(Int32(_SC_PAGESIZE)))),
            ("node_memory_HugePages_Total", 23),
            ("node_boot_time_seconds", 1_795_264_847),
        ])
    func units(series: String, value: Double) throws {
        #expect(try HostPage(HostReader(procfs: HostFixture.procfs).families())[series] == value)
    }

    @Test("sectors are of 512 bytes and times in milliseconds")
    func disk() throws {
        let line = "   8       0 sda 11 12 13 14 21 22 23 24 31 32 33"
        let page = try page(tree(["diskstats": "\(line)\n   8       1 sda1 1 1 1 1 1 1 1 1 1 1 1\n"]))
        #expect(page["node_disk_read_bytes_total{device=\"sda\"}"] == 6656)
        #expect(page["node_disk_written_bytes_total{device=\"sda\"}"] == 11776)
        #expect(page["node_disk_read_time_seconds_total{device=\"sda\"}"] == 0.014)
        #expect(page["node_disk_io_now{device=\"sda\"}"] == 31)
        #expect(page["node_disk_io_time_weighted_seconds_total{device=\"sda\"}"] == 0.033)
        // Linux before 4.18 has no discards, and partitions are left out.
        #expect(page.values.keys.filter { $0.contains("disk") }.count == 11)
    }

    @Test("an older kernel has less")
    func olderKernel() throws {
        let page = try page(
            tree([
                "meminfo": "MemTotal:         502528 kB\nMemFree:          301256 kB\nHugePages_Total:       0\n",
                "stat": "cpu  1 2 3 4 5 6 7\ncpu0 1 2 3 4 5 6 7\nctxt 99\n", "vmstat": "pgpgin 5\nnr_free_pages 3\n",
            ]))
        #expect(page["node_memory_MemTotal_bytes"] == 514_588_672)
        #expect(page["node_memory_MemAvailable_bytes"] == nil)
        #expect(page["node_memory_HugePages_Total"] == 0)
        #expect(page["node_cpu_seconds_total{cpu=\"0\",mode=\"softirq\"}"] == 0.07)
        #expect(page["node_cpu_seconds_total{cpu=\"0\",mode=\"steal\"}"] == nil)
        #expect(page["node_context_switches_total"] == 99)
        #expect(page["node_vmstat_pgpgin"] == 5)
        #expect(page["node_vmstat_nr_free_pages"] == nil)
        #expect(page.values.keys.filter { $0.contains("pressure") || $0.contains("network") } == [])
    }

    @Test("idle time that steps back a little stands still, and by more begins anew")
    func steppingBack() throws {
        let tree = TemporaryDirectory("tree", in: .memory)
        let reader = HostReader(procfs: tree.path)
        func read(_ line: String) throws -> HostPage {
            try tree.write("stat", line)
            return try HostPage(reader.families([HostCollectors.cpu]))
        }
        let idle = "node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"}"
        let user = "node_cpu_seconds_total{cpu=\"0\",mode=\"user\"}"
        #expect(try read("cpu0 100 0 0 100000 50\n")[idle] == 1000)
        #expect(try read("cpu0 150 0 0 99999 49\n")[idle] == 1000)
        #expect(try read("cpu0 150 0 0 99999 49\n")[user] == 1.5)
        #expect(try read("cpu0 150 0 0 100001 49\n")[idle] == 1000.01)
        // The CPU was taken out and put in again.
        #expect(try read("cpu0 160 0 0 300 0\n")[idle] == 3)
        #expect(try read("cpu0 160 0 0 300 0\n")[user] == 1.6)
    }

    @Test("CPUs come and go")
    func hotplug() throws {
        let tree = TemporaryDirectory("tree", in: .memory)
        let reader = HostReader(procfs: tree.path)
        func cpus(_ lines: String) throws -> Set<String> {
            try tree.write("stat", lines)
            let families = try reader.families([HostCollectors.cpu])
            return Set(families[0].samples.compactMap { $0.labels["cpu"] })
        }
        #expect(try cpus("cpu  1 1\ncpu0 1 1\ncpu1 1 1\n") == ["0", "1"])
        #expect(try cpus("cpu  1 1\ncpu0 1 1\n") == ["0"])
        #expect(try cpus("cpu  1 1\ncpu0 1 1\ncpu1 1 1\ncpu2 1 1\n") == ["0", "1", "2"])
        #expect(try cpus("cpu  1 1\ncpu2 1 1\ncpu0 1 1\n") == ["0", "2"])
    }

    @Test("devices keep their own figures when others go and come between them")
    func devices() throws {
        let tree = try tree(["2/stat": kthreadd])
        let reader = HostReader(procfs: tree.path)
        func bytes(_ lines: [(String, Int)]) throws -> [String: Double] {
            try tree.write("1/net/dev", lines.map { "\($0.0):\($0.1) 0 0 0\n" }.joined())
            let families = try reader.families([HostCollectors.network])
            return families[0].samples.reduce(into: [:]) { values, sample in
                if case .number(let value) = sample.value { values[sample.labels["device"] ?? ""] = value }
            }
        }
        let numbers = [("a", 1), ("b", 2), ("c", 3), ("d", 4)]
        for order in [[0, 1, 2, 3], [0, 2, 3], [3, 1, 0, 2], [1], [], [2, 0]] {
            let expected = order.map { numbers[$0] }
            #expect(try bytes(expected) == Dictionary(uniqueKeysWithValues: expected.map { ($0.0, Double($0.1)) }))
        }
    }

    private let kthreadd = "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0\n"

    @Test("a container's own network is never shown as the host's")
    func network() throws {
        let dev = "eth0: 1 2 3 4\n"
        let files = ["1/net/dev": dev, "self/net/dev": dev, "sys/net/netfilter/nf_conntrack_count": "7\n"]
        // Its process 2 is a command of somebody's, whatever it is called.
        let stranger = try tree(files.merging(["2/stat": "2 (kthreadd) S 1 0 0 0 -1 4194304\n"]) { $1 })
        let container = HostReader(procfs: stranger.path)
        for collector in [HostCollectors.network, HostCollectors.sockets, HostCollectors.conntrack]
            as [any HostCollector]
        {
            guard case .nothing(let reason) = try collector.answer(from: container) else {
                Issue.record("\(collector.name) shows what is not the host's")
                continue
            }
            #expect(reason?.reason == .permission)
        }
        let page = try page(tree(files.merging(["2/stat": kthreadd]) { $1 }))
        #expect(page["node_network_receive_bytes_total{device=\"eth0\"}"] == 1)
        // The setting that is read is that of the reader's network, whosever /proc it is.
        #expect(page["node_nf_conntrack_entries"] == nil)
        // In a container with the host's network its own is the host's.
        let shared = try self.page(tree(files.merging(["sys/net/core/netdev_budget": "300\n"]) { $1 }))
        #expect(shared["node_network_receive_bytes_total{device=\"eth0\"}"] == 1)
        #expect(shared["node_nf_conntrack_entries"] == 7)
    }

    @Test(
        "a network namespace of its own is told by the kernel",
        .enabled(if: geteuid() == 0, "takes root to make a network namespace"))
    func ownNetwork() async throws {
        let isInHostNetwork = try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(
                    with: Result {
                        typealias Unshare = @convention(c) (CInt) -> CInt
                        let symbol = try #require(dlsym(nil, "unshare"))
                        try #require(unsafeBitCast(symbol, to: Unshare.self)(0x4000_0000) == 0)
                        return HostView(procfs: "/proc").isInHostNetwork
                    })
            }
        }
        #expect(!isInHostNetwork)
    }

    @Test("files that are no such files give nothing, and never fail the others")
    func badFiles() throws {
        let long = String(repeating: "x ", count: 100_000)
        for text in [
            "", "\n\n\n", "cpu0", "cpu0 -1 x 99999999999999999999999\n", "a:b:c\n", long, "\u{0}\u{ff}\n: : :\n",
        ] {
            let names = [
                "stat", "meminfo", "vmstat", "loadavg", "diskstats", "pressure/cpu", "1/net/dev", "1/net/sockstat",
            ]
            var files = Dictionary(uniqueKeysWithValues: names.map { ($0, text) })
            files["2/stat"] = kthreadd
            let tree = try tree(files)
            let reader = HostReader(procfs: tree.path)
            let collectors = HostCollectors.tables.filter { !["node_time", "node_uname"].contains($0.name) }
            for family in try reader.families(collectors) { #expect(family.samples.isEmpty, "\(text.prefix(40))") }
        }
    }

    @Test("a file that may not be read is an error, and one that is not there is none")
    func unreadable() throws {
        let tree = try tree(["stat/file": "a directory in place of a file"])
        let reader = HostReader(procfs: tree.path)
        #expect(throws: CollectorError.self) { try HostCollectors.cpu.answer(from: reader) }
        guard case .nothing(nil) = try HostCollectors.load.answer(from: reader) else {
            Issue.record("a load from nowhere")
            return
        }
    }

    @Test("every name is legal, and told once in the catalogue")
    func catalogue() throws {
        let entries = HostCollectors.all.flatMap(\.metrics)
        #expect(Set(entries.map(\.descriptor.name)).count == entries.count)
        #expect(HostCollectors.all.allSatisfy { $0.name.hasPrefix("node_") })
        for family in try HostReader(procfs: HostFixture.procfs).families() {
            #expect(family.descriptor.isLegal, "\(family.descriptor.name)")
            let name = family.descriptor.name
            #expect(
                entries.contains { entry in
                    let known = entry.descriptor.name
                    guard let open = known.firstIndex(of: "<") else { return known == name }
                    return entry.descriptor.type == family.descriptor.type && name.hasPrefix(known[..<open])
                        && name.hasSuffix(known[known.index(after: known.firstIndex(of: ">") ?? open)...])
                }, "\(name)")
        }
    }
}

@Suite("Lines and words of kernel files")
struct HostTextTests {
    private func lines(_ text: String, separator: Character = " ") -> [[String]] {
        var reader = HostText(Array(text.utf8), separator: separator.asciiValue ?? 32)
        var lines: [[String]] = []
        while reader.nextLine() {
            lines.append(reader.words.indices.map { String(decoding: reader.word($0), as: UTF8.self) })
        }
        return lines
    }

    @Test func words() {
        #expect(lines("a  b\tc\n\n d\n") == [["a", "b", "c"], [], ["d"]])
        #expect(lines("eth0:12 3\n", separator: ":") == [["eth0", "12", "3"]])
        #expect(lines("") == [])
    }

    @Test func whatIsCutOffIsLeftOut() {
        #expect(lines("a 1\nb 2") == [["a", "1"]])
        #expect(lines("b 2") == [])
    }

    @Test func longLinesHaveTheirFirstWordsAlone() {
        let line = (1...100).map(String.init).joined(separator: " ")
        let read = lines("\(line)\nnext 1\n")
        #expect(read == [(1...32).map(String.init), ["next", "1"]])
        #expect(lines((1...32).map(String.init).joined(separator: " ") + "\nnext\n").last == ["next"])
    }

    @Test(arguments: [
        ("0.59", 0.59), ("12.00", 12), ("7", 7), ("0", 0), ("18446744073709551615", 1.8446744073709552e19),
        ("18446744073709551616", nil), ("-1", nil), ("1.", nil), (".5", nil), ("1.2.3", nil), ("x", nil), ("max", nil),
        ("1.1234567", nil),
    ])
    func numbers(text: String, value: Double?) {
        var reader = HostText(Array("\(text)\n".utf8))
        let isThere = reader.nextLine()
        #expect(isThere)
        #expect(reader.number(0) == value)
        #expect(reader.number(1) == nil)
    }
}
