import Foundation
import Lab
import Testing

/// The exporter on real kernels with cgroup v2, without privileges: every value against the kernel's files, which are
/// read once before the scrapes and once after. What a metric should be is written down here a second time, from the
/// kernel's documentation and cAdvisor's names.
///
/// All machines are started by the first test that asks for one.
@Suite(
    "cgroup v2 on kernels of its own", .serialized, .startsServers, .timeLimit(.minutes(15)),
    .enabled(if: ProcessInfo.processInfo.environment["CGROUP_KERNELS"] != nil))
struct CgroupV2Tests {
    @Test func everyKernelIsTested() {
        #expect(Set(CgroupScene.all.map(\.kernel)).subtracting(CgroupMachine.kernels) == [])
    }

    /// Without this, the other tests might compare nothing with nothing.
    @Test(arguments: CgroupScene.all)
    func muchHasHappened(_ scene: CgroupScene) async throws {
        let results = try await scene.results
        func files(_ id: String) -> CgroupFiles { CgroupFiles(results, "before", id) }
        let throttled = files(CgroupScene.throttled)
        #expect(throttled.number("cpu.stat", "nr_throttled") ?? 0 >= 5)
        #expect(throttled.number("cpu.stat", "throttled_usec") ?? 0 > 0)
        #expect(files(CgroupScene.killed).number("memory.events", "oom_kill") == 1)
        let swapped = files(CgroupScene.swapped)
        #expect(swapped.number("memory.swap.current") ?? 0 > 0x1p20)
        #expect(swapped.number("memory.events", "high") ?? 0 > 0)
        #expect(swapped.number("memory.stat", "pgscan") ?? 0 > 0)
        let reading = files(CgroupScene.reading)
        #expect(reading.devices["/dev/vda"]?.fields["rbytes"] ?? 0 >= 24 * 0x1p20)
        #expect(reading.devices["/dev/vda"]?.fields["wbytes"] ?? 0 >= 0x1p20)
        #expect(reading.number("memory.stat", "workingset_refault_file") ?? 0 > 0)
        #expect(reading.number("memory.stat", "inactive_file") ?? 0 > 0)
        // From Linux 6.11 on what is refused is counted where the limit is.
        #expect(files(CgroupScene.full).number("pids.events", "max") ?? 0 > 0)
        #expect(files(CgroupScene.full).number("pids.current") ?? 0 > 10)
        let service = files(CgroupScene.service)
        #expect(service.number("memory.stat", "file_mapped") ?? 0 > 0)
        #expect(service.number("hugetlb.2MB.current") == 2 * 0x1p21)
        #expect(service.number("hugetlb.2MB.events", "max") ?? 0 > 0)
        #expect(files(CgroupScene.rootless)["cpu.max"] == nil)

        // What kernels differ in.
        #expect((swapped.number("memory.peak") != nil) == (scene.kernel != "linux-5.10"))
        #expect((swapped["memory.swap.peak"] != nil) == (scene.kernel == "linux-6.12"))
        #expect((swapped.number("memory.stat", "kernel") != nil) == (scene.kernel != "linux-5.10"))
        #expect((throttled.number("cpu.stat", "nr_bursts") != nil) == (scene.kernel != "linux-5.10"))
        #expect((throttled.pressure("cpu", "some") ?? 0 > 0) == scene.hasPressure)
        #expect((reading.pressure("io", "full") ?? 0 > 0) == scene.hasPressure)
        #expect(files(CgroupScene.rootless).pressure("memory", "some") == nil)
    }

    @Test(arguments: CgroupScene.all)
    func theExporterHasNoPrivileges(_ scene: CgroupScene) async throws {
        let status = try #require(try await scene.results["status-of-exporter"])
        #expect(status.contains("\nUid:\t65534\t65534\t65534\t65534\n"))
        #expect(status.contains("\nCapPrm:\t0000000000000000\n"))
        #expect(status.contains("\nCapEff:\t0000000000000000\n"))
        for page in [try await scene.page("scraped"), try await scene.page("served")] {
            #expect(page["container_scrape_error"] == 0)
            #expect(page.failures == [:])
            #expect(page.duplicates == [])
        }
    }

    @Test(arguments: CgroupScene.all)
    func theCgroupsAreThoseThatWereMade(_ scene: CgroupScene) async throws {
        for page in [try await scene.page("scraped"), try await scene.page("served")] {
            let seen = page.all("container_last_seen").keys.map(\.labels)
            #expect(Set(seen.compactMap { $0["id"] }) == CgroupScene.exported.union(["/", "/user.slice"]))
            for labels in seen {
                let id = try #require(labels["id"])
                let digits = id.firstMatch(of: /[0-9a-f]{64}/).map { String($0.0.prefix(12)) }
                #expect(labels == ["id": id].merging(digits.map { ["name": $0] } ?? [:]) { $1 })
            }
        }
    }

