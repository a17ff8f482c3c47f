import Exposition
import Lab
import NIOPosix
import Scraping
import Testing

@testable import Redis

struct RedisPresentationTests {
    private let families = [
        MetricFamily(MetricDescriptor("redis_memory_used_bytes", .gauge, "Bytes."), 5),
        MetricFamily(MetricDescriptor("redis_db_keys", .gauge, "Keys."), 2, ["db": "db0"]),
        MetricFamily(MetricDescriptor("celery_queue_length", .gauge, "Jobs."), 3, ["queue_name": "a"]),
        MetricFamily(MetricDescriptor("redis_exporter_last_scrape_connect_time_seconds", .gauge, "Seconds."), 1),
        MetricFamily(MetricDescriptor("redis_exporter_last_scrape_ping_time_seconds", .gauge, "Seconds."), 1),
    ]

    private func series(_ role: String? = nil, _ change: (inout RedisServerOptions) -> Void) -> Set<String> {
        var options = RedisServerOptions()
        change(&options)
        return Set(RedisPresentation(options).apply(to: families, role: role).series.keys)
    }

    @Test func asTheyAre() {
        #expect(series("master") { _ in } == Set(families.series.keys))
    }

    @Test func anotherNamespace() {
        #expect(
            series { $0.namespace = "cache" } == [
                "cache_memory_used_bytes", "cache_db_keys{db=\"db0\"}", "celery_queue_length{queue_name=\"a\"}",
                "cache_exporter_last_scrape_connect_time_seconds", "cache_exporter_last_scrape_ping_time_seconds",
            ])
        #expect(series { $0.namespace = "" }.isSuperset(of: ["memory_used_bytes", "db_keys{db=\"db0\"}"]))
    }

    @Test func theRoleAsALabel() {
        #expect(
            series("slave") { $0.hasRoleLabel = true } == [
                "redis_memory_used_bytes{instance_role=\"slave\"}",
                "redis_db_keys{db=\"db0\",instance_role=\"slave\"}", "celery_queue_length{queue_name=\"a\"}",
                "redis_exporter_last_scrape_connect_time_seconds", "redis_exporter_last_scrape_ping_time_seconds",
            ])
        #expect(series(nil) { $0.hasRoleLabel = true } == Set(families.series.keys))
    }

    @Test func theRestOfAFamilyStays() {
        var options = RedisServerOptions()
        options.namespace = "cache"
        let family = RedisPresentation(options).apply(to: families, role: nil)[0]
        #expect(family.descriptor == MetricDescriptor("cache_memory_used_bytes", .gauge, "Bytes."))
    }
}

@Suite(.startsServers, .timeLimit(.minutes(15))) struct RedisPresentationServerTests {
    @Test func allFamiliesOfATarget() async throws {
        let master = try await RedisServer()
        let replica = try await RedisServer("--replicaof", "127.0.0.1", "\(master.port)")
        for (server, role) in [(master, "master"), (replica, "slave")] {
            var settings = RedisSettings(name: "test", address: .tcp(host: "127.0.0.1", port: server.port))
            settings.options.namespace = "cache"
            settings.options.hasRoleLabel = true
            settings.queues.celery.names = ["celery"]
            let target = RedisTarget(settings, group: MultiThreadedEventLoopGroup.singleton)
            let scraped = await Scraped(target)
            #expect(scraped.series["cache_up{instance_role=\"\(role)\"}"] == 1)
            #expect(scraped.series["cache_exporter_scrapes_total"] == 1)
            #expect(scraped.series["cache_connected_clients{instance_role=\"\(role)\"}"] != nil)
            #expect(scraped.series["celery_queue_length{queue_name=\"celery\"}"] == 0)
            #expect(!scraped.families.contains { $0.descriptor.name.hasPrefix("redis_") })
            // What it was is not what it is.
            if role == "master" {
                try await server.stop()
                let failed = await Scraped(target).series
                #expect(failed["cache_up"] == 0)
                #expect(!failed.keys.contains { $0.contains("instance_role") })
            }
            await target.shutdown()
        }
    }
}
