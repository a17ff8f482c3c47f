public import Containers
public import Postgres
public import Redis
public import Scraping

/// A target with all that is configured of it. Two that are equal are scraped alike, so that a reload of the configuration
/// leaves the one alone that is there.
public enum TargetSettings: Sendable, Equatable {
    /// A PostgreSQL server.
    case postgres(PostgresSettings, PostgresOptions)
    /// A PgBouncer, of whose options the collectors and the legacy names count.
    case pgbouncer(PostgresSettings, PostgresOptions)
    /// A Redis server.
    case redis(RedisSettings, CollectorSelection)
    /// The containers of this host.
    case containers(ContainersTarget.Settings, CollectorSelection)
    /// The host itself.
    case host(HostTarget.Settings, procfs: String, CollectorSelection)
}

extension Settings {
    /// All targets, in the order in which their samples stand within a family.
    public var targets: [TargetSettings] {
        postgres.map { .postgres($0, postgresOptions) } + pgbouncer.map { .pgbouncer($0, postgresOptions) }
            + redis.map { .redis($0, collectors) } + [
                .containers(containers, collectors), .host(host, procfs: containers.procfs, collectors),
            ]
    }
}
