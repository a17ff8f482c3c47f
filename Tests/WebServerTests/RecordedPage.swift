import Exposition

/// What the exporter served of PostgreSQL 15, Redis 7.0, one container and their host, of the families that the status
/// page reads: two pages, fifteen seconds apart.
enum RecordedPage {
    static let first = families(
        #"""
        container_cpu_limit_effective_cores{id="/"} 2
        container_cpu_limit_effective_cores{id="/process_api"} 2
        container_cpu_limit_effective_cores{id="/sidecar"} 2
        container_cpu_limit_effective_cores{id="/sidecar/docker/077785466e7c",name="077785466e7c"} 2
        container_cpu_usage_seconds_total{cpu="total",id="/"} 34663.399913303
        container_cpu_usage_seconds_total{cpu="total",id="/sidecar"} 274.035565725
        container_cpu_usage_seconds_total{cpu="total",id="/sidecar/docker/077785466e7c",name="077785466e7c"} 266.039761817
        container_memory_limit_effective_bytes{id="/"} 25276530688
        container_memory_limit_effective_bytes{id="/process_api"} 25276530688
        container_memory_limit_effective_bytes{id="/sidecar"} 25276530688
        container_memory_limit_effective_bytes{id="/sidecar/docker/077785466e7c",name="077785466e7c"} 25276530688
        container_memory_working_set_bytes{id="/"} 6145728512
        container_memory_working_set_bytes{id="/process_api"} 6577721344
        container_memory_working_set_bytes{id="/sidecar"} 678752256
        container_memory_working_set_bytes{id="/sidecar/docker/077785466e7c",name="077785466e7c"} 641359872
        container_oom_events_total{id="/"} 0
        container_oom_events_total{id="/process_api"} 0
        container_oom_events_total{id="/sidecar"} 0
        container_oom_events_total{id="/sidecar/docker/077785466e7c",name="077785466e7c"} 0
        node_cpu_seconds_total{cpu="0",mode="user"} 13775.44
        node_cpu_seconds_total{cpu="0",mode="nice"} 540.52
        node_cpu_seconds_total{cpu="0",mode="system"} 2064.98
        node_cpu_seconds_total{cpu="0",mode="idle"} 8136.21
        node_cpu_seconds_total{cpu="0",mode="iowait"} 43.21
        node_cpu_seconds_total{cpu="0",mode="irq"} 0
        node_cpu_seconds_total{cpu="0",mode="softirq"} 10.89
        node_cpu_seconds_total{cpu="0",mode="steal"} 37.75
        node_cpu_seconds_total{cpu="1",mode="user"} 14475.41
        node_cpu_seconds_total{cpu="1",mode="nice"} 1287.7
        node_cpu_seconds_total{cpu="1",mode="system"} 2344.62
        node_cpu_seconds_total{cpu="1",mode="idle"} 6358.76
        node_cpu_seconds_total{cpu="1",mode="iowait"} 75.84
        node_cpu_seconds_total{cpu="1",mode="irq"} 0
        node_cpu_seconds_total{cpu="1",mode="softirq"} 48.91
        node_cpu_seconds_total{cpu="1",mode="steal"} 38.28
        node_filesystem_avail_bytes{device="/dev/vda",fstype="ext4",mountpoint="/"} 66880512000
        node_filesystem_free_bytes{device="/dev/vda",fstype="ext4",mountpoint="/"} 235990499328
        node_filesystem_size_bytes{device="/dev/vda",fstype="ext4",mountpoint="/"} 270553174016
        node_load1 15.84
        node_load15 5.54
        node_memory_MemAvailable_bytes 22131163136
        node_memory_MemTotal_bytes 25276530688
        node_memory_SwapFree_bytes 0
        node_memory_SwapTotal_bytes 0
        pg_blocked_sessions{datname="postgres"} 0
        pg_blocked_sessions{datname="shop"} 0
        pg_database_size_bytes{datname="postgres"} 7683431
        pg_database_size_bytes{datname="shop"} 23510375
        pg_idle_in_transaction_longest_seconds{datname="postgres"} 0
        pg_idle_in_transaction_longest_seconds{datname="shop"} 0
        pg_longest_query_seconds{datname="postgres"} 0
        pg_longest_query_seconds{datname="shop"} 0
        pg_oldest_transaction_seconds{datname="postgres"} 0
        pg_oldest_transaction_seconds{datname="shop"} 0
        pg_replication_lag_seconds 0
        pg_settings_max_connections 100
        pg_slow_statements{datname="postgres",threshold="0.1"} 0
        pg_slow_statements{datname="postgres",threshold="0.5"} 0
        pg_slow_statements{datname="postgres",threshold="1"} 0
        pg_slow_statements{datname="shop",threshold="0.1"} 0
        pg_slow_statements{datname="shop",threshold="0.5"} 0
        pg_slow_statements{datname="shop",threshold="1"} 0
        pg_stat_activity_count{datname="shop",state="idle"} 1
        pg_stat_database_blks_hit{datid="5",datname="postgres"} 10019
        pg_stat_database_blks_hit{datid="16417",datname="shop"} 37362
        pg_stat_database_blks_read{datid="5",datname="postgres"} 388
        pg_stat_database_blks_read{datid="16417",datname="shop"} 5868
        pg_stat_database_xact_commit{datid="5",datname="postgres"} 166
        pg_stat_database_xact_commit{datid="16417",datname="shop"} 953
        pg_stat_database_xact_rollback{datid="5",datname="postgres"} 0
        pg_stat_database_xact_rollback{datid="16417",datname="shop"} 0
        queue_depth{queue="celery",state="waiting",system="celery"} 26
        queue_oldest_age_seconds{kind="exact",queue="celery",system="celery"} 13.91323709487915
        queue_overdue{queue="(all)",system="celery"} 0
        queue_unacked{queue="(all)",system="celery"} 0
        redis_blocked_clients 0
        redis_commands_processed_total 1063
        redis_connected_clients 2
        redis_db_keys{db="db0"} 1006
        redis_evicted_keys_total 0
        redis_keyspace_hit_ratio 0.5862068965517241
        redis_max_clients 10000
        redis_memory_max_bytes 67108864
        redis_memory_used_bytes 1639784
        redis_rejected_connections_total 0
        """#)

    static let second = families(
        #"""
        container_cpu_limit_effective_cores{id="/"} 2
        container_cpu_limit_effective_cores{id="/process_api"} 2
        container_cpu_limit_effective_cores{id="/sidecar"} 2
        container_cpu_limit_effective_cores{id="/sidecar/docker/077785466e7c",name="077785466e7c"} 2
        container_cpu_usage_seconds_total{cpu="total",id="/"} 34694.758671565
        container_cpu_usage_seconds_total{cpu="total",id="/sidecar"} 278.875406927
        container_cpu_usage_seconds_total{cpu="total",id="/sidecar/docker/077785466e7c",name="077785466e7c"} 270.879603019
        container_memory_limit_effective_bytes{id="/"} 25276530688
        container_memory_limit_effective_bytes{id="/process_api"} 25276530688
        container_memory_limit_effective_bytes{id="/sidecar"} 25276530688
        container_memory_limit_effective_bytes{id="/sidecar/docker/077785466e7c",name="077785466e7c"} 25276530688
        container_memory_working_set_bytes{id="/"} 6029549568
        container_memory_working_set_bytes{id="/process_api"} 6750310400
        container_memory_working_set_bytes{id="/sidecar"} 390864896
        container_memory_working_set_bytes{id="/sidecar/docker/077785466e7c",name="077785466e7c"} 354430976
        container_oom_events_total{id="/"} 0
        container_oom_events_total{id="/process_api"} 0
        container_oom_events_total{id="/sidecar"} 0
        container_oom_events_total{id="/sidecar/docker/077785466e7c",name="077785466e7c"} 0
        node_cpu_seconds_total{cpu="0",mode="user"} 13790.62
        node_cpu_seconds_total{cpu="0",mode="nice"} 540.52
        node_cpu_seconds_total{cpu="0",mode="system"} 2065.45
        node_cpu_seconds_total{cpu="0",mode="idle"} 8136.21
        node_cpu_seconds_total{cpu="0",mode="iowait"} 43.21
        node_cpu_seconds_total{cpu="0",mode="irq"} 0
        node_cpu_seconds_total{cpu="0",mode="softirq"} 10.89
        node_cpu_seconds_total{cpu="0",mode="steal"} 37.76
        node_cpu_seconds_total{cpu="1",mode="user"} 14490.16
        node_cpu_seconds_total{cpu="1",mode="nice"} 1287.7
        node_cpu_seconds_total{cpu="1",mode="system"} 2345.47
        node_cpu_seconds_total{cpu="1",mode="idle"} 6358.76
        node_cpu_seconds_total{cpu="1",mode="iowait"} 75.84
        node_cpu_seconds_total{cpu="1",mode="irq"} 0
        node_cpu_seconds_total{cpu="1",mode="softirq"} 48.95
        node_cpu_seconds_total{cpu="1",mode="steal"} 38.31
        node_filesystem_avail_bytes{device="/dev/vda",fstype="ext4",mountpoint="/"} 66875088896
        node_filesystem_free_bytes{device="/dev/vda",fstype="ext4",mountpoint="/"} 235985076224
        node_filesystem_size_bytes{device="/dev/vda",fstype="ext4",mountpoint="/"} 270553174016
        node_load1 16.18
        node_load15 5.73
        node_memory_MemAvailable_bytes 22235635712
        node_memory_MemTotal_bytes 25276530688
        node_memory_SwapFree_bytes 0
        node_memory_SwapTotal_bytes 0
        pg_blocked_sessions{datname="postgres"} 0
        pg_blocked_sessions{datname="shop"} 0
        pg_database_size_bytes{datname="postgres"} 7683431
        pg_database_size_bytes{datname="shop"} 23510375
        pg_idle_in_transaction_longest_seconds{datname="postgres"} 0
        pg_idle_in_transaction_longest_seconds{datname="shop"} 0.000506
        pg_longest_query_seconds{datname="postgres"} 0
        pg_longest_query_seconds{datname="shop"} 0
        pg_oldest_transaction_seconds{datname="postgres"} 0
        pg_oldest_transaction_seconds{datname="shop"} 0.000543
        pg_replication_lag_seconds 0
        pg_settings_max_connections 100
        pg_slow_statements{datname="postgres",threshold="0.1"} 0
        pg_slow_statements{datname="postgres",threshold="0.5"} 0
        pg_slow_statements{datname="postgres",threshold="1"} 0
        pg_slow_statements{datname="shop",threshold="0.1"} 0
        pg_slow_statements{datname="shop",threshold="0.5"} 0
        pg_slow_statements{datname="shop",threshold="1"} 0
        pg_stat_activity_count{datname="shop",state="idle in transaction"} 1
        pg_stat_database_blks_hit{datid="5",datname="postgres"} 10109
        pg_stat_database_blks_hit{datid="16417",datname="shop"} 42394
        pg_stat_database_blks_read{datid="5",datname="postgres"} 388
        pg_stat_database_blks_read{datid="16417",datname="shop"} 5918
        pg_stat_database_xact_commit{datid="5",datname="postgres"} 201
        pg_stat_database_xact_commit{datid="16417",datname="shop"} 1117
        pg_stat_database_xact_rollback{datid="5",datname="postgres"} 0
        pg_stat_database_xact_rollback{datid="16417",datname="shop"} 0
        queue_depth{queue="celery",state="waiting",system="celery"} 32
        queue_oldest_age_seconds{kind="exact",queue="celery",system="celery"} 13.548180103302002
        queue_overdue{queue="(all)",system="celery"} 0
        queue_unacked{queue="(all)",system="celery"} 0
        redis_blocked_clients 0
        redis_commands_processed_total 1273
        redis_connected_clients 2
        redis_db_keys{db="db0"} 1006
        redis_evicted_keys_total 0
        redis_keyspace_hit_ratio 0.6129032258064516
        redis_max_clients 10000
        redis_memory_max_bytes 67108864
        redis_memory_used_bytes 1640024
        redis_rejected_connections_total 0
        """#)

    /// Families of samples as they stand on a page: `name{label="value"} 1`.
    static func families(_ text: String) -> [MetricFamily] {
        var families: [MetricFamily] = []
        for line in text.split(separator: "\n") {
            guard let space = line.lastIndex(of: " "), let value = Double(line[space...].dropFirst()) else { continue }
            let series = line[..<space]
            let name = String(series.prefix { $0 != "{" })
            let labels = series.dropFirst(name.count + 1).dropLast().split(separator: "\",").map { pair in
                let parts = pair.split(separator: "=\"", maxSplits: 1, omittingEmptySubsequences: false)
                return (String(parts[0]), parts[1].hasSuffix("\"") ? String(parts[1].dropLast()) : String(parts[1]))
            }
            if families.last?.descriptor.name != name {
                families.append(MetricFamily(MetricDescriptor(name, .gauge, "Recorded.")))
            }
            families[families.count - 1].append(value, Labels(labels))
        }
        return families
    }
}