    @Test(arguments: CgroupScene.all)
    func everyValueIsTheKernels(_ scene: CgroupScene) async throws {
        let results = try await scene.results
        let (scraped, served) = (try await scene.page("scraped"), try await scene.page("served"))
        for id in CgroupScene.exported.sorted() {
            for row in CgroupMetricRow.all + CgroupMetricRow.details { expect(row, id, on: scraped, results) }
            for row in CgroupMetricRow.all { expect(row, id, on: served, results) }
        }
    }

    /// The top cgroup's own processes never rest, so of its gauges only the limits can be compared.
    @Test(arguments: CgroupScene.all)
    func theTopCgroupIsTheMachine(_ scene: CgroupScene) async throws {
        let results = try await scene.results
        let page = try await scene.page("served")
        for row in CgroupMetricRow.all where page.types[row.name] == "counter" || row.name.contains("limit") {
            expect(row, "/", on: page, results)
        }
    }

    /// A metric without a row here would be one that nobody has looked at on a real kernel.
    @Test(arguments: CgroupScene.all)
    func nothingElseIsServed(_ scene: CgroupScene) async throws {
        let known = Set(CgroupMetricRow.all.map(\.name) + CgroupMetricRow.testedElsewhere)
        let details = CgroupMetricRow.details.map(\.name)
        for (page, known) in [("served", known), ("scraped", known.union(details))] {
            let names = try await scene.page(page).values.keys.filter { $0.labels["id"] != nil }.map(\.name)
            #expect(!names.isEmpty)
            #expect(Set(names).subtracting(known) == [])
        }
    }

