import Exposition
import Foundation
import Glibc
import Lab
import Testing

@testable import Containers
@testable import Scraping

private let id = "3f4c9b1e7d2a8056c1e0f9b3a7d45e6281c0b9f7e3d2a1450968b7c6d5e4f302"
private let other = "a1b2c3d4e5f60718293a4b5c6d7e8f90123456789abcdef0fedcba9876543210"

/// What is only looked at when the kernel tells that it changed; every test ends with what a reader sees that knows nothing.
@Suite("What the kernel tells of cgroups", .serialized)
struct CgroupWatchTests {
    private let directory = TemporaryDirectory("tree", in: .memory)
    private let deadline = Deadline(after: .seconds(60))

    private func make(_ paths: String...) throws {
        for path in paths {
            try FileManager.default.createDirectory(
                atPath: "\(directory.path)/\(path)", withIntermediateDirectories: true)
        }
    }

    /// Brings a file without a write that inotify would tell of.
    private func replace(_ name: String, _ text: String) throws {
        let other = "\(directory.path)-new"
        try text.write(toFile: other, atomically: false, encoding: .utf8)
        try #require(rename(other, "\(directory.path)/\(name)") == 0)
    }

    private func walk(_ tree: CgroupTree, at now: Int = 1_000) throws -> [String] {
        try tree.refresh(now: now, until: Deadline(after: .seconds(30)))
        return tree.exported.map { $0.labels["id"] ?? "" }
    }

    private func fresh() throws -> [String] { try walk(CgroupTree(root: directory.path)) }

    // MARK: Limits

    @Test("a limit is read again when it was written, or after a minute, and at no other time")
    func limits() throws {
        try directory.write("cgroup.controllers", "memory\n")
        let (own, passage) = ("a.slice/b.slice/docker-\(id).scope/memory.max", "a.slice/b.slice/memory.max")
        try directory.write(own, "max\n")
        try directory.write(passage, "max\n")
        let reader = try CgroupReader(cgroupfs: directory.path, descriptors: 0)
        func limits(_ now: Int = 1_000) throws -> [Double?] {
            let families = try reader.families([ContainerCollectors.memory], now: now)
            return ["container_spec_memory_limit_bytes", "container_memory_limit_effective_bytes"].map {
                families.values($0)["/a.slice/b.slice/docker-\(id).scope"]
            }
        }
        let machine = try #require(try limits()[1])
        try directory.write(passage, "8192\n")
        #expect(try limits() == [0, 8192])
        try directory.write(own, "4096\n")
        #expect(try limits() == [4096, 4096])
        try replace(own, "1000\n")
        try replace(passage, "2000\n")
        #expect(try limits() == [4096, 4096])
        #expect(try limits(1_059) == [4096, 4096])
        #expect(try limits(1_060) == [1000, 1000])
        for text in ["max", "9223372036854771712"] {
            try directory.write(own, "\(text)\n")
            try directory.write(passage, "\(text)\n")
            #expect(try limits(1_060) == [0, machine])
        }
        for text in ["-1", "", "\n", "garbage 7\n"] {
            try directory.write(own, text)
            try directory.write(passage, text)
            #expect(try limits(1_060) == [nil, machine])
        }
    }

