import Foundation
import Lab

/// A page taken apart into its series, whatever format it is in.
struct Page {
    struct Series: Hashable {
        let name: String
        let labels: [String: String]
    }

    private(set) var values: [Series: Double] = [:]
    private(set) var duplicates: [Series] = []
    /// The type of each family that is declared.
    private(set) var types: [String: String] = [:]

    init(_ text: String) throws {
        for line in text.split(separator: "\n") {
            if line.hasPrefix("# TYPE ") {
                let words = line.split(separator: " ")
                types[String(words[2])] = String(words[3])
            }
            guard !line.hasPrefix("#") else { continue }
            guard let (series, value) = Self.sample(line) else { throw LabError("no sample: \(line)") }
            if values.updateValue(value, forKey: series) != nil { duplicates.append(series) }
        }
    }

    /// The value of a series; `nil` where it is not on the page.
    subscript(name: String, labels: [String: String]) -> Double? { values[Series(name: name, labels: labels)] }

    subscript(name: String) -> Double? { self[name, [:]] }

    /// The series of one name.
    func all(_ name: String) -> [Series: Double] { values.filter { $0.key.name == name } }

    /// How many series each name has.
    var counts: [String: Int] { values.keys.reduce(into: [:]) { $0[$1.name, default: 0] += 1 } }

    /// What failed and why: `["redis/redis_info": "timeout"]`.
    var failures: [String: String] {
        all("stack_exporter_collector_error").keys.reduce(into: [:]) { failures, series in
            let labels = series.labels
            failures["\(labels["target", default: ""])/\(labels["collector", default: ""])"] = labels["reason"]
        }
    }

    /// Why collectors of a target failed.
    func reasons(of target: String) -> Set<String> {
        Set(failures.filter { $0.key.hasPrefix("\(target)/") }.values)
    }

    /// `name{label="value",...} value`
    private static func sample(_ line: Substring) -> (Series, Double)? {
        var rest = line[...]
        let name = rest.prefix { $0 != "{" && $0 != " " }
        rest = rest.dropFirst(name.count)
        var labels: [String: String] = [:]
        if rest.first == "{" {
            rest = rest.dropFirst()
            while let character = rest.first, character != "}" {
                let label = rest.prefix { $0 != "=" }
                rest = rest.dropFirst(label.count + 2)
                var value = ""
                while let character = rest.popFirst(), character != "\"" {
                    guard character == "\\", let escaped = rest.popFirst() else {
                        value.append(character)
                        continue
                    }
                    value.append(escaped == "n" ? "\n" : escaped)
                }
                guard labels.updateValue(value, forKey: String(label)) == nil else { return nil }
                if rest.first == "," { rest = rest.dropFirst() }
            }
            rest = rest.dropFirst()
        }
        // `Double` reads +Inf and NaN as they are written here.
        guard rest.first == " ", let value = Double(rest.dropFirst()) else { return nil }
        return (Series(name: String(name), labels: labels), value)
    }
}
