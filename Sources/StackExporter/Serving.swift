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
        let history = StatusHistory()
        let gatherer = try makeGatherer(
            settings, group: group, selfMetrics: [BuildInformation(), process, http], observer: history, log: log)
        let onDemand = ScrapeOnDemand(gatherer, history: history)
        let probing = Probing(settings, gatherer: gatherer, group: group, log: log)
        let server = WebServer(
            settings.web, gatherer: gatherer, metrics: http,
            status: {
                await onDemand.refresh()
                return status(of: gatherer, history, since: start, settings)
            },
            probe: probing.answer, group: group, log: log)

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

    /// Lets this process open as many files as its user may: some are kept open for each container. The limit starts low
    /// for the sake of programs that use `select`, which cannot do with more than 1,024.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(resource, &limit)
    }

    private static func status(
        of gatherer: Gatherer, _ history: StatusHistory, since start: ContinuousClock.Instant, _ settings: Settings
    ) -> StatusPage {
        StatusPage(
            version: BuildInformation.version,
            revision: BuildInformation.revision,
            uptime: start.duration(to: .now),
            links: [
                .init(settings.web.telemetryPath, "Metrics"),
                .init("/targets", "Targets for Prometheus"),
                .init("/health", "Health"),
                .init("/-/ready", "Ready"),
            ],
            targets: gatherer.targets, history: history)
    }
}
