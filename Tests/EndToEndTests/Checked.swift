import Foundation
import Lab
import Testing

/// What `check --format=json` prints, and how it ended.
struct Checked: Decodable {
    struct Remedy: Decodable {
        let place: String?
        let line: String
        let alternative: Bool
    }

    struct Finding: Decodable {
        let severity: String
        let what: String
        let parts: [String]
        let remedies: [Remedy]
    }

    struct Fact: Decodable {
        let name: String
        let value: String
    }

    struct Target: Decodable {
        let name: String
        let kind: String
        let up: Bool
        let facts: [Fact]
        let findings: [Finding]

        func fact(_ name: String) -> String? { facts.first { $0.name == name }?.value }
    }

    struct Exporter: Decodable {
        let facts: [Fact]
        let findings: [Finding]
    }

    let well: Bool
    let exporter: Exporter
    let targets: [Target]

    var findings: [Finding] { exporter.findings + targets.flatMap(\.findings) }
    /// What makes the exit status 1.
    var toMend: [Finding] { findings.filter { $0.severity == "mend" } }

    func target(_ name: String) throws -> Target { try #require(targets.first { $0.name == name }) }
}

/// A set-up that is broken, looked at with `check`, mended with what it prints, and looked at again.
final class BrokenSetup: Sendable {
    /// Where the cgroups of a machine are on which all is well, so that the tests do not depend on this one's.
    let cgroups = TemporaryDirectory("check")
    let environment: [String: String]
    let flags: [String]
    /// What `check` is run by.
    let prefix: [String]
    /// What no output may have in it.
    let secrets: [String]

    init(
        _ environment: [String: String], flags: [String] = [], prefix: [String] = [], secrets: [String] = [],
        controllers: String = "cpu io memory pids"
    ) throws {
        self.environment = environment
        self.flags = flags
        self.prefix = prefix
        self.secrets = secrets
        try write(controllers: controllers)
    }

    func write(controllers: String) throws {
        try cgroups.write("cgroup.controllers", "\(controllers)\n")
    }

    /// Runs it as it is.
    func run(
        _ further: [String] = [], environment more: [String: String] = [:], prefix: [String]? = nil
    ) async throws -> CommandResult {
        let usual = ["--path.cgroupfs=\(cgroups.path)", "--web.listen-address=127.0.0.1:0"]
        let socket =
            flags.contains { $0.hasPrefix("--containers.runtime-socket") } ? [] : ["--containers.runtime-socket=none"]
        let result = try await Lab.run(
            ["timeout", "60"] + (prefix ?? self.prefix) + [Exporter.binary, "check"] + usual + socket + flags + further,
            environment: .only(environment.merging(more) { $1 }))
        for secret in secrets {
            #expect(!result.output.contains(secret) && !result.errors.contains(secret))
        }
        return result
    }

    /// Expects exit status 1, and one thing to mend.
    ///
    /// - Parameters:
    ///   - words: What is said of it.
    ///   - target: Whose it is, where others may be late.
    func broken(
        _ words: String..., of target: String? = nil, further: [String] = [], environment more: [String: String] = [:],
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Checked.Finding {
        let result = try await run(["--format=json"] + further, environment: more)
        #expect(result.status == 1, "\(result.output)\(result.errors)", sourceLocation: sourceLocation)
        let checked = try JSONDecoder().decode(Checked.self, from: Data(result.output.utf8))
        #expect(!checked.well, sourceLocation: sourceLocation)
        let toMend =
            try target.map { try checked.target($0).findings.filter { $0.severity == "mend" } } ?? checked.toMend
        #expect(toMend.count == 1, "\(toMend)", sourceLocation: sourceLocation)
        let finding = try #require(toMend.first, sourceLocation: sourceLocation)
        for word in words { #expect(finding.what.contains(word), "\(finding.what)", sourceLocation: sourceLocation) }
        return finding
    }

    /// Expects exit status 0, and nothing to mend.
    @discardableResult
    func mended(
        further: [String] = [], environment more: [String: String] = [:], prefix: [String]? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Checked {
        let result = try await run(["--format=json"] + further, environment: more, prefix: prefix)
        #expect(result.status == 0, "\(result.output)\(result.errors)", sourceLocation: sourceLocation)
        let checked = try JSONDecoder().decode(Checked.self, from: Data(result.output.utf8))
        #expect(checked.well, sourceLocation: sourceLocation)
        #expect(checked.toMend.isEmpty, sourceLocation: sourceLocation)
        return checked
    }
}
