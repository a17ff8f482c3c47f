import Exposition
import Testing

@testable import Scraping

struct PageAssemblyTests {
    private func series(_ count: Int) -> [(Labels, Double)] {
        (0..<count).map { (["n": "\($0)"], Double($0)) }
    }

    @Test func theFirstOfTwoEqualSeriesStays() {
        var assembly = PageAssembly()
        assembly.add([.gauge("a", [(["x": "1", "y": "2"], 1), (["y": "2", "x": "1"], 2), (["x": "1"], 3)])])
        assembly.add([.gauge("a", [(["x": "1"], 4), (["x": "2"], 5)])])
        #expect(
            assembly.families[0].samples.map(\.labels) == [["x": "1", "y": "2"], ["x": "1"], ["x": "2"]] as [Labels])
        #expect(assembly.dropped[.duplicate] == 2)
    }

    @Test func aFamilyOfAnotherTypeUnderTheSameNameIsDropped() {
        var assembly = PageAssembly()
        assembly.add([.gauge("a", [(.none, 1)])])
        assembly.add([MetricFamily(MetricDescriptor("a", .counter, "Other."), 2, ["x": "1"])])
        #expect(assembly.families.map(\.samples.count) == [1])
        #expect(assembly.dropped[.type] == 1)
    }

    @Test func whatIsNoNameIsDropped() {
        var assembly = PageAssembly()
        assembly.add([.gauge("a b", [(.none, 1)]), .gauge("", [(.none, 1)]), .gauge("ok", [(.none, 1)])])
        #expect(assembly.families.map(\.descriptor.name) == ["ok"])
        #expect(assembly.dropped[.name] == 2)
    }

    @Test func countersAreNeitherNegativeNorNotANumber() {
        var family = MetricFamily(MetricDescriptor("a_total", .counter, "A."))
        for (index, value) in [-1, .nan, 0, .infinity].enumerated() { family.append(value, ["n": "\(index)"]) }
        var assembly = PageAssembly()
        assembly.add([family, .gauge("g", [(["n": "0"], -1), (["n": "1"], .nan)])])
        #expect(assembly.families.map(\.samples.count) == [2, 2])
        #expect(assembly.dropped[.value] == 2)
    }

    @Test func theLargestFamilyIsCutWhereATargetHasTooMuch() {
        var assembly = PageAssembly(seriesPerTarget: 100)
        assembly.add([.gauge("small", series(10)), .gauge("large", series(1000)), .gauge("middle", series(30))])
        #expect(assembly.families.map(\.descriptor.name) == ["large", "middle", "small"])
        #expect(assembly.families.map(\.samples.count) == [60, 30, 10])
        // What stays is what came first, so that the same series stay at the next scrape.
        #expect(assembly.families[0].samples.last?.labels == ["n": "59"])
        #expect(assembly.dropped[.budget] == 940)
    }

    @Test func equallyLargeFamiliesAreCutAlike() {
        var assembly = PageAssembly(seriesPerTarget: 10)
        assembly.add((0..<5).map { .gauge("f\($0)", series(100)) })
        #expect(assembly.families.reduce(0) { $0 + $1.samples.count } == 10)
        #expect(assembly.families.allSatisfy { $0.samples.count <= 3 })
    }

    @Test func theBudgetIsEachTargetsOwn() {
        var assembly = PageAssembly(seriesPerTarget: 5)
        assembly.add([.gauge("a", series(5))], target: "one")
        assembly.add([.gauge("a", series(5))], target: "two")
        #expect(assembly.families[0].samples.count == 10)
        #expect(assembly.dropped.isEmpty)
    }
}
