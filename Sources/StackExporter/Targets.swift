import Configuration
import Containers
import Logging
import NIOCore
import Postgres
import Redis
import Scraping

/// Makes a gatherer of everything that is configured.
///
/// - Throws: Where a configured directory holds no cgroups.
func makeGatherer(
    _ settings: Settings, group: any EventLoopGroup, selfMetrics: [any SelfMetrics] = [], log: Logger
) throws -> Gatherer {
    var targets: [any Target] = settings.postgres.map { PostgresTarget($0, options: settings.postgresOptions) }
    targets += settings.pgbouncer.map {
        PgBouncerTarget(
            $0, collectors: settings.collectors, hasLegacyNames: settings.postgresOptions.hasLegacyNames)
    }
    targets += settings.redis.map { RedisTarget($0, collectors: settings.collectors, group: group) }
    if let containers = try ContainersTarget(settings.containers, collectors: settings.collectors, group: group) {
        targets.append(containers)
    }
    if let host = HostTarget(
        settings.host, procfs: settings.containers.procfs, collectors: settings.collectors)
    {
        targets.append(host)
    }
    return Gatherer(targets: targets, limits: settings.limits, selfMetrics: selfMetrics, log: log)
}