    /// The exporter reads a limit anew only when the kernel tells that somebody wrote to it.
    @Test(arguments: CgroupScene.all)
    func whatIsWrittenIsOnTheNextPage(_ scene: CgroupScene) async throws {
        let (settled, written, rewritten) = (
            try await scene.page("settled"), try await scene.page("written"), try await scene.page("rewritten")
        )
        let machine = CgroupFiles(try await scene.results, "before", CgroupScene.changing).machineThreads
        #expect(
            settled.limits(of: CgroupScene.changing)
                == Limits(memory: (64, 64), quota: 50_000, cores: 0.5, threads: (nil, machine)))
        // Of the slices that it is in; then its own too, and through another mount.
        #expect(
            written.limits(of: CgroupScene.changing)
                == Limits(memory: (64, 32), quota: 50_000, cores: 0.2, threads: (0, 77)))
        #expect(
            rewritten.limits(of: CgroupScene.changing)
                == Limits(memory: (24, 16), quota: 30_000, cores: 0.1, threads: (nil, 77)))
        #expect(written["container_threads_max", ["id": "/app.slice"]] == 77)

        // A controller brings its files, and takes them with it.
        let (without, with) = (settled.names(of: CgroupScene.changing), written.names(of: CgroupScene.changing))
        #expect(with.subtracting(without) == ["container_threads_max"])
        #expect(without.subtracting(with) == [])
        #expect(rewritten.names(of: CgroupScene.changing) == without)
        #expect(rewritten.failures == [:])
    }

    @Test func whatIsWrittenToV1IsOnTheNextPage() async throws {
        let results = try await CgroupScene.hybridResults
        func limits(_ page: String) throws -> Limits {
            try Page(try #require(results[page])).limits(of: "/docker/" + CgroupScene.digits("a"))
        }
        let machine = try limits("settled").threadsEffective
        #expect(machine ?? 0 > 100)
        #expect(try limits("settled") == Limits(memory: (64, 64), quota: nil, cores: 2, threads: (0, machine)))
        #expect(try limits("written") == Limits(memory: (48, 40), quota: 20_000, cores: 0.2, threads: (77, 66)))
        #expect(try limits("rewritten") == Limits(memory: (32, 24), quota: 20_000, cores: 0.2, threads: (77, 66)))
    }

    @Test(arguments: CgroupScene.all)
    func whatIsMadeIsThereAndWhatIsRemovedIsGone(_ scene: CgroupScene) async throws {
        let before = try await scene.page("served")
        let after = try await scene.page("settled")
        #expect(before.names(of: CgroupScene.late) == [])
        #expect(after.names(of: CgroupScene.late).isSuperset(of: ["container_memory_rss", "container_last_seen"]))
        #expect(before.names(of: CgroupScene.idle).contains("container_memory_rss"))
        #expect(after.names(of: CgroupScene.idle) == ["container_last_seen"])
    }

    @Test(arguments: CgroupScene.all)
    func threeHundredThatComeAndGoLeaveNothing(_ scene: CgroupScene) async throws {
        let results = try await scene.results
        let crowd = Set((0..<300).map { "/system.slice/docker-" + String(format: "%064x", 0x1000 + $0) + ".scope" })
        func open(_ page: String) throws -> [Substring] {
            try #require(results["\(page).descriptors"]).split(separator: "\n").sorted()
        }
        func names(_ page: String) async throws -> Set<String> {
            Set(
                try await scene.page(page).values.keys.filter { crowd.contains($0.labels["id"] ?? "") }.map(\.name))
        }
        // Made and removed between two scrapes; there for one scrape; and gone again.
        #expect(try await names("unseen") == [])
        #expect(try await names("crowded").contains("container_memory_rss"))
        #expect(try await names("deserted") == ["container_last_seen"])
        let (quiet, unseen, full, empty) = try (open("rewritten"), open("unseen"), open("crowded"), open("deserted"))
        #expect(full.count > quiet.count)
        #expect(unseen == quiet)
        #expect(empty == quiet)
        let (crowded, deserted) = (try await scene.page("crowded"), try await scene.page("deserted"))
        let (all, left) = (crowded.all("container_memory_rss").count, deserted.all("container_memory_rss").count)
        #expect(all == left + 300)
    }

    /// systemd's "hybrid" layout: the controllers are v1's, and v2 beside them has what needs none.
    @Test func besideV1ItIsStillReadForWhatOnlyItHas() async throws {
        let results = try await CgroupScene.hybridResults
        let page = try Page(try #require(results["scraped"]))
        #expect(page.failures == [:])
        let labels = ["id": "/docker/" + CgroupScene.digits("a"), "name": "aaaaaaaaaaaa"]
        func file(_ path: String) throws -> KernelText { KernelText(try #require(results["before/\(path)"])) }
        let (v2, v1) = (try file("unified/cpu.stat"), try file("cpuacct/cpuacct.stat"))
        for mode in ["user", "system"] {
            let seconds = try (#require(v2["\(mode)_usec"]) / 1e6, #require(v1[mode]) / 100)
            #expect(page["container_cpu_\(mode)_seconds_total", labels] == max(seconds.0, seconds.1))
        }
        #expect(
            page["container_cpu_usage_seconds_total", labels.merging(["cpu": "total"]) { $1 }]
                == (try file("cpuacct/cpuacct.usage")).number.map { $0 / 1e9 })
        #expect(try file("cpuacct/cpuacct.usage").number ?? 0 > 0)
        #expect(page["container_memory_usage_bytes", labels] == (try file("memory/memory.usage_in_bytes")).number)
        #expect(page["container_spec_memory_limit_bytes", labels] == 64 * 0x1p20)
        #expect(page["container_memory_rss", labels] == (try file("memory/memory.stat"))["total_rss"])
        for (resource, line, word) in [("cpu", "some", "waiting"), ("memory", "full", "stalled")] {
            let total = try file("unified/\(resource).pressure").pressure(line)
            #expect(page["container_pressure_\(resource)_\(word)_seconds_total", labels] == total)
        }
    }

    private func expect(_ row: CgroupMetricRow, _ id: String, on page: Page, _ results: MachineResults) {
        let before = row.series(CgroupFiles(results, "before", id))
        let after = row.series(CgroupFiles(results, "after", id))
        var served: CgroupMetricRow.Series = [:]
        for (series, value) in page.all(row.name) where series.labels["id"] == id {
            served[series.labels.filter { $0.key != "id" && $0.key != "name" }] = value
        }
        #expect(Set(served.keys) == Set(before.keys), "\(row.name) of \(id)")
        for (labels, value) in served {
            guard let first = before[labels], let last = after[labels] else { continue }
            #expect(
                min(first, last) <= value && value <= max(first, last),
                "\(row.name) \(labels) of \(id) is \(value), and \(first) before and \(last) after")
        }
    }
}

/// What may be used, by a cgroup's own limit and by the least of its path's: absent where the page has none.
private struct Limits: Equatable {
    /// MiB.
    var memory: Double?
    var memoryEffective: Double?
    /// Microseconds in each period of 100 ms.
    var quota: Double?
    var cores: Double?
    var threads: Double?
    var threadsEffective: Double?

    init(
        memory: (own: Double?, effective: Double?), quota: Double?, cores: Double?,
        threads: (own: Double?, effective: Double?)
    ) {
        (self.memory, memoryEffective) = memory
        (self.quota, self.cores) = (quota, cores)
        (self.threads, threadsEffective) = threads
    }
}

extension CgroupFiles {
    /// What the kernel has numbers for.
    fileprivate var machineThreads: Double? { ["pid_max", "threads-max"].compactMap(sysctl).min() }
}

extension Page {
    fileprivate func limits(of id: String) -> Limits {
        func value(_ name: String) -> Double? { all(name).first { $0.key.labels["id"] == id }?.value }
        return Limits(
            memory: (
                value("container_spec_memory_limit_bytes").map { $0 / 0x1p20 },
                value("container_memory_limit_effective_bytes").map { $0 / 0x1p20 }
            ),
            quota: value("container_spec_cpu_quota"), cores: value("container_cpu_limit_effective_cores"),
            threads: (value("container_threads_max"), value("container_threads_limit_effective")))
    }

    /// The metrics that a cgroup has.
    fileprivate func names(of id: String) -> Set<String> {
        Set(values.keys.filter { $0.labels["id"] == id }.map(\.name))
    }
}
