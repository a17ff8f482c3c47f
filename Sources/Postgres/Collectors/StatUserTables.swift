extension TableCollector {
    /// Use and upkeep of the tables of a database (`pg_stat_user_tables`).
    static func statUserTables(_ relations: PostgresOptions.Relations) -> TableCollector {
        func counter(_ name: String, _ help: String, versions: Range<Int> = .all) -> Column {
            .counter("pg_stat_user_tables_\(name)", "sum(\(name))", help, null: 0, versions: versions)
        }
        func gauge(_ name: String, _ help: String) -> Column {
            .gauge("pg_stat_user_tables_\(name)", "sum(\(name))", help, null: 0)
        }
        func lastUpkeep(_ name: String, _ help: String) -> Column {
            .gauge(
                "pg_stat_user_tables_\(name)",
                relations.single("coalesce(extract(epoch FROM max(\(name))), 0)"),
                "\(help), in seconds since the epoch; 0 for never.")
        }
        func lastUse(_ name: String, _ help: String) -> Column {
            .gauge(
                "pg_stat_user_tables_\(name)", relations.single("extract(epoch FROM max(\(name)))"),
                "\(help), in seconds since the epoch; absent for never.", versions: .from(16))
        }
        func seconds(_ work: String, _ help: String) -> Column {
            .counter(
                "pg_stat_user_tables_\(work)_seconds_total", "sum(total_\(work)_time)",
                "Seconds that \(help) took, waits included (total_\(work)_time).", dividedBy: 1000, versions: .from(18))
        }
        return TableCollector(
            "stat_user_tables",
            scope: .database,
            source: "pg_stat_user_tables",
            columns: [
                .label("datname", "current_database()"),
                relations.schema,
                relations.label("relname"),
                counter("seq_scan", "Sequential scans of the table."),
                counter("seq_tup_read", "Live rows that sequential scans read."),
                counter("idx_scan", "Scans of the table's indexes."),
                counter("idx_tup_fetch", "Live rows that index scans fetched."),
                counter("n_tup_ins", "Rows inserted."),
                counter("n_tup_upd", "Rows updated, in whatever way."),
                counter("n_tup_del", "Rows deleted."),
                counter("n_tup_hot_upd", "Rows updated without a new index entry."),
                counter(
                    "n_tup_newpage_upd", "Rows updated whose new version went to another page.", versions: .from(16)),
                gauge("n_live_tup", "Live rows, estimated."),
                gauge("n_dead_tup", "Dead rows, estimated."),
                gauge("n_mod_since_analyze", "Rows changed since the table was last analyzed, estimated."),
                gauge("n_ins_since_vacuum", "Rows inserted since the table was last vacuumed, estimated."),
                lastUse("last_seq_scan", "When the table was last scanned from end to end"),
                lastUse("last_idx_scan", "When an index of the table was last scanned"),
                lastUpkeep("last_vacuum", "When somebody last vacuumed the table"),
                lastUpkeep("last_autovacuum", "When autovacuum last vacuumed the table"),
                lastUpkeep("last_analyze", "When somebody last analyzed the table"),
                lastUpkeep("last_autoanalyze", "When autovacuum last analyzed the table"),
                counter("vacuum_count", "How often somebody vacuumed the table."),
                counter("autovacuum_count", "How often autovacuum vacuumed the table."),
                counter("analyze_count", "How often somebody analyzed the table."),
                counter("autoanalyze_count", "How often autovacuum analyzed the table."),
                seconds("vacuum", "vacuums of the table that somebody asked for"),
                seconds("autovacuum", "vacuums of the table by autovacuum"),
                seconds("analyze", "analyses of the table that somebody asked for"),
                seconds("autoanalyze", "analyses of the table by autovacuum"),
            ],
            from: relations.groups(of: "pg_stat_user_tables", by: "relid")
        )
    }
}
