import Exposition
import Testing

@testable import Postgres

struct SettingsTests {
    /// Rows of `pg_settings` as PostgreSQL 15.20 sent them, and what hosted variants are known to send.
    @Test(
        arguments: [
            ("autovacuum", "on", nil, "bool", "pg_settings_autovacuum", 1.0),
            ("ssl", "off", nil, "bool", "pg_settings_ssl", 0),
            ("max_connections", "100", nil, "integer", "pg_settings_max_connections", 100),
            ("random_page_cost", "1.1", nil, "real", "pg_settings_random_page_cost", 1.1),
            ("shared_buffers", "16384", "8kB", "integer", "pg_settings_shared_buffers_bytes", 134_217_728),
            ("work_mem", "4096", "kB", "integer", "pg_settings_work_mem_bytes", 4_194_304),
            ("wal_segment_size", "16777216", "B", "integer", "pg_settings_wal_segment_size_bytes", 16_777_216),
            ("min_wal_size", "80", "MB", "integer", "pg_settings_min_wal_size_bytes", 83_886_080),
            ("wal_buffers", "512", "8kB", "integer", "pg_settings_wal_buffers_bytes", 4_194_304),
            ("old_units", "2", "16MB", "integer", "pg_settings_old_units_bytes", 33_554_432),
            ("deadlock_timeout", "1000", "ms", "integer", "pg_settings_deadlock_timeout_seconds", 1),
            ("checkpoint_timeout", "300", "s", "integer", "pg_settings_checkpoint_timeout_seconds", 300),
            ("log_rotation_age", "1440", "min", "integer", "pg_settings_log_rotation_age_seconds", 86_400),
            ("vacuum_cost_delay", "0.5", "ms", "real", "pg_settings_vacuum_cost_delay_seconds", 0.0005),
            ("odd_delay", "700", "ms", "integer", "pg_settings_odd_delay_seconds", 0.7),
            ("log_min_duration_statement", "-1", "ms", "integer", "pg_settings_log_min_duration_statement_seconds", -1),
            ("autovacuum_work_mem", "-1", "kB", "integer", "pg_settings_autovacuum_work_mem_bytes", -1),
            ("data_directory_mode", "0700", nil, "integer", "pg_settings_data_directory_mode", 700),
            ("pg_stat_statements.max", "5000", nil, "integer", "pg_settings_pg_stat_statements_max", 5000),
            ("rds.logical-replication", "on", nil, "bool", "pg_settings_rds_logical_replication", 1),
            ("aurora_timeout", "30s", "s", "integer", "pg_settings_aurora_timeout_seconds", 30),
            ("aurora_memory", "64 MB", "MB", "integer", "pg_settings_aurora_memory_bytes", 67_108_864),
        ] as [(String, String, String?, String, String, Double)])
    func valuesAreBroughtToBaseUnits(
        name: String, setting: String, unit: String?, kind: String, metric: String, value: Double
    ) throws {
        let family = try #require(
            Settings.family(name: name, setting: setting, unit: unit, description: "What it is for.", kind: kind))
        #expect(family.descriptor == MetricDescriptor(metric, .gauge, "What it is for."))
        #expect(family.samples == [Sample(labels: .none, value: .number(value))])
    }

    @Test(
        arguments: [
            ("broken", "twelve", nil, "integer"), ("broken", "", nil, "real"), ("broken", "1", "fortnights", "integer"),
            ("broken", "nan", nil, "real"), ("broken", "1", "7", "integer"),
        ] as [(String, String, String?, String)])
    func whatIsNoNumberIsAbsent(name: String, setting: String, unit: String?, kind: String) {
        let family = Settings.family(name: name, setting: setting, unit: unit, description: "", kind: kind)
        #expect(family?.descriptor == nil)
    }
}
