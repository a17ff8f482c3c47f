import Configuration
import Glibc
import Logging
import NIOCore
import NIOPosix
import Scraping
import Synchronization

/// `stack-exporter check`: tells people whether everything that is configured can be read, what is missing where it cannot,
/// and what mends it.
enum Checking {
    /// - Returns: Whether there is nothing to mend.
    /// - Throws: Where a configured directory holds no cgroups, or a file of the web server's is malformed.
    static func run(_ settings: Settings) async throws -> Bool {
        guard settings.catalogueFormat != .markdown else {
            throw ConfigurationError("--format=markdown: check prints text or json")
        }
        DescriptorLimit.raise()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        // What the gatherer would log is what is printed here.
        let silence = Logger(label: "check") { _ in SwiftLogNoOpLogHandler() }
        let gatherer = try makeGatherer(settings, group: group, log: silence)
        let exporter = try await examine(settings, group: group)
        _ = await gatherer.page()
        let report = CheckReport(
            version: BuildInformation.version, exporter: exporter,
            targets: await targets(of: gatherer, within: settings.limits.timeout))
        let text = settings.catalogueFormat == .json ? report.json : report.text(isColoured: isColoured)
        write(Array(text.utf8), to: STDOUT_FILENO)
        // Servers like to be told; one that hangs is not waited for.
        let closed = Signal()
        Task {
            await gatherer.shutdown()
            closed.fire()
        }
        await closed.wait(until: Deadline(after: .seconds(1)))
        return report.isWell
    }

    /// What all targets tell of themselves, in their order; each has as much time as its scrape had.
    private static func targets(of gatherer: Gatherer, within timeout: Duration) async -> [CheckReport.Target] {
        let deadline = Deadline(after: timeout)
        return await withTaskGroup(of: (Int, CheckReport.Target).self) { group in
            for (index, (target, (name, outcome))) in zip(gatherer.targets, gatherer.lastOutcomes).enumerated() {
                group.addTask {
                    (
                        index,
                        CheckReport.Target(
                            name: name, kind: type(of: target).kind, isUp: outcome?.isUp ?? false,
                            duration: outcome?.duration ?? timeout,
                            examination: await examine(target, outcome, until: deadline))
                    )
                }
            }
            var targets: [(Int, CheckReport.Target)] = []
            for await target in group { targets.append(target) }
            return targets.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    /// What a target tells of itself, and at least what its scrape found where it hangs.
    private static func examine(
        _ target: any Target, _ outcome: ScrapeOutcome?, until deadline: Deadline
    ) async -> Examination {
        guard let outcome else { return Examination(findings: [Finding(.mend, "its scrape did not come to an end")]) }
        let told = Mutex<Examination?>(nil)
        let hasTold = Signal()
        Task {
            let examination = await (target as? any Examinable)?.examine(outcome, until: deadline)
            told.withLock { $0 = examination }
            hasTold.fire()
        }
        await hasTold.wait(until: deadline)
        if let examination = told.withLock({ $0 }) { return examination }
        var examination = Examination()
        examination.add(outcome)
        return examination
    }

    /// Whether a person looks on who wants colours: see no-color.org.
    private static var isColoured: Bool {
        func variable(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }
        return isatty(STDOUT_FILENO) == 1 && variable("NO_COLOR").isEmpty && variable("TERM") != "dumb"
    }
}
