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

/// The targets that there are, each with what is configured of it.
struct ConfiguredTargets: Sendable {
    private let members: [(settings: TargetSettings, target: any Target)]

    /// In the order in which their samples stand within a family.
    var targets: [any Target] { members.map(\.target) }

    /// - Parameter former: Those that there were; a target whose settings are the same stays.
    /// - Throws: Where a configured directory holds no cgroups.
    init(_ settings: Settings, after former: ConfiguredTargets? = nil, group: any EventLoopGroup) throws {
        members = try settings.targets.compactMap { settings in
            if let kept = former?.members.first(where: { $0.settings == settings }) { return kept }
            return try settings.makeTarget(group: group).map { (settings, $0) }
        }
    }

    /// `["postgres": 2, "redis": 1]`
    var counts: [String: Int] { targets.reduce(into: [:]) { $0[type(of: $1).kind, default: 0] += 1 } }
}

/// Makes a gatherer of everything that is configured.
///
/// - Throws: Where a configured directory holds no cgroups.
func makeGatherer(
    _ settings: Settings, group: any EventLoopGroup, selfMetrics: [any SelfMetrics] = [], log: Logger
) throws -> Gatherer {
    Gatherer(
        targets: try ConfiguredTargets(settings, group: group).targets, limits: settings.limits,
        selfMetrics: selfMetrics, log: log)
}
