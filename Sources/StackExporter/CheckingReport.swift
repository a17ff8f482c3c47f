import Exposition
import Scraping

/// What a check has found, as a person and as a program read it.
struct CheckReport {
    /// A target and what is known of it.
    struct Target {
        let name: String
        let kind: String
        let isUp: Bool
        /// How long its scrape took.
        let duration: Duration
        let examination: Examination
    }

    let version: String
    /// What is known of the exporter itself.
    let exporter: Examination
    let targets: [Target]

    private var findings: [Finding] { exporter.findings + targets.flatMap(\.examination.findings) }

    /// Whether there is nothing to mend.
    var isWell: Bool { !findings.contains { $0.severity == .mend } }
}

// MARK: Text

extension CheckReport {
    private enum Colour: Int {
        case red = 31
        case green = 32
        case yellow = 33
    }

    /// One line for each fact, each finding and each step that mends it.
    func text(isColoured: Bool) -> String {
        func paint(_ text: String, _ colour: Colour) -> String {
            isColoured ? "\u{1b}[\(colour.rawValue)m\(text)\u{1b}[0m" : text
        }
        func lines(_ examination: Examination) -> [String] {
            let width = examination.facts.map(\.name.count).max() ?? 0
            return examination.facts.map { fact in
                "  \(fact.name)\(String(repeating: " ", count: width - fact.name.count))  \(fact.value)"
            }
                + examination.findings.flatMap { finding -> [String] in
                    let mark = paint("\(finding.severity.rawValue):", finding.severity == .mend ? .red : .yellow)
                    let parts = finding.parts.isEmpty ? "" : " [\(Self.parts(finding.parts))]"
                    return ["  \(mark) \(Self.oneLine(finding.what))\(parts)"]
                        + finding.remedies.map { "      \($0.isAlternative ? "or " : "")\(Self.line($0))" }
                }
        }
        var text = ["exporter: stack-exporter \(version)"] + lines(exporter)
        for target in targets {
            let state = target.isUp ? paint("up", .green) : paint("down", .red)
            text.append("\(target.name) (\(target.kind)): \(state)")
            text += lines(target.examination)
        }
        if targets.isEmpty { text.append("nothing to scrape is configured") }
        let counts = [Finding.Severity.mend, .hint].map { severity in findings.count { $0.severity == severity } }
        let mend = counts[0] == 0 ? paint("nothing to mend", .green) : paint("\(counts[0]) to mend", .red)
        text.append("\(mend), \(counts[1]) hint\(counts[1] == 1 ? "" : "s")")
        return text.joined(separator: "\n") + "\n"
    }

    private static let shownParts = 6

    private static func parts(_ names: [String]) -> String {
        let more = names.count - shownParts
        return names.prefix(shownParts).joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
    }

    private static func line(_ remedy: Remedy) -> String {
        (remedy.place.map { "\($0): " } ?? "") + oneLine(remedy.line)
    }

    /// A server's sentence may have several lines, and what a terminal takes for commands.
    private static func oneLine(_ text: String) -> String {
        let scalars = text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }
        return String(String.UnicodeScalarView(scalars))
    }
}

// MARK: JSON

extension CheckReport {
    /// The same for programs. Keys stay as they are; there may be more of them one day.
    var json: String {
        """
        {
          "version": \(version.quotedAsJSON),
          "well": \(isWell),
          "exporter": \(Self.json(exporter, indent: "  ")),
          "targets": \(Self.array(targets.map(Self.json), indent: "  "))
        }

        """
    }

    private static func json(_ target: Target) -> String {
        """
        {"name": \(target.name.quotedAsJSON), "kind": \(target.kind.quotedAsJSON), "up": \(target.isUp), \
        "scrape_seconds": \(target.duration.seconds), \(members(target.examination, indent: "    "))}
        """
    }

    private static func json(_ examination: Examination, indent: String) -> String {
        "{\(members(examination, indent: indent))}"
    }

    private static func members(_ examination: Examination, indent: String) -> String {
        let facts = examination.facts.map { fact in
            #"{"name": \#(fact.name.quotedAsJSON), "value": \#(fact.value.quotedAsJSON)}"#
        }
        return "\"facts\": \(array(facts, indent: indent)), "
            + "\"findings\": \(array(examination.findings.map(json), indent: indent))"
    }

    private static func json(_ finding: Finding) -> String {
        let remedies = finding.remedies.map { remedy in
            #"{"place": \#(remedy.place?.quotedAsJSON ?? "null"), "line": \#(remedy.line.quotedAsJSON), "#
                + #""alternative": \#(remedy.isAlternative)}"#
        }
        return #"{"severity": \#(finding.severity.rawValue.quotedAsJSON), "what": \#(finding.what.quotedAsJSON), "#
            + #""parts": [\#(finding.parts.map(\.quotedAsJSON).joined(separator: ", "))], "#
            + #""remedies": [\#(remedies.joined(separator: ", "))]}"#
    }

    private static func array(_ elements: [String], indent: String) -> String {
        guard !elements.isEmpty else { return "[]" }
        return "[\n" + elements.map { "\(indent)  \($0)" }.joined(separator: ",\n") + "\n\(indent)]"
    }
}