    @Test("limits in other hierarchies, into which a cgroup comes later and from which it goes")
    func otherHierarchies() throws {
        try make("memory/docker/\(id)", "cpu,cpuacct", "pids", "cpuset")
        let reader = try CgroupReader(cgroupfs: directory.path, descriptors: 0)
        let names = ["container_spec_cpu_shares", "container_threads_max"]
        func limits(_ now: Int) throws -> [Double?] {
            let families = try reader.families([ContainerCollectors.cpu, ContainerCollectors.processes], now: now)
            return names.map { families.values($0)["/docker/\(id)"] }
        }
        #expect(try limits(1_000) == [nil, nil])
        // Later than the files of a cgroup are looked for again and again.
        #expect(try limits(1_030) == [nil, nil])
        #expect(try limits(1_031) == [nil, nil])
        let cgroup = try #require(reader.tree.exported.last)
        #expect(reader.tree.seesLimits(of: cgroup))
        try directory.write("cpu,cpuacct/docker/\(id)/cpu.shares", "100\n")
        #expect(try limits(1_032) == [100, nil])
        try make("pids/docker")
        #expect(try limits(1_033) == [100, nil])
        try directory.write("pids/docker/\(id)/pids.max", "7\n")
        #expect(try limits(1_035) == [100, 7])
        try directory.write("cpu,cpuacct/docker/\(id)/cpu.shares", "200\n")
        #expect(try limits(1_036) == [200, 7])
        try replace("cpu,cpuacct/docker/\(id)/cpu.shares", "300\n")
        #expect(try limits(1_037) == [200, 7])
        try directory.remove("cpu,cpuacct/docker/\(id)")
        #expect(try limits(1_038) == [nil, 7])
        try directory.write("cpu,cpuacct/docker/\(id)/cpu.shares", "400\n")
        #expect(try limits(1_039) == [400, 7])
        #expect(reader.tree.exported.last === cgroup)
    }

    @Test("v2 beside v1 is watched where it has controllers with limits")
    func unified() throws {
        try make("memory/docker/\(id)")
        try directory.write("unified/cgroup.controllers", "pids hugetlb\n")
        try directory.write("unified/docker/\(id)/pids.max", "5\n")
        let reader = try CgroupReader(cgroupfs: directory.path, descriptors: 0)
        func limit() throws -> Double? {
            try reader.families([ContainerCollectors.processes]).values("container_threads_max")["/docker/\(id)"]
        }
        #expect(try limit() == 5)
        try directory.write("unified/docker/\(id)/pids.max", "6\n")
        #expect(try limit() == 6)
        try replace("unified/docker/\(id)/pids.max", "7\n")
        #expect(try limit() == 6)
    }

    @Test("controllers that are switched on and off later")
    func controllers() throws {
        try directory.write("cgroup.controllers", "memory\n")
        try make("docker/\(id)")
        let reader = try CgroupReader(cgroupfs: directory.path, descriptors: 0)
        func values(_ now: Int) throws -> [Double?] {
            let families = try reader.families([ContainerCollectors.memory, ContainerCollectors.pressure], now: now)
            return [
                "container_memory_usage_bytes", "container_spec_memory_limit_bytes",
                "container_pressure_cpu_waiting_seconds_total",
            ].map { families.values($0)["/docker/\(id)"] }
        }
        #expect(try values(1_000) == [nil, nil, nil])
        #expect(try values(1_030) == [nil, nil, nil])
        try replace("docker/\(id)/memory.current", "4096\n")
        try replace("docker/\(id)/memory.max", "8192\n")
        try replace("docker/\(id)/cpu.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=5000000\n")
        #expect(try values(1_031) == [nil, nil, nil])
        try directory.write("docker/cgroup.subtree_control", "+memory\n")
        #expect(try values(1_032) == [4096, 8192, 5])
        try directory.remove("docker/\(id)/memory.max")
        #expect(try values(1_033)[1] == 8192)
        try directory.write("docker/cgroup.subtree_control", "-memory\n")
        #expect(try values(1_034)[1] == nil)

        try make("docker/\(other)")
        let second = "/docker/\(other)"
        func pressure(_ now: Int) throws -> Double? {
            try reader.families([ContainerCollectors.pressure], now: now)
                .values("container_pressure_cpu_waiting_seconds_total")[second]
        }
        #expect(try pressure(1_035) == nil)
        #expect(try pressure(1_050) == nil)
        try replace("docker/\(other)/cpu.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=7000000\n")
        #expect(try pressure(1_051) == nil)
        try directory.write("docker/\(other)/cgroup.pressure", "1\n")
        #expect(try pressure(1_052) == 7)
    }

