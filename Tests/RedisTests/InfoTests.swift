import Exposition
import Scraping
import Testing

@testable import Redis

struct InfoTests {
    @Test func linesAreFoundHoweverTheyEnd() {
        let info = Info(Array("# Head\r\na:1\r\n\r\nb:x:y\nno colon\r\n:empty\r\nc:".utf8))
        #expect(info.lines.map { "\($0.field.text)=\($0.value.text)" } == ["a=1", "b=x:y", "=empty", "c="])
        #expect(info["b"]?.text == "x:y")
        #expect(info["d"] == nil)
        #expect(Info([]).lines.isEmpty)
    }

    @Test func fieldsOfALineAreFoundByName() {
        let text = Array("keys=5,expires=1,avg_ttl=9000,subexpiry=2".utf8)[...]
        #expect(text.number(of: "keys") == 5)
        #expect(text.number(of: "subexpiry") == 2)
        #expect(text.number(of: "key") == nil)
        #expect(text.number(of: "ttl") == nil)
        #expect(Array(",,=,a,a=,b=x".utf8)[...].number(of: "a") == nil)
    }

    @Test(arguments: Fixture.allCases)
    func everyServerHasTheBasics(_ fixture: Fixture) throws {
        let series = try fixture.series()
        #expect(series["redis_connected_clients"] != nil)
        #expect(series["redis_uptime_in_seconds"] != nil)
        #expect(series.keys.filter { $0.hasPrefix("redis_instance_info{") }.count == 1)
        let start = try #require(series["redis_start_time_seconds"])
        #expect(start == start.rounded())
    }

    /// Each value is as it stands in the recorded text, in the metric's unit.
    @Test func redis70() throws {
        let series = try Fixture.redis70.series()
        let expected: [String: Double] = [
            "redis_start_time_seconds": 1_795_239_411 - 11,
            "redis_uptime_in_seconds": 11,
            "redis_hz": 10,
            "redis_max_clients": 10000,
            "redis_total_system_memory_bytes": 25_276_502_016,
            "redis_latest_fork_seconds": 0.000423,
            "redis_cpu_sys_seconds_total": 0.011344,
            "redis_rdb_last_bgsave_status": 1,
            "redis_aof_last_write_status": 1,
            "redis_connections_received_total": 2,
            "redis_connected_slave_offset_bytes{slave_ip=\"127.0.0.1\",slave_port=\"7502\",slave_state=\"online\"}": 0,
            "redis_connected_slave_lag_seconds{slave_ip=\"127.0.0.1\",slave_port=\"7502\",slave_state=\"online\"}": 1,
            "redis_db_keys{db=\"db0\"}": 4,
            "redis_db_keys_expiring{db=\"db0\"}": 1,
            "redis_db_avg_ttl_seconds{db=\"db0\"}": 992.048,
            "redis_db_avg_ttl_seconds{db=\"db3\"}": 0,
            "redis_db_keys{db=\"db3\"}": 1,
            "redis_db_keys{db=\"db15\"}": 0,
            "redis_db_keys_expiring{db=\"db15\"}": 0,
            "redis_commands_total{cmd=\"get\"}": 2,
            "redis_commands_total{cmd=\"config|get\"}": 1,
            "redis_commands_duration_seconds_total{cmd=\"get\"}": 3e-06,
            "redis_commands_failed_calls_total{cmd=\"incr\"}": 1,
            "redis_commands_rejected_calls_total{cmd=\"incr\"}": 0,
            "redis_latency_percentiles_usec{cmd=\"get\",quantile=\"50.0\"}": 1.003,
            "redis_latency_percentiles_usec{cmd=\"get\",quantile=\"99.9\"}": 2.007,
            "redis_latency_percentiles_usec_sum{cmd=\"get\"}": 3,
            "redis_latency_percentiles_usec_count{cmd=\"get\"}": 2,
            "redis_errors_total{err=\"ERR\"}": 2,
            "redis_errors_total{err=\"WRONGTYPE\"}": 1,
            "redis_cluster_enabled": 0,
        ]
        for (name, value) in expected { #expect(series[name] == value, "\(name)") }
        for name in ["redis_db_keys{db=\"db16\"}", "redis_db_avg_ttl_seconds{db=\"db1\"}", "redis_master_link_up"] {
            #expect(series[name] == nil, "\(name)")
        }
        #expect(!series.keys.contains { $0.hasPrefix("redis_db_keys_cached") || $0.hasPrefix("redis_slave_info") })
    }

    @Test func aReplica() throws {
        let series = try Fixture.redis70Replica.series()
        let master = "{master_host=\"127.0.0.1\",master_port=\"7501\"}"
        #expect(series["redis_master_link_up" + master] == 1)
        #expect(series["redis_master_last_io_seconds_ago" + master] == 2)
        #expect(series["redis_master_sync_in_progress" + master] == 0)
        #expect(series["redis_slave_repl_offset" + master] == 0)
        #expect(series["redis_slave_info{master_host=\"127.0.0.1\",master_port=\"7501\",read_only=\"1\"}"] == 1)
        #expect(series["redis_slave_priority"] == 100)
    }

    /// On Redis from 7.4 the fourth field is not what it is on KeyDB.
    @Test func keyspaceByFieldName() throws {
        let redis = try Fixture.redis80.series()
        #expect(redis["redis_db_keys_with_expiring_items{db=\"db0\"}"] == 1)
        #expect(redis["redis_db_keys_cached{db=\"db0\"}"] == nil)
        #expect(redis["redis_db_avg_ttl_seconds{db=\"db0\"}"] == 999.42)
        let valkey = try Fixture.valkey91.series()
        #expect(valkey["redis_db_keys_with_expiring_items{db=\"db0\"}"] == 1)
        let keyDB = families("db0:keys=8,avg_ttl=1500,cached_keys=3,expires=2\r\ndb1:expires=1\r\ndbx:keys=1\r\n")
        #expect(keyDB["redis_db_keys_cached{db=\"db0\"}"] == 3)
        #expect(keyDB["redis_db_keys_expiring{db=\"db0\"}"] == 2)
        #expect(keyDB["redis_db_keys{db=\"db1\"}"] == 0)
    }

    @Test func valkey() throws {
        let series = try Fixture.valkey91.series()
        #expect(series["redis_active_time_main_thread_seconds_total"] == 0.00207)
        let info = try #require(series.keys.first { $0.hasPrefix("redis_instance_info{") })
        #expect(info.contains("valkey_version=\"9.1.2\""))
        #expect(info.contains("valkey_release_stage=\"ga\""))
        #expect(
            families("used_active_time_io_thread_2:1.5\r\n")["redis_active_time_io_thread_seconds_total{thread=\"2\"}"]
                == 1.5)
    }

