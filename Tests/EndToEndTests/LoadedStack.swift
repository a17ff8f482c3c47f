import Foundation
import Lab

/// All that a stack may have, at work: databases with a standby and a pooler, a cache with a replica, workers of Celery
/// and RQ, and containers, which one exporter watches and Prometheus and Alertmanager with it.
final class LoadedStack {
    let prometheus: PrometheusServer
    let alertmanager: Alertmanager
    let exporter: Exporter
    private let databases: Databases
    private let queues: Queues
    private let engine: DockerEngine
    private let files: ComposeFiles

    init() async throws {
        files = try await ComposeFiles()
        databases = try await Databases(files)
        queues = try await Queues(files)
        engine = try await DockerEngine()
        try await Self.runContainers(in: engine)
        let broken = try files.directory.write(
            "broken.yaml", "nothing: {query: SELECT 1 / 0 AS n, metrics: [{n: {usage: GAUGE}}]}")
        let pooler = databases.pooler.connectionString(user: "stats", database: "pgbouncer")
        let file = try files.directory.write(
            "stack.yaml",
            """
            postgres:
              - name: orders
                dsn: "\(databases.address(of: databases.primary))"
                queries: ["\(files.directory.path)/queries.yaml"]
                collectors:
                  {stat_statements: {query_text: true}, index_health: true, relation_sizes: true, stat_user_indexes: true}
              - {name: orders-standby, dsn: "\(databases.address(of: databases.standby))", queries: ["\(broken)"]}
            pgbouncer:
              - {name: pooler, dsn: "\(pooler)"}
              # One alone would have no label target, by which it could be chosen.
              - {name: pooler-again, dsn: "\(pooler)"}
            redis:
              - name: cache
                url: redis://127.0.0.1:\(queues.cache.port)
                queues: {celery: {queues: [celery, reports, mails]}, rq: true}
                collectors: {redis_celery_events: true}
              - {name: cache-replica, url: "redis://127.0.0.1:\(queues.replica.port)"}
            containers: {runtime_sockets: ["\(engine.socket)"]}
            """)
        exporter = try await Exporter([:], "--config.file=\(file)")
        alertmanager = try await Alertmanager(telling: try await WebhookReceiver())
        prometheus = try await PrometheusServer(
            scraping: ["stack-exporter": exporter.port], every: "2s", rules: RuleFiles.rules,
            alertmanager: alertmanager.port)
    }

    /// Ends what would hold others up.
    func stop() async throws {
        databases.stop()
        queues.stop()
        try await engine.stop()
    }

    /// Asks the exporter for what is there and what is not.
    func askTheExporter() async throws {
        for path in ["/", "/probe?target=cache", "/probe?target=nobody", "/nowhere"] {
            _ = try await exporter.get(path)
        }
    }

    /// One that is slowed down, one that writes, one that takes ever more memory until it is killed, and one that ends.
    private static func runContainers(in engine: DockerEngine) async throws {
        try await engine.run(
            "web",
            options: Cable.options
                + ["--memory", "64m", "--cpus", "0.05", "--health-cmd", "true", "--health-interval", "2s"],
            command: ["sh", "-c", "while :; do i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done; sleep 0.2; done"])
        try await Cable(in: "web", of: engine).send(bytes: 1000)
        try await engine.run(
            "worker",
            options: [
                "--memory", "48m", "--label", "com.docker.compose.service=worker",
                "--device-write-bps", "\(try Disk(of: engine.directory.url).path):1gb",
            ],
            command: ["sh", "-c", "while :; do dd if=/dev/zero of=/tmp/x bs=64k count=16 oflag=direct; sleep 2; done"])
        try await engine.run(
            "leak", options: ["--memory", "16m", "--memory-swap", "16m", "--restart", "always"],
            command: ["sh", "-c", "x=a; while :; do x=$x$(head -c 500000 /dev/zero | tr '\\0' a); sleep 0.5; done"])
        try await engine.run(
            "crash", options: ["--restart", "always"], command: ["sh", "-c", "sleep 2; exit 1"])
    }
}

/// A primary with a standby that streams from a slot, a pooler, and an application with all its faults.
private final class Databases {
    let primary: PostgresServer
    let standby: PostgresServer
    let pooler: PgBouncerServer
    private let password: String
    private var clients: [Daemon] = []

