import Configuration
import Logging
import Postgres
import Scraping
import WebServer

/// Answers `/probe`: with a configured target's page by its name, or with that of a PostgreSQL server by its address.
struct Probing {
    private let settings: Settings
    private let gatherer: Gatherer
    private let targets: ProbedTargets

    init(_ settings: Settings, gatherer: Gatherer, log: Logger) {
        self.settings = settings
        self.gatherer = gatherer
        targets = ProbedTargets(limits: settings.limits, log: log)
    }

    func answer(_ probe: Probe, within timeout: Duration?) async throws(ProbeRefusal) -> Page {
        if let page = await gatherer.page(of: probe.target, within: timeout) {
            guard probe.module == nil else {
                throw ProbeRefusal(.malformed, "A configured target has its own login and takes no auth_module.")
            }
            return page
        }
        let server: PostgresSettings
        do {
            server = try settings.probed(probe.target, module: probe.module)
        } catch {
            // A bare word may be a host, but is more often a name that is misspelt.
            let isWord = !probe.target.contains { ":/=.".contains($0) }
            guard isWord, error.reason == .forbidden else { throw error }
            throw ProbeRefusal(.unknown, "No target of this name is configured; those that are stand at /.")
        }
        // Neither has a control character in it.
        return await targets.page(of: "\(probe.target)\n\(probe.module ?? "")", within: timeout) {
            PostgresTarget(server, options: settings.postgresOptions)
        }
    }

    func shutdown() async {
        await targets.shutdown()
    }
}
