import Exposition

/// What people look for first, by the names that it has on the page of metrics. What a target does not deliver is not
/// shown.
extension KindOfTarget {
    static let all = [postgres, pgbouncer, redis, containers, host]

    /// A kind that is not in the table has no figures.
    static func of(_ kind: String) -> KindOfTarget {
        all.first { $0.kind == kind } ?? KindOfTarget(kind: kind, title: kind)
    }

    private static let postgres = KindOfTarget(
        kind: "postgres", title: "PostgreSQL",
        figures: [
            Figure(
                "Connections", .value(Selection("pg_stat_activity_count")),
                of: .value(Selection("pg_settings_max_connections")), by: ("pg_stat_activity_count", "state"),
                charted: true),
            Figure(
                "Cache hit ratio",
                .share(
                    .growth(Selection("pg_stat_database_blks_hit")),
                    of: .sum(
                        .growth(Selection("pg_stat_database_blks_hit")),
                        .growth(Selection("pg_stat_database_blks_read")))),
                .ratio, charted: true),
            Figure(
                "Transactions",
                .sum(
                    .growth(Selection("pg_stat_database_xact_commit")),
                    .growth(Selection("pg_stat_database_xact_rollback"))),
                .perSecond, charted: true),
            Figure(
                "Longest query", .value(Selection("pg_longest_query_seconds", together: .greatest)), .seconds,
                charted: true),
            Figure(
                "Oldest transaction", .value(Selection("pg_oldest_transaction_seconds", together: .greatest)), .seconds),
            Figure("Blocked sessions", .value(Selection("pg_blocked_sessions")), troubleAbove: 0),
            Figure(
                "Idle in transaction, longest",
                .value(Selection("pg_idle_in_transaction_longest_seconds", together: .greatest)), .seconds,
                troubleAbove: 1),
            Figure(
                "Statements slower than 0.1 s", .value(Selection("pg_slow_statements", where: "threshold", is: "0.1"))),
            Figure("Statements slower than 1 s", .value(Selection("pg_slow_statements", where: "threshold", is: "1"))),
            Figure("Replication lag", .value(Selection("pg_replication_lag_seconds")), .seconds, troubleAbove: 0),
            Figure("Size of all databases", .value(Selection("pg_database_size_bytes")), .bytes),
        ])

    private static let pgbouncer = KindOfTarget(
        kind: "pgbouncer", title: "PgBouncer",
        figures: [
            Figure(
                "Clients", .value(Selection("pgbouncer_used_clients")),
                of: .value(Selection("pgbouncer_config_max_client_connections")), charted: true),
            Figure(
                "Clients waiting", .value(Selection("pgbouncer_pools_client_waiting_connections")), charted: true),
            Figure(
                "Longest wait", .value(Selection("pgbouncer_pools_client_maxwait_seconds", together: .greatest)),
                .seconds),
            Figure("Servers in use", .value(Selection("pgbouncer_pools_server_active_connections"))),
            Figure("Statements", .growth(Selection("pgbouncer_stats_totals_queries_pooled_total")), .perSecond),
        ])

    private static let redis = KindOfTarget(
        kind: "redis", title: "Redis",
        figures: [
            Figure("Hit ratio", .value(Selection("redis_keyspace_hit_ratio")), .ratio, charted: true),
            Figure(
                "Memory", .value(Selection("redis_memory_used_bytes")), .bytes,
                of: .value(Selection("redis_memory_max_bytes")), charted: true),
            Figure("Operations", .growth(Selection("redis_commands_processed_total")), .perSecond, charted: true),
            Figure(
                "Clients", .value(Selection("redis_connected_clients")), of: .value(Selection("redis_max_clients")),
                charted: true),
            Figure("Keys", .value(Selection("redis_db_keys"))),
            Figure("Blocked clients", .value(Selection("redis_blocked_clients")), troubleAbove: 0),
            Figure("Evictions", .growth(Selection("redis_evicted_keys_total")), .perSecond, troubleAbove: 0),
            Figure(
                "Connections refused", .growth(Selection("redis_rejected_connections_total")), .perSecond,
                troubleAbove: 0
            ),
        ],
        rankings: [
            Ranking(
                title: "Queues", heading: "Queue", by: Selection("queue_depth", where: "state", is: "waiting"),
                keys: ["queue", "system"],
                name: { .init(name: $0["queue"] ?? "", place: $0["system"] ?? "") },
                count: 10,
                columns: [
                    Figure("Waiting", .value(Selection("queue_depth", where: "state", is: "waiting")), charted: true),
                    Figure(
                        "Oldest",
                        .value(
                            Selection(
                                "queue_oldest_age_seconds", where: "kind", is: "exact", "event", "observed",
                                together: .greatest)), .seconds),
                    Figure("taken, not done", .value(Selection("queue_unacked")), troubleAbove: 0),
                    Figure("failed", .value(Selection("queue_depth", where: "state", is: "failed")), troubleAbove: 0),
                    Figure("overdue", .value(Selection("queue_overdue")), troubleAbove: 0),
                ])
        ])

