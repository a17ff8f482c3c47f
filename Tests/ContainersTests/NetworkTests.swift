import Exposition
import Foundation
import Lab
import Scraping
import Testing

@testable import Containers

private let web = String(repeating: "a", count: 64)
private let db = String(repeating: "b", count: 64)
private let sandbox = String(repeating: "c", count: 64)

/// A host of files: cgroups of containers, and `/proc`.
final class FileHost {
    let tree = TemporaryDirectory("tree", in: .memory)
    let reader: CgroupReader
    private let cgroups: String

    /// - Parameter isHost: Whether `/proc` shows kernel threads.
    init(isHost: Bool = true, isV2: Bool = true, descriptors: Int = 100) throws {
        cgroups = isV2 ? "cgroup" : "cgroup/memory"
        try tree.write("\(cgroups)/cgroup.\(isV2 ? "controllers" : "procs")", "")
        try tree.write("proc/self/status", "Name:\tstack-exporter\nNSpid:\t4711\nThreads:\t3\n")
        try tree.write("proc/1/net/dev", Self.netDev("  eth0: 11 1 0 0 0 0 0 0 12 2 0 0 0 0 0 0"))
        if isHost { try tree.write("proc/2/stat", "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0\n") }
        reader = try CgroupReader(
            cgroupfs: "\(tree.path)/cgroup", procfs: "\(tree.path)/proc", descriptors: descriptors)
    }

    static func netDev(_ lines: String...) -> String {
        """
        Inter-|   Receive                                                |  Transmit
         face |bytes    packets errs drop fifo frame compressed multicast|\
        bytes    packets errs drop fifo colls carrier compressed
            lo:       1       1    0    0    0     0          0         0\
                1       1    0    0    0     0       0          0

        """ + lines.map { $0 + "\n" }.joined()
    }

    func container(_ id: String, below parent: String = "docker", processes: String) throws {
        try tree.write("\(cgroups)/\(parent)/\(id)/cgroup.procs", processes)
    }

    /// - Parameter network: The process whose network it uses, or the lines of its own.
    func process(
        _ number: Int, of container: String, start: Int, sharing network: Int? = nil, bytes: Int = 0,
        state: String = "S",
        name: String = "sh"
    ) throws {
        try tree.write(
            "proc/\(number)/stat",
            "\(number) (\(name)) \(state) 1 1 1 0 -1 4194560 1068 0 0 0 809 8 0 0 20 0 1 0 \(start) 2322432 364\n")
        try tree.write("proc/\(number)/cgroup", "0::/docker/\(container)\n")
        if let network {
            try FileManager.default.createDirectory(
                atPath: "\(tree.path)/proc/\(number)/net", withIntermediateDirectories: true)
            try FileManager.default.linkItem(
                atPath: "\(tree.path)/proc/\(network)/net/dev", toPath: "\(tree.path)/proc/\(number)/net/dev")
        } else {
            try tree.write(
                "proc/\(number)/net/dev", Self.netDev("  eth0: \(bytes) 1 2 3 0 0 0 0 \(bytes) 4 5 6 0 0 0 0"))
        }
    }

    func families() throws -> [MetricFamily] { try reader.families([Network()]) }

    func received() throws -> [String: Double] { try families().values("container_network_receive_bytes_total") }

    /// Lets the runtime tell of a container.
    func learn(_ id: String, _ change: (inout ContainerDetails) -> Void) throws {
        try reader.tree.refresh(now: 1_000_000_000, until: Deadline(after: .seconds(60)))
        let cgroup = try #require(reader.tree.exported.first { $0.labels["id"] == "/docker/\(id)" })
        var details = ContainerDetails()
        change(&details)
        cgroup.learn(details, labels: [("id", "/docker/\(id)")])
    }
}

