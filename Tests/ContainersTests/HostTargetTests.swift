import Exposition
import Foundation
import Glibc
import Lab
import Synchronization
import Testing

@testable import Containers
@testable import Scraping

@Suite("The host as a target")
struct HostTargetTests {
    private func page(_ target: HostTarget, within timeout: Duration = .seconds(60)) async throws -> HostPage {
        let (outcome, families) = await scrape(target, within: timeout)
        return try HostPage(families + target.status(of: outcome))
    }

    private func scrape(
        _ target: HostTarget, within timeout: Duration = .seconds(60)
    ) async -> (outcome: ScrapeOutcome, families: [MetricFamily]) {
        let scrape = Scrape(until: Deadline(after: timeout))
        await target.run(scrape)
        scrape.finish()
        return scrape.harvest(target.collectors)
    }

    @Test("this machine, between what the kernel says before and after")
    func live() async throws {
        var settings = HostTarget.Settings()
        settings.rootfs = "/"
        let target = try #require(HostTarget(settings))
        #expect(target.collectors == HostCollectors.all.map(\.name))
        let reader = HostReader(procfs: "/proc")
        let counters = HostCollectors.tables.filter { ["node_cpu", "node_stat", "node_vmstat"].contains($0.name) }
        let before = try HostPage(reader.families(counters))
        let page = try await page(target)
        let after = try HostPage(reader.families(counters))
        // Idle time and the like are estimates, which step back at times.
        let estimates = ["idle", "iowait", "steal"].map { "mode=\"\($0)\"" }
        for (series, value) in before.values
        where page.types[String(series.prefix { $0 != "{" })] != "gauge" && !estimates.contains(where: series.contains)
        {
            #expect((value...max(value, after[series] ?? 0)).contains(page[series] ?? .nan), "\(series)")
        }
        var status = statvfs()
        #expect(statvfs("/", &status) == 0)
        let sizes = page.values.filter {
            $0.key.hasPrefix("node_filesystem_size_bytes{") && $0.key.hasSuffix("mountpoint=\"/\"}")
        }
        #expect(sizes.values.allSatisfy { $0 == Double(status.f_blocks) * Double(status.f_frsize) })
        let pages = Double(sysconf(Int32(_SC_PHYS_PAGES))) * Double(sysconf(Int32(_SC_PAGESIZE)))
        #expect(page["node_memory_MemTotal_bytes"] == pages)
        #expect(abs((page["node_time_seconds"] ?? 0) - Date().timeIntervalSince1970) < 60)
        #expect(page["node_scrape_collector_success{collector=\"cpu\"}"] == 1)
        #expect(
            page.values.keys.filter { $0.hasPrefix("node_uname_info{") && $0.contains("sysname=\"Linux\"") }.count == 1)
        await target.shutdown()
        #expect(await scrape(target).families.isEmpty)
    }

    @Test("a wrong path is a failure of the target")
    func noProc() async throws {
        let target = try #require(HostTarget(procfs: "/no/such/proc"))
        let (outcome, families) = await scrape(target)
        #expect(families.isEmpty)
        #expect(outcome.error?.reason == .connection)
        #expect(!outcome.isUp)
    }

    @Test("nothing where a node_exporter is")
    func nodeExporter() {
        var settings = HostTarget.Settings()
        settings.hasNodeExporter = true
        #expect(HostTarget(settings) == nil)
        let none = CollectorSelection(Dictionary(uniqueKeysWithValues: HostCollectors.all.map { ($0.name, false) }))
        #expect(HostTarget(collectors: none) == nil)
    }

    @Test("only the collectors that are wanted")
    func chosen() async throws {
        let off = HostCollectors.all.map(\.name).filter { $0 != "node_loadavg" }
        let selection = CollectorSelection(Dictionary(uniqueKeysWithValues: off.map { ($0, false) }))
        let target = try #require(HostTarget(procfs: HostFixture.procfs, collectors: selection))
        let names = try await page(target).types.keys.sorted()
        #expect(
            names == [
                "node_load1", "node_load15", "node_load5", "node_scrape_collector_duration_seconds",
                "node_scrape_collector_success",
            ])
    }

    @Test("where the host's root is not to be seen, its file systems are left out with what mends it")
    func noRoot() async throws {
        let tree = TemporaryDirectory("tree", in: .memory)
        try tree.write("self/mountinfo", "100 99 0:70 / / rw,relatime - overlay overlay rw\n")
        try tree.write("loadavg", "0.59 0.60 0.61 1/2 3\n")
        let target = try #require(HostTarget(procfs: tree.path))
        let (outcome, families) = await scrape(target)
        #expect(try HostPage(families)["node_load1"] == 0.59)
        #expect(outcome.omissions.map(\.name).contains("node_filesystem"))
        #expect(families.allSatisfy { !$0.descriptor.name.hasPrefix("node_filesystem") || $0.samples.isEmpty })
        #expect(outcome.error == nil)
    }

    @Test("the host's name is that of its root directory where the exporter has a name of its own")
    func hostName() throws {
        let tree = TemporaryDirectory("tree", in: .memory)
        try tree.write("self/mountinfo", "100 99 0:70 / / rw - overlay overlay rw\n")
        try tree.write("root/etc/hostname", "hamlet\n")
        let page = try HostPage(
            HostReader(procfs: tree.path, rootfs: "\(tree.path)/root/").families([HostIdentity()]))
        let series = try #require(page.values.keys.first)
        #expect(series.contains("nodename=\"hamlet\"") && !series.contains("domainname"))
        let without = try HostPage(HostReader(procfs: tree.path).families([HostIdentity()]))
        #expect(without.values.keys.first?.contains("nodename") == false)
    }
}

