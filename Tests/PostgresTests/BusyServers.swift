import Lab

/// A primary with something of everything going on, and its standby. Both have the roles `monitor` and `plain`.
final class BusyServers: Sendable {
    let primary: PostgresServer
    let standby: PostgresServer
    private let sessions: [Daemon]

    /// What is going on at each, in the words of the contract.
    static let activities: [String: Set] = [
        "primary": [
            "always", "active-slot", "archived", "autovacuum", "idle-session", "limited-slot", "slot", "standby",
            "vacuum",
        ],
        "standby": ["always", "idle-session", "limited-slot", "repmgr", "slot"],
    ]
    /// The databases that have tables.
    static let databases: Set = ["postgres", "shop", "stock"]

    init(version: Int) async throws {
        primary = try await PostgresServer(
            version: version,
            settings: [
                "wal_level = logical", "max_prepared_transactions = 2", "max_slot_wal_keep_size = 64MB",
                "archive_mode = on", "archive_command = 'true'", "autovacuum_naptime = 1s",
            ])
        try await primary.makeRoles()
        let extensions =
            primary.hasContrib ? "CREATE EXTENSION pg_stat_statements; CREATE EXTENSION pg_buffercache;" : ""
        try await Self.run(extensions + "CREATE DATABASE shop; CREATE DATABASE stock;", on: primary)
        for database in Self.databases { try await Self.fill(database, of: primary) }
        if primary.hasContrib { try await Self.run("CREATE EXTENSION pg_stat_statements", on: primary, in: "shop") }
        // A logical slot begins where no transaction is open, so those come after it. The autovacuum of the worn table
        // takes a minute.
        try await Self.run(
            """
            SELECT pg_create_physical_replication_slot('spare', true);
            SELECT pg_create_logical_replication_slot('feed', 'pgoutput');
            BEGIN; INSERT INTO orders VALUES (0, 'prepared'); PREPARE TRANSACTION 'later';
            SET work_mem = '64kB'; SELECT count(*) FROM (SELECT n FROM generate_series(1, 20000) AS n ORDER BY -n) AS s;
            CREATE TABLE worn WITH (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0,
                autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)
                AS SELECT n, repeat('x', 1000) AS filler FROM generate_series(1, 2000) AS n;
            DELETE FROM worn WHERE n % 2 = 0;
            SELECT pg_switch_wal();
            """, on: primary)
        standby = try await PostgresServer(standbyOf: primary, slot: "repmgr_slot_1")
        try await Self.run("SELECT pg_create_physical_replication_slot('cascade', true)", on: standby)
        try await Self.run("INSERT INTO orders VALUES (-2, 'replayed')", on: primary)
        sessions = [
            try primary.idleSession(), try primary.idleSession("BEGIN; INSERT INTO orders VALUES (-1, 'undecided');"),
            try standby.idleSession(),
        ]
        try await Self.wait(
            for: """
                EXISTS (SELECT FROM pg_stat_progress_vacuum WHERE phase = 'scanning heap')
                AND EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'autovacuum:%')
                AND EXISTS (SELECT FROM pg_stat_activity WHERE state = 'idle')
                AND EXISTS (SELECT FROM pg_stat_activity WHERE state = 'idle in transaction')
                AND EXISTS (SELECT FROM pg_stat_replication WHERE replay_lsn IS NOT NULL)
                AND EXISTS (SELECT FROM pg_stat_archiver WHERE archived_count > 0)
                """, on: primary)
        try await Self.wait(
            for: """
                EXISTS (SELECT FROM pg_stat_wal_receiver WHERE latest_end_time IS NOT NULL)
                AND EXISTS (SELECT FROM pg_stat_activity WHERE state = 'idle')
                AND pg_last_xact_replay_timestamp() IS NOT NULL
                """, on: standby)
    }

    deinit {
        for session in sessions { session.stop() }
    }

    /// A table with an index, a long text out of line, and statistics of each kind.
    private static func fill(_ database: String, of server: PostgresServer) async throws {
        try await run(
            """
            CREATE TABLE orders (id int PRIMARY KEY, note text);
            INSERT INTO orders SELECT n, 'order ' || n FROM generate_series(1, 1000) AS n;
            INSERT INTO orders SELECT 1001, string_agg(md5(n::text), '') FROM generate_series(1, 1000) AS n;
            UPDATE orders SET note = 'changed' WHERE id < 10;
            DELETE FROM orders WHERE id BETWEEN 10 AND 20;
            SELECT * FROM orders WHERE id = 500;
            VACUUM ANALYZE orders;
            """, on: server, in: database)
    }

    private static func run(
        _ statements: String, on server: PostgresServer, in database: String = "postgres"
    ) async throws {
        let result = try await server.sql(statements, database: database)
        guard result.status == 0 else { throw LabError(result.errors) }
    }

    private static func wait(for condition: String, on server: PostgresServer) async throws {
        guard try await eventually({ try await server.sql("SELECT \(condition)").output == "t\n" }) else {
            throw LabError("it never came to be that \(condition)")
        }
    }
}
