import Exposition
import Scraping
import Testing

@testable import Redis

struct CeleryTasksTests {
    private let start = ContinuousClock.now

    private func tasks(
        _ limits: CeleryTasks.Limits = .init(), _ change: (inout RedisQueueOptions.Celery) -> Void = { _ in }
    ) -> CeleryTasks {
        var options = RedisQueueOptions.Celery()
        change(&options)
        return CeleryTasks(options, limits: limits)
    }

    private func event(
        _ kind: CeleryEvent.Kind, _ id: String = "1", from sender: String = "w1@h", name: String? = nil,
        queue: String? = nil, time: Double? = nil, eta: Double? = nil
    ) -> CeleryEvent {
        var event = CeleryEvent(kind: kind, sender: sender, time: time)
        event.taskID = kind.isOfWorker ? "" : id
        event.name = name
        event.queue = queue
        event.eta = eta
        return event
    }

    private func labels(_ name: String, _ queue: String, _ host: String = "h") -> String {
        "{hostname=\"\(host)\",name=\"\(name)\",queue_name=\"\(queue)\"}"
    }

    /// Every value that the recorded events come to, counted by hand.
    @Test func recordedEvents() throws {
        var tasks = tasks()
        for payload in try RecordedEvents.payloads() { tasks.take(CeleryEvent.decode(payload)) }
        let families = tasks.families()
        let series = families.series
        func value(_ verb: String, _ name: String, _ queue: String = "celery") -> Double? {
            series["celery_task_\(verb)_total" + labels("lab.\(name)", queue, "host")]
        }
        let verbs = ["sent", "received", "started", "succeeded", "rejected", "revoked", "retried"]
        func values(_ name: String, _ queue: String = "celery") -> [Double?] {
            verbs.map { value($0, name, queue) }
        }
        #expect(values("add") == [2, 2, 1, 1, 0, 1, 0])
        #expect(values("add", "mails") == [1, 1, 1, 1, 0, 0, 0])
        #expect(values("boom") == [1, 1, 1, 0, 0, 0, 0])
        #expect(values("again") == [2, 2, 2, 0, 0, 0, 1])
        #expect(values("reject") == [1, 1, 1, 0, 1, 0, 0])
        #expect(values("slow") == [1, 1, 1, 0, 0, 1, 0])

        let failed = series.filter { $0.key.hasPrefix("celery_task_failed_total") && $0.value > 0 }
        #expect(
            failed == [
                #"celery_task_failed_total{exception="ValueError",hostname="host",name="lab.boom",queue_name="celery"}"#:
                    1,
                #"celery_task_failed_total{exception="KeyError",hostname="host",name="lab.again",queue_name="celery"}"#:
                    1,
                #"celery_task_failed_total{exception="UnknownException",hostname="host",name="lab.reject",queue_name="celery"}"#:
                    1,
            ])
        #expect(series.filter { $0.key.contains("exception=\"\"") }.map(\.value) == [0, 0, 0, 0, 0, 0])
        let completed = ["succeeded", "failed", "rejected", "revoked"].map {
            series["celery_task_completed_total{status=\"\($0)\"}"]
        }
        #expect(completed == [2, 2, 1, 2])

        let runtime = families.histograms["celery_task_runtime" + labels("lab.add", "celery", "host")]
        #expect(runtime?.count == 1 && runtime?.sum == 0.0003192119997947884)
        #expect(runtime?.buckets.map(\.upperBound) == RedisQueueOptions.Celery().runtimeBuckets)
        #expect(runtime?.buckets.allSatisfy { $0.cumulativeCount == 1 } == true)
        let wait = families.histograms.filter { $0.key.hasPrefix("celery_task_queue_wait_time") }.mapValues(\.sum)
        #expect(wait.count == 6)
        // Sent at 59.7260551, started at 59.74696.
        let plain = try #require(wait["celery_task_queue_wait_time" + labels("lab.add", "celery", "host")])
        #expect(abs(plain - 0.0209049) < 1e-5)
        // Sent at 59.74, but to be run at 60.740461; started at 60.7429113.
        let delayed = try #require(wait["celery_task_queue_wait_time" + labels("lab.add", "mails", "host")])
        #expect(abs(delayed - 0.0024503) < 1e-5)
        // Both times: 59.7354612 to 59.7780685; the time of the second, 59.876104, to 59.8774881.
        let twice = try #require(wait["celery_task_queue_wait_time" + labels("lab.again", "celery", "host")])
        #expect(abs(twice - 0.0439914) < 1e-5)