    private static let containers = KindOfTarget(
        kind: "containers", title: "Containers",
        rankings: [
            Ranking(
                title: "By memory", heading: "Container", by: Selection("container_memory_working_set_bytes"),
                keys: nil, importance: containerImportance, name: containerName, count: 12,
                columns: [
                    Figure(
                        "Memory", .value(Selection("container_memory_working_set_bytes")), .bytes,
                        of: .value(Selection("container_memory_limit_effective_bytes")), charted: true),
                    Figure(
                        "CPU", .growth(Selection("container_cpu_usage_seconds_total", where: "cpu", is: "total")),
                        .cores, of: .value(Selection("container_cpu_limit_effective_cores")), charted: true),
                    Figure(
                        "of its time throttled",
                        .share(
                            .growth(Selection("container_cpu_cfs_throttled_periods_total")),
                            of: .growth(Selection("container_cpu_cfs_periods_total"))), .ratio, troubleAbove: 0),
                    Figure("restarts", .value(Selection("container_restarts_total")), troubleAbove: 0),
                    Figure(
                        "killed for lack of memory", .value(Selection("container_oom_events_total")), troubleAbove: 0),
                ])
        ])

    /// Containers, which have names; where there are none, cgroups, but not the one that holds all.
    @Sendable private static func containerImportance(_ labels: Labels) -> Ranking.Importance {
        if labels["name"] != nil { return .preferred }
        return labels["id"] == "/" ? .none : .other
    }

    @Sendable private static func containerName(_ labels: Labels) -> Ranking.RowName {
        let place = [labels["namespace"], labels["pod"]].compactMap(\.self).joined(separator: "/")
        return .init(name: labels["container"] ?? labels["name"] ?? labels["id"] ?? "", place: place)
    }

    private static let cores = Selection("node_cpu_seconds_total", where: "mode", is: "idle", together: .count)

    // As df counts: what is kept for root alone is neither used nor to be had.
    private static let usedOfDisk = Reading.difference(
        .value(Selection("node_filesystem_size_bytes")), .value(Selection("node_filesystem_free_bytes")))
    private static let availableOnDisk = Reading.value(Selection("node_filesystem_avail_bytes"))

    private static let host = KindOfTarget(
        kind: "host", title: "Host",
        figures: [
            Figure(
                "CPU",
                .growth(
                    Selection(
                        "node_cpu_seconds_total", where: "mode", is: "user", "nice", "system", "irq", "softirq", "steal"
                    )
                ), .cores, of: .value(cores), charted: true),
            Figure("Load, 1 min", .value(Selection("node_load1")), charted: true),
            Figure("Load, 15 min", .value(Selection("node_load15"))),
            Figure(
                "Memory",
                .difference(
                    .value(Selection("node_memory_MemTotal_bytes")), .value(Selection("node_memory_MemAvailable_bytes"))
                ),
                .bytes, of: .value(Selection("node_memory_MemTotal_bytes")), charted: true),
            Figure(
                "Swap",
                .difference(
                    .value(Selection("node_memory_SwapTotal_bytes")), .value(Selection("node_memory_SwapFree_bytes"))),
                .bytes, of: .value(Selection("node_memory_SwapTotal_bytes")), troubleAbove: 0),
        ],
        rankings: [
            Ranking(
                title: "File systems over 80 %", heading: "Mounted at", by: Selection("node_filesystem_size_bytes"),
                keys: nil,
                name: { .init(name: $0["mountpoint"] ?? "", place: $0["device"] ?? "") },
                count: 12, minimumShare: 0.8, otherwise: "No file system is more than 80 % full.",
                columns: [Figure("Used", usedOfDisk, .bytes, of: .sum(usedOfDisk, availableOnDisk))])
        ])
}