@Suite("File systems that hang")
struct HostFileSystemTests {
    private func mounts(_ names: [String]) -> [HostMount] {
        let lines = names.map { "1 0 8:1 / \($0) rw - nfs server:\($0) rw\n" }.joined()
        return HostMount.all(own: MountTable(Array(lines.utf8)), host: nil, root: "")
    }

    /// A kernel that keeps some waiting.
    private final class SlowKernel: Sendable {
        let hanging = Mutex<Set<String>>([])
        let asked = Mutex<[String: Int]>([:])

        @Sendable func ask(_ path: String) throws(SystemError) -> FileSystemSpace {
            asked.withLock { $0[path, default: 0] += 1 }
            while hanging.withLock({ $0.contains(path) }) { usleep(1_000) }
            if path == "/refused" { throw SystemError(EACCES) }
            return try FileSystemSpace(of: "/")
        }
    }

    private func describe(_ answers: [FileSystemReader.Answer]) -> [String] {
        answers.map {
            switch $0 {
            case .space: "there"
            case .failed: "failed"
            case .notAsked: "not asked"
            }
        }
    }

    @Test("one that hangs is not asked again until it answers, and the others are")
    func one() async throws {
        let kernel = SlowKernel()
        defer { kernel.hanging.withLock { $0 = [] } }
        kernel.hanging.withLock { $0 = ["/dead", "/gone"] }
        let reader = FileSystemReader(patience: .seconds(2), ask: kernel.ask)
        let mounts = mounts(["/a", "/dead", "/b", "/refused", "/gone", "/c"])
        let expected = ["there", "failed", "there", "failed", "failed", "there"]
        for _ in 1...3 {
            let answers = await reader.answers(of: mounts, until: Deadline(after: .seconds(60)))
            #expect(describe(answers) == expected)
        }
        #expect(kernel.asked.withLock { $0 } == ["/a": 3, "/dead": 1, "/b": 3, "/refused": 3, "/gone": 1, "/c": 3])
        kernel.hanging.withLock { $0 = [] }
        var last: [String] = []
        let end = Deadline(after: .seconds(60))
        while last.contains("failed") || last.isEmpty, !end.hasPassed {
            last = describe(
                await reader.answers(of: mounts.filter { $0.path != "/refused" }, until: Deadline(after: .seconds(60))))
        }
        #expect(last == Array(repeating: "there", count: 5))
    }