        #expect(series["celery_worker_up{hostname=\"host\"}"] == 0)
        #expect(series["celery_worker_tasks_active{hostname=\"host\"}"] == 0)
        #expect(series["celery_active_worker_count{queue_name=\"mails\"}"] == 0)
        #expect(!series.keys.contains { $0.hasPrefix("celery_worker_info") })
        #expect(series["stack_exporter_celery_events_total{type=\"task-sent\"}"] == 8)
        #expect(series["stack_exporter_celery_events_total{type=\"worker-heartbeat\"}"] == 4)
        #expect(series["stack_exporter_celery_events_total{type=\"other\"}"] == 0)
        #expect(series["stack_exporter_celery_events_dropped_total{reason=\"malformed\"}"] == 0)
        #expect(tasks.sentTime(of: "440bea88-5919-4080-93aa-be52c84d9db3") == 1_795_267_160.2574182)
        #expect(tasks.sentTime(of: "nobody") == nil)
    }

    @Test func theCatalogueHasEveryFamily() throws {
        var tasks = tasks()
        for payload in try RecordedEvents.payloads().dropLast() { tasks.take(CeleryEvent.decode(payload)) }
        let families = tasks.families()
        #expect(families.map(\.descriptor) == CeleryTasks.metrics.map(\.descriptor))
        for (family, entry) in zip(families, CeleryTasks.metrics) {
            #expect(!family.samples.isEmpty, "\(entry.descriptor.name)")
            for sample in family.samples {
                let names = sample.labels.description.matches(of: /([a-z_]+)="/).map { String($0.1) }
                #expect(Set(names) == Set(entry.labels), "\(entry.descriptor.name)")
            }
        }
    }

    @Test func aSenderAloneMakesNoOtherSeries() {
        var tasks = tasks()
        tasks.take(.init(events: [event(.sent, name: "t", queue: "q")]))
        let series = tasks.families().series.filter { $0.key.contains("name=\"t\"") }
        #expect(series == ["celery_task_sent_total" + labels("t", "q"): 1])
        #expect(tasks.families().series["celery_worker_up{hostname=\"h\"}"] == nil)
    }

    @Test func eventsThatAreMissingOrComeInAnotherOrder() {
        var tasks = tasks()
        // Nothing was heard of its sending and receiving.
        tasks.take(.init(events: [event(.started, time: 5), event(.succeeded)]), at: start)
        tasks.advance(to: start + .milliseconds(999))
        let started = "celery_task_started_total" + labels("(unknown)", "celery")
        #expect(tasks.families().series[started] == nil)
        tasks.advance(to: start + .seconds(1))
        var series = tasks.families().series
        #expect(series[started] == 1)
        #expect(series["celery_task_completed_total{status=\"succeeded\"}"] == 1)
        #expect(!series.keys.contains { $0.contains("wait") })

        // The sender's event comes after the worker's; the worker's clock is behind.
        tasks.take(
            .init(events: [event(.received, "2", name: "t"), event(.sent, "2", name: "t", queue: "q", time: 9)]))
        tasks.take(.init(events: [event(.started, "2", time: 5)]))
        series = tasks.families().series
        #expect(series["celery_task_received_total" + labels("t", "q")] == 1)
        #expect(series["celery_task_started_total" + labels("t", "q")] == 1)
        #expect(tasks.families().histograms["celery_task_queue_wait_time" + labels("t", "q")]?.sum == 0)

        // All tasks of that name have gone to that queue, so this one will have too; until there is another.
        tasks.take(.init(events: [event(.received, "3", name: "t")]), at: start)
        tasks.advance(to: start + .seconds(1))
        #expect(tasks.families().series["celery_task_received_total" + labels("t", "q")] == 2)
        tasks.take(
            .init(events: [event(.sent, "4", name: "t", queue: "r"), event(.received, "5", name: "t")]), at: start)
        tasks.advance(to: start + .seconds(1))
        #expect(tasks.families().series["celery_task_received_total" + labels("t", "celery")] == 1)
        #expect(tasks.families().series["celery_task_received_total" + labels("t", "q")] == 2)
    }

    @Test func whatWaitsForItsSenderHasALimit() {
        var limits = CeleryTasks.Limits()
        limits.heldTasks = 2
        limits.heldEvents = 3
        var tasks = tasks(limits)
        func received() -> Double {
            tasks.families().series["celery_task_received_total" + labels("t", "celery")] ?? 0
        }
        for number in 1...5 {
            tasks.take(.init(events: [event(.received, "\(number)", name: "t")]), at: start)
            #expect(received() == Double(max(0, number - 2)))
        }
        for number in 1...3 {
            tasks.take(.init(events: [event(.received, "5", name: "t")]), at: start)
            #expect(received() == (number < 2 ? 3 : Double(4 + number)))
        }
        tasks.advance(to: start + .seconds(1))
        #expect(received() == 8)
    }

    @Test func aTaskEndsOnce() {
        var tasks = tasks()
        tasks.take(.init(events: [event(.sent, name: "t", queue: "q")]))
        var rejectedFailure = event(.failed)
        rejectedFailure.isRejection = true
        var requeued = event(.rejected)
        requeued.isRequeued = true
        tasks.take(.init(events: [event(.received, name: "t"), rejectedFailure, requeued]))
        func completed() -> [Double] {
            tasks.families().filter { $0.descriptor.name == "celery_task_completed_total" }.series
                .sorted { $0.key < $1.key }.map(\.value)
        }
        // Failed, rejected, revoked, succeeded.
        #expect(completed() == [0, 0, 0, 0])
        tasks.take(.init(events: [rejectedFailure, event(.rejected), event(.rejected), event(.revoked)]))
        #expect(completed() == [0, 1, 0, 0])
        tasks.take(.init(events: [event(.received), event(.started), event(.retried), event(.failed), event(.failed)]))
        #expect(completed() == [1, 1, 0, 0])
    }

    @Test func workersOnOneHost() {
        var tasks = tasks()
        func heartbeat(_ sender: String, _ active: Double, at seconds: Int) {
            var heartbeat = event(.heartbeat, from: sender)
            heartbeat.active = active
            heartbeat.software = "py-celery 5"
            tasks.take(.init(events: [heartbeat]), at: start + .seconds(seconds))
        }
        func series(at seconds: Int) -> [String: Double] {
            tasks.advance(to: start + .seconds(seconds))
            return tasks.families(at: start + .seconds(seconds)).series
        }
        let up = "celery_worker_up{hostname=\"h\"}"
        let active = "celery_worker_tasks_active{hostname=\"h\"}"
        heartbeat("w1@h", 2, at: 0)
        heartbeat("w2@h", 3, at: 0)
        heartbeat("solo", 1, at: 0)
        tasks.take(
            .init(events: [event(.sent, name: "t", queue: "q"), event(.received, from: "w2@h", name: "t")]), at: start)
        #expect(series(at: 1)[up] == 1)
        #expect(series(at: 1)[active] == 5)
        #expect(series(at: 1)["celery_worker_up{hostname=\"solo\"}"] == 1)
        #expect(series(at: 1)["celery_active_worker_count{queue_name=\"q\"}"] == 1)
        let info = #"celery_worker_info{hostname="h",software="py-celery 5",worker="w2@h"}"#
        #expect(series(at: 1)[info] == 1)

        heartbeat("w1@h", 2, at: 301)
        #expect(series(at: 300)[active] == 5)
        #expect(series(at: 301)[active] == 2)
        #expect(series(at: 301)[up] == 1)
        #expect(series(at: 301)[info] == nil)
        #expect(series(at: 301)["celery_active_worker_count{queue_name=\"q\"}"] == 0)
        #expect(series(at: 301)["celery_worker_up{hostname=\"solo\"}"] == 0)

        // Its series stay, since another worker is on the host.
        let received = "celery_task_received_total" + labels("t", "q")
        #expect(series(at: 601)[received] == 1)
        #expect(series(at: 601)["celery_worker_up{hostname=\"solo\"}"] == nil)
        tasks.take(.init(events: [event(.offline)]), at: start + .seconds(602))
        #expect(series(at: 602)[up] == 0)
        #expect(series(at: 602)[active] == 0)
        // What it had still to say does not bring it back.
        tasks.take(.init(events: [event(.succeeded)]), at: start + .seconds(603))
        #expect(series(at: 603)[up] == 0)
        #expect(series(at: 1203)[received] == 1)
        #expect(!series(at: 1204).keys.contains { $0.contains("\"h\"") })
        heartbeat("w1@h", 0, at: 1300)
        #expect(series(at: 1300)[up] == 1)
    }

    @Test func limits() {
        var limits = CeleryTasks.Limits()
        limits.labelSets = 3
        limits.exceptions = 2
        limits.openTasks = 2
        limits.workers = 2
        var tasks = tasks(limits)
        for number in 1...6 {
            let sent = event(.sent, "\(number)", from: "s@h", name: "t\(number)", queue: "q", time: Double(number))
            tasks.take(.init(events: [sent]), at: start)
        }
        #expect(tasks.families().series["celery_task_sent_total" + labels("(other)", "(other)", "(other)")] == 3)
        #expect(tasks.sentTime(of: "4") == nil)
        #expect(tasks.sentTime(of: "5") == 5)

        for number in 1...4 {
            var failed = event(.failed, "f", name: "t1", queue: "q")
            failed.exception = "E\(number)"
            tasks.take(.init(events: [failed]), at: start)
        }
        tasks.advance(to: start + .seconds(1))
        let failed = tasks.families().series.filter { $0.key.hasPrefix("celery_task_failed_total") }
        #expect(failed.filter { $0.key.contains("exception=\"(other)\"") }.map(\.value) == [2])
        #expect(failed.count == 4)

        for number in 1...4 { tasks.take(.init(events: [event(.online, from: "w\(number)@h")]), at: start) }
        #expect(tasks.families(at: start).series["celery_worker_up{hostname=\"h\"}"] == 1)
        #expect(tasks.families().series["stack_exporter_celery_events_dropped_total{reason=\"limit\"}"] == 2)

        // What has been still for long makes room.
        let late = event(.sent, "9", from: "s@new", name: "t9", queue: "q")
        tasks.take(.init(events: [late]), at: start + .seconds(601))
        #expect(tasks.families().series["celery_task_sent_total" + labels("t9", "q", "new")] == 1)
    }

    @Test func genericHosts() {
        var tasks = tasks {
            $0.hidesSenders = true
            $0.hidesWorkers = true
        }
        tasks.take(.init(events: [event(.sent, name: "t", queue: "q"), event(.received, name: "t")]))
        let series = tasks.families().series
        #expect(series["celery_task_sent_total" + labels("t", "q", "generic")] == 1)
        #expect(series["celery_task_received_total" + labels("t", "q", "generic")] == 1)
        #expect(series["celery_worker_up{hostname=\"h\"}"] == 1)
    }

    @Test func bucketsAsConfigured() {
        var tasks = tasks { $0.runtimeBuckets = [5, 1, .infinity, 1] }
        for runtime in [0.5, 1, 3, 7] {
            var succeeded = event(.succeeded, name: "t", queue: "q")
            succeeded.runtime = runtime
            tasks.take(.init(events: [succeeded]), at: start)
        }
        tasks.advance(to: start + .seconds(1))
        let histogram = tasks.families().histograms["celery_task_runtime" + labels("t", "celery")]
        #expect(
            histogram
                == Histogram(
                    buckets: [.init(upperBound: 1, cumulativeCount: 2), .init(upperBound: 5, cumulativeCount: 3)],
                    count: 4, sum: 11.5))
    }

    @Test func aBoundedTable() {
        var table = BoundedTable<Int>(limit: 3)
        for number in 0..<1000 {
            table["\(number)"] = number
            if number.isMultiple(of: 2) { table["\(number)"] = nil }
            table["997"] = table["997"].map { $0 + 1 }
        }
        #expect(table.count == 3)
        #expect(table["999"] == 999)
        #expect(table["997"] == 1000)
        #expect(table["995"] == 995)
        #expect(table["993"] == nil)
        // Taken out and put in again, it is a new one.
        table["995"] = nil
        table["995"] = 1
        table["a"] = 2
        #expect(table["997"] == nil)
        #expect(table["995"] == 1)
    }
}

extension [MetricFamily] {
    /// Histograms by `name{labels}`.
    var histograms: [String: Histogram] {
        var histograms: [String: Histogram] = [:]
        for family in self {
            for sample in family.samples {
                if case .histogram(let histogram) = sample.value {
                    histograms[family.descriptor.name + sample.labels.description] = histogram
                }
            }
        }
        return histograms
    }
}
