import Exposition
import Scraping
import Testing

@testable import Scraping
@testable import WebServer

/// What is remembered of scrapes, and that it has an end.
@Suite struct StatusHistoryTests {
    private let history = StatusHistory()
    private let start = ContinuousClock.now

    private func record(_ target: any Target) throws -> TargetRecord {
        try #require(history.records(of: [target])[target.name])
    }

    private func take(
        _ target: any Target, _ families: [MetricFamily], after seconds: Double = 0, _ outcome: ScrapeOutcome = .up
    ) {
        history.scraped(target, outcome, families, at: start + .seconds(seconds))
    }

    /// The figures that are known, by their names.
    private func figures(_ target: any Target) throws -> [String: Double] {
        let record = try record(target)
        return zip(record.kind.figures, record.figures.values).reduce(into: [:]) { $0[$1.0.label] = $1.1?.value }
    }

    // MARK: Figures of a recorded page

    @Test func figuresOfPostgres() throws {
        let target = KindTarget<OfPostgres>("postgres")
        take(target, RecordedPage.first)
        let first = try figures(target)
        #expect(
            first == [
                "Connections": 1, "Longest query": 0, "Oldest transaction": 0, "Blocked sessions": 0,
                "Idle in transaction, longest": 0, "Statements slower than 0.1 s": 0, "Statements slower than 1 s": 0,
                "Replication lag": 0, "Size of all databases": 31_193_806,
            ])
        #expect(try record(target).figures.values[0]?.limit == 100)
        #expect(try record(target).figures.values[0]?.parts == [.init(name: "idle", value: 1)])
        #expect(try record(target).last.series == RecordedPage.first.reduce(0) { $0 + $1.samples.count })

