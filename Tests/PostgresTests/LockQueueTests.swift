import Exposition
import Lab
import Synchronization
import Testing

@testable import Postgres
@testable import Scraping

/// A migration that waits behind a long read: everybody who comes after it waits too, and an exporter must not be the one
/// who comes before it.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct LockQueueTests {
    @Test func aWaitingMigrationDelaysNothingAndNothingOfOursIsInItsWay() async throws {
        let server = try await PostgresServer()
        try await server.sql(
            """
            CREATE TABLE hot (id int PRIMARY KEY, text text); CREATE TABLE cold (id serial PRIMARY KEY);
            INSERT INTO hot SELECT n, repeat('x', 1000) FROM generate_series(1, 1000) AS n;
            """)
        let reader = try server.session("BEGIN; SELECT count(*) FROM hot; SELECT pg_sleep(100)")
        defer { reader.stop() }
        #expect(try await isLocked(server, "AccessShareLock", granted: true))
        let migration = try server.session("ALTER TABLE hot ADD COLUMN more int")
        defer { migration.stop() }
        #expect(try await isLocked(server, "AccessExclusiveLock", granted: false))

        var options = PostgresOptions()
        options.slowInterval = .zero
        for collector in PostgresCollectors.all() where collector.name != "buffercache_summary" {
            options.collectors.chosen[collector.name] = true
        }
        let target = PostgresTarget(
            try PostgresSettings(name: "postgres", connectionString: server.connectionString()), options: options)
        let isOver = Mutex(false)
        async let seen = watch(server) { isOver.withLock { $0 } }
        for round in 1...10 {
            let scraped = await Scraped(target)
            let outcome = scraped.outcome
            #expect(outcome.isUp, "scrape \(round)")
            let reasons = Set(outcome.collectors.compactMap(\.error?.reason))
            // A version that lacks something says so of what was asked for by name; nothing is late or locked.
            #expect(reasons.isSubset(of: [.unsupportedVersion, .missingExtension]), "scrape \(round): \(outcome)")
            let all = lines(scraped.delivered)
            func isThere(_ metric: String, _ table: String) -> Bool {
                all.contains { $0.hasPrefix(#"\#(metric){datname="postgres",relname="\#(table)""#) }
            }
            #expect(isThere("pg_stat_user_tables_n_live_tup", "hot"))
            #expect(isThere("pg_stat_user_tables_table_size_bytes", "cold"))
            #expect(!isThere("pg_stat_user_tables_table_size_bytes", "hot"))
        }
        isOver.withLock { $0 = true }
        let (looks, touches) = try await seen
        #expect(looks > 10)
        #expect(touches == 0)
        await target.shutdown()

        reader.stop()
        #expect(try await eventually { try await server.sql("SELECT more FROM hot LIMIT 1").status == 0 })
    }

    private func isLocked(_ server: PostgresServer, _ mode: String, granted: Bool) async throws -> Bool {
        let statement = """
            SELECT count(*) FROM pg_locks WHERE relation = 'hot'::regclass AND mode = '\(mode)' AND granted = \(granted)
            """
        return try await eventually { try await server.sql(statement).output == "1\n" }
    }

    /// How often was looked, and in how many of these looks a session of ours held or awaited a lock on the table or any
    /// part of it.
    private func watch(_ server: PostgresServer, until isOver: () -> Bool) async throws -> (looks: Int, touches: Int) {
        let settings = try PostgresSettings(name: "watch", connectionString: server.connectionString())
        let connection = PostgresConnection(settings)
        try await connection.open(until: Deadline(after: .seconds(20)))
        let statement = """
            SELECT count(*) FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
            WHERE a.application_name = 'stack-exporter' AND a.pid <> pg_backend_pid() AND l.relation IN
            (SELECT oid FROM pg_class WHERE relname IN ('hot', 'hot_pkey')
            UNION SELECT reltoastrelid FROM pg_class WHERE relname = 'hot')
            """
        let touches = Mutex(0)
        var looks = 0
        while !isOver() {
            try await connection.run([[statement]], until: Deadline(after: .seconds(20))) { _, outcome in
                guard case .success(let rows) = consume outcome, rows.number(0, 0) != 0 else { return }
                touches.withLock { $0 += 1 }
            }
            looks += 1
            try await Task.sleep(for: .milliseconds(1))
        }
        await connection.close()
        return (looks, touches.withLock { $0 })
    }
}
