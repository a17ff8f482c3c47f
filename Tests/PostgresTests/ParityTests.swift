import Exposition
import Foundation
import Lab
import Scraping
import Testing

@testable import Postgres

/// What postgres_exporter's users rely on: its families, and what its names have always meant.
struct ParityTests {
    /// Collectors with their families: type, name, labels.
    private static let contract = """
        buffercache_summary off: gauge pg_buffercache_summary_{buffers_used,buffers_unused,buffers_dirty,buffers_pinned,usagecount_avg}
        database on: gauge pg_database_connection_limit by datname
        database_size on: gauge pg_database_size_bytes by datname
        database_wraparound off: gauge pg_database_wraparound_{age_datfrozenxid_seconds,age_datminmxid_seconds} by datname
        locks on: gauge pg_locks_count by datname,mode
        long_running_transactions on: gauge pg_long_running_transactions
        long_running_transactions on: gauge pg_long_running_transactions_oldest_timestamp_seconds
        postmaster on: gauge pg_postmaster_start_time_seconds
        process_idle off: histogram pg_process_idle_seconds by state,application_name
        relation_sizes on: gauge pg_stat_user_tables_{index_size_bytes,table_size_bytes} by datname,schemaname,relname
        replication on: gauge pg_replication_{lag_seconds,is_replica,last_replay_seconds}
        replication_slots on: gauge pg_replication_slots_{active,pg_wal_lsn_diff} by slot_name,database
        replication_slots on: gauge pg_replication_slots_{slot_current_wal_lsn,slot_confirmed_flush_lsn,slot_is_active,safe_wal_size_bytes} by slot_name,slot_type
        replication_slots on: gauge pg_replication_slots_wal_status by slot_name,slot_type,wal_status
        roles on: gauge pg_roles_connection_limit by rolname
        stat_activity on: gauge pg_stat_activity_{count,max_tx_duration} by datname,state,usename,application_name,backend_type,wait_event_type,wait_event
        stat_activity_autovacuum off: gauge pg_stat_activity_autovacuum_timestamp_seconds by relname
        stat_archiver on: counter pg_stat_archiver_{archived_count,failed_count}
        stat_archiver on: gauge pg_stat_archiver_last_archive_age
        stat_bgwriter on: counter pg_stat_bgwriter_{checkpoints_timed,checkpoints_req,checkpoint_write_time,checkpoint_sync_time,buffers_checkpoint,buffers_clean,maxwritten_clean,buffers_backend,buffers_backend_fsync,buffers_alloc,stats_reset}_total
        stat_checkpointer on: counter pg_stat_checkpointer_{num_timed,num_requested,restartpoints_timed,restartpoints_req,restartpoints_done,write_time,sync_time,buffers_written,stats_reset}_total
        stat_database_conflicts on: counter pg_stat_database_conflicts_{confl_tablespace,confl_lock,confl_snapshot,confl_bufferpin,confl_deadlock} by datid,datname,server
        stat_database_conflicts on: unknown pg_stat_database_conflicts_confl_active_logicalslot by datid,datname,server
        stat_progress_vacuum on: gauge pg_stat_progress_vacuum_phase by datname,relname,phase
        stat_progress_vacuum on: gauge pg_stat_progress_vacuum_{heap_blks,heap_blks_scanned,heap_blks_vacuumed,index_vacuums,max_dead_tuples,num_dead_tuples} by datname,relname
        stat_replication on: gauge pg_stat_replication_{pg_current_wal_lsn_bytes,pg_wal_lsn_diff} by application_name,client_addr,state,slot_name
        stat_user_tables on: counter pg_stat_user_tables_{seq_scan,seq_tup_read,idx_scan,idx_tup_fetch,n_tup_ins,n_tup_upd,n_tup_del,n_tup_hot_upd,vacuum_count,autovacuum_count,analyze_count,autoanalyze_count} by datname,schemaname,relname
        stat_user_tables on: gauge pg_stat_user_tables_{n_live_tup,n_dead_tup,n_mod_since_analyze,last_vacuum,last_autovacuum,last_analyze,last_autoanalyze} by datname,schemaname,relname
        stat_wal_receiver off: counter pg_stat_wal_receiver_{receive_start_lsn,flushed_lsn,last_msg_send_time,last_msg_receipt_time,latest_end_lsn,latest_end_time} by upstream_host,slot_name,status
        stat_wal_receiver off: gauge pg_stat_wal_receiver_{receive_start_tli,received_tli,upstream_node} by upstream_host,slot_name,status
        statio_user_indexes off: counter pg_statio_user_indexes_{idx_blks_read,idx_blks_hit}_total by datname,schemaname,relname,indexrelname
        statio_user_tables on: counter pg_statio_user_tables_{heap,idx,toast,tidx}_blocks_{read,hit} by datname,schemaname,relname
        wal on: gauge pg_wal_{segments,size_bytes}
        xlog_location off: gauge pg_xlog_location_bytes
        """