    @Test("a deadline that comes sooner ends it, and what was not answered is absent")
    func deadline() async throws {
        let kernel = SlowKernel()
        defer { kernel.hanging.withLock { $0 = [] } }
        kernel.hanging.withLock { $0 = ["/dead"] }
        let reader = FileSystemReader(patience: .seconds(600), ask: kernel.ask)
        let mounts = mounts(["/a", "/dead", "/b"])
        let first = await reader.answers(of: mounts, until: Deadline(after: .seconds(4)))
        #expect(describe(first) == ["there", "not asked", "not asked"])
        let result = FileSystemCollector().result(mounts, first)
        #expect(result.error?.reason == .timeout)
        #expect(try HostPage(result.families).values.count == 7)
        // It still hangs, which is known by now.
        let second = await reader.answers(of: mounts, until: Deadline(after: .seconds(60)))
        #expect(describe(second) == ["there", "failed", "there"])
    }

    @Test("no more than eight threads wait")
    func many() async throws {
        let kernel = SlowKernel()
        defer { kernel.hanging.withLock { $0 = [] } }
        let names = (1...20).map { "/dead\($0)" }
        kernel.hanging.withLock { $0 = Set(names) }
        let reader = FileSystemReader(patience: .milliseconds(20), ask: kernel.ask)
        for _ in 1...2 {
            let answers = describe(await reader.answers(of: mounts(names), until: Deadline(after: .seconds(60))))
            #expect(answers.filter { $0 == "failed" }.count == FileSystemReader.maximumHanging)
            #expect(answers.filter { $0 == "not asked" }.count == 12)
        }
        #expect(kernel.asked.withLock { $0.count } <= FileSystemReader.maximumHanging)
    }

    /// A FUSE file system whose server never says a word, in a mount namespace of the thread that asks.
    @Test("the kernel's own hang", .enabled(if: geteuid() == 0, "takes root to mount"))
    func fuse() async throws {
        let server = Mutex<CInt>(-1)
        let directory = TemporaryDirectory("fuse")
        let path = directory.path
        let reader = FileSystemReader(patience: .seconds(2)) { asked throws(SystemError) in
            guard asked == path else { return try FileSystemSpace(of: asked) }
            server.withLock { if $0 < 0 { $0 = mountSilentFileSystem(at: path) } }
            return try FileSystemSpace(of: asked)
        }
        let mounts = mounts(["/", path])
        let deadline = Deadline(after: .seconds(60))
        #expect(describe(await reader.answers(of: mounts, until: deadline)) == ["there", "failed"])
        let descriptor = server.withLock { $0 }
        #expect(descriptor >= 0)
        #expect(describe(await reader.answers(of: mounts, until: deadline)) == ["there", "failed"])
        // Its server is gone, so that the kernel refuses; the next thread sees the plain directory.
        close(descriptor)
        var last: [String] = []
        while last != ["there", "there"], !deadline.hasPassed {
            last = describe(await reader.answers(of: mounts, until: deadline))
        }
        #expect(last == ["there", "there"])
    }

    @Test("what becomes of the answers")
    func families() throws {
        let space = try FileSystemSpace(of: "/")
        let mounts = mounts(["/a", "/dead"])
        let page = try HostPage(FileSystemCollector().result(mounts, [.space(space), .failed]).families)
        let labels = "{device=\"server:/a\",fstype=\"nfs\",mountpoint=\"/a\"}"
        #expect(page["node_filesystem_device_error\(labels)"] == 0)
        #expect(page["node_filesystem_readonly\(labels)"] == 0)
        #expect(page["node_filesystem_avail_bytes\(labels)"] == space.available)
        #expect(page["node_filesystem_device_error\(labels.replacing("/a", with: "/dead"))"] == 1)
        #expect(page.values.count == 8)
    }
}

/// Mounts a FUSE file system that nobody serves for the calling thread alone.
///
/// - Returns: Its server's end, or -1.
private func mountSilentFileSystem(at path: String) -> CInt {
    guard let mount = MountCall() else { return -1 }
    let device = open("/dev/fuse", O_RDWR | O_CLOEXEC)
    guard device >= 0, mount("silent", path, "fuse", "fd=\(device),rootmode=40000,user_id=0,group_id=0") else {
        return -1
    }
    return device
}
