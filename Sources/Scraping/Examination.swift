import Glibc

/// A target that can tell a person what it is and what is missing.
public protocol Examinable: Target {
    /// What is known of the target, and everything that is missing, what the last scrape found among it.
    ///
    /// - Parameter outcome: How the last scrape went.
    func examine(_ outcome: ScrapeOutcome, until deadline: Deadline) async -> Examination
}

/// What a person is told of a target.
public struct Examination: Sendable {
    /// Something that is so: `version: PostgreSQL 15.14`.
    public struct Fact: Sendable, Equatable {
        /// One word or two.
        public let name: String
        /// One line.
        public let value: String

        /// A fact.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// In the order in which they are told.
    public var facts: [Fact]
    /// What is missing, the gravest first.
    public private(set) var findings: [Finding]

    /// An examination; by default an empty one.
    public init(facts: [Fact] = [], findings: [Finding] = []) {
        self.facts = facts
        self.findings = []
        for finding in findings { add(finding) }
    }

    /// Adds a finding. One that has the remedies of another is told with it.
    public mutating func add(_ finding: Finding) {
        let same = findings.firstIndex {
            $0.remedies == finding.remedies && (!finding.remedies.isEmpty || $0.what == finding.what)
        }
        var finding = finding
        var place = finding.severity == .mend ? findings.firstIndex { $0.severity == .hint } : nil
        if let same {
            let known = findings.remove(at: same)
            if known.severity == .mend || finding.severity == .hint { place = same }
            finding = Finding(
                known.severity == .mend ? .mend : finding.severity, known.what, known.remedies,
                parts: known.parts + finding.parts.filter { !known.parts.contains($0) })
        }
        findings.insert(finding, at: place ?? findings.endIndex)
    }

    /// Adds what a scrape found, but for the parts that another finding is about.
    ///
    /// - Parameter severity: How grave it is that a part was left out.
    public mutating func add(
        _ outcome: ScrapeOutcome,
        leftOut severity: (ScrapeOutcome.Omission) -> Finding.Severity = { $0.reason.usualSeverity }
    ) {
        guard outcome.isUp else {
            let error = outcome.error ?? CollectorError(.internal, "it was not scraped")
            let remedies = error.remedies.isEmpty ? Self.remedies(ofDown: error.reason) : error.remedies
            return add(Finding(.mend, error.what, remedies))
        }
        let known = Set(findings.flatMap(\.parts))
        for collector in outcome.collectors where !known.contains(collector.name) {
            guard let error = collector.error else { continue }
            add(Finding(.mend, error.what, error.remedies, parts: [collector.name]))
        }
        for omission in outcome.omissions where !known.contains(omission.name) {
            add(Finding(severity(omission), omission.reason.what, omission.reason.remedies, parts: [omission.name]))
        }
    }

    /// What to look at where nobody knows better.
    private static func remedies(ofDown reason: FailureReason) -> [Remedy] {
        switch reason {
        case .connection:
            [
                Remedy(
                    nil, "see on its machine whether it runs and where it listens (ss -ltnp), else correct its address")
            ]
        case .timeout:
            [Remedy(nil, "see whether it hangs or is stopped (ps -o stat,wchan,cmd), or a firewall drops packets")]
        default: []
        }
    }
}

/// Something that is missing, and what mends it.
public struct Finding: Sendable, Equatable {
    /// How grave it is.
    public enum Severity: String, Sendable {
        /// What was asked for, or is usual, is missing.
        case mend
        /// It could be better.
        case hint
    }

    /// How grave it is.
    public let severity: Severity
    /// What is so, and what is missing because of it: one line without any secret.
    public let what: String
    /// What mends it, step by step; none where that takes somebody to look.
    public let remedies: [Remedy]
    /// The collectors, or parts of the target, that are missing for this reason, by their names.
    public let parts: [String]

    /// A finding.
    public init(_ severity: Severity, _ what: String, _ remedies: [Remedy] = [], parts: [String] = []) {
        self.severity = severity
        self.what = what
        self.remedies = remedies
        self.parts = parts
    }
}

/// A line that mends something when it is typed, or written, where it belongs.
public struct Remedy: Sendable, Equatable {
    /// Where it goes: a program that it is typed into (`psql -d shop`), or a file; `nil` for words to a person.
    public let place: String?
    /// The line itself. A part in angle brackets is to be filled in.
    public let line: String
    /// Whether it takes the place of the one before, and does not follow it.
    public let isAlternative: Bool

    /// The place of an environment variable of the exporter's.
    public static let environment = "the exporter's environment"
    /// The place of a flag.
    public static let flags = "the exporter's flags"

    /// A line and where it goes.
    public init(_ place: String?, _ line: String, isAlternative: Bool = false) {
        self.place = place
        self.line = line
        self.isAlternative = isAlternative
    }
}

extension CollectorError {
    /// How grave it is that a part is left out for this reason: what a version does not have, nobody can mend.
    public var usualSeverity: Finding.Severity {
        switch reason {
        case .permission, .authentication, .missingExtension, .connection: .mend
        case .timeout, .locked, .unsupportedVersion, .internal: .hint
        }
    }
}

extension File {
    /// What lets us read a file of our own that was refused.
    public static func remedies(_ error: SystemError, of path: String) -> [Remedy] {
        guard error.code == EACCES else { return [] }
        let file = path.quotedForShell
        return [Remedy("sh", "chown \(geteuid()) \(file) && chmod 400 \(file)")]
    }
}

extension String {
    /// As one word of a shell's command line.
    public var quotedForShell: String {
        let isPlain =
            !isEmpty
            && utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "/._-:=,@%+".utf8.contains(byte)
                }
            }
        return isPlain ? self : "'\(replacing("'", with: #"'\''"#))'"
    }
}
