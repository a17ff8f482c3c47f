import Exposition
import Glibc
import Scraping

/// What the server is and since when it runs.
enum InfoInstance {
    /// Labels that are always there, empty where the server does not say.
    private static let fields: [StaticString] = [
        "role", "redis_version", "redis_build_id", "redis_mode", "os", "maxmemory_policy", "tcp_port", "run_id",
        "process_id", "master_replid",
    ]
    /// Labels of Valkey alone.
    private static let valkeyFields: [StaticString] = ["valkey_version", "valkey_release_stage"]

    private static let info = CatalogueEntry(
        "redis_instance_info", .gauge, "Always 1; what the server is, in its labels",
        labels: (fields + valkeyFields).map(\.description), source: "INFO fields of the same names")
    private static let startTime = CatalogueEntry(
        "redis_start_time_seconds", .gauge, "When the server was started, in seconds since 1970",
        source: "INFO server_time_usec less uptime_in_seconds")

    static let metrics = [info, startTime]

    static func families(_ info: Info) -> [MetricFamily] {
        var labels = fields.map { ($0.description, info[$0]?.text ?? "") }
        for field in valkeyFields {
            if let value = info[field] { labels.append((field.description, value.text)) }
        }
        var families = [MetricFamily(self.info.descriptor, 1, Labels(labels))]
        if let uptime = info["uptime_in_seconds"]?.number {
            families.append(MetricFamily(startTime.descriptor, now(info) - uptime))
        }
        return families
    }

    /// Whole seconds on the server's clock: the start would seem to move if it were reckoned by another one. Servers
    /// before Redis 6.2 do not tell their time; ours must do then.
    static func now(_ info: Info) -> Double {
        info["server_time_usec"]?.number.map { ($0 / 1e6).rounded(.down) } ?? Double(time(nil))
    }
}
