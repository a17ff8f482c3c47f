import CLinux
import Configuration
import Exposition
import Glibc
import Logging
import NIOPosix
import Scraping
import UnixSignals
import WebServer

/// `stack-exporter serve`: answers scrapes until SIGTERM or SIGINT.
enum Serving {
    /// - Throws: Where an address cannot be listened on or a configured directory holds no cgroups.
    static func run(_ settings: Settings, log: Logger) async throws {
        let start = ContinuousClock.now
        raiseDescriptorLimit()
        // One thread does for all connections: answers are made elsewhere.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let http = HTTPMetrics(showsScrapeErrors: settings.scrapesRedis)
        let process = ProcessMetrics()
        let gatherer = try makeGatherer(
            settings, group: group, selfMetrics: [BuildInformation(), process, http], log: log)
        let probing = Probing(settings, gatherer: gatherer, group: group, log: log)
        let server = WebServer(
            settings.web, gatherer: gatherer, metrics: http,
            status: { status(of: gatherer, since: start, settings) }, probe: probing.answer, group: group, log: log)

        // Before the first answer, so that no signal is missed after it.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let addresses = try await server.start()
        // Not before: where the start fails, the reason is all that is said.
        log.info("targets", metadata: ["names": "\(gatherer.lastOutcomes.map(\.name).joined(separator: ","))"])
        for address in addresses {
            log.info(
                "listening", metadata: ["address": "\(address)", "version": "\(BuildInformation.version)"])
        }
        clinux_release_startup_pages()
        var shutdown: Task<Void, Never>?
        for await signal in signals {
            guard shutdown == nil else {
                log.warning("stopping at once", metadata: ["signal": "\(signal)"])
                exit(1)
            }
            log.info("stopping", metadata: ["signal": "\(signal)"])
            shutdown = Task {
                await server.shutdown(grace: settings.limits.timeout + .seconds(1))
                await gatherer.shutdown()
                await probing.shutdown()
                exit(0)
            }
        }
    }

    private static func status(
        of gatherer: Gatherer, since start: ContinuousClock.Instant, _ settings: Settings
    ) -> StatusPage {
        StatusPage(
            version: BuildInformation.version,
            revision: BuildInformation.revision,
            uptime: start.duration(to: .now),
            links: [
                .init(settings.web.telemetryPath, "Metrics"),
                .init("/probe", "The metrics of one target: ?target=<name>"),
                .init("/targets", "The targets, for Prometheus to discover"),
                .init("/-/healthy", "Whether the exporter is alive"),
                .init("/-/ready", "Whether it takes requests"),
            ],
            targets: gatherer.lastOutcomes.map { .init(name: $0.name, outcome: $0.outcome) }
        )
    }
}