    @Test(arguments: contract.split(separator: "\n").map(String.init))
    func theFamiliesOfTheContractAreThere(line: String) throws {
        let words = line.split(separator: " ")
        let collector = try #require(PostgresCollectors.catalogue.first { $0.name == words[0] })
        #expect(collector.isEnabledByDefault == (words[1] == "on:"))
        let labels = words.count > 4 ? words[5].split(separator: ",").map(String.init) : []
        for name in Self.expanded(String(words[3])) {
            let entry = try #require(collector.metrics.first { $0.descriptor.name == name }, "\(name)")
            #expect(entry.descriptor.type.rawValue == words[2], "\(name)")
            #expect(entry.labels == labels, "\(name)")
        }
    }

    /// `a_{b,c}_{d,e}` as `a_b_d`, `a_b_e`, `a_c_d`, `a_c_e`.
    private static func expanded(_ pattern: String) -> [String] {
        guard let open = pattern.firstIndex(of: "{"), let close = pattern.firstIndex(of: "}") else { return [pattern] }
        let choices = pattern[open..<close].dropFirst().split(separator: ",", omittingEmptySubsequences: false)
        return choices.flatMap { expanded("\(pattern[..<open])\($0)\(pattern[close...].dropFirst())") }
    }

    @Test func noFamilyIsDeliveredTwice() {
        let names = PostgresCollectors.catalogue.flatMap { $0.metrics.map(\.descriptor.name) }
        #expect(names.count > 150)
        #expect(Dictionary(grouping: names, by: \.self).filter { $0.value.count > 1 }.isEmpty)
        let collectors = PostgresCollectors.catalogue.map(\.name)
        #expect(collectors.count == Set(collectors).count)
    }

    @Test func aParentIsThere() {
        let names = PostgresCollectors.all().map(\.name)
        let parents = PostgresCollectors.all().compactMap(\.parent)
        #expect(parents.contains("database") && parents.contains("stat_user_tables"))
        #expect(parents.allSatisfy(names.contains))
    }

    @Test(arguments: [130_000, 140_000, 150_000, 160_000, 170_000, 180_000])
    func whatAVersionDoesNotHaveIsNotAskedFor(version: Int) throws {
        func statement(_ collector: TableCollector) throws -> String {
            try #require(try collector.statement(for: .server(version)))
        }
        let major = version / 10_000
        #expect(try statement(.statBgwriter).contains("checkpoints_timed") == (major < 17))
        #expect(try statement(.statBgwriter).contains("buffers_alloc"))
        #expect(try statement(.statDatabaseConflicts).contains("confl_active_logicalslot") == (major >= 16))
        #expect(try statement(.statDatabaseConflicts).contains(#"'db:5432' AS "server""#))
        #expect(try statement(.statProgressVacuum).contains("v.max_dead_tuples") == (major < 17))
        #expect(try statement(.statProgressVacuum).contains("v.max_dead_tuple_bytes") == (major >= 17))
        let tables = try statement(.statUserTables(PostgresOptions.Relations()))
        #expect(tables.contains("n_ins_since_vacuum"))
        #expect(tables.contains("last_seq_scan") == (major >= 16))
        #expect(tables.contains("n_tup_newpage_upd") == (major >= 16))
        #expect(tables.contains("total_autovacuum_time") == (major >= 18))
        if major < 17 {
            let error = #expect(throws: CollectorError.self) { try statement(.statCheckpointer) }
            #expect(error?.reason == .unsupportedVersion)
        } else {
            #expect(try statement(.statCheckpointer).contains("num_done") == (major >= 18))
        }
        #expect(throws: CollectorError.self) { try statement(.xlogLocation) }
    }