    @Test func redis60HasNoRejectedCalls() throws {
        let series = try Fixture.redis60.series()
        #expect(series["redis_commands_total{cmd=\"get\"}"] == 2)
        #expect(series["redis_commands_rejected_calls_total{cmd=\"get\"}"] == nil)
        #expect(!series.keys.contains { $0.hasPrefix("redis_errors_total") })
    }

    @Test func aCluster() throws {
        let reply = try Fixture.bytes("redis-7.0-cluster-info")
        let series = try Fixture.redis70Cluster.series(
            others: [RedisCommand("CLUSTER INFO"): .string(reply)])
        #expect(series["redis_cluster_enabled"] == 1)
        #expect(series["redis_cluster_state"] == 0)
        #expect(series["redis_cluster_slots_assigned"] == 16384)
        #expect(series["redis_cluster_messages_sent_total"] == 0)
        #expect(series["redis_db_keys{db=\"db0\"}"] == 0)
        #expect(series["redis_db_keys{db=\"db1\"}"] == nil)
    }

    @Test func aSentinel() throws {
        let series = try Fixture.redis70Sentinel.series()
        #expect(series["redis_sentinel_masters"] == 1)
        let master = "master_address=\"127.0.0.1:7508\",master_name=\"main\""
        #expect(series["redis_sentinel_master_status{\(master),master_status=\"ok\"}"] == 1)
        #expect(series["redis_sentinel_master_slaves{\(master)}"] == 0)
        #expect(series["redis_sentinel_master_sentinels{\(master)}"] == 1)
        #expect(series["redis_db_keys{db=\"db0\"}"] == nil)
    }

    @Test func databasesFromTheConfiguration() throws {
        let facts = RedisFacts(Info(try Fixture.redis70.bytes))
        let config = try #require(InfoCollector().commands(facts).last)
        let reply = RedisReply.array([.string(Array("databases".utf8)), .string(Array("4".utf8))])
        let series = try Fixture.redis70.series(others: [config: reply])
        #expect(series["redis_db_keys{db=\"db2\"}"] == 0)
        #expect(series["redis_db_keys{db=\"db4\"}"] == nil)
    }