@Suite("Networks of containers")
struct NetworkTests {
    /// `/proc/<pid>/net/dev` of Linux 6.18, with the names and columns that count.
    @Test("the columns of a container, and of the host")
    func columns() throws {
        let host = try FileHost()
        try host.container(web, processes: "100\n")
        try host.process(100, of: web, start: 5)
        try host.tree.write(
            "proc/100/net/dev",
            FileHost.netDev(
                "  eth0:    5210      42    1    2    3     4          5         6"
                    + "    10420      10    7    8    9    10      11         12",
                "br-0:18446744073709551615 2 0 0 0 0 0 0 3 4 0 0 0 0 0 0",
                "veth1234: 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "docker0: 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
                "nerdctl0: 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"))
        let page = try host.families().text
        for (name, value) in [
            ("receive_bytes", "5210"), ("receive_packets", "42"), ("receive_errors", "1"),
            ("receive_packets_dropped", "2"), ("transmit_bytes", "10420"), ("transmit_packets", "10"),
            ("transmit_errors", "7"), ("transmit_packets_dropped", "8"),
        ] {
            let labels = #"{id="/docker/\#(web)",interface="eth0",name="aaaaaaaaaaaa"}"#
            #expect(page.contains("container_network_\(name)_total\(labels) \(value)\n"))
        }
        #expect(page.contains(#"interface="br-0",name="aaaaaaaaaaaa"} 1.8446744073709552e+19"#))
        #expect(page.contains(#"container_network_receive_bytes_total{id="/",interface="eth0"} 11"#))
        for name in ["lo", "veth1234", "docker0", "nerdctl0"] { #expect(!page.contains(#"interface="\#(name)""#)) }
    }

    @Test("a container on the host's network has nothing of its own, nor has one in another's")
    func shared() throws {
        let host = try FileHost()
        for id in [web, db, sandbox] { try host.container(id, processes: "\(id.utf8.first ?? 0)\n") }
        try host.process(97, of: web, start: 20, bytes: 5)
        try host.process(98, of: db, start: 30, sharing: 1)
        try host.process(99, of: sandbox, start: 10, sharing: 97)
        // The sandbox was there first.
        #expect(try host.received() == ["/": 11, "/docker/\(sandbox)": 5])
        // It ends, and the network is the other's.
        try host.tree.remove("proc/99")
        try host.tree.remove("cgroup/docker/\(sandbox)")
        _ = try host.received()
        #expect(try host.received() == ["/": 11, "/docker/\(web)": 5])
    }

    @Test("what the runtime tells of networks is believed")
    func told() throws {
        let host = try FileHost()
        for id in [web, db, sandbox] { try host.container(id, processes: "\(id.utf8.first ?? 0)\n") }
        for (number, id) in [(97, web), (98, db), (99, sandbox)] {
            try host.process(number, of: id, start: 1, bytes: number)
        }
        try host.learn(web) { $0.network = .host }
        try host.learn(db) { $0.network = .container(sandbox) }
        try host.learn(sandbox) { $0.network = .own }
        #expect(try host.received() == ["/": 11, "/docker/\(sandbox)": 99])
    }

    @Test("the first process of several, whatever it is called; what has ended is none")
    func first() throws {
        let host = try FileHost()
        try host.container(web, processes: "300\n200\n400\n500\n")
        try host.process(200, of: web, start: 50, bytes: 200)
        try host.process(300, of: web, start: 40, bytes: 300)
        try host.process(400, of: web, start: 9, bytes: 400, name: "a) S 1 (b")
        try host.process(500, of: web, start: 1, bytes: 500, state: "Z")
        #expect(try host.received()["/docker/\(web)"] == 400)
        // It ends: the next that is found.
        try host.tree.remove("proc/400")
        #expect(try host.received()["/docker/\(web)"] == 300)
    }

    @Test("processes below the container's cgroup", arguments: ["container", "init.scope", "system.slice/web.service"])
    func below(child: String) throws {
        let host = try FileHost()
        try host.container(web, processes: "")
        try host.container(db, below: "docker/\(web)/docker", processes: "98\n")
        try host.tree.write("cgroup/docker/\(web)/\(child)/cgroup.procs", "97\n")
        try host.process(97, of: "\(web)/\(child)", start: 1, bytes: 97)
        try host.process(98, of: db, start: 1, bytes: 98)
        #expect(try host.received() == ["/": 11, "/docker/\(web)": 97, "/docker/\(web)/docker/\(db)": 98])
    }

    @Test("a number that became another's is not believed", arguments: [0, 100])
    func reused(descriptors: Int) throws {
        let host = try FileHost(descriptors: descriptors)
        try host.container(web, processes: "97\n")
        try host.process(97, of: web, start: 1, bytes: 1)
        #expect(try host.received()["/docker/\(web)"] == 1)
        // Another container's, later, while ours has none.
        try host.tree.remove("proc/97")
        try host.process(97, of: db, start: 2, bytes: 2)
        try host.container(web, processes: "")
        #expect(try host.received() == ["/": 11])
        // Its own, in the cgroup anew.
        try host.container(web, processes: "97\n")
        #expect(try host.received()["/docker/\(web)"] == 2)
        // One that was told by a runtime too late.
        try host.container(db, processes: "")
        try host.learn(db) { $0.processID = 98 }
        try host.process(98, of: web, start: 3, bytes: 3)
        #expect(try host.received()["/docker/\(db)"] == nil)
    }

    @Test("while a container is being made, its process is still in the host's network")
    func young() throws {
        let host = try FileHost()
        try host.container(web, processes: "97\n")
        try host.process(97, of: web, start: 1, sharing: 1)
        #expect(try host.received() == ["/": 11])
        try host.tree.remove("proc/97/net")
        try host.tree.write("proc/97/net/dev", FileHost.netDev("eth0: 5 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0"))
        #expect(try host.received()["/docker/\(web)"] == 5)
    }

    @Test("processes of another PID namespace are none, and the way to see them is said")
    func invisible() throws {
        let host = try FileHost(isHost: false)
        try host.container(web, processes: "0\n0\n")
        #expect(try host.families().allSatisfy(\.samples.isEmpty))
        #expect(host.reader.omissions["container_network"]?.detail.contains("pid: host") == true)
        #expect(host.reader.omissions["container_network"]?.reason == .permission)
        // A runtime's number is of the host, which this is not: its process is somebody else's here.
        try host.process(97, of: "../\(db)", start: 1, bytes: 1)
        try host.learn(web) { $0.processID = 97 }
        #expect(try host.families().allSatisfy(\.samples.isEmpty))
    }

    /// v1 does not even list them.
    @Test("the same on v1", arguments: [true, false])
    func invisibleOnV1(isHost: Bool) throws {
        let host = try FileHost(isHost: isHost, isV2: false)
        try host.container(web, processes: "")
        _ = try host.families()
        #expect((host.reader.omissions["container_network"] == nil) == isHost)
        try host.container(web, processes: "97\n")
        try host.process(97, of: web, start: 1, bytes: 97)
        #expect(try host.received()["/docker/\(web)"] == 97)
        #expect(host.reader.omissions["container_network"] == nil)
    }

    @Test("with the host's /proc in a PID namespace of its own, by the runtime's numbers")
    func mounted() throws {
        let host = try FileHost()
        try host.tree.write("proc/self/status", "NSpid:\t4711\t7\n")
        try host.container(web, processes: "0\n")
        try host.container(db, processes: "98\n")
        try host.process(97, of: "../\(web)", start: 1, bytes: 97)
        try host.process(98, of: db, start: 1, bytes: 98)
        #expect(try host.received() == ["/": 11])
        try host.learn(web) { $0.processID = 97 }
        // 98 is what our own namespace calls it.
        #expect(try host.received() == ["/": 11, "/docker/\(web)": 97])
        #expect(host.reader.omissions["container_network"] != nil)
        try host.learn(db) { $0.network = .host }
        _ = try host.received()
        #expect(host.reader.omissions["container_network"] == nil)
    }

    @Test("a /proc that hides processes leaves the networks out, and says why")
    func hidden() throws {
        let host = try FileHost()
        try host.container(web, processes: "97\n")
        try host.process(97, of: web, start: 1, bytes: 97)
        try host.tree.remove("proc/1")
        #expect(try host.families().isEmpty)
        #expect(host.reader.omissions["container_network"]?.detail.contains("hidepid") == true)
    }

    @Test("names with odd bytes, and lines that are none")
    func malformed() throws {
        let host = try FileHost()
        try host.container(web, processes: "97\n")
        try host.process(97, of: web, start: 1)
        let file = URL(filePath: "\(host.tree.path)/proc/97/net/dev")
        let numbers = " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"
        var bytes = Data("eth0:\(numbers)\n\u{1}\"\\é%{}:\(numbers)\n".utf8)
        bytes += Data([0xFF, 0xFE]) + Data(":\(numbers)\n".utf8)
        for line in [
            "short: 1 2 3", "negative: -1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", "words:\(numbers.dropLast(2))x", "",
            "huge: 99999999999999999999 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", "no colon\(numbers)", ":", "\u{0}",
        ] { bytes += Data("\(line)\n".utf8) }
        bytes += Data("cut:\(numbers)".utf8)
        try bytes.write(to: file)
        let samples = try host.families().first { $0.descriptor.name == "container_network_transmit_packets_total" }?
            .samples.filter { $0.labels["name"] != nil }
        #expect(samples?.map { $0.labels["interface"] } == ["eth0", "\u{1}\"\\é%{}", "\u{FFFD}\u{FFFD}"])
        #expect(samples?.allSatisfy { $0.value == .number(10) } == true)
        try Data().write(to: file)
        #expect(try host.received() == ["/": 11])
    }

    @Test("a thousand interfaces are shown, and as many as may be are kept in mind")
    func many() throws {
        let host = try FileHost()
        try host.container(web, processes: "97\n")
        try host.process(97, of: web, start: 1)
        let numbers = " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
        func write(_ names: [String]) throws {
            try host.tree.write("proc/97/net/dev", FileHost.netDev() + names.map { "\($0):\(numbers)" }.joined())
        }
        for start in [0, 1000, 2000] {
            try write((start..<start + 1000).map { "i\($0)" })
            #expect(try host.families().allSatisfy { $0.samples.count == 1001 })
            #expect(host.reader.labelSets.count <= CgroupReader.maximumLabelSets)
            #expect(host.reader.interfaces.count <= CgroupReader.maximumLabelSets)
        }
        try write((0..<5000).map { "i\($0)" })
        #expect(try host.families().allSatisfy { $0.samples.count == Network.maximumCount + 1 })
    }

    @Test("descriptors go back with their container")
    func descriptors() throws {
        let host = try FileHost(descriptors: 10)
        try host.container(web, processes: "97\n")
        try host.process(97, of: web, start: 1, bytes: 1)
        let free = host.reader.budget.free
        _ = try host.families()
        #expect(host.reader.budget.free == free - 1)
        try host.tree.remove("cgroup/docker/\(web)")
        _ = try host.families()
        #expect(host.reader.budget.free == free)
    }
}
