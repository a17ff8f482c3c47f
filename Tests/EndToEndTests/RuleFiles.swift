import Foundation
import Lab

/// The alert rules and what goes with them, as they are in the repository.
enum RuleFiles {
    static let rules = yaml(in: "prometheus/rules")
    static let unitTests = yaml(in: "prometheus/rules/tests")

    private static func yaml(in path: String) -> [URL] {
        let files = try? FileManager.default.contentsOfDirectory(
            at: Repository.docker.appending(path: path), includingPropertiesForKeys: nil)
        return (files ?? []).filter { $0.pathExtension == "yaml" }.sorted { $0.path < $1.path }
    }

    /// The anchors of a runbook's sections, as they are made of `## PostgresDown`.
    static func anchors(of runbook: String) throws -> [String] {
        try DocumentFiles.anchors(of: Repository.docker.appending(path: "runbooks/\(runbook)"), levels: 2...2)
    }
}

/// A selector in a PromQL expression: `redis_up`, `pg_locks_count{mode="x"}`.
struct MetricSelector: Hashable, CustomStringConvertible {
    /// Empty where a matcher stands for it.
    let name: String
    /// With their braces; empty where there are none.
    let matchers: String

    var description: String { name + matchers }

    private static let operators: Set<Substring> = ["and", "or", "unless", "bool", "offset", "inf", "nan"]
    private static let labelLists: Set<Substring> = ["by", "without", "on", "ignoring", "group_left", "group_right"]

    /// All that are in an expression as Prometheus prints it.
    static func all(in query: String) -> Set<Self> {
        var found: Set<Self> = []
        var rest = query[...]
        while let character = rest.first {
            switch character {
            case "\"":
                _ = quoted(&rest)
            case "[":
                rest = rest.drop { $0 != "]" }
            case "{":
                found.insert(Self(name: "", matchers: braces(&rest)))
            case _ where character.isNumber:
                // A duration too.
                rest = rest.drop { $0.isNumber || $0.isLetter || $0 == "." }
            case _ where isPartOfName(character):
                let word = rest.prefix(while: isPartOfName)
                rest = rest.dropFirst(word.count)
                let isCall = rest.prefixMatch(of: /\s*((by|without)\s*)?\(/) != nil
                if labelLists.contains(word) {
                    rest = rest.drop { $0 != ")" }
                } else if !isCall, !operators.contains(word.lowercased()[...]) {
                    found.insert(Self(name: String(word), matchers: rest.first == "{" ? braces(&rest) : ""))
                }
            default:
                rest = rest.dropFirst()
            }
        }
        return found
    }

    private static func isPartOfName(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || character == "_" || character == ":"
    }

    private static func quoted(_ rest: inout Substring) -> Substring {
        let start = rest
        rest = rest.dropFirst()
        while let character = rest.popFirst(), character != "\"" {
            if character == "\\" { rest = rest.dropFirst() }
        }
        return start[..<rest.startIndex]
    }

    private static func braces(_ rest: inout Substring) -> String {
        var text = ""
        while let character = rest.first {
            if character == "\"" {
                text += quoted(&rest)
                continue
            }
            text.append(character)
            rest = rest.dropFirst()
            if character == "}" { break }
        }
        return text
    }
}

/// The names that an expression may have: those of the catalogue, those that rules record, and Prometheus' own.
struct ServedNames {
    private var names: Set<String> = ["up", "scrape_duration_seconds", "stack:threshold:override"]
    private var patterns: [(prefix: Substring, suffix: Substring)] = []

    init(also rules: [PrometheusServer.Rule]) async throws {
        struct Entry: Decodable {
            let name: String
            let type: String
        }
        let result = try await Exporter.run(["metrics", "--format=json"])
        for entry in try JSONDecoder().decode([Entry].self, from: Data(result.output.utf8)) {
            names.insert(entry.name)
            if entry.type == "histogram" {
                for end in ["_bucket", "_sum", "_count"] { names.insert(entry.name + end) }
            }
            if let start = entry.name.firstIndex(of: "<"), let end = entry.name.firstIndex(of: ">") {
                patterns.append((entry.name[..<start], entry.name[end...].dropFirst()))
            }
        }
        names.formUnion(rules.filter { !$0.isAlert }.map(\.name))
    }

    mutating func insert(_ name: String) { names.insert(name) }

    /// The names in an expression that nobody serves.
    func missing(in query: String) -> [String] {
        MetricSelector.all(in: query).compactMap { selector in
            guard selector.name.isEmpty else { return isServed(selector.name) ? nil : selector.name }
            // `{__name__=~"pg_settings_.+"}`, `{__name__=~"pg_up|redis_up"}`
            let wanted = selector.matchers.firstMatch(of: /__name__=~"([\w|.+]+)"/)?.1.split(separator: "|") ?? []
            let isThere = wanted.allSatisfy { name in
                name.hasSuffix(".+") ? names.contains { $0.hasPrefix(name.dropLast(2)) } : isServed(String(name))
            }
            return isThere && !wanted.isEmpty ? nil : selector.description
        }
    }

    private func isServed(_ name: String) -> Bool {
        names.contains(name) || patterns.contains { name.hasPrefix($0.prefix) && name.hasSuffix($0.suffix) }
    }
}
