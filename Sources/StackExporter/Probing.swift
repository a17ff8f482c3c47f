import Configuration
import Logging
import NIOCore
import Postgres
import Redis
import Scraping
import WebServer

/// Answers `/probe` and `/scrape`: with a configured target's page by its name, or with that of a PostgreSQL or Redis server
/// by its address.
struct Probing {
    private let settings: Settings
    private let gatherer: Gatherer
    private let targets: ProbedTargets
    private let group: any EventLoopGroup

    init(_ settings: Settings, gatherer: Gatherer, group: any EventLoopGroup, log: Logger) {
        self.settings = settings
        self.gatherer = gatherer
        self.group = group
        targets = ProbedTargets(limits: settings.limits, log: log)
    }

    func answer(_ probe: Probe, within timeout: Duration?) async throws(ProbeRefusal) -> Page {
        let isOfRedis = probe.path == .scrape || Settings.namesRedis(probe.target)
        // By its name, whatever it is; of a Redis server the request may say more.
        if !isOfRedis || !settings.redis.contains(where: { $0.name == probe.target }),
            let page = await gatherer.page(of: probe.target, within: timeout)
        {
            guard probe.module == nil else { throw Self.noModule }
            return page
        }
        return isOfRedis ? try await redis(probe, within: timeout) : try await postgres(probe, within: timeout)
    }

    private func redis(_ probe: Probe, within timeout: Duration?) async throws(ProbeRefusal) -> Page {
        guard probe.module == nil else { throw Self.noModule }
        let asked = try settings.probedRedis(
            probe.target, parameters: probe.parameters, discovered: gatherer.discovered)
        if asked.isConfigured, let page = await gatherer.page(of: asked.server.name, within: timeout) { return page }
        return await targets.page(of: asked.key, within: timeout) {
            RedisTarget(asked.server, collectors: asked.collectors, group: group)
        }
    }

    private func postgres(_ probe: Probe, within timeout: Duration?) async throws(ProbeRefusal) -> Page {
        let server: PostgresSettings
        do {
            server = try settings.probed(probe.target, module: probe.module)
        } catch {
            // A bare word may be a host, but is more often a name that is misspelt.
            let isWord = !probe.target.contains { ":/=.".contains($0) }
            guard isWord, error.reason == .forbidden else { throw error }
            throw .unknownTarget
        }
        // Neither has a control character in it.
        return await targets.page(of: "\(probe.target)\n\(probe.module ?? "")", within: timeout) {
            PostgresTarget(server, options: settings.postgresOptions)
        }
    }

    private static let noModule = ProbeRefusal(
        .malformed, "A configured target and a Redis server have their own login and take no auth_module.")

    func shutdown() async {
        await targets.shutdown()
    }
}
