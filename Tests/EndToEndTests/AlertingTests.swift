import Foundation
import Lab
import Testing

/// Who is told of which alert: by the configuration as it is in the repository, and by what arrives.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct AlertingTests {
    private static let file = Repository.docker.appending(path: "alertmanager/alertmanager.yml")
    private static let templates = Repository.docker.appending(path: "alertmanager/templates")
    private let directory = TemporaryDirectory("alerting")

    @Test func theConfigurationIsWellFormed() async throws {
        let checked = try await run(["amtool", "check-config", Self.file.path])
        #expect(checked.status == 0, "\(checked.output)\(checked.errors)")
        // The template's own path holds in a container.
        let copy = try directory.write(
            "alertmanager.yml",
            String(contentsOf: Self.file, encoding: .utf8)
                .replacing("/etc/alertmanager/templates", with: Self.templates.path))
        let again = try await run(["amtool", "check-config", copy])
        #expect(again.status == 0, "\(again.output)\(again.errors)")
        #expect(again.output.contains("1 templates"))
    }

    @Test func noSecretIsInTheConfiguration() async throws {
        let text = try String(contentsOf: Self.file, encoding: .utf8)
        let secrets = text.matches(of: /(?m)^\s*[-\s]*(\w*(?:password|key|api_url|secret|token)\w*):/).map { $0.1 }
        #expect(secrets.count >= 3)
        #expect(secrets.allSatisfy { $0.hasSuffix("_file") }, "\(secrets)")
    }

    @Test(arguments: [
        ("critical", "pagerduty,slack-critical,email-on-call"), ("warning", "slack-warnings,email-team"),
        ("info", "email-team"), ("unknown", "email-team"),
    ])
    func everySeverityHasItsReceivers(_ severity: String, _ receivers: String) async throws {
        for component in ["requests", "postgres", "redis", "queues", "containers", "host", "exporter"] {
            let tested = try await run([
                "amtool", "config", "routes", "test", "--config.file=\(Self.file.path)",
                "--verify.receivers=\(receivers)", "severity=\(severity)", "component=\(component)", "alertname=X",
            ])
            #expect(tested.status == 0, "\(tested.output)\(tested.errors)")
        }
    }

    @Test func whatPeopleReadHasTheValueAndTheRunbook() async throws {
        let data = """
            {"status": "firing", "commonLabels": {"alertname": "RedisDown", "priority": "P0"},
             "commonAnnotations": {"summary": "Redis of a:1 is down"},
             "alerts": [{"status": "firing", "generatorURL": "http://p/g",
               "labels": {"alertname": "RedisDown", "severity": "critical", "priority": "P0"},
               "annotations": {"description": "No answer.", "runbook_url": "docker/runbooks/redis.md#redisdown"}}]}
            """
        let file = try directory.write("alert.json", data)
        func rendered(_ name: String) async throws -> String {
            let result = try await run([
                "amtool", "template", "render", "--template.glob=\(Self.templates.path)/*.tmpl",
                "--template.data=\(file)", #"--template.text={{ template "\#(name)" . }}"#,
            ])
            #expect(result.status == 0, "\(result.errors)")
            return result.output.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        #expect(try await rendered("stack.title") == "FIRING RedisDown (P0): Redis of a:1 is down")
        let text = try await rendered("stack.text")
        #expect(text.hasPrefix("FIRING RedisDown (critical, P0)\nNo answer.\nRunbook: https://"))
        #expect(text.contains("/docker/runbooks/redis.md#redisdown\nGraph: http://p/g"))
    }

    /// The labels of an alert that is told, those of another, and whether that one is told as well.
    static let inhibitions: [(source: [String: String], target: [String: String], isTold: Bool)] = [
        (["alertname": "TargetDown"], ["alertname": "ContainerCpu"], false),
        (["alertname": "PostgresDown"], ["alertname": "PostgresSlowStatement", "component": "postgres"], false),
        (["alertname": "PostgresDown"], ["alertname": "RedisMemory", "component": "redis"], true),
        (
            ["alertname": "PostgresDown", "target": "orders"],
            ["alertname": "PostgresRollbacks", "component": "postgres", "target": "users"], true
        ),
        (["alertname": "PgBouncerDown"], ["alertname": "PgBouncerClientsWait", "component": "postgres"], false),
        (["alertname": "RedisDown"], ["alertname": "RedisEvictions", "component": "redis"], false),
        (["alertname": "RedisDown"], ["alertname": "QueueDepth", "component": "queues"], false),
        (
            ["alertname": "QueueWithoutWorker", "system": "celery"],
            ["alertname": "QueueAge", "component": "queues", "system": "celery", "queue": "mails"], false
        ),
        (
            ["alertname": "QueueWithoutWorker", "system": "celery"],
            ["alertname": "QueueAge", "component": "queues", "system": "rq", "queue": "mails"], true
        ),
        (
            ["alertname": "HostDisk", "severity": "critical", "mountpoint": "/"],
            ["alertname": "HostDisk", "severity": "warning", "mountpoint": "/"], false
        ),
        (
            ["alertname": "HostDisk", "severity": "critical", "mountpoint": "/"],
            ["alertname": "HostDisk", "severity": "warning", "mountpoint": "/data"], true
        ),
        (
            ["alertname": "HostDisk", "severity": "critical", "mountpoint": "/"],
            ["alertname": "HostDiskFullSoon", "severity": "warning", "mountpoint": "/"], false
        ),
        (
            ["alertname": "ContainerMemoryFull", "severity": "critical", "id": "/a"],
            ["alertname": "ContainerMemory", "severity": "critical", "id": "/a"], false
        ),
        (
            ["alertname": "QueueDepth", "severity": "critical", "queue": "mails"],
            ["alertname": "QueueDepth", "severity": "warning", "queue": "sms"], true
        ),
    ]

    @Test func whatFollowsFromAnotherAlertIsNotTold() async throws {
        struct Alert: Decodable {
            struct Status: Decodable { let inhibitedBy: [String] }
            let labels: [String: String]
            let status: Status
        }
        let receiver = try await WebhookReceiver()
        let alertmanager = try await Alertmanager(telling: receiver)
        for (number, row) in Self.inhibitions.enumerated() {
            for labels in [row.source, row.target] {
                let all = labels.merging(["instance": "i\(number)", "job": "stack"]) { $1 }
                let added = try await run(
                    ["amtool", "--alertmanager.url=\(alertmanager.url)", "alert", "add"] + all.map { "\($0)=\($1)" })
                try #require(added.status == 0, "\(added.errors)")
            }
        }
        var alerts: [Alert] = []
        func inhibited(_ number: Int) -> Bool? {
            let target = Self.inhibitions[number].target.merging(["instance": "i\(number)", "job": "stack"]) { $1 }
            return alerts.first { $0.labels == target }.map { !$0.status.inhibitedBy.isEmpty }
        }
        let expected = Self.inhibitions.map { !$0.isTold }
        let asExpected = try await eventually(within: 30) {
            let result = try await run(["curl", "-sS", "\(alertmanager.url)/api/v2/alerts"])
            alerts = try JSONDecoder().decode([Alert].self, from: Data(result.output.utf8))
            return Self.inhibitions.indices.map { inhibited($0) } == expected
        }
        #expect(asExpected, "\(Self.inhibitions.indices.filter { inhibited($0) != expected[$0] })")
    }

    /// The whole way: the exporter, Prometheus, Alertmanager, and those who are told.
    @Test func anAlertTravelsFromTheExporterToWhoIsTold() async throws {
        let redis = try await RedisServer()
        let exporter = try await Exporter(["REDIS_URL": "redis://127.0.0.1:\(redis.port)"])
        let receiver = try await WebhookReceiver()
        let alertmanager = try await Alertmanager(telling: receiver)
        // The rules as they are, but for how long something has to last.
        let rules = try ["redis.yaml", "thresholds.yaml"].map { name in
            let file = try #require(RuleFiles.rules.first { $0.lastPathComponent == name })
            let text = try String(contentsOf: file, encoding: .utf8).replacing(/(?m)for: \w+$/, with: "for: 1s")
            return URL(filePath: try directory.write(name, text))
        }
        let prometheus = try await PrometheusServer(
            scraping: ["stack": exporter.port], rules: rules, alertmanager: alertmanager.port)
        let isUp = try await eventually(within: 60) { try await !prometheus.series("redis_up == 1").isEmpty }
        try #require(isUp, "\(prometheus.log)")

        try await redis.stop()
        let told: Set = ["/pagerduty", "/slack-critical", "/email-on-call"]
        #expect(try await receiver.told("RedisDown", "firing", by: told), "\(receiver.log) \(alertmanager.log)")
        let alert = try #require(receiver.alerts.first { $0.labels["alertname"] == "RedisDown" })
        #expect(alert.labels["severity"] == "critical" && alert.labels["priority"] == "P0")
        #expect(alert.labels["instance"] == "127.0.0.1:\(exporter.port)")
        #expect(alert.annotations["summary"] == "Redis of 127.0.0.1:\(exporter.port) is down")
        #expect(alert.annotations["runbook_url"] == "docker/runbooks/redis.md#redisdown")

        try await redis.start()
        #expect(try await receiver.told("RedisDown", "resolved", by: told), "\(receiver.log) \(alertmanager.log)")
    }
}
