import Foundation
import Lab
import Testing

@testable import Postgres

/// Indexes, sequences and tables that need somebody's attention, on a server that really has them.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct SchemaHealthTests {
    private let relations = PostgresOptions.Relations()

    @Test func badIndexesAreCounted() async throws {
        let server = try await PostgresServer(settings: ["autovacuum = off"])
        try await server.sql(
            """
            CREATE DATABASE app;
            \\c app
            CREATE TABLE t (id int PRIMARY KEY, name text, n int, CONSTRAINT no_overlap EXCLUDE (n WITH =));
            INSERT INTO t SELECT i, 'name' || i, i FROM generate_series(1, 20000) AS i;
            CREATE INDEX used ON t (n, id);
            CREATE INDEX unused ON t (name);
            CREATE INDEX again ON t (  name  );
            CREATE INDEX other_order ON t (name DESC);
            CREATE INDEX expression ON t (lower(name));
            CREATE INDEX expression_again_by_a_longer_name ON t (lower(name));
            CREATE INDEX some_rows ON t (id) WHERE n > 5;
            CREATE INDEX some_other_rows ON t (id) WHERE n > 6;
            CREATE INDEX like_primary_key ON t (id);
            INSERT INTO t VALUES (0, 'twice', 0);
            VACUUM ANALYZE t;
            """)
        // It fails, as there are two rows of that name, and leaves an index that is not valid.
        try await server.sql("INSERT INTO t VALUES (-1, 'twice', -1)", database: "app")
        let failed = try await server.sql("CREATE UNIQUE INDEX CONCURRENTLY wrong ON t (name)", database: "app")
        #expect(failed.status != 0)
        try await server.sql(
            "SET enable_seqscan = off; SET enable_bitmapscan = off; SELECT id FROM t WHERE n = 5 AND id = 5 ORDER BY n, id",
            database: "app")
        let ask = "SELECT idx_scan > 0 FROM pg_stat_user_indexes WHERE indexrelname = 'used'"
        let usedIsSeen = try await eventually { try await server.sql(ask, database: "app").output == "t\n" }

        let health = try await server.series(of: TableCollector.indexHealth, database: "app")
        #expect(health[#"pg_indexes_invalid{datname="app"}"#] == 1)
        // `again`, `expression_again_by_a_longer_name` and `like_primary_key`.
        #expect(health[#"pg_indexes_duplicate{datname="app"}"#] == 3)
        // `unused`, `other_order`, `expression`, and those of some rows; the duplicates are in no need of saying it twice.
        #expect(health[#"pg_indexes_unused{datname="app"}"#] == (usedIsSeen ? 5 : 6))
        let sizes = try await server.sql(
            """
            SELECT sum(pg_relation_size(indexrelid)) FROM pg_stat_user_indexes WHERE indexrelname IN \
            ('again', 'expression_again_by_a_longer_name', 'like_primary_key')
            """, database: "app")
        #expect(health[#"pg_indexes_duplicate_bytes{datname="app"}"#] == Double(sizes.output.dropLast()))
        let invalidBytes = try #require(health[#"pg_indexes_invalid_bytes{datname="app"}"#])
        #expect(invalidBytes >= 0)
    }

    @Test func aDatabaseWithoutIndexesHasNoneThatAreBad() async throws {
        let server = try await PostgresServer()
        let health = try await server.series(of: TableCollector.indexHealth)
        #expect(health.count == 6)
        #expect(health.values.allSatisfy { $0 == 0 })
    }

    @Test func theUseOfIndexesIsBounded() async throws {
        let server = try await PostgresServer()
        try await server.sql(
            """
            CREATE TABLE large AS SELECT i FROM generate_series(1, 20000) AS i;
            CREATE INDEX large_i ON large (i);
            CREATE TABLE small_1 (i int PRIMARY KEY); CREATE TABLE small_2 (i int PRIMARY KEY);
            CREATE SCHEMA hidden; CREATE TABLE hidden.t (i int PRIMARY KEY);
            INSERT INTO small_1 VALUES (1); INSERT INTO small_2 VALUES (1);
            """)
        var bounds = PostgresOptions.Relations()
        bounds.names.excluded = ["hidden[.].*"]
        let collector = TableCollector.statUserIndexes(bounds)
        let large = #"{datname="postgres",indexrelname="large_i",relname="large",schemaname="public"}"#
        let rest = #"{datname="postgres",indexrelname="(other)",relname="(other)",schemaname=""}"#
        let series = try await server.series(of: collector, limit: 1)
        #expect(series["pg_stat_user_indexes_idx_scan_total\(large)"] == 0)
        #expect(series["pg_stat_user_indexes_idx_scan_total\(rest)"] != nil)
        #expect(series.keys.filter { $0.hasPrefix("pg_stat_user_indexes_idx_scan_total") }.count == 2)
        let size = try await server.sql("SELECT pg_relation_size('large_i')").output.dropLast()
        #expect(series["pg_stat_user_indexes_size_bytes\(large)"] == Double(size))
    }

    @Test func sequencesNearTheirEndComeFirst() async throws {
        let server = try await PostgresServer()
        try await server.sql(
            """
            CREATE TABLE small (id smallserial); CREATE TABLE narrow (id int);
            CREATE SEQUENCE wide OWNED BY narrow.id; SELECT setval('wide', 2040109465);
            SELECT setval('small_id_seq', 32767);
            CREATE TABLE identity (id bigint GENERATED ALWAYS AS IDENTITY);
            CREATE SEQUENCE falling INCREMENT -1 MINVALUE -100 MAXVALUE -1; SELECT setval('falling', -25);
            CREATE SEQUENCE round CYCLE MAXVALUE 10; SELECT setval('round', 10);
            CREATE SEQUENCE never MAXVALUE 100;
            """)
        func name(_ sequence: String) -> String {
            #"pg_sequence_used_ratio{datname="postgres",schemaname="public",sequencename="\#(sequence)"}"#
        }
        let series = try await server.series(of: TableCollector.sequences(relations))
        #expect(series[name("small_id_seq")] == 1)
        // 2040109465 is 95 % of what an integer holds, and nothing of what the sequence goes to.
        let wide = try #require(series[name("wide")])
        #expect(abs(wide - 0.95) < 1e-6)
        #expect(series[name("falling")] == 0.25)
        #expect(series[name("never")] == 0)
        #expect(series[name("identity_id_seq")] == 0)
        #expect(series.count == 5)
    }

    /// Each sequence read is a lock until the statement ends, and all sessions share the room for locks: 30 times 64.
    @Test func readingSequencesLeavesRoomForOthersLocks() async throws {
        let server = try await PostgresServer()
        try await server.sql(
            """
            DO 'BEGIN FOR i IN 1..300 LOOP EXECUTE ''CREATE SEQUENCE s'' || i; END LOOP; END';
            CREATE SEQUENCE short MAXVALUE 10; SELECT setval('short', 5);
            """)
        let series = try await server.series(of: TableCollector.sequences(relations))
        #expect(series.count == 192)
        #expect(
            series[#"pg_sequence_used_ratio{datname="postgres",schemaname="public",sequencename="short"}"#] == 0.5)
        #expect(try await server.series(of: TableCollector.sequences(relations), limit: 2).count == 2)
    }

    @Test func sequencesThatMayNotBeReadAreCountedInstead() async throws {
        let server = try await PostgresServer()
        try await server.sql(
            "CREATE SEQUENCE one; CREATE SEQUENCE two; CREATE ROLE plain; GRANT SELECT ON one TO plain")
        let series = try await server.series(of: TableCollector.sequences(relations), role: "plain")
        #expect(series.keys.map { $0.contains(#"sequencename="one""#) } == [true])
        let unreadable = #"pg_sequences_unreadable{datname="postgres"}"#
        #expect(try await server.series(of: TableCollector.sequencesUnreadable, role: "plain") == [unreadable: 1])
        #expect(try await server.series(of: TableCollector.sequencesUnreadable) == [unreadable: 0])
    }

    /// ALTER SEQUENCE in an open transaction, and DROP waiting behind a reader: neither may make us wait.
    @Test func lockedSequencesAreLeftOut() async throws {
        let server = try await PostgresServer()
        try await server.sql("CREATE SEQUENCE altered; CREATE SEQUENCE dropped; CREATE SEQUENCE free")
        let altering = try server.idleSession("BEGIN", "ALTER SEQUENCE altered MAXVALUE 100")
        defer { altering.stop() }
        let reading = try server.idleSession("BEGIN", "SELECT * FROM dropped")
        defer { reading.stop() }
        #expect(try await server.hasSession(where: "state = 'idle in transaction'", count: 2))
        let dropping = try server.session("DROP SEQUENCE dropped")
        defer { dropping.stop() }
        #expect(try await server.hasSession(where: "wait_event_type = 'Lock'"))
        let series = try await server.series(of: TableCollector.sequences(relations))
        #expect(series.keys.map { $0.contains(#"sequencename="free""#) } == [true])
    }

    /// A migration that has everything to itself must neither be waited for nor hide more than its sequences.
    @Test func nothingWaitsForWhoeverHasATableToHimself() async throws {
        let server = try await PostgresServer()
        try await server.sql(
            """
            CREATE TABLE t AS SELECT i, 'name' || i AS name FROM generate_series(1, 50000) AS i; CREATE SEQUENCE s;
            CREATE INDEX name ON t (lower(name)) WHERE i > 5; CREATE INDEX again ON t (lower(name)) WHERE i > 5;
            ANALYZE t;
            """)
        let migration = try server.idleSession(
            "BEGIN", "LOCK TABLE t", "DROP INDEX name", "ALTER INDEX again SET (fillfactor = 80)", "DROP SEQUENCE s")
        defer { migration.stop() }
        #expect(try await server.hasSession(where: "state = 'idle in transaction' AND query LIKE 'DROP SEQUENCE%'"))
        #expect(try await server.series(of: TableCollector.sequences(relations)) == [:])
        #expect(
            try await server.series(of: TableCollector.indexHealth)[#"pg_indexes_duplicate{datname="postgres"}"#] == 1)
        #expect(try await server.series(of: TableCollector.statUserIndexes(relations)).count >= 2)
        #expect(try await server.series(of: TableCollector.tableBloat(relations)).count == 2)
        #expect(try await server.series(of: TableCollector.indexBloat(relations)).count == 4)
        #expect(
            try await server.series(of: TableCollector.rowSecurity(relations))[
                #"pg_tables_without_row_security{datname="postgres"}"#] == 1)
        #expect(try await server.series(of: TableCollector.tableRowSecurity(relations)).count == 2)
    }

    @Test func bloatIsEstimated() async throws {
        let server = try await PostgresServer(settings: ["autovacuum = off"])
        try await server.sql(
            """
            CREATE TABLE tight AS SELECT i, i::bigint AS j, 'name' || i AS name FROM generate_series(1, 100000) AS i;
            CREATE TABLE loose AS SELECT * FROM tight;
            CREATE TABLE half (i int, j bigint, name text) WITH (fillfactor = 50);
            INSERT INTO half SELECT * FROM tight;
            CREATE TABLE unknown AS SELECT * FROM tight;
            DELETE FROM loose WHERE i % 2 = 0;
            """)
        try await server.sql("VACUUM ANALYZE tight; VACUUM ANALYZE loose; VACUUM ANALYZE half")
        func value(_ family: String, _ table: String, in series: [String: Double]) -> Double? {
            series[#"\#(family){datname="postgres",relname="\#(table)",schemaname="public"}"#]
        }
        let series = try await server.series(of: TableCollector.tableBloat(relations))
        let tight = try #require(value("pg_table_bloat_ratio", "tight", in: series))
        let loose = try #require(value("pg_table_bloat_ratio", "loose", in: series))
        let half = try #require(value("pg_table_bloat_ratio", "half", in: series))
        #expect(tight < 0.1)
        #expect(half < 0.1)
        #expect(abs(loose - 0.5) < 0.1)
        #expect(value("pg_table_bloat_ratio", "unknown", in: series) == nil)
        let size = try #require(Double(try await server.sql("SELECT pg_relation_size('loose')").output.dropLast()))
        #expect(value("pg_table_bloat_bytes", "loose", in: series) == (loose * size).rounded())
    }

    @Test func indexBloatIsEstimated() async throws {
        let server = try await PostgresServer(settings: ["autovacuum = off"])
        try await server.sql(
            """
            CREATE TABLE t AS SELECT i, i % 10 AS few, 'name' || i AS name FROM generate_series(1, 200000) AS i;
            ALTER TABLE t ADD PRIMARY KEY (i);
            CREATE INDEX lower_name ON t (lower(name)); CREATE INDEX few ON t (few); CREATE INDEX two ON t (i, name);
            """)
        try await server.sql("VACUUM ANALYZE t")
        func ratio(_ index: String, in series: [String: Double]) -> Double? {
            series[
                #"pg_index_bloat_ratio{datname="postgres",indexrelname="\#(index)",relname="t",schemaname="public"}"#]
        }
        let fresh = try await server.series(of: TableCollector.indexBloat(relations))
        for index in ["t_pkey", "lower_name", "few", "two"] {
            let ratio = try #require(ratio(index, in: fresh))
            #expect(ratio < 0.1, "\(index)")
        }
        try await server.sql("DELETE FROM t WHERE i % 2 = 0")
        try await server.sql("VACUUM ANALYZE t")
        let old = try await server.series(of: TableCollector.indexBloat(relations))
        for index in ["t_pkey", "lower_name", "two"] {
            let ratio = try #require(ratio(index, in: old))
            #expect(abs(ratio - 0.5) < 0.1, "\(index)")
        }
    }

    @Test func tablesWithoutRowSecurityAreFound() async throws {
        let server = try await PostgresServer()
        try await server.sql(
            """
            CREATE EXTENSION pg_stat_statements;
            CREATE TABLE open (tenant int); CREATE TABLE lookup (name text);
            CREATE TABLE guarded (tenant int);
            ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; ALTER TABLE guarded FORCE ROW LEVEL SECURITY;
            CREATE POLICY own ON guarded USING (tenant = 1);
            CREATE TABLE half (tenant int) PARTITION BY LIST (tenant); ALTER TABLE half ENABLE ROW LEVEL SECURITY;
            CREATE TABLE half_1 PARTITION OF half FOR VALUES IN (1);
            """)
        var bounds = relations
        bounds.names.excluded = ["public[.]lookup"]
        let counts = try await server.series(of: TableCollector.rowSecurity(bounds))
        #expect(
            counts == [
                #"pg_tables_with_row_security{datname="postgres"}"#: 2,
                #"pg_tables_without_row_security{datname="postgres"}"#: 2,
                #"pg_tables_row_security_not_forced{datname="postgres"}"#: 1,
                #"pg_tables_row_security_without_policy{datname="postgres"}"#: 1,
            ])
        let tables = try await server.series(of: TableCollector.tableRowSecurity(bounds), limit: 2)
        #expect(
            tables == [
                #"pg_table_row_security{datname="postgres",relname="half_1",schemaname="public"}"#: 0,
                #"pg_table_row_security_forced{datname="postgres",relname="half_1",schemaname="public"}"#: 0,
                #"pg_table_row_security{datname="postgres",relname="open",schemaname="public"}"#: 0,
                #"pg_table_row_security_forced{datname="postgres",relname="open",schemaname="public"}"#: 0,
            ])
    }
}
