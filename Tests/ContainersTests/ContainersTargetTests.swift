import Exposition
import Foundation
import Glibc
import Lab
import Testing

@testable import Containers
@testable import Scraping

@Suite("The containers as a target")
struct ContainersTargetTests {
    private func settings(_ fixture: Fixture) -> ContainersTarget.Settings {
        var settings = ContainersTarget.Settings()
        settings.cgroupfs = fixture.cgroupfs
        settings.procfs = fixture.procfs
        return settings
    }

    private func page(_ target: ContainersTarget) async -> [MetricFamily] {
        let scrape = Scrape(until: Deadline(after: .seconds(300)))
        await target.run(scrape)
        scrape.finish()
        let (outcome, families) = scrape.harvest(target.collectors)
        return families + target.status(of: outcome)
    }

    @Test("a page of it")
    func page() async throws {
        let target = try #require(try ContainersTarget(settings(.v2)))
        #expect(
            target.collectors == [
                "container_memory", "container_cpu", "container_pressure", "container_processes", "container_disk_io",
                "container_network", "container_hugetlb", "container_lifetime", "container_state",
                "machine",
            ])
        #expect(target.openConnections == nil)
        let families = await page(target)
        #expect(families.values("container_scrape_error") == ["": 0])
        #expect(families.values("stack_exporter_cgroups_left_out") == ["": 0])
        #expect(families.values("container_memory_usage_bytes")["/"] == 39_882_752)
        #expect(families.values("machine_memory_bytes") == ["": 492_847_104])
        #expect(families.values("machine_cpu_cores")[""] == Double(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        let seen = families.values("container_last_seen")
        #expect(seen.count == 7)
        #expect(abs((seen["/"] ?? 0) - Date().timeIntervalSince1970) < 10)
        #expect(families.values("container_start_time_seconds") == families.values("container_creation_time_seconds"))
        await target.shutdown()
    }

    @Test("only the collectors that are wanted")
    func chosen() async throws {
        let selection = CollectorSelection([
            "container_memory": false, "container_pressure": false, "container_processes": false,
            "container_disk_io": false, "container_network": false, "container_hugetlb": false,
            "container_lifetime": false, "container_state": false, "machine": false, "pg_locks": true,
        ])
        let target = try #require(try ContainersTarget(settings(.hybrid), collectors: selection))
        #expect(target.collectors == ["container_cpu"])
        let families = await page(target)
        #expect(families.values("container_cpu_usage_seconds_total").count == 6)
        #expect(families.values("container_memory_rss").isEmpty)
    }

    @Test("a cgroup tree that goes is an error in the page, not of it")
    func gone() async throws {
        let tree = TemporaryDirectory("tree", in: .memory)
        try tree.write("a/cgroup.controllers", "memory\n")
        var settings = ContainersTarget.Settings()
        settings.cgroupfs = "\(tree.path)/a"
        let target = try #require(try ContainersTarget(settings))
        #expect(await page(target).values("container_scrape_error") == ["": 0])
        try tree.remove("a")
        #expect(await page(target).values("container_scrape_error") == ["": 1])
    }

    @Test("a cancelled scrape ends")
    func cancelled() async throws {
        let target = try #require(try ContainersTarget(settings(.v2)))
        let scrape = Scrape(until: Deadline(after: .seconds(300)))
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            await target.run(scrape)
            scrape.finish()
        }
        await task.value
        let (outcome, families) = scrape.harvest(target.collectors)
        #expect(families.isEmpty)
        #expect(outcome.error?.reason == .timeout)
        #expect(target.status(of: outcome).values("container_scrape_error") == ["": 1])
    }

    @Test("after shutdown nothing is read")
    func shutdown() async throws {
        let target = try #require(try ContainersTarget(settings(.v2)))
        await target.shutdown()
        #expect(await page(target).values("container_scrape_error") == ["": 1])
    }

    @Test("files that may not be read are absent", .enabled(if: geteuid() == 0, "takes root to give up being root"))
    func permissions() throws {
        let tree = TemporaryDirectory("tree", in: .memory)
        try tree.write("cgroup.controllers", "memory\n")
        try tree.write("web.slice/memory.current", "4096\n")
        try tree.write("web.slice/memory.peak", "8192\n")
        chmod(tree.path, 0o755)
        chmod("\(tree.path)/web.slice/memory.peak", 0)
        let reader = try CgroupReader(cgroupfs: tree.path)
        let before = try reader.families()
        #expect(before.values("container_memory_max_usage_bytes")["/web.slice"] == 8192)

        let unprivileged = try CgroupReader(cgroupfs: tree.path)
        let families = try asNobody { try unprivileged.families() }
        #expect(families.values("container_memory_usage_bytes")["/web.slice"] == 4096)
        #expect(families.values("container_memory_max_usage_bytes")["/web.slice"] == nil)
    }
}
