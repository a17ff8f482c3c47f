import Configuration
import Containers
import Logging
import NIOCore
import Postgres
import Redis
import Scraping

extension TargetSettings {
    /// The target, without connecting yet.
    ///
    /// - Returns: `nil` where there is nothing to look at: cgroups that this host does not have.
    /// - Throws: Where a configured directory holds no cgroups.
    func makeTarget(group: any EventLoopGroup) throws -> (any Target)? {
        switch self {
        case .postgres(let server, let options): PostgresTarget(server, options: options)
        case .pgbouncer(let pooler, let options):
            PgBouncerTarget(pooler, collectors: options.collectors, hasLegacyNames: options.hasLegacyNames)
        case .redis(let server, let collectors): RedisTarget(server, collectors: collectors, group: group)
        case .containers(let settings, let collectors):
            try ContainersTarget(settings, collectors: collectors, group: group)
        case .host(let settings, let procfs, let collectors):
            HostTarget(settings, procfs: procfs, collectors: collectors)
        }
    }
}

/// Makes a gatherer of everything that is configured.
///
/// - Throws: Where a configured directory holds no cgroups.
func makeGatherer(
    _ settings: Settings, group: any EventLoopGroup, selfMetrics: [any SelfMetrics] = [],
    observer: (any ScrapeObserver)? = nil, log: Logger
) throws -> Gatherer {
    Gatherer(
        targets: try settings.targets.compactMap { try $0.makeTarget(group: group) }, limits: settings.limits,
        selfMetrics: selfMetrics, observer: observer, log: log)
}
