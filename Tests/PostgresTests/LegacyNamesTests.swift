import Exposition
import Scraping
import Testing

@testable import Postgres

struct LegacyNamesTests {
    private func family(_ name: String, _ samples: (Double, Labels)...) -> MetricFamily {
        var family = MetricFamily(MetricDescriptor(name, .counter, "What it is."))
        for (value, labels) in samples { family.append(value, labels) }
        return family
    }

    private func added(to families: MetricFamily...) -> [String] {
        let all = LegacyNames.added(to: families)
        #expect(lines(Array(all.prefix(families.count))) == lines(families))
        return lines(Array(all.dropFirst(families.count)))
    }

    @Test func aFamilyKeepsItsLabelsUnderItsOlderName() {
        #expect(added(to: family("pg_replication_lag_seconds", (2.5, .none))) == ["pg_replication_lag 2.5"])
        #expect(
            added(to: family("pg_statio_user_tables_heap_blocks_read", (7, ["relname": "t"])))
                == [#"pg_statio_user_tables_heap_blks_read{relname="t"} 7.0"#])
        #expect(
            added(to: family("pg_replication_slots_slot_is_active", (1, ["slot_name": "s", "slot_type": "physical"])))
                == [
                    #"pg_replication_slot_is_active{slot_name="s",slot_type="physical"} 1.0"#,
                    #"pg_replication_slot_slot_is_active{slot_name="s",slot_type="physical"} 1.0"#,
                ])
        #expect(added(to: family("pg_up", (1, .none))) == [])
    }

    @Test func theBackgroundWriterHadNoTotals() {
        #expect(
            added(to: family("pg_stat_bgwriter_checkpoints_timed_total", (2, .none)))
                == ["pg_stat_bgwriter_checkpoints_timed 2.0"])
    }

    /// Since 17 the checkpointer has a view of its own, and a standby's restartpoints stand beside its checkpoints.
    @Test func theCheckpointersNumbersAppearWhereTheyWereBefore17() {
        #expect(
            added(
                to: family("pg_stat_checkpointer_num_timed_total", (3, .none)),
                family("pg_stat_checkpointer_restartpoints_timed_total", (4, .none)),
                family("pg_stat_checkpointer_write_time_total", (81071, .none)))
                == [
                    "pg_stat_bgwriter_checkpoints_timed 7.0", "pg_stat_bgwriter_checkpoints_timed_total 7.0",
                    "pg_stat_bgwriter_checkpoint_write_time 81071.0",
                    "pg_stat_bgwriter_checkpoint_write_time_total 81071.0",
                ])
    }

    @Test func aSumIsThereOnlyWhereAllOfItIs() {
        let index = family(
            "pg_stat_user_tables_index_size_bytes", (16384, ["relname": "a"]), (8192, ["relname": "b"]))
        let table = family("pg_stat_user_tables_table_size_bytes", (40960, ["relname": "a"]))
        #expect(added(to: index, table) == [#"pg_stat_user_tables_size_bytes{relname="a"} 57344.0"#])
        #expect(added(to: index) == [])
    }

    @Test func theRoleHadAnotherLabel() {
        #expect(
            added(to: family("pg_stat_statements_seconds_total", (1.5, ["queryid": "7", "user": "bob"])))
                == [#"pg_stat_statements_total_time_seconds{queryid="7",rolname="bob",user="bob"} 1.5"#])
    }

    @Test func everyOlderNameHasAFamilyBehindItAndNoneIsTaken() {
        let now = Set(PostgresCollectors.catalogue.flatMap { $0.metrics.map(\.descriptor.name) })
        for legacy in LegacyNames.all {
            #expect(Set(legacy.sources).isSubset(of: now), "\(legacy.name)")
            // The names of before 17 that the checkpointer's values appear under are those of another version.
            if !legacy.sources[0].hasPrefix("pg_stat_checkpointer_") { #expect(!now.contains(legacy.name)) }
        }
    }
}
