import Exposition
import Foundation
import Lab
import Scraping
import Testing

@testable import Redis

/// The collector of events beside real Celery workers.
@Suite(.startsServers, .timeLimit(.minutes(15))) struct CeleryWorkersTests {
    /// An application, its sender, and what they run with.
    private struct Lab {
        let server: RedisServer

        var environment: Variables {
            .added([
                "BROKER": "redis://127.0.0.1:\(server.port)/5", "PYTHONPATH": server.directory.path,
                "C_FORCE_ROOT": "1",
            ])
        }

        init() async throws {
            server = try await RedisServer()
            let application = """
                import os, time
                from celery import Celery
                from celery.exceptions import Reject
                app = Celery("lab", broker=os.environ["BROKER"])
                app.conf.update(task_send_sent_event=True)

                @app.task(name="lab.add")
                def add(a, b): return a + b

                @app.task(name="lab.boom")
                def boom(): raise ValueError("a secret")

                @app.task(name="lab.again", bind=True, max_retries=1)
                def again(self): raise self.retry(exc=KeyError("x"), countdown=0.1)

                @app.task(name="lab.reject", bind=True, acks_late=True)
                def reject(self): raise Reject("no", requeue=False)

                @app.task(name="lab.slow")
                def slow(seconds): time.sleep(seconds)
                """
            let sender = """
                import datetime, application as lab
                for _ in range(3): lab.add.delay(1, 2)
                lab.boom.delay()
                lab.again.delay()
                lab.reject.delay()
                lab.add.apply_async((1, 2), countdown=4, queue="mails")
                past = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=60)
                lab.add.apply_async((1, 2), expires=past)
                print(lab.slow.delay(60).id)
                """
            let revoker = """
                import sys, application as lab
                lab.app.control.revoke(sys.argv[1], terminate=True)
                """
            try server.directory.write("application.py", application)
            try server.directory.write("sender.py", sender)
            try server.directory.write("revoker.py", revoker)
        }

        func worker(_ name: String, _ options: String...) throws -> Daemon {
            try Daemon(
                [
                    Repository.python, "-m", "celery", "-A", "application", "worker", "-E", "-n", "\(name)@lab",
                    "--heartbeat-interval", "1", "--without-gossip", "--without-mingle", "-l", "WARNING",
                ] + options,
                environment: environment, log: server.directory.path("\(name).log"))
        }
    }

    @Test func whatTasksAndWorkersDo() async throws {
        let lab = try await Lab()
        let server = lab.server
        // Everything that the server is told, with the address of who tells it.
        let monitor = try Daemon(["redis-cli", "-s", server.socket, "MONITOR"], log: server.directory.path("monitor"))
        var settings = RedisSettings(name: "test", address: .tcp(host: "127.0.0.1", port: server.port))
        settings.database = 5
        settings.queues.celery.workerTimeout = 5
        settings.queues.celery.workerPurge = 9
        let target = EventsTarget(settings)
        #expect(await target.scrape().error == nil)
        let ours = try await server.cli("CLIENT", "LIST").matches(of: /addr=(\S+) .*name=stack-exporter/).map {
            String($0.1)
        }
        #expect(ours.count == 2)

        let first = try lab.worker("w1", "-c", "2", "-Q", "celery")
        let second = try lab.worker("w2", "-P", "solo", "-Q", "mails")
        func workers() async -> Set<String> {
            let series = await target.scrape().series
            return Set(
                series.keys.compactMap { $0.firstMatch(of: /celery_worker_info.*worker="(\w+)@lab"/)?.1 }.map(
                    String.init))
        }
        #expect(try await eventually(within: 60) { await workers() == ["w1", "w2"] })
        let sent = try await run([Repository.python, server.directory.path("sender.py")], environment: lab.environment)
        #expect(sent.status == 0, "\(sent.errors)")

        let running = #"celery_task_started_total{hostname="lab",name="lab.slow",queue_name="celery"}"#
        #expect(try await eventually { await target.scrape().series[running] == 1 })
        let taskID = sent.output.filter { !$0.isWhitespace }
        try await run([Repository.python, server.directory.path("revoker.py"), taskID], environment: lab.environment)

        let ends = "celery_task_completed_total"
        #expect(
            try await eventually {
                let series = await target.scrape().series
                return series.filter { $0.key.hasPrefix(ends) }.map(\.value).reduce(0, +) == 9
            })
        let series = await target.scrape().series
        func values(_ verb: String) -> [String: Double] {
            var values: [String: Double] = [:]
            for (key, value) in series where key.hasPrefix("celery_task_\(verb)_total{") && value > 0 {
                guard let match = key.firstMatch(of: /hostname="lab",name="lab\.(\w+)",queue_name="(\w+)"/) else {
                    continue
                }
                values["\(match.1) \(match.2)"] = value
            }
            return values
        }
        let received: [String: Double] = [
            "add celery": 3, "add mails": 1, "boom celery": 1, "again celery": 2, "reject celery": 1, "slow celery": 1,
        ]
        // What comes too late is revoked without a word of having been received.
        #expect(values("received") == received)
        #expect(values("started") == received)
        #expect(values("succeeded") == ["add celery": 3, "add mails": 1])
        #expect(values("retried") == ["again celery": 1])
        #expect(values("rejected") == ["reject celery": 1])
        #expect(values("revoked") == ["add celery": 1, "slow celery": 1])
        #expect(values("failed") == ["boom celery": 1, "again celery": 1, "reject celery": 1])
        for (name, exception) in [("boom", "ValueError"), ("again", "KeyError"), ("reject", "UnknownException")] {
            let labels = #"{exception="\#(exception)",hostname="lab",name="lab.\#(name)",queue_name="celery"}"#
            #expect(series["celery_task_failed_total\(labels)"] == 1)
        }
        // The sender is on another host than the workers, which have a name of their own; a retry is sent by a worker.
        let sentEvents = series.filter { $0.key.hasPrefix("celery_task_sent_total") }
        #expect(sentEvents.values.reduce(0, +) == 10)
        for (status, count) in [("succeeded", 4), ("failed", 2), ("rejected", 1), ("revoked", 2)] {
            #expect(series["\(ends){status=\"\(status)\"}"] == Double(count))
        }

        let histograms = await target.page().families.histograms
        let mails = #"{hostname="lab",name="lab.add",queue_name="mails"}"#
        let wait = histograms["celery_task_queue_wait_time\(mails)"]
        // It was to run 4 s after it was sent, which is no waiting.
        #expect(wait?.count == 1 && (wait?.sum ?? 9) < 3.9)
        let runtime = histograms[#"celery_task_runtime{hostname="lab",name="lab.add",queue_name="celery"}"#]
        #expect(runtime?.count == 3 && (runtime?.sum ?? 9) < 1)
        #expect(!histograms.keys.contains { $0.hasPrefix("celery_task_runtime") && $0.contains("boom") })

        let up = #"celery_worker_up{hostname="lab"}"#
        let active = #"celery_worker_tasks_active{hostname="lab"}"#
        let mailWorkers = #"celery_active_worker_count{queue_name="mails"}"#
        #expect(series[up] == 1)
        #expect(series[mailWorkers] == 1)
        #expect(try await eventually { await target.scrape().series[active] == 0 })

        // One is killed, and says nothing any more; the host is still up.
        second.signal(SIGKILL)
        #expect(try await eventually { await workers() == ["w1"] })
        let afterKill = await target.scrape().series
        #expect(afterKill[up] == 1)
        #expect(afterKill[mailWorkers] ?? 0 == 0)
        // The other one says goodbye.
        first.signal(SIGTERM)
        #expect(try await eventually { await target.scrape().series[up] == 0 })
        #expect(try await eventually { await target.scrape().series[up] == nil })
        let left = await target.scrape()
        #expect(!left.series.keys.contains { $0.contains("hostname=\"lab\"") })
        #expect(left.series[#"stack_exporter_celery_events_total{type="worker-offline"}"#] == 1)
        #expect(left.error == nil)

        // Nothing that we said changes anything.
        monitor.stop()
        let said = server.directory.text("monitor").split(separator: "\n")
        let commands = said.filter { line in ours.contains { line.contains(" \($0)] ") } }.compactMap {
            $0.firstMatch(of: /\] "(\w+)"/).map { String($0.1).uppercased() }
        }
        #expect(said.contains { $0.contains("PUBLISH") })
        #expect(commands.contains("INFO"))
        #expect(Set(commands).isSubset(of: ["INFO", "PING", "PSUBSCRIBE", "CLIENT", "CONFIG", "COMMAND", "LATENCY"]))
        await target.shutdown()
        first.stop()
        second.stop()
    }
}
