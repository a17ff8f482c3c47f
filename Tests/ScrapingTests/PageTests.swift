import Exposition
import Logging
import Testing

@testable import Scraping

struct PageTests {
    private func page() async -> Page {
        let target = FakeTarget(collectors: ["a", "b"]) { scrape in
            scrape.targetAnswered()
            scrape.deliver("a") { [.gauge("only_a", [(.none, 1)]), .gauge("both", [(["of": "a"], 1)])] }
            scrape.deliver("b") { [.gauge("only_b", [(.none, 1)]), .gauge("both", [(["of": "b"], 1)])] }
        }
        return await Gatherer(targets: [target], log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }).page()
    }

    private func names(_ page: Page, _ change: (inout PageFilter) -> Void) -> Set<String> {
        var filter = PageFilter()
        change(&filter)
        return Set(page.filtered(by: filter).families.map(\.descriptor.name))
    }

    @Test func aPartOfThePage() async {
        let page = await page()
        let all = Set(page.families.map(\.descriptor.name))
        #expect(names(page) { _ in } == all)
        #expect(names(page) { $0.collectors = ["a"] } == ["only_a", "both", "fake_up"])
        #expect(names(page) { $0.collectors = ["a", "b", "c"] } == ["only_a", "only_b", "both", "fake_up"])
        #expect(names(page) { $0.collectors = [] } == ["fake_up"])
        // What another one delivers too stays.
        #expect(names(page) { $0.excludedCollectors = ["a"] } == all.subtracting(["only_a"]))
        #expect(names(page) { $0.excludedCollectors = ["a", "b"] } == all.subtracting(["only_a", "only_b", "both"]))
        #expect(names(page) { $0.names = ["only_a", "nothing"] } == ["only_a"])
        // A counter by either of its names.
        for name in ["stack_exporter_gathers", "stack_exporter_gathers_total"] {
            #expect(names(page) { $0.names = [name] } == ["stack_exporter_gathers_total"])
        }
    }

    /// However many parts are asked for, the page keeps no more than its own bytes.
    @Test func aPartHasItsOwnBytes() async {
        let page = await page()
        var filter = PageFilter()
        for count in 0..<100 {
            filter.names = ["name \(count)"]
            let part = page.filtered(by: filter)
            #expect(part !== page && part.bytes(for: "text") { [UInt8(count)] } == [UInt8(count)])
        }
        #expect(page.bytes(for: "text") { [255] } == [255])
    }
}
