import Exposition
import Foundation
import Testing

@testable import Containers
@testable import Scraping

/// A recorded `/proc` of Linux 6.18, with figures of its own in place of many zeros, so that no column can be taken for
/// another.
enum HostFixture {
    static let procfs = root.appending(path: "proc").path
    private static let root =
        (Bundle.module.resourceURL ?? URL(filePath: ".")).appending(path: "Fixtures/host")

    /// What node_exporter 1.5 makes of it.
    static func nodeExporterPage() throws -> String {
        try String(contentsOf: root.appending(path: "node_exporter.prom"), encoding: .utf8)
    }
}

extension HostReader {
    /// What collectors deliver in one scrape.
    func families(_ collectors: [any HostCollector] = HostCollectors.tables) throws -> [MetricFamily] {
        beginScrape()
        return try collectors.flatMap { collector in
            guard case .families(let families) = try collector.answer(from: self) else { return [MetricFamily]() }
            return families
        }
    }
}

/// The lines of a page, by series.
struct HostPage {
    private(set) var values: [String: Double] = [:]
    private(set) var types: [String: String] = [:]

    init(_ text: String) throws {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if line.hasPrefix("# TYPE") {
                types[String(words[2])] = String(words[3])
            } else if !line.hasPrefix("#") {
                let space = try #require(line.lastIndex(of: " "))
                values[String(line[..<space])] = Double(line[line.index(after: space)...])
            }
        }
    }

    init(_ families: [MetricFamily]) throws { try self.init(families.text) }

    subscript(series: String) -> Double? { values[series] }
}
