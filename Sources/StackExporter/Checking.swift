import Configuration
import Glibc
import Logging
import NIOCore
import NIOPosix
import Scraping

/// `stack-exporter check`: tells people whether everything that is configured can be read, what is missing where it cannot,
/// and what rights it takes.
enum Checking {
    /// - Returns: Whether all targets are up and no collector failed.
    /// - Throws: Where a configured directory holds no cgroups.
    static func run(_ settings: Settings) async throws -> Bool {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        // What the gatherer would log is what is printed here.
        let silence = Logger(label: "check") { _ in SwiftLogNoOpLogHandler() }
        let gatherer = try makeGatherer(settings, group: group, log: silence)
        _ = await gatherer.page()
        var text = gatherer.targets.isEmpty ? "nothing to scrape is configured\n" : ""
        var isWell = true
        for (target, (name, outcome)) in zip(gatherer.targets, gatherer.lastOutcomes) {
            isWell = isWell && outcome?.isWell ?? false
            let advice = await (target as? any AdvisesOnAccess)?.accessAdvice(
                until: Deadline(after: settings.limits.timeout))
            text += "\(name) (\(type(of: target).kind)): \((outcome?.findings ?? ["down"]).joined(separator: "\n  "))\n"
            for line in advice ?? [] { text += "  \(line)\n" }
        }
        write(Array(text.utf8), to: STDOUT_FILENO)
        await gatherer.shutdown()
        try await group.shutdownGracefully()
        return isWell
    }
}

extension ScrapeOutcome {
    /// Whether the target is up and nothing that was to be read failed. What is left out is no failure.
    fileprivate var isWell: Bool { isUp && collectors.allSatisfy { $0.error == nil } }

    /// Whether the target is up, and a line for everything that is missing.
    fileprivate var findings: [String] {
        guard isUp else { return ["down: \(error.map(Self.line) ?? "no answer")"] }
        return ["up"]
            + collectors.compactMap { collector in
                collector.error.map { "failed: \(collector.name): \(Self.line($0))" }
            } + omissions.map { "left out: \($0.name): \(Self.line($0.reason))" }
    }

    private static func line(_ error: CollectorError) -> String {
        "\(String(error.detail.map { $0.isNewline ? " " : $0 })) (\(error.reason.rawValue))"
    }
}