    @Test func onlyDatabasesWithKeys() throws {
        var options = RedisServerOptions()
        options.includesEmptyDatabases = false
        let bytes = try Fixture.redis70.bytes
        let facts = RedisFacts(Info(bytes))
        #expect(InfoCollector(options).commands(facts) == [.info])
        let series = try InfoCollector(options).families(RedisReplies([.info: .string(bytes)]), facts).series
        #expect(
            Set(series.keys.filter { $0.hasPrefix("redis_db_keys{") }) == [
                "redis_db_keys{db=\"db0\"}", "redis_db_keys{db=\"db3\"}",
            ])
    }

    /// What redis_exporter leaves out, recorded from servers in the state that it is about: 7.0.15 while it wrote an RDB
    /// file, while it loaded one, and as a replica whose master was gone; Valkey 9.1 in a CLIENT PAUSE.
    @Test func whatOnlyShowsAtTimes() {
        let saving = families(
            "current_cow_peak:512000\r\ncurrent_cow_size:512000\r\ncurrent_cow_size_age:0\r\n"
                + "current_fork_perc:30.73\r\ncurrent_save_keys_processed:6145\r\ncurrent_save_keys_total:20000\r\n")
        #expect(saving["redis_current_cow_peak_bytes"] == 512_000)
        #expect(saving["redis_current_cow_size_bytes"] == 512_000)
        #expect(saving["redis_current_cow_size_age_seconds"] == 0)
        #expect(saving["redis_current_fork_perc"] == 30.73)
        #expect(saving["redis_current_save_keys_processed"] == 6145)
        #expect(saving["redis_current_save_keys_total"] == 20000)
        let loading = families(
            "loading:1\r\nloading_start_time:1795268065\r\nloading_total_bytes:408992\r\n"
                + "loading_loaded_bytes:133111\r\nloading_loaded_perc:32.55\r\nloading_eta_seconds:4\r\n")
        #expect(loading["redis_loading_start_timestamp_seconds"] == 1_795_268_065)
        #expect(loading["redis_loading_total_bytes"] == 408_992)
        #expect(loading["redis_loading_loaded_bytes"] == 133_111)
        #expect(loading["redis_loading_eta_seconds"] == 4)
        #expect(families("master_link_down_since_seconds:3\r\n")["redis_master_link_down_since_seconds"] == 3)
        #expect(families("paused_timeout_milliseconds:9996\r\n")["redis_paused_timeout_seconds"] == 9.996)
    }

    /// A replica that waits for its first sync: -1 stands for what it does not know.
    @Test func whatIsNotKnownIsAbsent() {
        let series = families(
            "master_sync_total_bytes:-1\r\nmaster_sync_read_bytes:0\r\nmaster_sync_left_bytes:-1\r\n"
                + "master_sync_last_io_seconds_ago:0\r\nmaster_link_down_since_seconds:-1\r\n"
                + "sentinel_tilt_since_seconds:-1\r\n")
        #expect(series["redis_master_sync_read_bytes"] == 0)
        #expect(series["redis_master_sync_last_io_seconds_ago"] == 0)
        let unknown = series.keys.filter {
            $0.contains("_total_") || $0.contains("_left_") || $0.contains("_since_")
        }
        #expect(unknown.isEmpty)
        // Of a sync without a file the size is not known, and what is left would be less than nothing.
        let diskless = families("master_sync_total_bytes:0\r\nmaster_sync_left_bytes:-4096\r\n")
        #expect(!diskless.keys.contains { $0.hasPrefix("redis_master_sync") })
    }

    @Test func rates() throws {
        let series = try Fixture.redis70.series()
        #expect(series["redis_instantaneous_input_kbps"] == 0.02)
        #expect(series["redis_instantaneous_output_repl_kbps"] == 0.01)
        #expect(series["redis_instantaneous_ops_per_sec"] == 0)
        #expect(series["redis_rss_overhead_ratio"] == 2.57)
        #expect(series["redis_rss_overhead_bytes"] == 7_634_944)
        #expect(series["redis_forks_total"] == 2)
        #expect(series["redis_aof_rewrites_total"] == 0)
    }

    @Test func whatNewServersHave() throws {
        #expect(try Fixture.redis80.series()["redis_mem_replica_full_sync_buffer_bytes"] == 0)
        let series = try Fixture.valkey91.series()
        #expect(series["redis_scripting_engines_memory_used_bytes"] == 69632)
        #expect(series["redis_scripting_engines_memory_overhead_bytes"] == 64)
        for name in [
            "redis_expired_fields_total", "redis_acl_access_denied_db_total", "redis_acl_access_denied_tls_cert_total",
            "redis_mem_replicas_repl_buffer_bytes", "redis_replicas_waiting_psync",
            "redis_slot_migration_fork_in_progress",
            "redis_expired_keys_with_volatile_items_stale_percentage", "redis_io_threaded_total_prefetch_entries",
        ] {
            #expect(series[name] == 0, "\(name)")
        }
    }

    /// From Valkey 9.1.2 with a certificate for two days, and without any.
    @Test func certificates() throws {
        let series = families(
            """
            tls_server_cert_serial:1A79273256B3956E24CEF5B8333081E2012DD0DD\r
            tls_server_cert_expires_in_seconds:172798\r
            tls_client_cert_serial:none\r
            tls_client_cert_expires_in_seconds:0\r
            tls_ca_cert_serial:1A79273256B3956E24CEF5B8333081E2012DD0DD\r
            tls_ca_cert_expires_in_seconds:172798\r
            """)
        let serial = "1A79273256B3956E24CEF5B8333081E2012DD0DD"
        #expect(
            series.filter { $0.key.contains("tls") } == [
                "redis_tls_certificate_info{certificate=\"server\",serial=\"\(serial)\"}": 1,
                "redis_tls_certificate_info{certificate=\"ca\",serial=\"\(serial)\"}": 1,
                "redis_tls_server_cert_expires_in_seconds": 172_798,
                "redis_tls_ca_cert_expires_in_seconds": 172_798,
            ])
        #expect(try !Fixture.valkey91.series().keys.contains { $0.hasPrefix("redis_tls") })
    }

    @Test func aMasterThatIsGone() {
        let series = families("role:slave\r\nmaster_host:h\r\nmaster_port:1\r\nmaster_link_status:down\r\n")
        #expect(series["redis_master_link_up{master_host=\"h\",master_port=\"1\"}"] == 0)
        let two = families(
            "master_host:a\r\nmaster_port:1\r\nmaster_link_status:up\r\n"
                + "master_1_host:b\r\nmaster_1_port:2\r\nmaster_1_link_status:down\r\n")
        #expect(two["redis_master_link_up{master_host=\"a\",master_port=\"1\"}"] == 1)
        #expect(two["redis_master_link_up{master_host=\"b\",master_port=\"2\"}"] == 0)
    }

    @Test func whatIsNoNumberIsAbsent() {
        let series = families(
            "used_memory:\r\nmaxmemory:12x\r\ncmdstat_get:calls=,usec=1\r\ncmdstat_:\r\nerrorstat_X:count\r\n"
                + "slave0:\r\nslave1:offset=x\r\nlatency_percentiles_usec_get:p50=1\r\nmaster0:name\r\ndb0:\r\n")
        #expect(Set(series.keys).allSatisfy { $0.hasPrefix("redis_instance_info") || $0.hasPrefix("redis_db_keys") })
    }

    /// Two fields with one metric would be a family twice.
    @Test func tablesNameEachMetricOnce() {
        let rows = InfoField.gauges + InfoField.counters
        #expect(Set(rows.map(\.field)).count == rows.count)
        #expect(Set(rows.map(\.metric)).count == rows.count)
        for row in rows {
            #expect(!row.help.isEmpty && row.help.last != ".", "\(row.field)")
            #expect(MetricDescriptor("redis_\(row.metric)", .gauge, "").isLegal)
        }
    }

    /// A reply cut off anywhere must not bring the exporter down.
    @Test func cutOffAnywhere() throws {
        let bytes = try Fixture.redis70.bytes
        let server = RedisFacts(Info(bytes))
        for end in stride(from: 0, to: bytes.count, by: 11) {
            _ = try InfoCollector().families(RedisReplies([.info: .string(Array(bytes[..<end]))]), server)
        }
    }

    private func families(_ text: String) -> [String: Double] {
        let replies = RedisReplies([.info: .string(Array(text.utf8))])
        return (try? InfoCollector().families(replies, RedisFacts(Info(Array(text.utf8)))).series) ?? [:]
    }
}
