import Configuration
import Containers
import Postgres
import Redis
import Scraping
import WebServer

extension Catalogue {
    /// Everything that this program can serve.
    static var all: Catalogue {
        let targets: [any Target.Type] = [
            PostgresTarget.self, PgBouncerTarget.self, RedisTarget.self, ContainersTarget.self, HostTarget.self,
        ]
        let parts: [any SelfMetrics.Type] = [
            BuildInformation.self, ReloadMetrics.self, ProcessMetrics.self, HTTPMetrics.self,
        ]
        return Catalogue(
            collectors: CollectorSelection.catalogue,
            own: targets.flatMap { $0.statusMetrics } + Gatherer.metrics + parts.flatMap { $0.metrics })
    }
}
