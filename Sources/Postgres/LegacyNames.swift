import Exposition

/// The names that families had in older releases of postgres_exporter, and in the queries that came with them.
///
/// Dashboards and alerts that ask for them go on working where each family also appears under its older names.
enum LegacyNames {
    /// An older name, and what delivers it now.
    struct Name {
        let name: String
        /// The families whose values, added up by labels, are those of the older one.
        let sources: [String]
        /// A label that had another name.
        var label: (old: String, now: String)?
    }

    /// The families given, and behind them those under older names, of the families that are there.
    ///
    /// Where an older name stands for the sum of several families, only label sets that all of them have are in it.
    static func added(to families: [MetricFamily]) -> [MetricFamily] {
        let byName = Dictionary(families.map { ($0.descriptor.name, $0) }, uniquingKeysWith: { first, _ in first })
        return families
            + all.compactMap { legacy in
                let sources = legacy.sources.compactMap { byName[$0] }
                guard let first = sources.first, sources.count == legacy.sources.count else { return nil }
                return legacy.family(from: first, adding: sources.dropFirst())
            }
    }

    /// By the releases that had them last.
    static let all: [Name] =
        // Before 0.11, and of checkpoints before PostgreSQL 17.
        backgroundWriter + checkpoints
        + [
            Name(name: "pg_database_size", sources: ["pg_database_size_bytes"]),
            // Before 0.13.
            Name(name: "pg_replication_lag", sources: ["pg_replication_lag_seconds"]),
            Name(name: "pg_replication_slot_current_wal_lsn", sources: ["pg_replication_slots_slot_current_wal_lsn"]),
            Name(
                name: "pg_replication_slot_confirmed_flush_lsn",
                sources: ["pg_replication_slots_slot_confirmed_flush_lsn"]),
            Name(name: "pg_replication_slot_is_active", sources: ["pg_replication_slots_slot_is_active"]),
            statements("calls", "calls_total"),
            statements("total_time_seconds", "seconds_total"),
            statements("rows", "rows_total"),
        ] + ioBlocks
        + [
            // Before 0.18.
            Name(
                name: "pg_stat_user_tables_size_bytes",
                sources: ["pg_stat_user_tables_index_size_bytes", "pg_stat_user_tables_table_size_bytes"])
        ]
        // Before 0.20.
        + [
            "slot_current_wal_lsn", "slot_confirmed_flush_lsn", "slot_is_active", "safe_wal_size_bytes", "wal_status",
        ].map { Name(name: "pg_replication_slot_\($0)", sources: ["pg_replication_slots_\($0)"]) }

    private static let backgroundWriter = [
        "checkpoints_timed", "checkpoints_req", "checkpoint_write_time", "checkpoint_sync_time", "buffers_checkpoint",
        "buffers_clean", "maxwritten_clean", "buffers_backend", "buffers_backend_fsync", "buffers_alloc", "stats_reset",
    ].map { Name(name: "pg_stat_bgwriter_\($0)", sources: ["pg_stat_bgwriter_\($0)_total"]) }

    /// What the background writer's view counted before PostgreSQL 17, where a standby's restartpoints were checkpoints.
    private static let checkpoints = [
        ("checkpoints_timed", ["num_timed", "restartpoints_timed"]),
        ("checkpoints_req", ["num_requested", "restartpoints_req"]),
        ("checkpoint_write_time", ["write_time"]),
        ("checkpoint_sync_time", ["sync_time"]),
        ("buffers_checkpoint", ["buffers_written"]),
    ].flatMap { old, now in
        ["", "_total"].map { suffix in
            Name(
                name: "pg_stat_bgwriter_\(old)\(suffix)", sources: now.map { "pg_stat_checkpointer_\($0)_total" })
        }
    }

    private static func statements(_ old: String, _ now: String) -> Name {
        Name(
            name: "pg_stat_statements_\(old)", sources: ["pg_stat_statements_\(now)"],
            label: (old: "rolname", now: "user"))
    }

    private static let ioBlocks = ["heap", "idx", "toast", "tidx"].flatMap { part in
        ["read", "hit"].map {
            Name(
                name: "pg_statio_user_tables_\(part)_blks_\($0)",
                sources: ["pg_statio_user_tables_\(part)_blocks_\($0)"])
        }
    }
}

extension LegacyNames.Name {
    fileprivate func family(from first: MetricFamily, adding others: ArraySlice<MetricFamily>) -> MetricFamily {
        let names = sources.joined(separator: " + ")
        var family = MetricFamily(
            MetricDescriptor(name, first.descriptor.type, "The older name of \(names). \(first.descriptor.help)"))
        let addends = others.map { other in
            Dictionary(other.samples.map { ($0.labels, $0.value) }, uniquingKeysWith: { value, _ in value })
        }
        for sample in first.samples {
            guard case .number(var sum) = sample.value else { continue }
            var isComplete = true
            for addend in addends {
                if case .number(let value) = addend[sample.labels] { sum += value } else { isComplete = false }
            }
            guard isComplete else { continue }
            var labels = sample.labels
            if let label, let value = labels[label.now] { labels = labels.adding(label.old, value) }
            family.append(sum, labels)
        }
        return family
    }
}
