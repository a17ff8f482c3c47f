import Exposition
import Foundation
import Lab
import Scraping
import Testing

@testable import Postgres

/// What the replaced exporter does not have, of the statistics that the server keeps of itself.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct BeyondTests {
    /// The samples of one row as a server of some version sent it.
    private func samples(
        _ collector: TableCollector, _ version: Int, _ row: [String: String]
    ) throws -> [String] {
        let columns = collector.columns.filter { $0.versions.contains(version) }.map(\.name)
        #expect(Set(row.keys).isSubset(of: columns))
        return lines(
            try collector.families(
                from: QueryResult(columns: columns, rows: [columns.map { row[$0] }]), server: .server(version)))
    }

    @Test func familiesAreOfOneCollectorAndSayWhatTheyMean() {
        let entries = PostgresCollectors.catalogue.flatMap(\.metrics)
        let names = entries.map(\.descriptor.name)
        #expect(Set(names).count == names.count)
        for entry in entries {
            #expect(entry.descriptor.isLegal || entry.descriptor.name.contains("<"))
            #expect(entry.descriptor.help.hasSuffix("."), "\(entry.descriptor.name)")
        }
    }

    @Test func collectorsAreInAlphabeticalOrder() {
        let names = PostgresCollectors.catalogue.map(\.name)
        #expect(names == names.sorted())
    }

    /// PostgreSQL 15.19 said this of a database; the failures, which it did not have, are made up.
    @Test func sessionTimesAreMillisecondsOnTheServer() throws {
        let row = [
            "datid": "5", "datname": "postgres",
            "pg_stat_database_session_time_seconds_total": "7114.573",
            "pg_stat_database_idle_in_transaction_time_seconds_total": "0",
            "pg_stat_database_sessions_total": "341", "pg_stat_database_sessions_killed_total": "0",
        ]
        let failures = [
            "pg_stat_database_checksum_failures_total": "2",
            "pg_stat_database_checksum_last_failure_timestamp_seconds": "1795236844.25",
        ]
        let labels = #"{datid="5",datname="postgres"}"#
        let samples = try samples(.statDatabase, 150_019, row.merging(failures) { $1 })
        #expect(samples.contains("pg_stat_database_session_time_seconds_total\(labels) 7.114573"))
        #expect(samples.contains("pg_stat_database_idle_in_transaction_time_seconds_total\(labels) 0.0"))
        #expect(samples.contains("pg_stat_database_sessions_total\(labels) 341.0"))
        #expect(samples.contains("pg_stat_database_checksum_failures_total\(labels) 2.0"))
        #expect(
            samples.contains("pg_stat_database_checksum_last_failure_timestamp_seconds\(labels) 1795236844.25"))
        // Without data checksums there is no such thing as a failure.
        #expect(try !self.samples(.statDatabase, 150_019, row).contains { $0.contains("checksum") })
    }

    @Test func endedSessionsAreCountedByHowTheyEnded() async throws {
        let server = try await PostgresServer()
        let session = try server.session("SELECT pg_sleep(600)")
        defer { session.stop() }
        #expect(try await server.hasSession(where: "wait_event = 'PgSleep'"))
        try await server.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
        #expect(
            try await eventually {
                let series = try await server.series(of: TableCollector.statDatabase)
                return series.contains { name, value in
                    name.hasPrefix("pg_stat_database_sessions_killed_total{")
                        && name.contains(#"datname="postgres""#) && value == 1
                }
            })
    }

    /// A row of PostgreSQL 17.11, which track_io_timing was switched on of shortly before.
    @Test func statIOIsInSecondsAndBytes() throws {
        #expect(throws: CollectorError.self) { try TableCollector.statIO.statement(for: .server(150_019)) }
        let old = try #require(try TableCollector.statIO.statement(for: .server(170_011)))
        #expect(old.contains(#"reads * op_bytes AS "pg_stat_io_read_bytes_total""#))
        let new = try #require(try TableCollector.statIO.statement(for: .server(180_006)))
        #expect(new.contains(#"read_bytes AS "pg_stat_io_read_bytes_total""#))
        #expect(!new.contains("op_bytes"))
        let samples = try samples(
            .statIO, 170_011,
            [
                "backend_type": "client backend", "object": "relation", "context": "normal",
                "pg_stat_io_reads_total": "149249", "pg_stat_io_read_bytes_total": "1222647808",
                "pg_stat_io_read_seconds_total": "4.3870000000000005", "pg_stat_io_evictions_total": "259469",
            ])
        let labels = #"{backend_type="client backend",context="normal",object="relation"}"#
        #expect(
            samples.sorted() == [
                "pg_stat_io_evictions_total\(labels) 259469.0", "pg_stat_io_read_bytes_total\(labels) 1222647808.0",
                "pg_stat_io_read_seconds_total\(labels) 0.004387",
                "pg_stat_io_reads_total\(labels) 149249.0",
            ])
    }

    @Test func statWALIsInSecondsAndFollowsItsMove() async throws {
        let new = try #require(try TableCollector.statWAL.statement(for: .server(180_006)))
        #expect(new.contains("(SELECT sum(fsync_time) FROM pg_stat_io WHERE object = 'wal'"))
        #expect(!new.contains("wal_sync_time"))
        let samples = try samples(
            .statWAL, 150_019,
            ["pg_stat_wal_bytes_total": "18256030", "pg_stat_wal_sync_seconds_total": "1310.5"])
        #expect(samples == ["pg_stat_wal_bytes_total 18256030.0", "pg_stat_wal_sync_seconds_total 1.3105"])

        let server = try await PostgresServer()
        try await server.sql("CREATE TABLE t AS SELECT generate_series(1, 100000)")
        #expect(
            try await eventually {
                let series = try await server.series(of: TableCollector.statWAL)
                return series["pg_stat_wal_records_total"] ?? 0 > 100_000
                    && series["pg_stat_wal_bytes_total"] ?? 0 > 5_000_000
            })
    }

    @Test func theNamesOfSmallCachesAreThoseOf17() async throws {
        let server = try await PostgresServer()
        let series = try await server.series(of: TableCollector.statSLRU)
        let names = [
            "commit_timestamp", "multixact_member", "multixact_offset", "notify", "other", "serializable",
            "subtransaction", "transaction",
        ]
        #expect(
            Set(series.keys.filter { $0.hasPrefix("pg_stat_slru_blks_read_total") })
                == Set(names.map { #"pg_stat_slru_blks_read_total{name="\#($0)"}"# }))
    }

    @Test func wraparoundIsAPartOfWhatThereIs() async throws {
        let server = try await PostgresServer(settings: ["autovacuum_freeze_max_age = 100000"])
        let series = try await server.series(of: TableCollector.wraparound)
        let age = try #require(
            Double(
                try await server.sql("SELECT age(datfrozenxid) FROM pg_database WHERE datname = 'template0'").output
                    .dropLast()))
        let freeze = try #require(series[#"pg_database_freeze_max_age_ratio{datname="template0"}"#])
        let whole = try #require(series[#"pg_database_wraparound_ratio{datname="template0"}"#])
        #expect(age > 0)
        #expect(abs(freeze * 100_000 - age) < 0.5)
        #expect(abs(whole * 2_147_483_648 - age) < 0.5)
        #expect(series[#"pg_database_multixact_wraparound_ratio{datname="postgres"}"#] == 0)
        #expect(series[#"pg_database_multixact_freeze_max_age_ratio{datname="postgres"}"#] == 0)
    }

    @Test func subscriptionsTellTheirStateAndTheirErrors() async throws {
        let server = try await PostgresServer(settings: ["wal_level = logical", "wal_retrieve_retry_interval = 100ms"])
        try await server.sql("CREATE DATABASE source; CREATE DATABASE copy")
        try await server.sql(
            """
            CREATE TABLE t (n int PRIMARY KEY); INSERT INTO t VALUES (1); CREATE PUBLICATION everything FOR TABLE t;
            """, database: "source")
        try await server.sql(
            "SELECT pg_create_logical_replication_slot('copying', 'pgoutput')", database: "source")
        try await server.sql("CREATE TABLE t (n int PRIMARY KEY)", database: "copy")
        try await server.sql(
            """
            CREATE SUBSCRIPTION copying CONNECTION '\(server.connectionString(database: "source"))' \
            PUBLICATION everything WITH (create_slot = false);
            """, database: "copy")
        let labels = #"{datname="copy",subname="copying"}"#
        let ready = #"pg_subscription_tables{datname="copy",state="ready",subname="copying"}"#
        #expect(
            try await eventually {
                try await server.series(of: TableCollector.subscriptionTables, database: "copy")[ready] == 1
            })
        #expect(try await server.series(of: TableCollector.subscriptionTables, database: "source") == [:])
        var series: [String: Double] = [:]
        #expect(
            try await eventually {
                series = try await server.series(of: TableCollector.statSubscription)
                return series["pg_stat_subscription_received_lsn_bytes\(labels)"] ?? 0 > 0
            })
        #expect(series["pg_stat_subscription_worker_up\(labels)"] == 1)
        #expect(series["pg_stat_subscription_enabled\(labels)"] == 1)
        #expect(series["pg_stat_subscription_table_sync_workers\(labels)"] == 0)
        let age = try #require(series["pg_stat_subscription_last_message_age_seconds\(labels)"])
        #expect(age >= 0 && age < 120)

        // The same row on both sides: the worker fails, and fails again.
        try await server.sql("INSERT INTO t VALUES (2)", database: "copy")
        try await server.sql("INSERT INTO t VALUES (2)", database: "source")
        #expect(
            try await eventually {
                try await server.series(of: TableCollector.statSubscriptionStats)[
                    "pg_stat_subscription_apply_errors_total\(labels)"] ?? 0 > 0
            })
        try await server.sql("ALTER SUBSCRIPTION copying DISABLE", database: "copy")
        #expect(
            try await eventually {
                series = try await server.series(of: TableCollector.statSubscription)
                return series["pg_stat_subscription_worker_up\(labels)"] == 0
            })
        #expect(series["pg_stat_subscription_enabled\(labels)"] == 0)
        #expect(series["pg_stat_subscription_received_lsn_bytes\(labels)"] == nil)
    }
}
