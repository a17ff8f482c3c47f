import Exposition
import Scraping

/// Keys by database, from lines such as `db0:keys=5,expires=1,avg_ttl=9000`.
enum InfoKeyspace {
    private static let keys = entry("redis_db_keys", "Keys in the database", field: "keys")
    private static let expiring = entry(
        "redis_db_keys_expiring", "Keys in the database that have an expiry", field: "expires")
    private static let timeToLive = entry(
        "redis_db_avg_ttl_seconds", "Estimated mean time that keys with an expiry have left, in seconds",
        field: "avg_ttl")
    private static let cached = entry(
        "redis_db_keys_cached", "Keys cached in memory in front of storage", field: "cached_keys", versions: "KeyDB")
    private static let expiringItems = entry(
        "redis_db_keys_with_expiring_items", "Hashes in the database with fields that expire",
        field: "subexpiry or keys_with_volatile_items", versions: "Redis 7.4+, Valkey 9.0+")

    static let metrics = [keys, expiring, timeToLive, cached, expiringItems]

    private static func entry(
        _ name: String, _ meaning: String, field: String, versions: String? = nil
    ) -> CatalogueEntry {
        CatalogueEntry(name, .gauge, meaning, labels: ["db"], source: "INFO db<n>: \(field)", versions: versions)
    }

    /// - Parameter databases: How many there are. The server says nothing of those without keys, which have 0.
    static func families(_ info: Info, databases: Int) -> [MetricFamily] {
        var keys = MetricFamily(keys.descriptor)
        var expiring = MetricFamily(expiring.descriptor)
        var timeToLive = MetricFamily(timeToLive.descriptor)
        var cached = MetricFamily(cached.descriptor)
        var expiringItems = MetricFamily(expiringItems.descriptor)
        var withKeys: Set<Int> = []
        for line in info.lines {
            guard let index = line.field.after("db").flatMap({ Int($0.text) }),
                let count = line.value.number(of: "keys")
            else { continue }
            withKeys.insert(index)
            let labels: Labels = ["db": "db\(index)"]
            keys.append(count, labels)
            if let value = line.value.number(of: "expires") { expiring.append(value, labels) }
            if let value = line.value.number(of: "avg_ttl") { timeToLive.append(value / 1e3, labels) }
            if let value = line.value.number(of: "cached_keys") { cached.append(value, labels) }
            if let value = line.value.number(of: "subexpiry") ?? line.value.number(of: "keys_with_volatile_items") {
                expiringItems.append(value, labels)
            }
        }
        // A server may be set up for any number of databases; nobody looks at a thousand that are empty.
        for index in 0..<min(max(databases, 0), 1000) where !withKeys.contains(index) {
            let labels: Labels = ["db": "db\(index)"]
            keys.append(0, labels)
            expiring.append(0, labels)
        }
        return [keys, expiring, timeToLive, cached, expiringItems]
    }
}
