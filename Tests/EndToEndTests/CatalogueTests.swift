import Foundation
import Lab
import Testing

/// What the program says that it can serve, against what it serves.
extension WholeServerTests {
    @Test func whateverIsServedIsInTheCatalogue() async throws {
        let catalogue = try await Catalogue()
        // What the server counts of itself is there from the second page.
        let page = try await Stack.shared.exporter.page { $0.types["http_requests_total"] != nil }
        let failing = try Page(
            try await Exporter.run(
                ["scrape"],
                ["PGHOST": "x.invalid", "PGBOUNCER_URL": "postgresql://x.invalid", "REDIS_ADDR": "x.invalid"]
            ).output)
        #expect(page.types.count > 300)
        for page in [page, failing] { #expect(catalogue.omissions(of: page) == []) }

        // And the other way round, for what the exporter tells itself; these are told of slow collectors, of files and where
        // a ping was asked for.
        let served = Set(page.types.keys).union(failing.types.keys).union([
            "stack_exporter_collector_age_seconds", "pg_exporter_user_queries_load_error",
            "redis_exporter_last_scrape_ping_time_seconds",
        ])
        #expect(catalogue.entries.filter { $0.collector == nil && !served.contains($0.name) }.map(\.name) == [])
    }

    @Test func everyCollectorIsInTheCatalogue() async throws {
        let entries = try await Catalogue().entries
        let page = try await Stack.shared.exporter.page()
        let collectors = page.all("stack_exporter_collector_success").keys.compactMap { $0.labels["collector"] }
        #expect(Set(collectors).subtracting(entries.compactMap(\.collector)) == [])
        let types = Dictionary(grouping: entries, by: \.name).mapValues { Set($0.map(\.type)) }
        #expect(types.filter { $0.value.count > 1 } == [:])
        for entry in entries { #expect(!entry.meaning.isEmpty && !entry.source.isEmpty, "\(entry.name)") }
    }
}

struct CatalogueTests {
    @Test func theCommittedCatalogueIsTheProgramsOwn() async throws {
        let committed = try Repository.text("dashboards/metrics.md").split(separator: "\n")
        let own = try await Exporter.run(["metrics", "--format=markdown"]).output.split(separator: "\n")
        let isCurrent = committed == own
        #expect(isCurrent, "make catalogue writes it anew: \(Set(committed).symmetricDifference(own).sorted())")
    }

    @Test func theFormatIsTextUnlessSomethingElseIsSaid() async throws {
        let text = try await Exporter.run(["metrics"])
        #expect(text.status == 0)
        #expect(text.errors == "")
        #expect(text.output.contains("\n\nredis_info (on by default)\n\n  redis_"))
        #expect(try await Exporter.run(["metrics", "--format=text"]).output == text.output)
        let variable = ["STACK_EXPORTER_FORMAT": "json"]
        #expect(try await Exporter.run(["metrics"], variable).output.hasPrefix("[\n  {\"name\": "))
        #expect(try await Exporter.run(["--format=text", "metrics"], variable).output == text.output)
        // Whatever there is to scrape.
        #expect(try await Exporter.run(["metrics"], ["DATABASE_URL": "mysql://x"]).output == text.output)
    }
}

/// What `metrics` prints.
private struct Catalogue {
    struct Entry: Decodable {
        let name: String
        let type: String
        let labels: [String]
        let meaning: String
        let source: String
        let collector: String?
    }

    let entries: [Entry]

    init() async throws {
        let result = try await Exporter.run(["metrics", "--format=json"])
        entries = try JSONDecoder().decode([Entry].self, from: Data(result.output.utf8))
    }

    /// What is on a page and not in the catalogue: families, types and labels.
    func omissions(of page: Page) -> Set<String> {
        var omissions: Set<String> = []
        var families: [String: [Entry]] = [:]
        for (name, type) in page.types {
            let found = entries(for: name).filter { $0.type == (type == "untyped" ? "unknown" : type) }
            families[name] = found
            if found.isEmpty { omissions.insert("\(name) \(type)") }
        }
        for series in page.values.keys {
            let name = page.family(of: series)
            let type = page.types[name]
            var labels = Set(series.labels.keys)
            labels.remove("target")
            if type == "histogram" { labels.remove("le") }
            if type == "summary" { labels.remove("quantile") }
            let isKnown = families[name, default: []].contains { labels.isSubset(of: $0.labels) }
            if !isKnown { omissions.insert("\(name){\(labels.sorted().joined(separator: ","))}") }
        }
        return omissions
    }

    /// Those of the name itself, or else those whose `<...>` may stand for it.
    private func entries(for name: String) -> [Entry] {
        let exact = entries.filter { $0.name == name }
        guard exact.isEmpty else { return exact }
        return entries.filter { entry in
            guard let start = entry.name.firstIndex(of: "<"), let end = entry.name.firstIndex(of: ">") else {
                return false
            }
            return name.hasPrefix(entry.name[..<start]) && name.hasSuffix(entry.name[end...].dropFirst())
        }
    }
}

extension Page {
    /// The family that a series belongs to: histograms and summaries have several names.
    fileprivate func family(of series: Series) -> String {
        if types[series.name] != nil { return series.name }
        let suffix = ["_bucket", "_sum", "_count"].first { series.name.hasSuffix($0) } ?? ""
        return String(series.name.dropLast(suffix.count))
    }
}