    @Test("links to hierarchies with several controllers are no hierarchies")
    func links() throws {
        try make("cpu,cpuacct/docker/\(id)")
        for name in ["cpu", "cpuacct"] {
            try FileManager.default.createSymbolicLink(
                atPath: "\(directory.path)/\(name)", withDestinationPath: "cpu,cpuacct")
        }
        let reader = try CgroupReader(cgroupfs: directory.path)
        #expect(try walk(reader.tree) == ["/", "/docker", "/docker/\(id)"])
        try make("cpu,cpuacct/docker/\(other)")
        #expect(try walk(reader.tree) == ["/", "/docker", "/docker/\(id)", "/docker/\(other)"])
    }

    // MARK: Watches

    @Test("with too few watches, or none", arguments: [0, 1, 2, 3])
    func fewWatches(limit: Int) throws {
        try make("docker/\(id)", "system.slice/a.service")
        var room = limit
        let tree = try CgroupTree(root: directory.path, watches: { room })
        #expect(try walk(tree) == fresh())
        #expect(tree.watcher.count == limit)
        try make("docker/\(other)", "system.slice/b.service", "user.slice")
        #expect(try walk(tree) == fresh())
        try directory.remove("docker/\(id)")
        try directory.remove("system.slice/a.service")
        try make("system.slice/c.service")
        #expect(try walk(tree) == fresh())
        #expect(tree.watcher.count <= limit)
        room = 100
        #expect(try walk(tree, at: 1_060) == fresh())
        #expect(tree.watcher.count == 7)
        try make("docker/\(id)")
        #expect(try walk(tree, at: 1_061) == fresh())
    }

