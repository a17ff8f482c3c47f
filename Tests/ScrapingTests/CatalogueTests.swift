import Exposition
import Foundation
import Testing

@testable import Scraping

struct CatalogueTests {
    private struct FakeCollector: Scraping.Collector {
        let name: String
        var isEnabledByDefault = true
        var metrics: [CatalogueEntry] = []
    }

    private let catalogue = Catalogue(
        collectors: [
            FakeCollector(name: "two", isEnabledByDefault: false),
            FakeCollector(
                name: "one",
                metrics: [
                    CatalogueEntry("x_z_seconds", .gauge, "Last", labels: ["b", "a"], source: "view", versions: "14+"),
                    CatalogueEntry(
                        MetricDescriptor("x_<name>_total", .counter, #"A|B <name> "quoted" \ *all* _a_ b_c."#),
                        source: "f(a|b)"),
                ]),
        ], own: [CatalogueEntry(MetricDescriptor("x_up", .gauge, "Up."), source: "the scrape")])

    @Test func sectionsAreSortedByCollectorAndEntriesByName() {
        #expect(catalogue.sections.map(\.collector) == ["one", "two", nil])
        #expect(catalogue.sections[0].entries.map(\.descriptor.name) == ["x_<name>_total", "x_z_seconds"])
    }

    @Test func helpEndsWithSourceAndVersions() {
        let entry = catalogue.sections[0].entries[1]
        #expect(entry.descriptor.help == "Last (view; 14+).")
        #expect(entry.meaning == "Last.")
    }

    @Test func text() {
        #expect(
            CatalogueFormat.text.text(of: catalogue) == #"""
                one (on by default)

                  x_<name>_total
                      counter: A|B <name> "quoted" \ *all* _a_ b_c.
                      from f(a|b)

                  x_z_seconds{b, a}
                      gauge, seconds: Last.
                      from view (14+)

                two (off by default)

                The targets and the exporter itself (on whatever collectors run)

                  x_up
                      gauge: Up.
                      from the scrape

                """#)
    }

    @Test func textFitsATerminal() {
        let words = Array(repeating: "label", count: 40)
        let entry = CatalogueEntry(
            MetricDescriptor("x", .gauge, words.joined(separator: " ")), labels: words,
            source: words.joined(separator: " "))
        let text = CatalogueFormat.text.text(of: Catalogue(collectors: [], own: [entry]))
        let lines = text.split(separator: "\n")
        #expect(lines.allSatisfy { $0.count <= 100 })
        #expect(lines.contains { $0.count > 90 })
        #expect(text.matches(of: /label/).count == 120)
    }

    @Test func markdownHasNothingOfItsOwnInTheCells() {
        let text = CatalogueFormat.markdown.text(of: catalogue)
        #expect(text.contains("\n[one](#one),\n[two](#two),\n[The targets"))
        #expect(text.contains("(#the-targets-and-the-exporter-itself)\n"))
        #expect(text.contains("\n## one\n\nOn by default.\n\n| metric |"))
        #expect(text.contains("\n| `x_z_seconds` | gauge, seconds | `b`, `a` | Last. | view (14+) |\n"))
        let meaning = #"A\|B \<name> "quoted" \\ \*all\* \_a\_ b_c."#
        #expect(text.contains("\n| `x_<name>_total` | counter |  | \(meaning) | f(a\\|b) |\n"))
    }

    @Test func jsonReadsBack() throws {
        struct Entry: Decodable, Equatable {
            var name: String
            var type: String
            var unit: String?
            var labels: [String]
            var meaning: String
            var source: String
            var versions: String?
            var collector: String?
            var enabled_by_default: Bool
        }
        let text = CatalogueFormat.json.text(of: catalogue)
        let entries = try JSONDecoder().decode([Entry].self, from: Data(text.utf8))
        #expect(
            entries == [
                Entry(
                    name: "x_<name>_total", type: "counter", labels: [],
                    meaning: #"A|B <name> "quoted" \ *all* _a_ b_c."#, source: "f(a|b)", collector: "one",
                    enabled_by_default: true),
                Entry(
                    name: "x_z_seconds", type: "gauge", unit: "seconds", labels: ["b", "a"], meaning: "Last.",
                    source: "view", versions: "14+", collector: "one", enabled_by_default: true),
                Entry(
                    name: "x_up", type: "gauge", labels: [], meaning: "Up.", source: "the scrape",
                    enabled_by_default: true),
            ])
        // The keys are the same in every object, and in the same order.
        let keys = text.split(separator: "\n").filter { $0.hasPrefix("  {") }.map { line in
            line.matches(of: #/"([a-z_]+)": /#).map { String($0.1) }
        }
        #expect(keys.count == 3 && Set(keys).count == 1)
    }
}