    @Test func whatOnlyAMonitorSeesIsNotAskedByOthers() throws {
        var facts = ServerFacts.server(180_000)
        facts.rights = []
        var refused: [String] = []
        for collector in PostgresCollectors.all() {
            do throws(CollectorError) {
                _ = try collector.statement(for: facts)
            } catch {
                guard error.reason == .permission else { continue }
                #expect(error.detail == #"the role exporter may not see it: GRANT pg_monitor TO "exporter";"#)
                refused.append(collector.name)
            }
        }
        #expect(
            Set(refused).isSuperset(of: [
                "long_running_transactions", "process_idle", "stat_activity_autovacuum", "stat_progress_vacuum",
                "stat_replication", "stat_wal_receiver", "wal",
            ]))
    }

    // MARK: Rows as servers sent them

    private func row(
        of collector: TableCollector, version: Int, _ row: [String: String?]
    ) throws -> [String] {
        let columns = collector.columns.filter { $0.versions.contains(version) }.map(\.name)
        for name in row.keys { #expect(columns.contains(name), "\(name)") }
        let values = columns.map { row[$0] ?? nil }
        return lines(
            try collector.families(from: QueryResult(columns: columns, rows: [values]), server: .server(version)))
    }

    /// PostgreSQL 15.19.
    @Test func checkpointTimesStayMilliseconds() throws {
        let all = try row(
            of: .statBgwriter, version: 150_019,
            [
                "pg_stat_bgwriter_checkpoint_write_time_total": "149692",
                "pg_stat_bgwriter_checkpoints_req_total": "12",
                "pg_stat_bgwriter_stats_reset_total": "1795248749.558366",
            ])
        #expect(all.contains("pg_stat_bgwriter_checkpoint_write_time_total 149692.0"))
        #expect(all.contains("pg_stat_bgwriter_checkpoints_req_total 12.0"))
        #expect(all.contains("pg_stat_bgwriter_stats_reset_total 1795248749.558366"))
        // NULL is 0 here, by the names' history.
        #expect(all.contains("pg_stat_bgwriter_buffers_backend_total 0.0"))
        #expect(all.count == 11)
    }

    /// PostgreSQL 18.6.
    @Test func theCheckpointerOf18() throws {
        let all = try row(
            of: .statCheckpointer, version: 180_006,
            [
                "pg_stat_checkpointer_num_requested_total": "11", "pg_stat_checkpointer_num_done_total": "11",
                "pg_stat_checkpointer_write_time_total": "81071", "pg_stat_checkpointer_slru_written_total": "20",
            ])
        #expect(all.contains("pg_stat_checkpointer_num_requested_total 11.0"))
        #expect(all.contains("pg_stat_checkpointer_num_done_total 11.0"))
        #expect(all.contains("pg_stat_checkpointer_write_time_total 81071.0"))
        #expect(all.contains("pg_stat_checkpointer_slru_written_total 20.0"))
        #expect(all.contains("pg_stat_checkpointer_restartpoints_done_total 0.0"))
        #expect(all.count == 11)
    }

    /// PostgreSQL 18.6.
    @Test func upkeepOfTablesIsInSeconds() throws {
        let all = try row(
            of: .statUserTables(PostgresOptions.Relations()), version: 180_006,
            [
                "datname": "app", "schemaname": "public", "relname": "t", "pg_stat_user_tables_idx_scan": nil,
                "pg_stat_user_tables_vacuum_seconds_total": "1437", "pg_stat_user_tables_last_vacuum": "0",
                "pg_stat_user_tables_last_seq_scan": nil, "pg_stat_user_tables_last_analyze": "1795249117.550974",
            ])
        let labels = #"{datname="app",relname="t",schemaname="public"}"#
        #expect(all.contains("pg_stat_user_tables_vacuum_seconds_total\(labels) 1.437"))
        #expect(all.contains("pg_stat_user_tables_last_analyze\(labels) 1795249117.550974"))
        #expect(all.contains("pg_stat_user_tables_last_vacuum\(labels) 0.0"))
        #expect(all.contains("pg_stat_user_tables_idx_scan\(labels) 0.0"))
        #expect(!all.contains { $0.hasPrefix("pg_stat_user_tables_last_seq_scan") })
    }

    /// A physical slot that nobody uses, as PostgreSQL 15.19 sent it.
    @Test func familiesOfASlotHaveTheirOwnLabels() throws {
        let all = try row(
            of: .replicationSlots, version: 150_019,
            [
                "slot_name": "unused", "database": nil, "slot_type": "physical", "wal_status": "extended",
                "pg_replication_slots_active": "f", "pg_replication_slots_pg_wal_lsn_diff": "185074832",
                "pg_replication_slots_slot_current_wal_lsn": "402202624", "pg_replication_slots_slot_is_active": "f",
                "pg_replication_slots_slot_confirmed_flush_lsn": nil, "pg_replication_slots_safe_wal_size_bytes": nil,
                "pg_replication_slots_wal_status": "1",
            ])
        #expect(
            all == [
                #"pg_replication_slots_active{database="",slot_name="unused"} 0.0"#,
                #"pg_replication_slots_pg_wal_lsn_diff{database="",slot_name="unused"} 185074832.0"#,
                #"pg_replication_slots_slot_current_wal_lsn{slot_name="unused",slot_type="physical"} 402202624.0"#,
                #"pg_replication_slots_slot_is_active{slot_name="unused",slot_type="physical"} 0.0"#,
                #"pg_replication_slots_wal_status{slot_name="unused",slot_type="physical",wal_status="extended"} 1.0"#,
            ])
    }

    /// A standby of PostgreSQL 15.19 that streams without a slot.
    @Test func aReceiverWithoutASlotIsShown() throws {
        let all = try row(
            of: .statWALReceiver, version: 150_019,
            [
                "upstream_host": "127.0.0.1", "slot_name": nil, "status": "streaming",
                "pg_stat_wal_receiver_flushed_lsn": "239239632",
                "pg_stat_wal_receiver_last_msg_send_time": "1795249578.588095",
                "pg_stat_wal_receiver_upstream_node": nil,
            ])
        let labels = #"{slot_name="",status="streaming",upstream_host="127.0.0.1"}"#
        #expect(
            all == [
                "pg_stat_wal_receiver_flushed_lsn\(labels) 239239632.0",
                "pg_stat_wal_receiver_last_msg_send_time\(labels) 1795249578.588095",
            ])
    }

    /// Idle sessions of PostgreSQL 15.19: two of one application, and one in a transaction.
    @Test func everyGroupOfIdleSessionsIsAHistogram() throws {
        let columns = (0..<13).map { "c\($0)" }
        let rows = [
            ["idle", "idler2", "2", "14.325376", "0", "0", "0", "2", "2", "2", "2", "2", "2"],
            ["idle in transaction", "idler1", "1", "7.151123", "0", "0", "0", "1", "1", "1", "1", "1", "1"],
        ]
        let families = try ProcessIdle().families(
            from: QueryResult(columns: columns, rows: rows), server: .server(150_019))
        let family = try #require(families.first)
        #expect(families.count == 1)
        #expect(
            family.samples.map(\.labels) == [
                ["state": "idle", "application_name": "idler2"],
                ["state": "idle in transaction", "application_name": "idler1"],
            ])
        guard case .histogram(let histogram) = family.samples[0].value else {
            Issue.record("no histogram")
            return
        }
        #expect(histogram.count == 2)
        #expect(histogram.sum == 14.325376)
        #expect(histogram.buckets.map(\.upperBound) == [1, 2, 5, 15, 30, 60, 90, 120, 300])
        #expect(histogram.buckets.map(\.cumulativeCount) == [0, 0, 0, 2, 2, 2, 2, 2, 2])
        let none = try ProcessIdle().families(from: QueryResult(columns: columns, rows: []), server: .server(150_019))
        #expect(lines(none) == [])
    }
}

