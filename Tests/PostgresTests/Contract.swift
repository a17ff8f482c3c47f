import Exposition
import Foundation
import Testing

/// What `Fixtures/postgres-contract.txt` says, which also says what its columns mean.
struct Contract {
    /// A family as dashboards know it.
    struct Family: Hashable, Comparable, CustomStringConvertible {
        let name: String
        let type: Character
        let labels: Set<String>

        var description: String { "\(name) \(type) {\(labels.sorted().joined(separator: ","))}" }

        static func < (one: Family, other: Family) -> Bool { one.description < other.description }
    }

    struct Line {
        let collector: String
        let isOnByDefault: Bool
        let family: Family
        let versions: Range<Int>
        let place: String
        let role: String
        let activity: String

        func isSeen(by role: String) -> Bool { self.role == "plain" || self.role == role }
        func isFound(at place: String) -> Bool { self.place == "both" || self.place == place }
    }

    let lines: [Line]

    init() throws {
        lines = try Self.lines(of: "postgres-contract").map { line in
            let words = line.split(separator: " ").map(String.init)
            try #require(words.count == 9 && words[3].count == 1, "\(line)")
            let labels = words[8] == "-" ? [] : words[8].split(separator: ",").map(String.init)
            return Line(
                collector: words[0], isOnByDefault: words[1] == "on",
                family: Family(name: words[2], type: Character(words[3]), labels: Set(labels)),
                versions: try Self.versions(words[4]), place: words[5], role: words[6], activity: words[7])
        }
    }

    /// The lines of a fixture without its comments.
    static func lines(of fixture: String) throws -> [Substring] {
        let url = try #require(Bundle.module.url(forResource: fixture, withExtension: "txt", subdirectory: "Fixtures"))
        return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").filter { !$0.hasPrefix("#") }
    }

    private static func versions(_ text: String) throws -> Range<Int> {
        if text == "any" { return 0..<Int.max }
        let version = try #require(Int(text.drop { !$0.isNumber }))
        return text.hasPrefix("<") ? 0..<version : version..<Int.max
    }
}

extension Contract.Family {
    /// The families that have samples, each with its labels; the parameters of the server all as one.
    static func all(in families: [MetricFamily]) -> Set<Contract.Family> {
        var result: Set<Contract.Family> = []
        for family in families {
            let name = family.descriptor.name.hasPrefix("pg_settings_") ? "pg_settings_*" : family.descriptor.name
            let type: Character =
                switch family.descriptor.type {
                case .counter: "C"
                case .gauge: "G"
                case .histogram: "H"
                case .summary: "S"
                case .unknown: "U"
                }
            for sample in family.samples {
                let labels = sample.labels.description.matches(of: /(\w+)="(?:[^"\\]|\\.)*"/).map { String($0.1) }
                result.insert(Contract.Family(name: name, type: type, labels: Set(labels)))
            }
        }
        return result
    }
}
