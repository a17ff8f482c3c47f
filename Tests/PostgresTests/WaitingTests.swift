import Foundation
import Lab
import Testing

@testable import Postgres

/// Who waits for whom, and what keeps vacuum from its work, in sessions that really do.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct WaitingTests {
    private let waitsForLock = "wait_event_type = 'Lock'"

    @Test func aQueueOfSessionsIsTracedToItsRoot() async throws {
        let server = try await PostgresServer()
        try await server.sql("CREATE DATABASE app")
        try await server.sql("CREATE TABLE t (n int); INSERT INTO t VALUES (1)", database: "app")
        let free = try await server.series(of: TableCollector.blockedSessions)
        #expect(free[#"pg_blocked_sessions{datname="app"}"#] == 0)
        #expect(free[#"pg_blocked_sessions_longest_wait_seconds{datname="app"}"#] == 0)
        #expect(free[#"pg_root_blockers{datname="app"}"#] == 0)
        #expect(free[#"pg_blocked_sessions{datname="template0"}"#] == nil)

        // One has changed a row and idles, the second waits for the row, the third for the second and so on: a queue.
        let root = try server.idleSession("BEGIN", "UPDATE t SET n = 2", database: "app")
        defer { root.stop() }
        #expect(try await server.hasSession(where: "state = 'idle in transaction' AND query LIKE 'UPDATE%'"))
        let first = try server.session("UPDATE t SET n = 3", database: "app")
        defer { first.stop() }
        #expect(try await server.hasSession(where: waitsForLock))
        let second = try server.session("UPDATE t SET n = 4", database: "app")
        defer { second.stop() }
        #expect(try await server.hasSession(where: waitsForLock, count: 2))
        try await server.sql("SELECT pg_sleep(0.2)")

        let blocked = try await server.series(of: TableCollector.blockedSessions)
        #expect(blocked[#"pg_blocked_sessions{datname="app"}"#] == 2)
        #expect(blocked[#"pg_blocked_sessions{datname="postgres"}"#] == 0)
        #expect(blocked[#"pg_root_blockers{datname="app"}"#] == 1)
        #expect(blocked[#"pg_blocked_sessions_by_prepared_transaction{datname="app"}"#] == 0)
        let wait = try #require(blocked[#"pg_blocked_sessions_longest_wait_seconds{datname="app"}"#])
        #expect(wait >= 0.2 && wait < 120)

        // A row's lock is waited for by its transaction, which names no database, and by the row.
        let locks = try await server.series(of: TableCollector.lockWaits)
        #expect(locks[#"pg_locks_waiting{datname="app",mode="sharelock"}"#] == 1)
        #expect(locks[#"pg_locks_waiting{datname="app",mode="exclusivelock"}"#] == 1)
        #expect(locks[#"pg_locks_granted{datname="app",mode="rowexclusivelock"}"#] == 3)
        #expect(locks[#"pg_locks_granted{datname="app",mode="exclusivelock"}"#] == 1)
        #expect(locks[#"pg_locks_granted{datname="postgres",mode="accesssharelock"}"#] == 0)

        let events = try await server.series(of: TableCollector.waitEvents)
        func event(_ name: String) -> String {
            #"pg_wait_events_backends{backend_type="client backend",datname="app",wait_event="\#(name)",wait_event_type="Lock"}"#
        }
        #expect(events[event("transactionid")] == 1)
        #expect(events[event("tuple")] == 1)

        // What others may see of it needs no rights.
        try await server.sql("CREATE ROLE plain")
        let seen = try await server.series(of: TableCollector.blockedSessions, role: "plain")
        #expect(seen[#"pg_blocked_sessions{datname="app"}"#] == 2)
        #expect(seen[#"pg_root_blockers{datname="app"}"#] == 1)
    }

    @Test func aPreparedTransactionThatBlocksIsToldFromASession() async throws {
        let server = try await PostgresServer(settings: ["max_prepared_transactions = 2"])
        try await server.sql("CREATE TABLE t (n int)")
        try await server.sql("BEGIN; LOCK TABLE t; PREPARE TRANSACTION 'forgotten'")
        let waiter = try server.session("SELECT * FROM t")
        defer { waiter.stop() }
        #expect(try await server.hasSession(where: waitsForLock))
        let blocked = try await server.series(of: TableCollector.blockedSessions)
        #expect(blocked[#"pg_blocked_sessions{datname="postgres"}"#] == 1)
        #expect(blocked[#"pg_blocked_sessions_by_prepared_transaction{datname="postgres"}"#] == 1)
        #expect(blocked[#"pg_root_blockers{datname="postgres"}"#] == 0)
        let locks = try await server.series(of: TableCollector.lockWaits)
        #expect(locks[#"pg_locks_granted{datname="postgres",mode="accessexclusivelock"}"#] == 1)
        #expect(locks[#"pg_locks_waiting{datname="postgres",mode="accesssharelock"}"#] == 1)

        try await server.sql("CREATE DATABASE other")
        try await server.sql("SELECT pg_sleep(0.2)")
        let prepared = try await server.series(of: TableCollector.preparedTransactions)
        #expect(prepared[#"pg_prepared_transactions{datname="postgres"}"#] == 1)
        #expect(prepared[#"pg_prepared_transactions{datname="other"}"#] == 0)
        #expect(prepared[#"pg_prepared_transactions_oldest_seconds{datname="other"}"#] == 0)
        let age = try #require(prepared[#"pg_prepared_transactions_oldest_seconds{datname="postgres"}"#])
        #expect(age >= 0.2 && age < 120)
    }

    @Test func openTransactionsTellTheirAges() async throws {
        let server = try await PostgresServer()
        try await server.sql("CREATE DATABASE app")
        let idle = try server.idleSession("BEGIN", "SELECT 1", "SELECT pg_sleep(0.5)", database: "app")
        defer { idle.stop() }
        #expect(try await server.hasSession(where: "state = 'idle in transaction' AND query LIKE '%pg_sleep%'"))
        let failed = try server.idleSession("BEGIN", "SELECT 1 / 0", database: "app")
        defer { failed.stop() }
        #expect(try await server.hasSession(where: "state = 'idle in transaction (aborted)'"))
        let busy = try server.session("SELECT pg_sleep(600)")
        defer { busy.stop() }
        #expect(try await server.hasSession(where: "wait_event = 'PgSleep'"))
        let ages = try await server.series(of: TableCollector.openTransactions)
        #expect(ages[#"pg_idle_in_transaction_sessions{datname="app"}"#] == 2)
        let longestIdle = try #require(ages[#"pg_idle_in_transaction_longest_seconds{datname="app"}"#])
        let oldest = try #require(ages[#"pg_oldest_transaction_seconds{datname="app"}"#])
        #expect(longestIdle > 0 && oldest - longestIdle >= 0.5 && oldest < 120)
        #expect(ages[#"pg_longest_query_seconds{datname="app"}"#] == 0)
        #expect(ages[#"pg_idle_in_transaction_sessions{datname="postgres"}"#] == 0)
        #expect(ages[#"pg_idle_in_transaction_longest_seconds{datname="postgres"}"#] == 0)
        let query = try #require(ages[#"pg_longest_query_seconds{datname="postgres"}"#])
        #expect(query > 0 && query < 120)
    }

    @Test func backendsAtWorkAreOnACPUWhereTheyWaitForNothing() async throws {
        let server = try await PostgresServer()
        let busy = try server.session("DO 'BEGIN LOOP PERFORM 1; END LOOP; END'")
        defer { busy.stop() }
        let cpu =
            #"pg_wait_events_backends{backend_type="client backend",datname="postgres",wait_event="CPU",wait_event_type="CPU"}"#
        #expect(try await eventually { try await server.series(of: TableCollector.waitEvents)[cpu] == 1 })
        #expect(try await server.series(of: TableCollector.waitEvents).keys.allSatisfy { !$0.contains("Activity") })
    }

    /// Other sessions' states are hidden from a plain role: none of it may look like an idle server.
    @Test func aRoleThatSeesNoSessionsIsRefusedWithTheRemedy() {
        var facts = ServerFacts.server(150_020)
        facts.rights = []
        for collector in [TableCollector.openTransactions, .waitEvents, .xminHorizon] {
            let error = #expect(throws: (any Error).self) { try collector.statement(for: facts) }
            #expect("\(String(describing: error))".contains("GRANT pg_monitor"))
        }
    }

    @Test func whoeverHoldsBackVacuumIsNamedByKind() async throws {
        let server = try await PostgresServer(
            settings: ["max_prepared_transactions = 2", "wal_level = logical", "autovacuum = off"])
        let horizon = "pg_xmin_horizon_age_transactions"
        let none = try await server.series(of: TableCollector.xminHorizon)
        #expect(
            none == [
                #"\#(horizon){holder="session"}"#: 0, #"\#(horizon){holder="standby"}"#: 0,
                #"\#(horizon){holder="replication_slot"}"#: 0,
                #"\#(horizon){holder="replication_slot_catalog"}"#: 0,
                #"\#(horizon){holder="prepared_transaction"}"#: 0,
            ])
        func consumeTransactions(_ count: Int) async throws {
            try await server.sql("DO 'BEGIN FOR i IN 1..\(count) LOOP PERFORM txid_current(); COMMIT; END LOOP; END'")
        }
        try await server.sql("SELECT pg_create_logical_replication_slot('forgotten', 'test_decoding')")
        try await consumeTransactions(10)
        try await server.sql("BEGIN; SELECT txid_current(); PREPARE TRANSACTION 'forgotten'")
        try await consumeTransactions(10)
        let reader = try server.idleSession("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT 1")
        defer { reader.stop() }
        #expect(try await server.hasSession(where: "state = 'idle in transaction' AND query = 'SELECT 1'"))
        try await consumeTransactions(10)
        let held = try await server.series(of: TableCollector.xminHorizon)
        let slot = try #require(held[#"\#(horizon){holder="replication_slot_catalog"}"#])
        let prepared = try #require(held[#"\#(horizon){holder="prepared_transaction"}"#])
        let session = try #require(held[#"\#(horizon){holder="session"}"#])
        // A reader's snapshot holds what was running when it was taken: the prepared transaction.
        #expect(prepared >= 20 && session == prepared && slot >= prepared + 10 && slot < 100)
        #expect(held[#"\#(horizon){holder="replication_slot"}"#] == 0)
    }
}
