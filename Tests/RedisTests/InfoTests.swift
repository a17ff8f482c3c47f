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
        let config = RedisCommand("CONFIG GET", "databases")
        let reply = RedisReply.array([.string(Array("databases".utf8)), .string(Array("4".utf8))])
        let series = try Fixture.redis70.series(others: [config: reply])
        #expect(series["redis_db_keys{db=\"db2\"}"] == 0)
        #expect(series["redis_db_keys{db=\"db4\"}"] == nil)
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
