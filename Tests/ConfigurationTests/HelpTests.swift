import Foundation
import Lab
import Scraping
import Testing

@testable import Configuration

struct HelpTests {
    @Test func helpNamesEverything() {
        let help = Command.usage
        for option in Option.all {
            #expect(help.contains("  \(option.usage)\n"))
            #expect(help.contains("[\(option.variables.joined(separator: ", "))]"))
        }
        for command in Command.allCases { #expect(help.contains("\n  \(command.rawValue) ")) }
        #expect(help.contains("DATA_SOURCE_NAME") && help.contains("REDIS_URL"))
    }

    @Test func collectorsHaveDifferentNames() {
        let names = CollectorSelection.catalogue.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(names == names.sorted())
    }

    @Test func everyCollectorTellsWhatItDelivers() {
        for collector in CollectorSelection.catalogue { #expect(!collector.metrics.isEmpty, "\(collector.name)") }
    }

    /// The table is written from the same options; a new one has to get its row.
    @Test func theDocumentHasEveryOption() throws {
        let document = try Repository.text("docs/settings.md")
        let rows =
            Option.named.map {
                "| `\($0.usage)` | \($0.variables.map { "`\($0)`" }.joined(separator: ", ")) | \($0.defaultText) | \($0.help) |"
            } + Environment.sources.map { "| \($0.variables) | \($0.help) |" }
        #expect(rows.filter { !document.contains("\($0)\n") } == [])
        #expect(CollectorSelection.catalogue.map(\.name).filter { !document.contains("`\($0)`") } == [])
    }
}