    init(_ files: ComposeFiles) async throws {
        primary = try await PostgresServer(settings: [
            "max_connections = 50", "deadlock_timeout = '200ms'", "checkpoint_timeout = '30s'", "archive_mode = on",
            "archive_command = 'true'", "autovacuum_naptime = '1s'",
        ])
        try await primary.initialize(with: files)
        password = try files.secret("postgres_exporter_password")
        let made = try await primary.sql(
            """
            CREATE TABLE big (id serial PRIMARY KEY, a text, b text) WITH (autovacuum_enabled = off);
            INSERT INTO big (a, b) SELECT md5(i::text), repeat('x', 200) FROM generate_series(1, 20000) i;
            CREATE INDEX never_used ON big (b, a);
            UPDATE big SET b = b || 'y' WHERE id <= 12000;
            CREATE TABLE pair (id int PRIMARY KEY, n int); INSERT INTO pair VALUES (1, 0), (2, 0);
            CREATE TABLE held (); GRANT SELECT ON SEQUENCE big_id_seq TO exporter;
            """, database: "app")
        guard made.status == 0 else { throw LabError("\(made.errors)") }
        standby = try await PostgresServer(standbyOf: primary, slot: "standby")
        pooler = try await PgBouncerServer(before: primary)
        let faults = try files.directory.write(
            "faults.sql",
            #"""
            \set id random(1, 20000)
            \set chance random(1, 20)
            UPDATE big SET b = b || 'y' WHERE id = :id;
            DELETE FROM big WHERE id = :id - 1;
            \if :chance = 1
            SELECT pg_sleep(0.3);
            SELECT count(*) FROM (SELECT * FROM big ORDER BY b) AS sorted;
            \endif
            BEGIN;
            UPDATE pair SET n = n + 1 WHERE id = 0;
            ROLLBACK;
            """#)
        let select = try files.directory.write("select.sql", "SELECT 1;")
        clients = [
            try pgbench(
                primary.connectionString(database: "app"), rate: 20,
                [files.directory.path("demo/application.sql"), faults], files),
            // Somebody keeps a transaction open and others waiting.
            try primary.session("BEGIN; LOCK TABLE held; SELECT pg_sleep(3600)", database: "app"),
            try primary.idleSession("BEGIN; SELECT txid_current();"),
            // Two who wait for each other.
            try primary.session(
                """
                BEGIN; UPDATE pair SET n = n WHERE id = 1; SELECT pg_sleep(1);
                UPDATE pair SET n = n WHERE id = 2; COMMIT
                """, database: "app"),
            try primary.session(
                """
                BEGIN; UPDATE pair SET n = n WHERE id = 2; SELECT pg_sleep(1);
                UPDATE pair SET n = n WHERE id = 1; COMMIT
                """, database: "app"),
            try pgbench(pooler.connectionString(), rate: 2, [select], files),
            // It pauses for long after each page.
            try Daemon(
                ["psql", "-X", "-d", primary.connectionString(database: "app")]
                    + ["SET vacuum_cost_delay = '100ms'", "SET vacuum_cost_limit = 1", "VACUUM big"].flatMap {
                        ["-c", $0]
                    },
                stop: "INT", log: files.directory.path("vacuum.log")),
        ]
        let isHeld = try await eventually {
            try await primary.sql("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock'").output != "0\n"
        }
        guard isHeld else { throw LabError("nobody locks a table") }
        clients.append(try primary.session("SELECT * FROM held", database: "app"))
    }

    deinit { stop() }

    private func pgbench(_ address: String, rate: Int, _ scripts: [String], _ files: ComposeFiles) throws -> Daemon {
        try Daemon(
            ["pgbench", "--no-vacuum", "--client=2", "--rate=\(rate)", "--time=3600"]
                + scripts.map { "--file=\($0)" } + [address],
            log: files.directory.path("pgbench.log"))
    }

    func address(of server: PostgresServer) -> String {
        server.connectionString(user: "exporter", password: password, database: "app")
    }

    func stop() {
        for client in clients { client.stop() }
    }
}

/// A cache that has to evict, with a replica and the workers of the demonstration.
private final class Queues {
    let cache: RedisServer
    let replica: RedisServer
    private var clients: [Daemon] = []

    private static let work = """
        import random, time
        def work():
            time.sleep(0.05)
            if random.random() < 0.2: raise ValueError("no file")
        """
    private static let load = """
        import itertools, os, random, time
        import redis, rq, work
        server = redis.Redis(port=int(os.environ["REDIS_PORT"]), db=2)
        jobs = rq.Queue("imports", connection=redis.Redis(port=int(os.environ["REDIS_PORT"])))
        for turn in itertools.count():
            for _ in range(20):
                server.set(f"blob:{random.randrange(100000)}", os.urandom(2000), ex=random.randrange(1, 600))
                server.get(f"blob:{random.randrange(1000)}")
            server.keys("blob:1*")
            # One that fails, and one that is refused.
            for command in [["SET", "text", "x"], ["LPUSH", "text", "1"], ["GET"]]:
                try: server.execute_command(*command)
                except redis.ResponseError: pass
            if turn % 10 == 0: jobs.enqueue(work.work)
            time.sleep(0.2)
        """

    init(_ files: ComposeFiles) async throws {
        cache = try await RedisServer(
            "--maxmemory", "8mb", "--maxmemory-policy", "volatile-lru", "--slowlog-log-slower-than", "500",
            "--latency-monitor-threshold", "1")
        replica = try await RedisServer("--replicaof", "127.0.0.1 \(cache.port)", "--save", "60 1")
        try await cache.cli("ACL", "SETUSER", "app", "on", ">app", "~*", "&*", "+@all")
        // What is in a queue that nobody serves stays there.
        let sent = Date.now.timeIntervalSince1970
        try await cache.cli("LPUSH", "mails", #"{"headers":{"id":"1","timestamp":\#(sent)}}"#)

        let (demo, own) = (files.directory.path("demo"), cache.directory)
        try own.write("work.py", Self.work)
        let (load, secret) = (try own.write("load.py", Self.load), try own.write("password", "app"))
        let environment = [
            "REDIS_HOST": "127.0.0.1", "REDIS_PORT": "\(cache.port)", "REDIS_PASSWORD_FILE": secret,
            "C_FORCE_ROOT": "1", "PYTHONPATH": "\(demo):\(own.path)", "PYTHONDONTWRITEBYTECODE": "1",
        ]
        let python = Repository.python
        for (name, words) in [
            (
                "celery",
                [
                    python, "-m", "celery", "--app=tasks", "worker", "--queues=celery,reports", "--task-events",
                    "--concurrency=2",
                ]
            ),
            ("tasks", [python, "\(demo)/load_redis.py"]), ("load", [python, load]),
            (
                "rq",
                [
                    Repository.pythonProgram("rq"), "worker", "--url", "redis://127.0.0.1:\(cache.port)",
                    "--worker-class",
                    "rq.worker.SimpleWorker", "imports",
                ]
            ),
        ] {
            clients.append(
                try Daemon(words, environment: .added(environment), log: own.path("\(name).log")))
        }
    }

    deinit { stop() }

    func stop() {
        for client in clients { client.stop() }
    }
}
