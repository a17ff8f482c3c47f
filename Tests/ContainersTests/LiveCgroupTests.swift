import Exposition
import Foundation
import Glibc
import Lab
import Testing

@testable import Containers
@testable import Scraping

/// The real cgroups of the machine the tests run on; each test leaves nothing behind.
@Suite("Real cgroups", .serialized, .enabled(if: RealCgroup.isPossible, "no cgroup can be made here"))
struct LiveCgroupTests {
    private let deadline = Deadline(after: .seconds(60))

    @Test("what a process uses is in the page")
    func usage() async throws {
        let cgroup = try RealCgroup()
        let reader = try CgroupReader(live: 100)
        func cpu() throws -> Double? {
            try reader.families().values("container_cpu_usage_seconds_total")[cgroup.id]
        }
        #expect(try reader.families().values("container_memory_usage_bytes")[cgroup.id] != nil)
        #expect(try cpu() == 0)

        let start = ContinuousClock.now
        let process = try Daemon(
            ["sh", "-c", cgroup.join + "while :; do :; done"], stop: "KILL", log: URL(filePath: "/dev/null"))
        defer { process.stop() }
        var usage: [Double] = []
        for _ in 1...3 {
            try await Task.sleep(for: .milliseconds(200))
            usage.append(try #require(try cpu()))
        }
        #expect(usage[0] > 0)
        #expect(usage[1] > usage[0])
        #expect(usage[2] > usage[1])
        #expect(.seconds(usage[2]) < start.duration(to: .now) + .seconds(1))
        #expect(try reader.families().values("container_memory_usage_bytes")[cgroup.id] ?? 0 > 0)
    }

    @Test("a cgroup that goes while its files are open takes its series with it; one of its name starts afresh")
    func vanishing() throws {
        let cgroup = try RealCgroup()
        let reader = try CgroupReader(live: 1000)
        _ = try reader.families()
        let before = try #require(reader.tree.exported.first { $0.labels["id"] == cgroup.id })
        #expect(before.descriptors.contains { $0 != nil })
        let name = try #require(before.labels["name"])

        // Between the walk and the reading: the kernel answers ENODEV.
        try reader.tree.refresh(now: 1_000_000_000, until: deadline)
        cgroup.remove()
        let memory = try ContainerCollectors.memory.families(from: reader, until: deadline)
        #expect(!memory.text.contains(name))
        #expect(before.isGone)

        #expect(try !reader.families().text.contains(name))
        #expect(reader.tree.departed.contains { $0.labels["name"] == name })
        cgroup.make()
        let families = try reader.families()
        #expect(families.values("container_memory_usage_bytes")[cgroup.id] != nil)
        #expect(families.values("container_memory_max_usage_bytes")[cgroup.id] ?? 0 < 0x1p20)
        let after = try #require(reader.tree.exported.first { $0.labels["id"] == cgroup.id })
        #expect(after !== before)
        #expect(after.inode != before.inode)
    }

    @Test("one that goes and comes back between two scrapes is another one")
    func replaced() throws {
        let cgroup = try RealCgroup()
        let reader = try CgroupReader(live: 1000)
        _ = try reader.families()
        let before = try #require(reader.tree.exported.first { $0.labels["id"] == cgroup.id })
        cgroup.remove()
        cgroup.make()
        #expect(try reader.families().values("container_memory_usage_bytes")[cgroup.id] != nil)
        let after = try #require(reader.tree.exported.first { $0.labels["id"] == cgroup.id })
        #expect(after.inode != before.inode)
    }

    @Test("without a kept descriptor, one that goes between the walk and the reading leaves nothing either")
    func vanishingUnkept() throws {
        let cgroup = try RealCgroup()
        let reader = try CgroupReader(live: 0)
        try reader.tree.refresh(now: 1_000_000_000, until: deadline)
        cgroup.remove()
        for table in [ContainerCollectors.memory, ContainerCollectors.cpu] {
            #expect(try table.families(from: reader, until: deadline).values("container_memory_rss")[cgroup.id] == nil)
        }
        #expect(try !reader.families().text.contains(cgroup.id))
    }

    @Test("descriptors go back with their cgroup")
    func descriptors() throws {
        let cgroup = try RealCgroup()
        let reader = try CgroupReader(live: 5000)
        _ = try reader.families()
        let kept = try #require(reader.tree.exported.first { $0.labels["id"] == cgroup.id })
            .descriptors.count { $0 != nil }
        #expect(kept > 5)
        let free = reader.budget.free
        cgroup.remove()
        try reader.tree.refresh(now: 1_000_000_000, until: deadline)
        #expect(reader.budget.free >= free + kept)
    }

    @Test("a whole scrape through the target")
    func target() async throws {
        let cgroup = try RealCgroup()
        let target = try #require(try ContainersTarget())
        let scrape = Scrape(until: Deadline(after: .seconds(30)))
        await target.run(scrape)
        let (outcome, families) = scrape.harvest(target.collectors)
        #expect(outcome.isUp)
        #expect(families.values("container_memory_usage_bytes")[cgroup.id] != nil)
        #expect(families.values("machine_memory_bytes")[""] ?? 0 > 0)
        await target.shutdown()
    }
}

/// A cgroup that looks like a Docker container's, made in every hierarchy of this machine.
final class RealCgroup {
    let id: String
    private let directories: [String]

    static var isPossible: Bool {
        guard let mounts = mounts else { return false }
        return hierarchies(of: mounts).allSatisfy { access($0, W_OK) == 0 }
            && (mounts.primary == .v1("memory")
                || (try? String(contentsOfFile: "\(hierarchies(of: mounts)[0])/cgroup.subtree_control", encoding: .utf8))?
                    .contains("memory") == true)
    }

    private static var mounts: CgroupMounts? { try? CgroupMounts.find(cgroupfs: nil, procfs: "/proc") }

    private static func hierarchies(of mounts: CgroupMounts) -> [String] {
        let read: [Hierarchy] = mounts.primary == .v2 ? [.v2] : [.v1("memory"), .v1("cpu"), .v1("cpuacct"), .v2]
        return Set(read.compactMap { mounts.directories[$0] }).sorted()
    }

    init() throws {
        let name = (0..<8).map { _ in String(format: "%08x", UInt32.random(in: .min ... .max)) }.joined()
        id = "/\(name)"
        let mounts = try #require(Self.mounts)
        directories = Self.hierarchies(of: mounts).map { "\($0)/\(name)" }
        make()
    }

    deinit {
        remove()
    }

    /// Shell words that move the shell into the cgroup.
    var join: String {
        directories.map { "echo $$ > \($0)/cgroup.procs; " }.joined()
    }

    func make() {
        for directory in directories { mkdir(directory, 0o755) }
    }

    func remove() {
        for directory in directories {
            // A process that has just ended may still be on its way out.
            for _ in 1...50 where rmdir(directory) != 0 && errno == EBUSY { usleep(20_000) }
        }
    }
}

extension CgroupReader {
    fileprivate convenience init(live descriptors: Int) throws {
        let mounts = try #require(try CgroupMounts.find(cgroupfs: nil, procfs: "/proc"))
        try self.init(mounts: mounts, procfs: "/proc", descriptors: descriptors)
    }
}
