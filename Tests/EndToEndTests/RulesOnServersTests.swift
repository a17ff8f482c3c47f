import Foundation
import Lab
import Testing

extension RulesTests {
    /// What is not there to be selected, and why: a name, or a whole selector.
    private static let absent: [String: String] = [
        "stack:threshold:override": "nobody overrides a threshold",
        #"http_requests_total{status=~"5.."}"#: "no request failed",
        "stack:http_errors:ratio2m": "no request failed",
        #"pg_replication_slots_wal_status{wal_status=~"unreserved|lost"}"#: "no slot",
        "pg_replication_slots_pg_wal_lsn_diff": "no slot",
        "pg_replication_slots_slot_is_active": "no slot",
        "pg_stat_checkpointer_num_requested_total": "PostgreSQL 17",
        "pg_stat_checkpointer_num_timed_total": "PostgreSQL 17",
        "pg_stat_database_checksum_failures_total": "no checksums",
        "pg_stat_subscription_enabled": "no subscription",
        "pg_stat_subscription_worker_up": "no subscription",
        "redis_master_link_up": "no replica",
        "redis_cluster_state": "no cluster",
        "redis_sentinel_master_ckquorum_status": "no sentinel",
        #"redis_instance_info{maxmemory_policy=~"allkeys-.+"}"#: "no cache",
        "rq_workers": "no RQ",
        "rq_workers_failed_total": "no RQ",
        "rq_workers_success_total": "no RQ",
        #"queue_depth{system="rq"}"#: "no RQ",
        "sidekiq_failed_jobs_total": "no Sidekiq",
        "sidekiq_processed_jobs_total": "no Sidekiq",
        "sidekiq_processes": "no Sidekiq",
        "bullmq_job_completed_total": "no BullMQ",
        "bullmq_job_failed_total": "no BullMQ",
        "resque_failed_jobs": "no Resque",
        "resque_processed_jobs": "no Resque",
        "resque_workers": "no Resque",
        "container_oom_killed": "no container has ended",
    ]
    /// What is recorded of something that is not there, or of more time than the test has.
    private static let unrecorded: Set<String> = [
        "stack:pg_database_growth:ratio1d", "stack:pg_dead_rows:ratio",
        "stack:pg_rollbacks:ratio5m", "stack:pg_cache_hits:ratio15m", "stack:pg_checkpoints_requested:ratio1h",
        "stack:container_memory_growth:ratio6h", "stack:redis_hits:ratio5m", "stack:queue_failed:ratio5m",
    ]

    /// Alerts that tell the truth of a machine that is busy with other tests.
    private static let ofTheMachine: Set<String> = ["RequestLatency", "ExporterSlowScrape", "ContainerCpu"]

    @Test(.enabledOnV1) func everyRuleFindsItsSeriesAndNoneFiresOnAHealthySystem() async throws {
        let postgres = try await PostgresServer()
        try await postgres.sql(
            """
            CREATE EXTENSION pg_stat_statements;
            CREATE TABLE orders (id serial PRIMARY KEY); INSERT INTO orders DEFAULT VALUES;
            """)
        let pooler = try await PgBouncerServer(before: postgres)
        let client = try Daemon(
            ["psql", "-X", "-c", "SELECT pg_sleep(600)", pooler.connectionString(user: "app", database: "postgres")],
            log: postgres.directory.path("client"))
        defer { client.stop() }
        let redis = try await RedisServer("--maxmemory", "64mb")
        let worker = try await CeleryWorker(of: redis)
        defer { worker.daemon.stop() }
        try await redis.cli("SET", "page", "1")
        // What is in a queue that nobody serves stays there.
        let sent = Date.now.timeIntervalSince1970
        try await redis.cli("LPUSH", "mails", #"{"headers":{"id":"1","timestamp":\#(sent)}}"#)
        let engine = try await DockerEngine()
        try await engine.run(
            "web", options: ["--cpus", "0.5", "--memory", "64m"],
            // A quota counts the periods in which there is something to run.
            command: ["sh", "-c", "while :; do sleep 0.1; done"])
        let exporter = try await Exporter(
            [
                "DATABASE_URL": postgres.connectionString(), "REDIS_URL": "redis://127.0.0.1:\(redis.port)",
                "PGBOUNCER_URL": pooler.connectionString(user: "stats", database: "pgbouncer"),
                "STACK_EXPORTER_REDIS_QUEUES_CELERY": "celery,mails",
            ],
            "--collector.redis_celery_events", "--containers.runtime-socket=\(engine.socket)")
        let prometheus = try await PrometheusServer(
            scraping: ["stack": exporter.port], every: "2s", rules: RuleFiles.rules)

        let rules = try await prometheus.rules()
        var missing = Set(rules.flatMap { MetricSelector.all(in: $0.query) }).filter {
            Self.absent[$0.name] == nil && Self.absent[$0.description] == nil && !Self.unrecorded.contains($0.name)
        }
        let isThere = try await eventually(within: 240) {
            try await redis.cli("GET", "page")
            for selector in missing where try await !prometheus.series("count(\(selector))").isEmpty {
                missing.remove(selector)
            }
            return missing.isEmpty
        }
        #expect(isThere, "nothing is selected by \(missing.map(\.description).sorted()) \(exporter.log.suffix(2000))")

        let worked = try await prometheus.rules()
        for rule in worked { #expect(rule.health == "ok", "\(rule.name): \(rule.lastError ?? "")") }
        for rule in worked where rule.labels?["component"] != "host" && !Self.ofTheMachine.contains(rule.name) {
            // Other tests have containers beside these.
            let own = (rule.alerts ?? []).filter { $0.labels["id"]?.hasPrefix(engine.parent) != false }
            #expect(own.map(\.annotations) == [], "\(rule.name)")
        }
        try await engine.stop()
    }
}

/// A real Celery worker, which does a task now and then.
struct CeleryWorker {
    let daemon: Daemon

    private static let application = """
        import os
        from celery import Celery
        app = Celery("lab", broker=os.environ["BROKER"])
        app.conf.update(task_send_sent_event=True, worker_send_task_events=True, beat_schedule={
            "now": {"task": "lab.add", "schedule": 1.0}})

        @app.task(name="lab.add")
        def add(): return 1
        """

    init(of redis: RedisServer) async throws {
        let directory = redis.directory
        try directory.write("application.py", Self.application)
        daemon = try Daemon(
            [
                Repository.python, "-m", "celery", "-A", "application", "worker", "-B", "-s", "\(directory.path)/beat",
                "-c", "1", "-n", "w@lab",
            ],
            environment: .added([
                "BROKER": "redis://127.0.0.1:\(redis.port)/0", "PYTHONPATH": directory.path, "C_FORCE_ROOT": "1",
            ]), log: directory.path("worker.log"))
    }
}
