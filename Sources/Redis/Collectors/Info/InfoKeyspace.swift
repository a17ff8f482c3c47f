import Exposition

/// Keys by database, from lines such as `db0:keys=5,expires=1,avg_ttl=9000`.
enum InfoKeyspace {
    private static let keys = MetricDescriptor("redis_db_keys", .gauge, "Keys in the database (INFO db<n>: keys).")
    private static let expiring = MetricDescriptor(
        "redis_db_keys_expiring", .gauge, "Keys in the database that have an expiry (INFO db<n>: expires).")
    private static let timeToLive = MetricDescriptor(
        "redis_db_avg_ttl_seconds", .gauge,
        "Estimated mean time that keys with an expiry have left, in seconds (INFO db<n>: avg_ttl).")
    private static let cached = MetricDescriptor(
        "redis_db_keys_cached", .gauge, "Keys cached in memory in front of storage (KeyDB, INFO db<n>: cached_keys).")
    private static let expiringItems = MetricDescriptor(
        "redis_db_keys_with_expiring_items", .gauge,
        "Hashes in the database with fields that expire (INFO db<n>: subexpiry; Valkey: keys_with_volatile_items).")

    /// - Parameter databases: How many there are. The server says nothing of those without keys, which have 0.
    static func families(_ info: Info, databases: Int) -> [MetricFamily] {
        var keys = MetricFamily(keys)
        var expiring = MetricFamily(expiring)
        var timeToLive = MetricFamily(timeToLive)
        var cached = MetricFamily(cached)
        var expiringItems = MetricFamily(expiringItems)
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
