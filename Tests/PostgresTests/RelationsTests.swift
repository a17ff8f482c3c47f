import Lab
import Testing

@testable import Postgres

/// Tables and indexes: the largest by themselves, the rest added up, and sizes that lock nothing out.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct RelationsTests {
    private func relations(limit: Int, included: [String] = [], excluded: [String] = []) -> PostgresOptions.Relations {
        var relations = PostgresOptions.Relations()
        relations.limit = limit
        relations.names = PostgresOptions.NameFilter(included: included, excluded: excluded)
        return relations
    }

    /// Tables of 4000, 3000, 200 and 100 rows, the largest first.
    private func serverWithTables() async throws -> PostgresServer {
        let server = try await PostgresServer()
        try await server.sql(
            """
            CREATE SCHEMA s;
            CREATE TABLE huge (n int PRIMARY KEY, x text); INSERT INTO huge SELECT n FROM generate_series(1, 4000) AS n;
            CREATE TABLE s.big (n int, x text); INSERT INTO s.big SELECT n FROM generate_series(1, 3000) AS n;
            CREATE TABLE small (n int, x text); INSERT INTO small SELECT n FROM generate_series(1, 200) AS n;
            CREATE INDEX small_n ON small (n);
            CREATE TABLE tiny (n int, x text); INSERT INTO tiny SELECT n FROM generate_series(1, 100) AS n;
            VACUUM ANALYZE;
            """)
        return server
    }

    private func name(_ family: String, _ schema: String, _ table: String) -> String {
        #"\#(family){datname="postgres",relname="\#(table)",schemaname="\#(schema)"}"#
    }

    @Test func theLargestStandByThemselvesAndTheRestIsAddedUp() async throws {
        let server = try await serverWithTables()
        let all = try await server.series(
            of: TableCollector.statUserTables(relations(limit: 4)), limit: 4)
        let rows = "pg_stat_user_tables_n_tup_ins"
        #expect(all[name(rows, "public", "tiny")] == 100)
        #expect(!all.keys.contains { $0.contains("(other)") })

        let two = try await server.series(
            of: TableCollector.statUserTables(relations(limit: 2)), limit: 2)
        #expect(two[name(rows, "public", "huge")] == 4000)
        #expect(two[name(rows, "s", "big")] == 3000)
        #expect(two[name(rows, "", "(other)")] == 300)
        #expect(two.keys.filter { $0.hasPrefix(rows) }.count == 3)
        // Many tables have no one time.
        #expect(two[name("pg_stat_user_tables_vacuum_count", "", "(other)")] == 2)
        #expect(try #require(two[name("pg_stat_user_tables_last_vacuum", "s", "big")]) > 1.7e9)
        #expect(two[name("pg_stat_user_tables_last_autovacuum", "s", "big")] == 0)
        #expect(!two.keys.contains { $0.hasPrefix("pg_stat_user_tables_last") && $0.contains("(other)") })

        let none = try await server.series(
            of: TableCollector.statUserTables(relations(limit: 0)), limit: 0)
        #expect(none.filter { $0.key.hasPrefix(rows) } == [name(rows, "", "(other)"): 7300])
    }

    @Test func whatTheFilterDoesNotAdmitIsNowhere() async throws {
        let server = try await serverWithTables()
        let excluded = relations(limit: 1, excluded: ["public\\.(huge|tiny)"])
        let series = try await server.series(of: TableCollector.statUserTables(excluded), limit: excluded.limit)
        let rows = "pg_stat_user_tables_n_tup_ins"
        #expect(
            series.filter { $0.key.hasPrefix(rows) } == [name(rows, "s", "big"): 3000, name(rows, "", "(other)"): 200])
        let included = relations(limit: 10, included: ["s\\..*"])
        #expect(
            try await server.series(of: TableCollector.relationSizes(included), limit: included.limit).keys.sorted()
                == [
                    name("pg_stat_user_tables_index_size_bytes", "s", "big"),
                    name("pg_stat_user_tables_table_size_bytes", "s", "big"),
                ])
        // An index goes with its table.
        let indexes = try await server.series(of: TableCollector.statioUserIndexes(excluded), limit: excluded.limit)
        #expect(indexes.count == 2)
        #expect(indexes.keys.allSatisfy { $0.contains(#"indexrelname="small_n",relname="small""#) })
    }

    @Test func blocksAndIndexesAreBoundedToo() async throws {
        let server = try await serverWithTables()
        let tables = try await server.series(
            of: TableCollector.statioUserTables(relations(limit: 3)), limit: 3)
        #expect(try #require(tables[name("pg_statio_user_tables_heap_blocks_hit", "public", "small")]) > 0)
        #expect(try #require(tables[name("pg_statio_user_tables_heap_blocks_hit", "", "(other)")]) > 0)
        #expect(tables[name("pg_statio_user_tables_idx_blocks_read", "", "(other)")] == 0)
        let indexes = try await server.series(
            of: TableCollector.statioUserIndexes(relations(limit: 1)), limit: 1)
        let hits = "pg_statio_user_indexes_idx_blks_hit_total"
        #expect(
            indexes.keys.filter { $0.hasPrefix(hits) }.sorted() == [
                #"\#(hits){datname="postgres",indexrelname="(other)",relname="(other)",schemaname=""}"#,
                #"\#(hits){datname="postgres",indexrelname="huge_pkey",relname="huge",schemaname="public"}"#,
            ])
    }

    @Test func sizesAreThoseOfTheFunctions() async throws {
        let server = try await serverWithTables()
        let sizes = try await server.series(
            of: TableCollector.relationSizes(relations(limit: 2)), limit: 2)
        func size(_ expression: String) async throws -> Double? {
            Double(try await server.sql("SELECT \(expression)").output.dropLast())
        }
        let table = "pg_stat_user_tables_table_size_bytes"
        let index = "pg_stat_user_tables_index_size_bytes"
        let huge = try await [size("pg_table_size('huge')"), size("pg_indexes_size('huge')")]
        // What is not shown one by one is not measured one by one.
        let rest = try await size(
            "8192 * sum(relpages) FROM pg_class WHERE relname IN ('small', 'tiny') OR oid IN "
                + "(SELECT reltoastrelid FROM pg_class WHERE relname IN ('small', 'tiny'))")
        #expect([sizes[name(table, "public", "huge")], sizes[name(index, "public", "huge")]] == huge)
        #expect(sizes[name(index, "s", "big")] == 0)
        #expect(sizes[name(table, "", "(other)")] == rest)
    }

    /// Asking for the size of a table that somebody has for himself would wait for him, and so would asking where somebody
    /// waits for it: his request stands before ours.
    @Test(arguments: [
        "LOCK TABLE huge IN ACCESS EXCLUSIVE MODE",
        // An index of it, and the table of its long values.
        "REINDEX INDEX huge_pkey", "toast",
    ])
    func aTableLockedBySomebodyIsNotMeasured(lock: String) async throws {
        let server = try await serverWithTables()
        var statement = lock
        if lock == "toast" {
            let toast = try await server.sql("SELECT reltoastrelid::regclass FROM pg_class WHERE relname = 'huge'")
            statement = "REINDEX TABLE \(toast.output.dropLast())"
        }
        let holder = try server.session("BEGIN; \(statement); SELECT pg_sleep(60)")
        defer { holder.stop() }
        #expect(
            try await eventually {
                try await server.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'").output
                    == "1\n"
            })
        let locks = try await server.sql(
            "SELECT count(*) > 0 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND locktype = 'relation'")
        #expect(locks.output == "t\n")
        let one = try await server.series(
            of: TableCollector.relationSizes(relations(limit: 1)), limit: 1)
        let table = "pg_stat_user_tables_table_size_bytes"
        #expect(one[name(table, "public", "huge")] == nil)
        #expect(try #require(one[name(table, "", "(other)")]) > 0)
        // The rest is not measured, so nobody is waited for.
        let rest = try await server.series(
            of: TableCollector.relationSizes(relations(limit: 0)), limit: 0)
        #expect(rest.count == 2)
        // Statistics need no lock.
        let statistics = try await server.series(
            of: TableCollector.statUserTables(relations(limit: 1)), limit: 1)
        #expect(statistics[name("pg_stat_user_tables_n_tup_ins", "public", "huge")] == 4000)
    }

    @Test func aTableThatSomebodyAwaitsIsNotMeasured() async throws {
        let server = try await serverWithTables()
        let reader = try server.session("BEGIN; SELECT count(*) FROM huge; SELECT pg_sleep(60)")
        defer { reader.stop() }
        let waiting = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND NOT granted"
        #expect(
            try await eventually {
                try await server.sql("SELECT count(*) FROM pg_locks WHERE relation = 'huge'::regclass").output
                    == "1\n"
            })
        let writer = try server.session("BEGIN; ALTER TABLE huge ADD COLUMN y int")
        defer { writer.stop() }
        #expect(try await eventually { try await server.sql(waiting).output == "1\n" })
        let sizes = try await server.series(
            of: TableCollector.relationSizes(relations(limit: 10)), limit: 10)
        let table = "pg_stat_user_tables_table_size_bytes"
        #expect(sizes[name(table, "public", "huge")] == nil)
        #expect(try #require(sizes[name(table, "s", "big")]) > 0)
        #expect(try await server.sql(waiting).output == "1\n")
    }
}
