import CLinux
import Configuration
import Containers
import Exposition
import Glibc
import Logging
import NIOPosix
import Scraping
import UnixSignals
import WebServer

/// `stack-exporter serve`: answers scrapes until SIGTERM or SIGINT.
enum Serving {
    /// - Parameters:
    ///   - output: Where the log goes.
    ///   - systemd: Who wants to be told how it is doing.
    ///   - load: Reads the settings anew, for a reload.
    /// - Throws: Where an address cannot be listened on or a configured directory holds no cgroups.
    static func run(
        _ settings: Settings, output: LogOutput, systemd: Systemd?,
        load: @escaping @Sendable () throws(ConfigurationError) -> Settings
    ) async throws {
        let start = ContinuousClock.now
        let log = output.logger()
        DescriptorLimit.raise()
        // One thread does for all connections: answers are made elsewhere.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let http = HTTPMetrics(showsScrapeErrors: settings.scrapesRedis)
        let reloads = ReloadMetrics()
        let history = StatusHistory()
        let targets = try ConfiguredTargets(settings, group: group)
        let gatherer = Gatherer(
            targets: targets.targets, limits: settings.limits,
            selfMetrics: [BuildInformation(), reloads, ProcessMetrics(), http], observer: history, log: log)
        let onDemand = ScrapeOnDemand(gatherer, history: history)
        let probing = CurrentProbing(Probing(settings, gatherer: gatherer, group: group, log: log))
        let reloading = Reloading(
            settings, targets: targets, of: gatherer, probing: probing, metrics: reloads, group: group, output: output,
            systemd: systemd, load: load)
        let server = WebServer(
            settings.web, gatherer: gatherer, metrics: http,
            status: {
                await onDemand.refresh()
                return status(of: gatherer, history, since: start, settings)
            },
            probe: probing.answer,
            routes: Health.routes(of: gatherer, version: BuildInformation.version, since: start)
                + [Lifecycle.route(isEnabled: settings.web.enablesLifecycle, reload: reloading.reload)],
            group: group, log: log)

        // Before the first answer, so that no signal is missed after it.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        let addresses = try await server.start()
        // Not before: where the start fails, the reason is all that is said.
        log.info("started", metadata: metadata(of: targets, at: addresses))
        clinux_release_startup_pages()
        systemd?.isReady(summary(of: targets))
        if let systemd { Task { await systemd.keepAlive(group.next()) } }
        var shutdown: Task<Void, Never>?
        for await signal in signals {
            guard signal != .sighup else {
                if shutdown == nil { Task { await reloading.reload() } }
                continue
            }
            guard shutdown == nil else {
                log.warning("stopping at once", metadata: ["signal": "\(signal)"])
                exit(1)
            }
            log.info("stopping", metadata: ["signal": "\(signal)"])
            systemd?.isStopping()
            shutdown = Task {
                await server.shutdown(grace: reloading.settings.limits.timeout + .seconds(1))
                await gatherer.shutdown()
                await probing.shutdown()
                exit(0)
            }
        }
    }

    /// What was found, for the log: how many targets there are of each kind, and the kind of cgroup hierarchy.
    static func metadata(of targets: ConfiguredTargets) -> Logger.Metadata {
        var metadata = targets.counts.mapValues { Logger.MetadataValue.string("\($0)") }
        for case let containers as ContainersTarget in targets.targets {
            metadata["cgroups"] = "\(containers.cgroupMode)"
        }
        return metadata
    }

    private static func metadata(of targets: ConfiguredTargets, at addresses: [ListenAddress]) -> Logger.Metadata {
        metadata(of: targets).merging([
            "version": "\(BuildInformation.version)", "revision": "\(BuildInformation.revision)",
            "address": "\(addresses.map(\.description).joined(separator: ","))",
        ]) { $1 }
    }

    /// `serving 2 postgres, 1 redis`
    static func summary(of targets: ConfiguredTargets) -> String {
        "serving " + targets.counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
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
