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
    /// The PostgreSQL servers to scrape.
    public var postgres: [PostgresSettings] {
        targets.compactMap { if case .postgres(let server, _) = $0 { server } else { nil } }
    }

    /// The PgBouncers to scrape.
    public var pgbouncer: [PostgresSettings] {
        targets.compactMap { if case .pgbouncer(let pooler, _) = $0 { pooler } else { nil } }
    }

    /// The Redis servers to scrape.
    public var redis: [RedisSettings] { redisTargets.map(\.server) }

    /// The Redis servers to scrape, each with its collectors.
    var redisTargets: [(server: RedisSettings, collectors: CollectorSelection)] {
        targets.compactMap { if case .redis(let server, let collectors) = $0 { (server, collectors) } else { nil } }
    }
}
