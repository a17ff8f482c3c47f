import Configuration
import Logging
import NIOCore
import Scraping
import Synchronization
import WebServer

/// Reads the configuration again and puts it in force, all of it or nothing: by SIGHUP, or by `/-/reload`.
final class Reloading: Sendable {
    /// What is in force. Changed by one reload at a time.
    private struct State {
        var settings: Settings
        var targets: ConfiguredTargets
        /// The last reload that was asked for, and whether it has begun to read.
        var last: (task: Task<Lifecycle.Outcome, Never>, hasBegun: Bool)?
        var number = 0
    }

    private let state: Mutex<State>
    private let load: @Sendable () throws(ConfigurationError) -> Settings
    private let group: any EventLoopGroup
    private let gatherer: Gatherer
    private let probing: CurrentProbing
    private let metrics: ReloadMetrics
    private let output: LogOutput
    private let systemd: Systemd?
    private let log: Logger

    /// What is read once at the start, by its flag.
    private static let fixed: [(flag: String, isSame: @Sendable (WebSettings, WebSettings) -> Bool)] = [
        ("web.listen-address", { $0.addresses == $1.addresses }),
        ("web.telemetry-path", { $0.telemetryPath == $1.telemetryPath }),
        ("web.config.file", { $0.configurationFile == $1.configurationFile }),
        ("web.unix-socket-mode", { $0.socketMode == $1.socketMode }),
        ("web.enable-lifecycle", { $0.enablesLifecycle == $1.enablesLifecycle }),
        ("scrape.timeout-offset", { $0.timeoutOffset == $1.timeoutOffset }),
    ]

    /// - Parameters:
    ///   - settings: Those in force.
    ///   - targets: The gatherer's.
    ///   - load: Reads the settings anew.
    init(
        _ settings: Settings, targets: ConfiguredTargets, of gatherer: Gatherer, probing: CurrentProbing,
        metrics: ReloadMetrics, group: any EventLoopGroup, output: LogOutput, systemd: Systemd?,
        load: @escaping @Sendable () throws(ConfigurationError) -> Settings
    ) {
        state = Mutex(State(settings: settings, targets: targets))
        self.load = load
        self.group = group
        self.gatherer = gatherer
        self.probing = probing
        self.metrics = metrics
        self.output = output
        self.systemd = systemd
        log = output.logger()
    }

    /// The settings in force.
    var settings: Settings { state.withLock { $0.settings } }

    /// Reads the settings after whoever does so at this moment, and returns when they are in force or refused. Those who ask
    /// while one waits share its outcome, which is that of files as they are later.
    func reload() async -> Lifecycle.Outcome {
        let task = state.withLock { state in
            if let waiting = state.last, !waiting.hasBegun { return waiting.task }
            let before = state.last?.task
            state.number += 1
            let number = state.number
            let task = Task {
                _ = await before?.value
                self.state.withLock { if $0.number == number { $0.last?.hasBegun = true } }
                return await self.perform()
            }
            state.last = (task, false)
            return task
        }
        return await task.value
    }

    private func perform() async -> Lifecycle.Outcome {
        systemd?.isReloading()
        defer { systemd?.isReady(Serving.summary(of: state.withLock { $0.targets })) }
        let (former, formerTargets) = state.withLock { ($0.settings, $0.targets) }
        let settings: Settings
        let targets: ConfiguredTargets
        do {
            settings = try load()
            targets = try ConfiguredTargets(settings, after: formerTargets, group: group)
        } catch {
            metrics.fail()
            log.error("not reloaded, everything goes on as before", metadata: ["error": "\(error)"])
            return .refused("\(error)")
        }
        // What cannot change is what is in force, and is named at the next reload too.
        var inForce = settings
        inForce.web = former.web
        state.withLock { [inForce] state in
            state.settings = inForce
            state.targets = targets
        }
        output.change(to: settings)
        await gatherer.replaceTargets(targets.targets, limits: settings.limits)
        await probing.change(to: Probing(inForce, gatherer: gatherer, group: group, log: log))
        metrics.succeed()
        let needRestart = Self.fixed.filter { !$0.isSame(former.web, settings.web) }.map(\.flag)
        var metadata = Serving.metadata(of: targets)
        if !needRestart.isEmpty {
            metadata["needs_restart"] = "\(needRestart.map { "--\($0)" }.joined(separator: ","))"
        }
        for warning in settings.warnings where !former.warnings.contains(warning) { log.warning("\(warning)") }
        log.info("reloaded", metadata: metadata)
        return .reloaded(needRestart: needRestart)
    }
}