    @Test("more happens than the kernel keeps, also when the time is too short to make up for it")
    func overflow() throws {
        let limit = try #require(
            Int(
                try String(contentsOfFile: "/proc/sys/fs/inotify/max_queued_events", encoding: .utf8)
                    .trimmingCharacters(in: .whitespacesAndNewlines)))
        try make("docker", "system.slice/a.service")
        let tree = try CgroupTree(root: directory.path)
        _ = try walk(tree)
        for isLate in [false, true] {
            let files = try ["a", "b"].map { name in
                let file = open("\(directory.path)/system.slice/\(name)", O_WRONLY | O_CREAT, 0o644)
                try #require(file >= 0)
                return file
            }
            // The same event twice in a row is one.
            for _ in 0...limit / 2 { for file in files { write(file, "x", 1) } }
            for file in files { close(file) }
            try make("docker/\(isLate ? other : id)")
            if isLate {
                #expect(throws: CollectorError.self) { try tree.refresh(now: 1_000, until: Deadline(after: .zero)) }
            }
            #expect(try walk(tree) == fresh())
        }
    }

    @Test("containers that went leave nothing")
    func releases() throws {
        try directory.write("cgroup.controllers", "memory\n")
        try make("docker")
        let reader = try CgroupReader(cgroupfs: directory.path, descriptors: 10_000)
        _ = try reader.families()
        let inode = try #require(
            try FileManager.default.attributesOfItem(atPath: directory.path)[.systemFileNumber] as? Int)
        func kernelsWatches() throws -> Int? {
            let all = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fdinfo").compactMap {
                try? String(contentsOfFile: "/proc/self/fdinfo/\($0)", encoding: .utf8)
            }
            return all.first { $0.contains(" ino:\(String(inode, radix: 16)) ") }?.split(separator: "\n")
                .count { $0.hasPrefix("inotify wd:") }
        }
        let free = reader.budget.free
        #expect(reader.tree.watcher.count == 2)
        #expect(try kernelsWatches() == 2)
        let names = (0..<1_000).map { "docker/" + String(format: "%064x", $0 &* 7919) }
        for name in names {
            try make(name)
            try directory.write("\(name)/memory.current", "4096\n")
        }
        #expect(try reader.families().values("container_memory_usage_bytes").count == 1_000)
        #expect(try kernelsWatches() == 1_002)
        #expect(reader.budget.free == free - 1_000)
        weak let cgroup = reader.tree.exported.last
        #expect(cgroup != nil)
        for name in names { try directory.remove(name) }
        #expect(try reader.families().values("container_memory_usage_bytes").isEmpty)
        #expect(cgroup == nil)
        #expect(reader.tree.watcher.count == 2)
        #expect(try kernelsWatches() == 2)
        #expect(reader.budget.free == free)
        #expect(reader.tree.departed.count == CgroupTree.memory.count)
    }

    // MARK: Walks

    @Test("what was left out for its number gets in as soon as something goes")
    func leftOut() throws {
        for number in 0..<10 { try make("group\(number).slice") }
        let tree = try CgroupTree(root: directory.path, limit: 6)
        #expect(try walk(tree).count == 6)
        #expect(tree.leftOut == 5)
        for number in [3, 1] { try directory.remove("group\(number).slice") }
        #expect(try walk(tree) == ["/"] + [0, 2, 4, 5, 6].map { "/group\($0).slice" })
        #expect(tree.leftOut == 3)
        for number in [0, 2, 4] { try directory.remove("group\(number).slice") }
        #expect(try walk(tree) == fresh())
        #expect(tree.leftOut == 0)
        try make("group0.slice")
        #expect(try walk(tree) == ["/"] + [5, 6, 7, 8, 9].map { "/group\($0).slice" })
        #expect(tree.leftOut == 1)
    }

    @Test("ten thousand and more")
    func tenThousand() async throws {
        for number in 0..<10_100 { mkdir("\(directory.path)/group\(number).slice", 0o755) }
        try directory.write("cgroup.controllers", "memory\n")
        var settings = ContainersTarget.Settings()
        settings.cgroupfs = directory.path
        let target = try #require(try ContainersTarget(settings))
        #expect(await page(target).values("stack_exporter_cgroups_left_out") == ["": 101])
        for number in 0..<101 { rmdir("\(directory.path)/group\(number).slice") }
        let families = await page(target)
        #expect(families.values("stack_exporter_cgroups_left_out") == ["": 0])
        #expect(families.values("container_last_seen").count == 10_000)
        await target.shutdown()
    }

    private func page(_ target: ContainersTarget) async -> [MetricFamily] {
        let scrape = Scrape(until: Deadline(after: .seconds(60)))
        await target.run(scrape)
        scrape.finish()
        let (outcome, families) = scrape.harvest(target.collectors)
        return families + target.status(of: outcome)
    }

    @Test("a root that is replaced")
    func root() async throws {
        try directory.write("a/cgroup.controllers", "memory\n")
        try directory.write("a/docker/\(id)/memory.current", "4096\n")
        var settings = ContainersTarget.Settings()
        settings.cgroupfs = "\(directory.path)/a"
        let target = try #require(try ContainersTarget(settings))
        func usage() async -> [String: Double] { await page(target).values("container_memory_usage_bytes") }
        #expect(await usage() == ["/docker/\(id)": 4096])
        try #require(rename("\(directory.path)/a", "\(directory.path)/b") == 0)
        #expect(await usage() == [:])
        try directory.write("a/cgroup.controllers", "memory\n")
        try directory.write("a/docker/\(other)/memory.current", "8192\n")
        #expect(await page(target).values("container_scrape_error") == ["": 1])
        #expect(await usage() == ["/docker/\(other)": 8192])
        #expect(await page(target).values("container_scrape_error") == ["": 0])
        await target.shutdown()
    }

    @Test("a clock that is set back")
    func clock() throws {
        try make("docker/\(id)")
        let tree = try CgroupTree(root: directory.path)
        _ = try walk(tree, at: 1_000)
        try make("docker/\(other)")
        try directory.remove("docker/\(id)")
        #expect(try walk(tree, at: 500) == fresh())
        #expect(tree.departed.map(\.lastSeen) == [500])
        try make("docker/\(id)")
        #expect(try walk(tree, at: 501) == fresh())
        try directory.remove("docker/\(other)")
        #expect(try walk(tree, at: 400) == fresh())
        #expect(tree.departed.map(\.lastSeen) == [400])
        _ = try walk(tree, at: 701)
        #expect(tree.departed.isEmpty)
        let cgroup = try #require(tree.exported.last)
        _ = try walk(tree, at: 100)
        #expect(tree.isSettled(cgroup))
    }

    @Test("walks and collectors that end before their time leave no trace")
    func timeouts() throws {
        try directory.write("cgroup.controllers", "memory\n")
        for number in 0..<40 {
            let name = "docker/" + String(format: "%064x", number &* 7919)
            try directory.write("\(name)/memory.current", "\(number)\n")
            try directory.write("\(name)/memory.max", "\(1_000 + number)\n")
            try make("\(name)/init/sub")
        }
        let reader = try CgroupReader(cgroupfs: directory.path)
        var tries = 0
        while true {
            tries += 1
            let deadline = Deadline(after: .microseconds(20 * tries * tries))
            do throws(CollectorError) {
                try reader.tree.refresh(now: 1_000, until: deadline)
                _ = try ContainerCollectors.memory.families(from: reader, until: deadline)
                break
            } catch {
                #expect(error.reason == .timeout)
            }
        }
        #expect(tries > 1)
        #expect(try reader.families().text == CgroupReader(cgroupfs: directory.path).families().text)
        #expect(reader.tree.exported.count == 42)
    }

    @Test("a container that went twice is one that went")
    func wentTwice() throws {
        try directory.write("cgroup.controllers", "memory\n")
        let reader = try CgroupReader(cgroupfs: directory.path)
        let web: Labels = ["id": "/docker/\(id)", "name": "web"]
        for now in [1_000, 1_010] {
            try make("docker/\(id)")
            try reader.tree.refresh(now: now, until: deadline)
            reader.tree.exported.last?.learn(ContainerDetails(), labels: [("id", "/docker/\(id)"), ("name", "web")])
            try directory.remove("docker/\(id)")
            try reader.tree.refresh(now: now + 1, until: deadline)
        }
        #expect(reader.tree.departed.map(\.labels) == [web])
        #expect(reader.tree.departed.map(\.lastSeen) == [1_010])
        let samples = try Lifetime().families(from: reader, until: deadline)
            .first { $0.descriptor.name == "container_last_seen" }?.samples
        #expect(samples?.count { $0.labels == web } == 1)
    }

    @Test("names of any bytes")
    func names() throws {
        try directory.write("cgroup.controllers", "memory\n")
        func make(_ bytes: [UInt8]) {
            let path = (Array("\(directory.path)/".utf8) + bytes + [0]).map { CChar(bitPattern: $0) }
            mkdir(path, 0o755)
        }
        let legal = (1...127).filter { $0 != Int(UInt8(ascii: "/")) }
        for byte in 1...255 where byte != Int(UInt8(ascii: "/")) { make([UInt8(ascii: "x"), UInt8(byte)]) }
        // What bytes that are no UTF-8 would become, and one character in two ways.
        make(Array("x\u{FFFD}".utf8))
        make(Array("\u{E9}".utf8))
        let reader = try CgroupReader(cgroupfs: directory.path)
        #expect(try walk(reader.tree).count == 1 + legal.count + 2)
        make(Array("e\u{301}".utf8))
        let ids = try walk(reader.tree)
        #expect(ids.count == 1 + legal.count + 3)
        #expect(Set(reader.tree.exported.map(\.labels)).count == ids.count)
        #expect(try reader.families().text == CgroupReader(cgroupfs: directory.path).families().text)
        // The kernel allows no newline in the name of a cgroup, and the page not in a label.
        #expect(ids.contains("/x\n"))
        #expect(reader.tree.exported.allSatisfy { !$0.labels.rendered.contains(UInt8(ascii: "\n")) })
    }

    @Test(
        "files of anything",
        arguments: ["", "\n", "max\n", "9223372036854771712\n", "-1\n", "18446744073709551616\n", "a b c\n\n\0\n", "1"])
    func anything(text: String) async throws {
        try directory.write("cgroup.controllers", "memory\n")
        let files = Set(
            ContainerCollectors.tables.flatMap(\.rows).flatMap { $0.columns.v2 + ($0.ratio?.v2 ?? []) }
                .flatMap { $0.fields + [$0.less, $0.per].compactMap(\.self) }.map(\.file))
        #expect(files.count > 20)
        for file in files.union(["io.stat", "hugetlb.2MB.current", "hugetlb.2MB.max", "hugetlb.2MB.events"]) {
            try directory.write("docker/\(id)/\(file)", text)
        }
        var settings = ContainersTarget.Settings()
        settings.cgroupfs = directory.path
        let target = try #require(try ContainersTarget(settings))
        for _ in 1...2 {
            let families = await page(target)
            #expect(families.values("container_scrape_error") == ["": 0])
            for family in families {
                for case .number(let value) in family.samples.map(\.value) where family.descriptor.name != "machine" {
                    #expect(value.isFinite && value >= -1, "\(family.descriptor.name)")
                }
            }
        }
        await target.shutdown()
    }

    // MARK: Anything

    @Test("whatever happens, what is known is what is there", arguments: 1...4 as ClosedRange<UInt64>)
    func property(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let isV1 = seed % 2 == 0
        let roots = isV1 ? ["memory", "cpu,cpuacct", "pids"] : ["."]
        try make(roots[0])
        for root in roots { try make(root) }
        if !isV1 { try directory.write("cgroup.controllers", "memory\n") }
        let names = [
            "docker", "system.slice", "a.service", id, other, "docker-\(id).scope", "x.mount", "user.slice", "init",
        ]
        let files = [
            "memory.max", "memory.current", "cpu.max", "pids.max", "memory.limit_in_bytes", "cpu.shares",
            "memory.usage_in_bytes", "pids.current", "cgroup.subtree_control",
        ]
        func path() -> String {
            let depth = Int.random(in: 1...3, using: &random)
            return (0..<depth).map { _ in names.randomElement(using: &random) ?? "" }.joined(separator: "/")
        }
        let tables = [ContainerCollectors.memory, ContainerCollectors.cpu, ContainerCollectors.processes]
        // A kept descriptor of a usual file goes on reading when the file is removed.
        let reader = try CgroupReader(cgroupfs: directory.path, descriptors: 0)
        var now = 1_000
        for _ in 0..<30 {
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let root = roots.randomElement(using: &random) ?? ""
                let path = path()
                let place = "\(directory.path)/\(root)/\(path)"
                switch Int.random(in: 0..<10, using: &random) {
                case 0..<4: for root in roots { try make("\(root)/\(path)") }
                case 4: try make("\(root)/\(path)")
                case 5: for root in roots { try? directory.remove("\(root)/\(path)") }
                case 6: try? directory.remove("\(root)/\(path)")
                case 7:
                    let name = names.randomElement(using: &random) ?? ""
                    let parent = (place as NSString).deletingLastPathComponent
                    rename(place, "\(parent)/\(name)")
                default:
                    guard access(place, F_OK) == 0 else { continue }
                    let file = files.randomElement(using: &random) ?? ""
                    let value = ["max", "-1", "", "4096", "77", "123456"].randomElement(using: &random) ?? ""
                    try directory.write("\(root)/\(path)/\(file)", value)
                    // Files come and go with the directory, or with what switches controllers; `mkdir` brings them all.
                    let parent = ((root + "/" + path) as NSString).deletingLastPathComponent
                    try directory.write("\(parent)/cgroup.subtree_control", "\(now)")
                }
            }
            now += Int.random(in: 0...15, using: &random)
            let fresh = try CgroupReader(cgroupfs: directory.path)
            let expected = try fresh.families(tables, now: now).text
            let actual = try reader.families(tables, now: now).text
            #expect(actual == expected)
            #expect(reader.tree.exported.map(\.labels) == fresh.tree.exported.map(\.labels))
            #expect(reader.tree.lineage.map(\.inode) == fresh.tree.lineage.map(\.inode))
            guard actual == expected else { break }
        }
    }
}