/// The statements against a real server.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct ParityOnAServerTests {
    @Test func everyStatementRuns() async throws {
        let server = try await PostgresServer()
        try await server.sql("CREATE ROLE monitor; GRANT pg_monitor TO monitor; CREATE TABLE t (id int)")
        var asked = 0
        for collector in PostgresCollectors.all() {
            // What this version or this server does not have.
            guard (try? collector.statement(for: .server(150_000))) != nil else { continue }
            asked += 1
            await #expect(throws: Never.self, "\(collector.name)") {
                try await server.series(of: collector, role: "monitor")
            }
        }
        #expect(asked > 40)
    }

    @Test func locksAndTransactionsOfOthersAreCounted() async throws {
        let server = try await PostgresServer()
        let before = try await server.series(of: TableCollector.longRunningTransactions)
        #expect(before["pg_long_running_transactions"] == 0)
        #expect(before["pg_long_running_transactions_oldest_timestamp_seconds"] == 0)
        try await server.sql("CREATE TABLE a (id int); CREATE TABLE b (id int)")
        let holder = try server.session("BEGIN; LOCK TABLE a, b IN SHARE MODE; SELECT pg_sleep(60)")
        defer { holder.stop() }
        #expect(
            try await eventually {
                try await server.series(of: TableCollector.locks)[
                    #"pg_locks_count{datname="postgres",mode="sharelock"}"#] == 2
            })
        let locks = try await server.series(of: TableCollector.locks)
        #expect(locks[#"pg_locks_count{datname="template0",mode="accessexclusivelock"}"#] == 0)
        #expect(locks.count == 3 * 9)
        let now = try await server.series(of: TableCollector.longRunningTransactions)
        #expect(now["pg_long_running_transactions"] == 1)
        #expect(try #require(now["pg_long_running_transactions_oldest_timestamp_seconds"]) > 0)
    }

    @Test func receiversThatLookAlikeAreOneSeries() async throws {
        let server = try await PostgresServer()
        var receivers: [Daemon] = []
        defer { for receiver in receivers { receiver.stop() } }
        for name in ["one", "two"] {
            let directory = server.directory.path(name)
            try await run(["mkdir", directory])
            receivers.append(
                try Daemon(
                    ["pg_receivewal", "-D", directory, "-d", server.connectionString(), "--no-loop"], stop: "INT",
                    log: server.directory.path("\(name).log")))
        }
        #expect(
            try await eventually {
                try await server.sql("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'").output
                    == "2\n"
            })
        let labels = #"{application_name="pg_receivewal",client_addr="127.0.0.1/32",slot_name="",state="streaming"}"#
        let series = try await server.series(of: TableCollector.statReplication)
        #expect(try #require(series["pg_stat_replication_pg_current_wal_lsn_bytes\(labels)"]) > 0)
        #expect(series["pg_stat_replication_sent_lag_bytes\(labels)"] == 0)
    }

    /// What a vacuum is at is a table's name in its own database and not a number; and in no other database.
    @Test func anAutovacuumIsShownByTheNameOfItsTable() async throws {
        let server = try await PostgresServer(settings: ["autovacuum_naptime = 1s"])
        try await server.sql("CREATE DATABASE app")
        try await server.sql(
            """
            CREATE SCHEMA s;
            CREATE TABLE s."Odd.name" WITH (autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1,
            autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_insert_threshold = 0)
            AS SELECT n, repeat('x', 500) FROM generate_series(1, 5000) AS n;
            DELETE FROM s."Odd.name" WHERE n % 2 = 0;
            """, database: "app")
        var started: [String: Double] = [:]
        #expect(
            try await eventually(within: 60) {
                started = try await server.series(of: TableCollector.statActivityAutovacuum)
                return started.keys.contains { $0.contains("Odd.name") }
            })
        #expect(
            started.keys.contains(#"pg_stat_activity_autovacuum_timestamp_seconds{relname="Odd.name"}"#), "\(started)")
        let labels = #"datname="app""#
        let table = #"relname="s.\"Odd.name\"""#
        var series: [String: Double] = [:]
        #expect(
            try await eventually {
                series = try await server.series(of: TableCollector.statProgressVacuum, database: "app")
                return (series["pg_stat_progress_vacuum_heap_blks{\(labels),\(table)}"] ?? 0) > 0
            })
        let phases = series.filter { $0.key.hasPrefix("pg_stat_progress_vacuum_phase{\(labels),") }
        #expect(phases.count == 7)
        #expect(phases.values.reduce(0, +) == 1)
        #expect(try await server.series(of: TableCollector.statProgressVacuum) == [:])
    }

    /// A standby without a receiver does not know how far it is behind.
    @Test func aStandbyThatReceivesNothingIsNotUpToDate() async throws {
        let server = try await PostgresServer()
        let primary = try await server.series(of: TableCollector.replication)
        #expect(
            primary == [
                "pg_replication_lag_seconds": 0, "pg_replication_is_replica": 0,
                "pg_replication_last_replay_seconds": 0,
            ])
        try await server.sql("SELECT pg_create_physical_replication_slot('s', true)")
        try await server.stop()
        try await run(["touch", server.directory.path("data/standby.signal")])
        try await server.start()
        #expect(try await server.series(of: TableCollector.replication) == ["pg_replication_is_replica": 1])
        let slots = try await server.series(of: TableCollector.replicationSlots)
        #expect(slots[#"pg_replication_slots_active{database="",slot_name="s"}"#] == 0)
        #expect(!slots.keys.contains { $0.hasPrefix("pg_replication_slots_slot_current_wal_lsn") })
        #expect(try await server.series(of: TableCollector.statWALReceiver) == [:])
        #expect(try await server.series(of: TableCollector.statReplication) == [:])
        #expect(try #require(try await server.series(of: TableCollector.wal)["pg_wal_segments"]) > 0)
    }
}