        take(target, RecordedPage.second, after: 15)
        let second = try figures(target)
        let hits = 90.0 + 5032
        let reads = 50.0
        #expect(second["Cache hit ratio"] == hits / 15 / (hits / 15 + reads / 15))
        #expect(second["Transactions"] == (35.0 + 164) / 15)
        #expect(second["Oldest transaction"] == 0.000543)
        #expect(try record(target).figures.values[0]?.parts == [.init(name: "idle in transaction", value: 1)])
    }

    @Test func figuresOfRedisAndItsQueues() throws {
        let target = KindTarget<OfRedis>("redis")
        take(target, RecordedPage.first)
        take(target, RecordedPage.second, after: 20)
        let figures = try figures(target)
        #expect(figures["Hit ratio"] == 0.6129032258064516)
        #expect(figures["Keys"] == 1006)
        #expect(figures["Clients"] == 2)
        #expect(figures["Memory"] == 1_640_024)
        #expect(figures["Evictions"] == 0)
        let operations = try #require(figures["Operations"])
        #expect(operations > 5 && operations < 20)
        let record = try record(target)
        #expect(record.figures.values[1]?.limit == 67_108_864)
        // The one that stands for all queues has nothing that waits.
        #expect(record.tables[0].count == 1)
        let row = try #require(record.tables[0].shown.first.flatMap { record.tables[0].rows[$0] })
        #expect(row.name == .init(name: "celery", place: "celery"))
        #expect(row.values.values.map { $0?.value } == [32, 13.548180103302002, nil, nil, nil])
    }

    @Test func figuresOfContainers() throws {
        let target = KindTarget<OfContainers>("containers")
        take(target, RecordedPage.first)
        take(target, RecordedPage.second, after: 10)
        let table = try record(target).tables[0]
        #expect(table.count == 1)
        let row = try #require(table.shown.first.flatMap { table.rows[$0] })
        #expect(row.name == .init(name: "077785466e7c"))
        #expect(row.values.values[0] == FigureValue(value: 354_430_976, limit: 25_276_530_688))
        #expect(row.values.values[1]?.limit == 2)
        #expect(abs(try #require(row.values.values[1]).value - 0.4839841202) < 1e-9)
        #expect(row.values.values[4]?.value == 0)
    }

    @Test func whereNoContainerHasANameCgroupsStandInTheirPlace() throws {
        let target = KindTarget<OfContainers>("containers")
        take(
            target,
            RecordedPage.families(
                """
                container_memory_working_set_bytes{id="/"} 30
                container_memory_working_set_bytes{id="/system.slice"} 20
                container_memory_working_set_bytes{id="/user.slice"} 25
                """))
        let table = try record(target).tables[0]
        #expect(table.count == 2)
        #expect(table.shown.compactMap { table.rows[$0]?.name.name } == ["/user.slice", "/system.slice"])
    }

    @Test func figuresOfTheHost() throws {
        let target = KindTarget<OfHost>("host")
        take(target, RecordedPage.first)
        take(target, RecordedPage.second, after: 20)
        let figures = try figures(target)
        #expect(abs(try #require(figures["CPU"]) - 31.33 / 20) < 1e-6)
        #expect(figures["Load, 1 min"] == 16.18)
        #expect(figures["Memory"] == 3_040_894_976)
        #expect(figures["Swap"] == 0)
        let record = try record(target)
        #expect(record.figures.values[0]?.limit == 2)
        #expect(record.tables[0].shown.isEmpty)
        #expect(!record.tables[0].isEmpty)
    }

    @Test func theFullestFileSystemsComeFirst() throws {
        let target = KindTarget<OfHost>("host")
        let mounts = [("/", 100, 50, 40), ("/data", 100, 10, 10), ("/log", 1000, 200, 150), ("/boot", 10, 1, 0)]
        let families = mounts.map { mount, size, free, available in
            """
            node_filesystem_size_bytes{device="d",mountpoint="\(mount)"} \(size)
            node_filesystem_free_bytes{device="d",mountpoint="\(mount)"} \(free)
            node_filesystem_avail_bytes{device="d",mountpoint="\(mount)"} \(available)
            """
        }
        take(target, RecordedPage.families(families.joined(separator: "\n")))
        let table = try record(target).tables[0]
        #expect(table.shown.compactMap { table.rows[$0]?.name.name } == ["/boot", "/data", "/log"])
        #expect(table.rows[table.shown[1]]?.values.values[0] == FigureValue(value: 90, limit: 100))
    }

    @Test func everyFamilyOfTheTableIsInTheRecordingOrKnownToBeRare() {
        let recorded = Set(RecordedPage.second.map(\.descriptor.name))
        let kinds = KindOfTarget.all.filter { $0.kind != "pgbouncer" }
        let missing = Set(kinds.flatMap(\.families)).subtracting(recorded)
        #expect(
            missing == [
                "container_cpu_cfs_periods_total", "container_cpu_cfs_throttled_periods_total",
                "container_restarts_total",
            ])
    }

    // MARK: What is not known is absent

    @Test func aTargetThatIsDownHasNoFigures() throws {
        let target = KindTarget<OfPostgres>("postgres")
        take(target, RecordedPage.first)
        take(target, [], after: 15, .down(CollectorError(.connection, "refused")))
        #expect(try figures(target).isEmpty)
        let entries = try #require(try record(target).figures.recent[0]).entries(until: 1)
        #expect(entries.map(\.entry) == [.value(1), .nothing])
        take(target, RecordedPage.second, after: 30)
        #expect(try figures(target)["Connections"] == 1)
    }

    @Test func numbersThatAreNoneAreAbsent() throws {
        let target = KindTarget<OfRedis>("redis")
        let families = ["redis_keyspace_hit_ratio NaN", "redis_memory_used_bytes +Inf", "redis_memory_max_bytes 0"]
        take(target, RecordedPage.families(families.joined(separator: "\n")))
        #expect(try figures(target).isEmpty)
        take(target, RecordedPage.families("redis_memory_used_bytes 5\nredis_memory_max_bytes 0"), after: 10)
        // No limit, and not one of nothing.
        #expect(try record(target).figures.values[1] == FigureValue(value: 5))
    }

    @Test func anotherTargetOfTheSameNameStartsAnew() throws {
        let target = KindTarget<OfRedis>("redis")
        take(target, RecordedPage.families("redis_commands_processed_total 5"))
        let other = KindTarget<OfRedis>("redis")
        take(other, RecordedPage.families("redis_commands_processed_total 5000"), after: 20)
        #expect(try figures(other).isEmpty)
    }

    @Test func targetsThatAreNoLongerConfiguredAreForgotten() {
        let targets = [KindTarget<OfRedis>("one"), KindTarget<OfRedis>("two")]
        for target in targets { take(target, RecordedPage.first) }
        #expect(Set(history.records(of: targets).keys) == ["one", "two"])
        #expect(Set(history.records(of: [targets[1]]).keys) == ["two"])
        #expect(Set(history.lastScrapes().keys) == ["two"])
    }

    // MARK: Limits

    private func containers(_ numbers: Range<Int>) -> [MetricFamily] {
        var memory = MetricFamily(MetricDescriptor("container_memory_working_set_bytes", .gauge, "Test."))
        var cpu = MetricFamily(MetricDescriptor("container_cpu_usage_seconds_total", .counter, "Test."))
        for number in numbers {
            let labels: Labels = ["id": "/\(number)", "name": "c\(number)"]
            memory.append(Double(number), labels)
            cpu.append(Double(number), labels.adding("cpu", "total"))
        }
        return [memory, cpu]
    }

    @Test func thoseOfWhichThereIsMostAreKept() throws {
        let target = KindTarget<OfContainers>("containers")
        take(target, containers(0..<2000))
        let table = try record(target).tables[0]
        #expect(table.count == 2000)
        #expect(table.shown.compactMap { table.rows[$0]?.name.name } == (0..<12).map { "c\(1999 - $0)" })
        #expect(table.rows.count == 12)
    }

    @Test func containersThatComeAndGoDoNotAddUp() throws {
        let target = KindTarget<OfContainers>("containers")
        for round in 0..<30 {
            take(target, containers((20 * round)..<(20 * round + 20)), after: Double(10 * round))
            let record = try record(target)
            #expect(record.tables[0].rows.count <= 16)
            #expect(record.seriesCount <= TargetRecord.seriesLimit)
        }
        // Those that come back within the time are there with what they were.
        take(target, containers(580..<600), after: 300)
        take(target, containers(580..<600), after: 310)
        let record = try record(target)
        let first = try #require(record.tables[0].shown.first)
        #expect(record.tables[0].rows[first]?.values.recent[0]?.entries(until: 31).count == 3)
    }

    @Test func allTargetsTogetherHaveSoManySeries() {
        let targets = (0..<120).map { KindTarget<OfRedis>("redis-\($0)") }
        for _ in 0..<2 {
            for target in targets { take(target, RecordedPage.first) }
        }
        let records = history.records(of: targets)
        #expect(records.count == 120)
        #expect(records.values.reduce(0) { $0 + $1.seriesCount } == StatusHistory.seriesLimit)
    }

    @Test func reasonsAreKeptUpToANumber() throws {
        let target = KindTarget<OfPostgres>("postgres")
        let error = CollectorError(.locked, "locked")
        take(target, [], .failing((0..<50).map(String.init), error))
        #expect(try record(target).last.failures.count == TargetRecord.reasonLimit)
        #expect(try record(target).last.failureCount == 50)
        take(target, [], after: 1, .leavingOut((0..<50).map(String.init), error))
        #expect(try record(target).last.omissions.count == TargetRecord.reasonLimit)
        #expect(try record(target).last.omissionCount == 50)
    }
}

