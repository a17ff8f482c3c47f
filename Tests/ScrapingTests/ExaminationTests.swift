import Foundation
import Glibc
import Lab
import Testing

@testable import Scraping

@Suite("What a person is told of a target")
struct ExaminationTests {
    private let directory = TemporaryDirectory("secret")

    private static let grant = Remedy("psql", "GRANT pg_monitor TO exporter;")

    /// A scrape of the collectors a, b and c.
    private func outcome(_ deliver: (Scrape) -> Void) -> ScrapeOutcome {
        let scrape = Scrape(until: Deadline(after: .seconds(60)))
        deliver(scrape)
        scrape.finish()
        return scrape.harvest(["a", "b", "c"]).outcome
    }

    @Test("what the same line mends is told once, and what is grave comes first")
    func merging() {
        let error = CollectorError(.permission, "the role may not see it", remedies: [Self.grant])
        var examination = Examination(findings: [Finding(.hint, "off"), Finding(.mend, "no rights", [Self.grant])])
        examination.add(
            outcome { scrape in
                scrape.targetAnswered()
                scrape.deliver("a", CollectorResult(error: error))
                scrape.skip("b", because: error)
                scrape.deliver("c", CollectorResult(error: CollectorError(.internal, "odd")))
                scrape.leaveOut("engine", because: CollectorError(.unsupportedVersion, "too old"))
            })
        #expect(
            examination.findings == [
                Finding(.mend, "no rights", [Self.grant], parts: ["a", "b"]), Finding(.mend, "odd", parts: ["c"]),
                Finding(.hint, "off"), Finding(.hint, "too old", parts: ["engine"]),
            ])
    }

    @Test("a part that a finding is about is not told again")
    func known() {
        var examination = Examination(findings: [Finding(.mend, "not preloaded", parts: ["a", "b"])])
        examination.add(
            outcome { scrape in
                scrape.targetAnswered()
                scrape.deliver("a", CollectorResult(error: CollectorError(.missingExtension, "not loaded")))
                scrape.skip("b", because: CollectorError(.permission, "no"))
                scrape.deliver("c", CollectorResult())
            })
        #expect(examination.findings == [Finding(.mend, "not preloaded", parts: ["a", "b"])])
    }

    @Test("a target that is down has one finding, with what to look at where nobody knows better")
    func down() {
        for (reason, word) in [(FailureReason.connection, "listens"), (.timeout, "hangs")] {
            var examination = Examination()
            examination.add(outcome { $0.targetFailed(CollectorError(reason, "gone")) })
            #expect(examination.findings.map(\.what) == ["gone"])
            #expect(examination.findings.first?.severity == .mend)
            #expect(examination.findings.first?.remedies.first?.line.contains(word) == true)
        }
        var examination = Examination()
        examination.add(outcome { $0.targetFailed(CollectorError(.connection, "gone", remedies: [Self.grant])) })
        #expect(examination.findings == [Finding(.mend, "gone", [Self.grant])])
    }

    @Test("an error keeps its remedies, and the log has them in its line")
    func errors() {
        let error = CollectorError(.permission, "no", remedies: [Self.grant, Remedy(nil, "reload")]).at("shop")
        #expect(error.what == "shop: no")
        #expect(error.detail == "shop: no: GRANT pg_monitor TO exporter; then reload")
        #expect(CollectorError(.internal, "odd").detail == "odd")
    }

    @Test(
        "words of a shell", arguments: [("/run/a.b", "/run/a.b"), ("a b", "'a b'"), ("", "''"), ("a'b", #"'a'\''b'"#)])
    func quoting(text: String, word: String) {
        #expect(text.quotedForShell == word)
    }

    @Test("a password that everybody may read", arguments: [(0o644, true), (0o640, false), (0o400, false)])
    func exposure(mode: Int, isExposed: Bool) throws {
        let path = try directory.write("secret", "hunter2")
        chmod(path, mode_t(mode))
        let finding = Secret(file: path).exposure
        #expect((finding != nil) == isExposed)
        if isExposed { #expect(finding?.remedies == [Remedy("sh", "chmod o-r \(path)")]) }
        #expect(Secret(value: "hunter2").exposure == nil && Secret(file: "/nowhere").exposure == nil)
    }
}
