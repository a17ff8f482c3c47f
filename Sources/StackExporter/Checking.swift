import Configuration
import Glibc
import Logging
import NIOCore
import NIOPosix
import Scraping

/// `stack-exporter check`: tells people whether everything that is configured can be read, what is missing where it cannot,
/// and what mends it.
enum Checking {
    /// - Returns: Whether there is nothing to mend.
    /// - Throws: Where a configured directory holds no cgroups, or a file of the web server's is malformed.
    static func run(_ settings: Settings) async throws -> Bool {
        guard settings.catalogueFormat != .markdown else {
            throw ConfigurationError("--format=markdown: check prints text or json")
        }
        let descriptors = raiseDescriptorLimit()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        // What the gatherer would log is what is printed here.
        let silence = Logger(label: "check") { _ in SwiftLogNoOpLogHandler() }
        let gatherer = try makeGatherer(settings, group: group, log: silence)
        let exporter = try await examine(settings, descriptors: descriptors, group: group)
        _ = await gatherer.page()
        let report = CheckReport(
            version: BuildInformation.version, exporter: exporter,
            targets: await targets(of: gatherer, within: settings.limits.timeout))
        let text = settings.catalogueFormat == .json ? report.json : report.text(isColoured: isColoured)
        write(Array(text.utf8), to: STDOUT_FILENO)
        await gatherer.shutdown()
        try await group.shutdownGracefully()
        return report.isWell
    }

    /// What all targets tell of themselves, in their order; each has as much time as its scrape had.
    private static func targets(of gatherer: Gatherer, within timeout: Duration) async -> [CheckReport.Target] {
        let deadline = Deadline(after: timeout)
        return await withTaskGroup(of: (Int, CheckReport.Target).self) { group in
            for (index, (target, (name, outcome))) in zip(gatherer.targets, gatherer.lastOutcomes).enumerated() {
                group.addTask {
                    var examination = Examination()
                    if let outcome {
                        if let target = target as? any Examinable {
                            examination = await target.examine(outcome, until: deadline)
                        } else {
                            examination.add(outcome)
                        }
                    }
                    return (
                        index,
                        CheckReport.Target(
                            name: name, kind: type(of: target).kind, isUp: outcome?.isUp ?? false,
                            duration: outcome?.duration ?? .zero, examination: examination)
                    )
                }
            }
            var targets: [(Int, CheckReport.Target)] = []
            for await target in group { targets.append(target) }
            return targets.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    /// Whether a person looks on who wants colours: see no-color.org.
    private static var isColoured: Bool {
        func variable(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }
        return isatty(STDOUT_FILENO) == 1 && variable("NO_COLOR").isEmpty && variable("TERM") != "dumb"
    }
}