@Suite struct CounterTests {
    private let start = ContinuousClock.now

    /// What a counter grows by, after some values at some seconds.
    private func growth(_ values: [(seconds: Double, value: Double)]) -> Double? {
        var counter = Counter(values[0].value, at: start + .seconds(values[0].seconds))
        for (seconds, value) in values.dropFirst() { counter.record(value, at: start + .seconds(seconds)) }
        return counter.growth
    }

    @Test func growth() {
        #expect(growth([(0, 5)]) == nil)
        #expect(growth([(0, 5), (10, 25)]) == 2)
        #expect(growth([(0, 5), (10, 25), (20, 25)]) == 0)
        #expect(growth([(0, 5), (10, 25), (30, 65)]) == 2)
        // Too near for a rate of its own; what it grew by counts from then on.
        #expect(growth([(0, 5), (10, 25), (11, 1000)]) == 2)
        #expect(growth([(0, 5), (1, 1000)]) == nil)
        #expect(growth([(0, 0), (5, 50), (10, 100)]) == 10)
    }

    @Test func aCounterThatBeginsAnewHasNoGrowth() {
        #expect(growth([(0, 500), (10, 3)]) == nil)
        #expect(growth([(0, 500), (10, 600), (11, 3)]) == nil)
        #expect(growth([(0, 500), (10, 3), (20, 23)]) == 2)
    }
}

@Suite struct RecentValuesTests {
    private func entries(_ recorded: [(step: Int, value: Double?)], until step: Int) -> [Int: RecentValues.Entry] {
        var recent = RecentValues(at: recorded[0].step)
        for (step, value) in recorded { recent.record(value, at: step) }
        return recent.entries(until: step).reduce(into: [:]) { $0[$1.age] = $1.entry }
    }

    @Test func valuesByTheirAge() {
        #expect(entries([(3, 1), (4, 2), (7, 3)], until: 7) == [4: .value(1), 3: .value(2), 0: .value(3)])
        #expect(entries([(3, 1), (4, nil), (5, 3)], until: 6) == [3: .value(1), 2: .nothing, 1: .value(3)])
    }

    @Test func ofOneStepTheLastValueStays() {
        #expect(entries([(3, 1), (3, 2)], until: 3) == [0: .value(2)])
        #expect(entries([(3, 1), (3, nil)], until: 3) == [0: .nothing])
    }

    @Test func whatIsOlderThanAQuarterOfAnHourIsGone() {
        let steps = (0..<500).map { (step: $0, value: Double?.some(Double($0))) }
        let all = entries(steps, until: 499)
        #expect(all.count == RecentValues.capacity)
        #expect(all[0] == .value(499))
        #expect(all[89] == .value(410))
        #expect(entries(steps, until: 520).count == RecentValues.capacity - 21)
        #expect(entries(steps, until: 10_000).isEmpty)
    }

    @Test func afterALongPauseNothingOldIsLeft() {
        #expect(entries([(0, 1), (1, 2), (10_000, 3)], until: 10_000) == [0: .value(3)])
        #expect(entries([(0, 1), (89, 2), (90, 3)], until: 90) == [1: .value(2), 0: .value(3)])
        #expect(entries([(-5, 1), (2, 2)], until: 2) == [7: .value(1), 0: .value(2)])
    }
}
