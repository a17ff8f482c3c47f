import Exposition
import Foundation
import Lab
import NIOPosix
import Scraping
import Testing

@testable import Redis

private let step = "\u{6}\u{16}"

private func waiting(_ queue: String) -> String {
    "queue_depth{queue=\"\(queue)\",state=\"waiting\",system=\"celery\"}"
}

private func age(_ queue: String, _ kind: String) -> String {
    "queue_oldest_age_seconds{kind=\"\(kind)\",queue=\"\(queue)\",system=\"celery\"}"
}

/// Of what workers have, of all queues together.
private func all(_ metric: String) -> String { "\(metric){queue=\"(all)\",system=\"celery\"}" }

/// What Celery 5.7 wrote: a task as it is; one that is to be run later; with a header of seconds, of ISO 8601, of
/// milliseconds; with the property that AMQP has for it; and one that is compressed and tries to confuse.
struct CeleryMessageTests {
    private static let messages = Result {
        try Fixture.bytes("celery-5.7-messages").split(separator: UInt8(ascii: "\n")).map { Array($0) }
    }

    private func message(_ index: Int, now: Double = 1_795_300_000) throws -> CeleryMessage {
        let headers = ["timestamp", "sent_at", "published_at"]
        return try #require(
            CeleryMessage(try Self.messages.get()[index], timestampHeaders: headers, now: now))
    }

    @Test func aTaskSaysNothingOfWhenItWasSent() throws {
        let message = try message(0)
        #expect(message.id == "5343a9b8-deec-4a8b-87d3-19163d2ef64e")
        #expect(message.sent == nil)
        #expect(message.eta == nil)
    }

    @Test func aTaskForLater() throws {
        #expect(try message(1).eta == 1795271230.678753)
        #expect(try message(1).sent == nil)
    }

    @Test(arguments: [
        (2, 1795267630.6796072), (3, 1795251600.25), (4, 1795267630.679), (5, 1795215383), (6, 1795267630.5),
    ])
    func aTimeThatTheSenderPutThere(_ index: Int, _ expected: Double) throws {
        #expect(try message(index).sent == expected)
    }

    @Test func aNumberThatIsNoTimeOfSending() throws {
        #expect(try message(2, now: 1_795_100_000).sent == nil)
        #expect(try message(2, now: 1_795_200_000).sent == 1795267630.6796072)
    }

    @Test func whateverElseIsInAList() throws {
        for text in ["", "job", "{}", "[1]", "{\"headers\": {\"id\": \"x\""] {
            #expect(CeleryMessage(Array(text.utf8), timestampHeaders: ["timestamp"], now: 2e9) == nil)
        }
        let odd = Array("{\"headers\":{\"id\":7,\"eta\":8,\"timestamp\":null,\"sent_at\":-1}}".utf8)
        let message = try #require(CeleryMessage(odd, timestampHeaders: ["timestamp", "sent_at"], now: 2e9))
        #expect(message.id == nil && message.eta == nil && message.sent == nil)
        for message in try Self.messages.get() {
            for end in message.indices {
                _ = CeleryMessage(Array(message[..<end]), timestampHeaders: ["timestamp"], now: 2e9)
            }
        }
    }
}

/// What it asks, and what it makes of replies that no server gives on demand.
struct CeleryCollectorTests {
    private func settings(_ names: String...) -> RedisSettings {
        var settings = RedisSettings(name: "test", address: .unix(path: "/"))
        settings.database = 2
        settings.queues.celery.names = names
        return settings
    }

    private let server = RedisFacts()

    /// Answers what is asked for by a table of commands, until nothing more is.
    private func scrape(
        _ collector: CeleryCollector, _ answers: [RedisCommand: RedisReply]
    ) -> (trips: [[RedisCommand]], result: CollectorResult) {
        var replies = RedisReplies()
        var trips: [[RedisCommand]] = []
        var commands = collector.commands(server)
        while !commands.isEmpty {
            trips.append(commands)
            for command in commands {
                if let answer = answers[command] {
                    replies.add(answer, to: command)
                } else {
                    switch command.name {
                    case "TYPE": replies.add(.string(Array("none".utf8)), to: command)
                    case "TIME":
                        replies.add(
                            .array([.string(Array("1795300000".utf8)), .string(Array("500000".utf8))]), to: command)
                    case "LLEN", "HLEN": replies.add(.integer(0), to: command)
                    case "ZRANGE": replies.add(.array([]), to: command)
                    default: Issue.record("no answer to \(command.name)")
                    }
                }
            }
            commands = collector.furtherCommands(replies, server)
        }
        return (trips, collector.result(replies, server))
    }

    private func length(_ key: String) -> RedisCommand { RedisCommand("LLEN", key, database: 2) }
    private func oldest(_ key: String) -> RedisCommand { RedisCommand("LINDEX", key, -1, database: 2) }
    private func message(_ headers: String) -> RedisReply { .string(Array("{\"headers\":{\(headers)}}".utf8)) }

    @Test func nothingNamedAndNothingFoundAsksNothing() {
        #expect(CeleryCollector(settings()).commands(server).isEmpty)
    }

    @Test func kombuKnowsNoClustersAndSentinelsHaveNoKeys() {
        let collector = CeleryCollector(settings("celery"))
        var facts = RedisFacts()
        facts.isCluster = true
        #expect(collector.commands(facts).isEmpty)
        facts.isCluster = false
        facts.isSentinel = true
        #expect(collector.commands(facts).isEmpty)
    }

    @Test func aQueueIsAllItsPriorities() {
        let collector = CeleryCollector(settings("celery", "mails"))
        let answers = Dictionary(
            uniqueKeysWithValues: ["", "\(step)3", "\(step)6", "\(step)9"].enumerated().flatMap { index, suffix in
                [(length("celery\(suffix)"), RedisReply.integer(Int64(index) + 1)), (oldest("celery\(suffix)"), .null)]
            })
        let (trips, result) = scrape(collector, answers)
        #expect(trips.map(\.count) == [11, 10, 4])
        #expect(
            result.families.series == [
                "celery_queue_length{queue_name=\"celery\"}": 10, "celery_queue_length{queue_name=\"mails\"}": 0,
                waiting("celery"): 10, waiting("mails"): 0, all("queue_unacked"): 0, all("queue_overdue"): 0,
            ])
        #expect(result.error == nil)
        // All keys have been read now, and it is known which lists have messages.
        #expect(scrape(collector, answers).trips.map(\.count) == [15])
    }

    @Test func withoutTheServersTimeThereAreNoAges() {
        let index = RedisCommand("ZRANGE", "unacked_index", 0, 0, "WITHSCORES", database: 2)
        let answers: [RedisCommand: RedisReply] = [
            RedisCommand("TIME"): .error(Array("NOPERM x".utf8)), length("celery"): .integer(1),
            oldest("celery"): message("\"timestamp\":1795299990.5"),
            index: .array([.string([120]), .string(Array("1795296400.5".utf8))]),
        ]
        let result = scrape(CeleryCollector(settings("celery")), answers).result
        #expect(result.error?.reason == .permission)
        #expect(
            result.families.series == [
                "celery_queue_length{queue_name=\"celery\"}": 1, waiting("celery"): 1, all("queue_unacked"): 0,
            ])
    }

    @Test func typesAreForgottenWithTheServer() {
        let collector = CeleryCollector(settings("celery"))
        #expect(scrape(collector, [:]).trips.map(\.count) == [7, 6])
        #expect(scrape(collector, [:]).trips.map(\.count) == [7])
        var other = server
        other.runID = "other"
        #expect(collector.commands(other).filter { $0.name == "TYPE" }.count == 6)
    }

    @Test func whatWasLateIsNotAskedForItsTypeAgain() {
        let collector = CeleryCollector(settings("celery"))
        _ = scrape(collector, [:])
        _ = collector.commands(server)
        let late = collector.result(RedisReplies(failure: CollectorError(.timeout, "late")), server)
        #expect(late.error?.reason == .timeout)
        #expect(late.families.series.isEmpty)
        #expect(scrape(collector, [:]).trips.map(\.count) == [7])
    }

    @Test func aPartOfAQueueIsNotItsLength() {
        let refusal = RedisReply.error(Array("LOADING x".utf8))
        let (_, result) = scrape(CeleryCollector(settings("celery", "mails")), [length("celery\(step)6"): refusal])
        #expect(result.error?.reason == .connection)
        #expect(result.families.series["celery_queue_length{queue_name=\"celery\"}"] == nil)
        #expect(result.families.series["celery_queue_length{queue_name=\"mails\"}"] == 0)
    }

    @Test func theOldestOfAllPriorities() {
        let collector = CeleryCollector(settings("celery")) { $0 == "known" ? 1_795_299_000 : nil }
        func ages(_ first: RedisReply, _ last: RedisReply) -> [String: Double] {
            let answers: [RedisCommand: RedisReply] = [
                length("celery"): .integer(1), length("celery\(step)9"): .integer(5),
                oldest("celery"): first, oldest("celery\(step)9"): last,
            ]
            let result = scrape(collector, answers).result
            #expect(result.error == nil)
            #expect(result.families.series[waiting("celery")] == 6)
            return result.families.series.filter { $0.key.hasPrefix("queue_oldest_age_seconds") }
        }
        let recent = message("\"timestamp\":1795299990.5")
        let old = message("\"sent_at\":\"2026-11-21T00:00:00Z\"")
        #expect(ages(recent, recent) == [age("celery", "exact"): 10])
        #expect(ages(recent, old) == [age("celery", "exact"): 80_800.5])
        #expect(ages(recent, message("\"timestamp\":1795290000.5")) == [age("celery", "exact"): 10_000])
        // Known by its event, and what is known worse decides what kind the age is.
        #expect(ages(recent, message("\"id\":\"known\"")) == [age("celery", "event"): 1000.5])
        #expect(ages(message("\"id\":\"unknown\""), recent) == [age("celery", "observed"): 10])
        // Since its time came; before that it waits for nobody.
        let due = "\"timestamp\":1795290000.5,\"eta\":\"2026-11-21T22:26:30+00:00\""
        #expect(ages(recent, message(due)) == [age("celery", "exact"): 10.5])
        let early = "\"timestamp\":1795290000.5,\"eta\":\"2026-11-21T22:56:30+00:00\""
        #expect(ages(recent, message(early)) == [age("celery", "observed"): 10])
        #expect(ages(message(early), message(early)) == [:])
        // Taken away meanwhile, and what was too long to be taken in.
        #expect(ages(recent, .null) == [age("celery", "exact"): 10])
        #expect(ages(recent, .error(Array("TOOLONG x".utf8))) == [age("celery", "observed"): 10])
        #expect(ages(.error(Array("TOOLONG x".utf8)), .null) == [:])
        // A sender whose clock is ahead.
        #expect(ages(message("\"timestamp\":1795300005"), .null) == [age("celery", "exact"): 0])
    }

    @Test func messagesThatMayNotBeReadAreNotAskedFor() {
        var settings = settings("celery")
        settings.queues.celery.readsMessages = false
        let (trips, result) = scrape(CeleryCollector(settings), [length("celery"): .integer(1)])
        #expect(!trips.joined().contains { $0.name == "LINDEX" })
        #expect(result.families.series[waiting("celery")] == 1)
        let refused: [RedisCommand: RedisReply] = [
            length("celery"): .integer(1), oldest("celery"): .error(Array("NOPERM x".utf8)),
        ]
        let error = scrape(CeleryCollector(self.settings("celery")), refused).result.error
        #expect(error?.reason == .permission)
    }

    @Test func whatIsOverdueIsCountedOnlyWhereSomethingIs() {
        let read = RedisCommand("ZRANGE", "unacked_index", 0, 0, "WITHSCORES", database: 2)
        func index(_ score: String) -> RedisReply { .array([.string([120]), .string(Array(score.utf8))]) }
        let collector = CeleryCollector(settings("celery"))
        let (trips, result) = scrape(collector, [read: index("1795296400.5")])
        #expect(trips.map(\.count) == [7, 6])
        #expect(result.families.series[all("queue_oldest_unacked_age_seconds")] == 3600)
        #expect(result.families.series[all("queue_overdue")] == 0)
        let count = RedisCommand("ZCOUNT", "unacked_index", "-inf", "(1795296400.5", database: 2)
        let (more, late) = scrape(collector, [read: index("1795296400.25"), count: .integer(3)])
        #expect(more.map(\.count) == [7, 1])
        #expect(late.families.series[all("queue_oldest_unacked_age_seconds")] == 3600.25)
        #expect(late.families.series[all("queue_overdue")] == 3)
    }
}

/// Against keys on a real server.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct CeleryServerTests {
    @Test func keysOfOtherTypesRaiseNoErrors() async throws {
        let server = try await RedisServer()
        try await server.cli("SET", "celery", "x")
        try await server.cli("SET", "unacked", "x")
        try await server.cli("LPUSH", "unacked_index", "x")
        try await server.cli("RPUSH", "mails", "a", "b")
        try await server.cli("SET", "_kombu.binding.celery", "x")
        let scraped = ScrapedCelery(server) { $0.names = ["celery", "mails"] }
        for _ in 0..<3 {
            try await scraped.look()
            let result = try await scraped.scrape().result
            #expect(result.error?.reason == .internal)
            let names = Set(result.families.series.keys)
            #expect(
                names == ["celery_queue_length{queue_name=\"mails\"}", waiting("mails"), age("mails", "observed")])
            #expect(result.families.series[waiting("mails")] == 2)
        }
        #expect(try await server.cli("INFO", "errorstats").contains("errorstat") == false)
        // Once the keys are as they should be, they are read.
        try await server.cli("DEL", "celery", "unacked", "unacked_index")
        try await server.cli("RPUSH", "celery", "a")
        let mended = try await scraped.scrape().result
        #expect(mended.error == nil)
        #expect(mended.families.series[waiting("celery")] == 1)
        #expect(mended.families.series[all("queue_unacked")] == 0)
        // A list that becomes something else is one error, and not one at every scrape.
        try await server.cli("DEL", "celery")
        try await server.cli("SET", "celery", "x")
        for _ in 0..<3 { _ = try await scraped.scrape() }
        let errors = try await server.cli("INFO", "errorstats")
        #expect(errors.contains("errorstat_WRONGTYPE:count=2"), "\(errors)")
        await scraped.shutdown()
    }

    @Test func bindingsTellOfQueues() async throws {
        let server = try await RedisServer()
        func bind(_ exchange: String, _ members: String...) async throws {
            for member in members { try await server.cli("SADD", "p[1]_kombu.binding.\(exchange)", member) }
        }
        try await bind("celery", "celery\(step)\(step)celery", "a\(step)a*\(step)with space", "no binding")
        try await bind("mails", "mails\(step)\(step)mails", "mails\(step)\(step)", "a\(step)\(step)b\(step)\(step)c")
        try await bind("celeryev", "#\(step)#\(step)celeryev.0b5e2a5e-5d38-4a8a-a7e3-6d41ab3ddc54", "\(step)\(step)e")
        try await bind("reply.celery.pidbox", "x\(step)\(step)0b5e2a5e.reply.celery.pidbox", "x\(step)\(step)y")
        try await bind(
            "bcast", "\(step)\(step)bcast.0b5e2a5e-5d38-4a8a-a7e3-6d41ab3ddc54", "\(step)\(step)w@h.celery.pidbox")
        // Of another application: without the prefix, and what the prefix would match were it a pattern.
        try await server.cli("SADD", "_kombu.binding.other", "\(step)\(step)other")
        try await server.cli("SADD", "p1_kombu.binding.other", "\(step)\(step)other")
        try await server.cli("RPUSH", "p[1]with space\(step)3", "x")
        let scraped = ScrapedCelery(server) {
            $0.keyPrefix = "p[1]"
            $0.names = ["named", "mails"]
        }
        try await scraped.look()
        #expect(
            try await scraped.lengths() == ["named": 0, "mails": 0, "c": 0, "celery": 0, "with space": 1])
        // A queue stays as long as its binding does.
        try await server.cli("SREM", "p[1]_kombu.binding.celery", "celery\(step)\(step)celery")
        try await server.cli("DEL", "p[1]_kombu.binding.mails")
        try await scraped.look()
        #expect(try await scraped.lengths() == ["named": 0, "mails": 0, "with space": 1])
        #expect(try await server.cli("INFO", "errorstats").contains("errorstat") == false)
        await scraped.shutdown()
    }

    @Test func namesThatAreNoText() async throws {
        let server = try await RedisServer()
        try await server.cli(
            "EVAL",
            """
            redis.call('SADD', '_kombu.binding.celery', 'x\\6\\22\\6\\22q\\255', 'x\\6\\22\\6\\22q\\254')
            redis.call('RPUSH', 'q\\254', 'a', 'b')
            """, "0")
        let scraped = ScrapedCelery(server)
        try await scraped.look()
        // The two are the same text, and a page may have a series but once.
        #expect(try await scraped.lengths() == ["q\u{fffd}": 2])
        try await server.cli(
            "EVAL", "redis.call('SREM', KEYS[1], 'x\\6\\22\\6\\22q\\254')", "1", "_kombu.binding.celery")
        try await scraped.look()
        #expect(try await scraped.lengths() == ["q\u{fffd}": 0])
        await scraped.shutdown()
    }

    @Test func aUserWhoMayNotSearch() async throws {
        let server = try await RedisServer(
            "--user", "default", "on", "nopass", "~celery*", "+info", "+llen", "+lindex", "+type", "+time", "+client",
            "+select", "+command", "+lpush", "+ping")
        try await server.cli("LPUSH", "celery", "x")
        let scraped = ScrapedCelery(server) { $0.names = ["celery"] }
        try await scraped.look()
        let (_, result) = try await scraped.scrape()
        #expect(result.error?.reason == .permission)
        #expect(result.families.series["celery_queue_length{queue_name=\"celery\"}"] == 1)
        let before = try await server.cli("INFO", "errorstats")
        try await scraped.look()
        _ = try await scraped.scrape()
        #expect(try await server.cli("INFO", "errorstats") == before)
        #expect(before.contains("errorstat_NOPERM"))
        await scraped.shutdown()
    }

    @Test func theSameOldestMessageGetsOlder() async throws {
        let server = try await RedisServer()
        try await server.cli("RPUSH", "celery", "b", "a")
        let scraped = ScrapedCelery(server) { $0.names = ["celery"] }
        func observed() async throws -> Double? {
            try await scraped.scrape().result.families.series[age("celery", "observed")]
        }
        #expect(try await observed() == 0)
        #expect(try await eventually { try await observed() ?? 0 > 0.05 })
        try await server.cli("RPOP", "celery")
        #expect(try await observed() == 0)
        try await server.cli("RPOP", "celery")
        #expect(try await observed() == nil)
        await scraped.shutdown()
    }

    @Test func fiveThousandQueuesInOneTrip() async throws {
        let server = try await RedisServer()
        try await server.cli(
            "EVAL",
            """
            for i = 1, 5000 do
                redis.call('SADD', '_kombu.binding.celery', 'q' .. i .. '\\6\\22\\6\\22q' .. i)
                if i % 10 == 0 then redis.call('RPUSH', 'q' .. i .. '\\6\\0229', 'x', 'y') end
            end
            """, "0")
        let scraped = ScrapedCelery(server)
        try await scraped.look()
        #expect(try await scraped.scrape().trips == 3)
        let (trips, result) = try await scraped.scrape()
        #expect(trips == 1)
        #expect(result.error == nil)
        let lengths = result.families.filter { $0.descriptor.name == "celery_queue_length" }.series.values
        #expect(lengths.count == 5000)
        #expect(lengths.reduce(0, +) == 1000)
        #expect(result.families.series.filter { $0.key.hasPrefix("queue_oldest_age_seconds{") }.count == 500)
        await scraped.shutdown()
    }
}

/// Against Celery itself, on a real server.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct RealCeleryTests {
    @Test func queuesWithPriorities() async throws {
        let server = try await RedisServer()
        let celery = try await Celery(server)
        var messages = (0...9).map { Celery.Message(priority: $0) }
        messages += [4, 4, 9].map { Celery.Message(queue: "mails", priority: $0) }
        messages.append(Celery.Message(queue: "typed"))
        try await celery.send(messages)
        let scraped = ScrapedCelery(server, database: 3) { $0.names = ["idle"] }
        try await scraped.look()
        let series = try await scraped.scrape().result.families.series
        let lengths = ["idle": 0.0, "celery": 10, "mails": 3, "typed": 1]
        for (queue, length) in lengths {
            #expect(series["celery_queue_length{queue_name=\"\(queue)\"}"] == length, "\(queue)")
            #expect(series[waiting(queue)] == length, "\(queue)")
            #expect(series[age(queue, "observed")] == (length > 0 ? 0 : nil), "\(queue)")
        }
        #expect(series[all("queue_unacked")] == 0)
        #expect(series[all("queue_overdue")] == 0)
        // Two of each queue, three ages, and two of all together.
        #expect(series.count == 13)
        // As kombu itself has put them on its steps.
        for (suffix, length) in [("", "3"), ("\(step)3", "3"), ("\(step)6", "3"), ("\(step)9", "1")] {
            #expect(try await server.cli("-n", "3", "LLEN", "celery\(suffix)") == length + "\n")
        }
        #expect(try await server.cli("-n", "3", "LLEN", "mails\(step)3") == "2\n")
        await scraped.shutdown()
    }

    @Test func otherSeparatorStepsAndPrefix() async throws {
        let server = try await RedisServer()
        let options = #"{"sep": ":", "priority_steps": [0,1,2,3,4,5,6,7,8,9], "global_keyprefix": "shop:"}"#
        let celery = try await Celery(server, options: options)
        try await celery.send((0...9).map { Celery.Message(queue: "mails", priority: $0) } + [Celery.Message()])
        #expect(try await server.cli("-n", "3", "LLEN", "shop:mails:7") == "1\n")
        let scraped = ScrapedCelery(server, database: 3) {
            $0.separator = ":"
            $0.prioritySteps = Array(0...9)
            $0.keyPrefix = "shop:"
        }
        try await scraped.look()
        #expect(try await scraped.lengths() == ["mails": 10, "celery": 1])
        await scraped.shutdown()
    }

    @Test func agesThatAreKnown() async throws {
        let server = try await RedisServer()
        let celery = try await Celery(server)
        let sent = Date().timeIntervalSince1970 - 1000
        let ids = try await celery.send([
            Celery.Message(queue: "exact", headers: "{\"timestamp\": \(sent)}"),
            Celery.Message(queue: "exact", priority: 9, headers: "{\"sent_at\": \"2026-11-20T22:56:23.347131Z\"}"),
            Celery.Message(queue: "event"), Celery.Message(queue: "observed"),
            Celery.Message(queue: "later", countdown: 1000, headers: "{\"timestamp\": \(sent)}"),
        ])
        let scraped = ScrapedCelery(server, database: 3) { $0 == ids[2] ? sent - 7 : nil }
        try await scraped.look()
        let before = Date().timeIntervalSince1970
        let series = try await scraped.scrape().result.families.series
        let after = Date().timeIntervalSince1970
        func isSince(_ time: Double, _ age: Double?) -> Bool {
            // The server's clock is ours, but for how exact it says it.
            age.map { (before - time - 0.1...after - time + 0.1).contains($0) } ?? false
        }
        #expect(isSince(1795215383.347131, series[age("exact", "exact")]))
        #expect(isSince(sent - 7, series[age("event", "event")]))
        #expect(series[age("observed", "observed")] == 0)
        #expect(series.keys.filter { $0.hasPrefix("queue_oldest_age_seconds{") }.count == 3)
        #expect(series[waiting("later")] == 1)
        await scraped.shutdown()
    }

    @Test func whatAWorkerHolds() async throws {
        let server = try await RedisServer()
        let celery = try await Celery(server)
        let scraped = ScrapedCelery(server, database: 3) {
            $0.visibilityTimeout = 1
            $0.names = ["celery"]
        }
        try await celery.send((1...3).map { _ in Celery.Message(countdown: 3600) } + [Celery.Message()])
        let sent = Date().timeIntervalSince1970
        #expect(try await scraped.scrape().result.families.series[waiting("celery")] == 4)
        let worker = try celery.work()
        defer { worker.stop() }
        // The one without a time is run; the others wait at the worker.
        let isHeld = try await eventually(within: 60) {
            let series = try await scraped.scrape().result.families.series
            return series[all("queue_unacked")] == 3 && series[waiting("celery")] == 0
        }
        #expect(isHeld, "\(celery.log)")
        let (_, result) = try await scraped.scrape()
        let held = try #require(result.families.series[all("queue_oldest_unacked_age_seconds")])
        #expect(held >= 0 && held < Date().timeIntervalSince1970 - sent)
        #expect(result.families.series[age("celery", "observed")] == nil)
        // The worker has another idea of the time after which it would have to give them away.
        let isOverdue = try await eventually {
            try await scraped.scrape().result.families.series[all("queue_overdue")] == 3
        }
        #expect(isOverdue)
        #expect(try await scraped.scrape().result.error == nil)
        #expect(try await server.cli("-n", "3", "HLEN", "unacked") == "3\n")
        // What a worker binds for itself is no queue.
        try await scraped.look()
        #expect(try await scraped.lengths() == ["celery": 0])
        await scraped.shutdown()
    }
}

/// A collector on a connection of its own.
private struct ScrapedCelery {
    private let collector: CeleryCollector
    private let dialer: RedisDialer
    private let connection: RedisConnection

    init(
        _ server: RedisServer, database: Int = 0, _ configure: (inout RedisQueueOptions.Celery) -> Void
    ) {
        self.init(server, database: database, sentTime: { _ in nil }, configure: configure)
    }

    init(
        _ server: RedisServer, database: Int = 0, sentTime: @escaping @Sendable (String) -> Double? = { _ in nil },
        configure: (inout RedisQueueOptions.Celery) -> Void = { _ in }
    ) {
        var settings = RedisSettings(name: "test", address: .unix(path: server.socket))
        settings.database = database
        configure(&settings.queues.celery)
        collector = CeleryCollector(settings, sentTime: sentTime)
        dialer = RedisDialer(settings, group: MultiThreadedEventLoopGroup.singleton)
        connection = RedisConnection(dialer)
    }

    func look() async throws {
        let facts = try await connection.facts(until: Deadline(after: .seconds(20)))
        try await collector.look(
            RedisBackground(facts: facts, cluster: RedisCluster(connection, dialer), dialer: dialer))
    }

    func scrape() async throws -> (trips: Int, result: CollectorResult) {
        let deadline = Deadline(after: .seconds(20))
        let facts = try await connection.facts(until: deadline)
        var replies = RedisReplies()
        var commands = collector.commands(facts)
        var trips = 0
        while !commands.isEmpty {
            trips += 1
            replies.add(try await connection.run(commands, until: deadline))
            commands = collector.furtherCommands(replies, facts)
        }
        return (trips, collector.result(replies, facts))
    }

    /// `celery_queue_length` by queue.
    func lengths() async throws -> [String: Double] {
        var lengths: [String: Double] = [:]
        for family in try await scrape().result.families where family.descriptor.name == "celery_queue_length" {
            for sample in family.samples {
                if case .number(let value) = sample.value { lengths[sample.labels["queue_name"] ?? ""] = value }
            }
        }
        return lengths
    }

    func shutdown() async { await connection.shutDown() }
}

/// A Celery application with its broker in database 3.
private struct Celery {
    struct Message {
        var queue = "celery"
        var priority = 0
        var countdown = 0
        var headers = "{}"

        var json: String {
            """
            {"queue": "\(queue)", "priority": \(priority), "headers": \(headers), \
            "countdown": \(countdown > 0 ? "\(countdown)" : "null")}
            """
        }
    }

    private let command: [String]
    private let directory: TemporaryDirectory

    private static let application = """
        import json, sys
        from celery import Celery
        from kombu import Exchange, Queue

        app = Celery("shop", broker=sys.argv[1])
        app.conf.broker_transport_options = json.loads(sys.argv[2])

        @app.task(name="shop.order")
        def order():
            pass

        if sys.argv[3] == "work":
            app.worker_main(["worker", "--pool=solo", "--hostname=w1@host", "--queues=celery"])
        else:
            typed = Queue("typed", Exchange("shop", "topic"), routing_key="order.#")
            for message in json.load(sys.stdin):
                if message["queue"] == "typed":
                    message["queue"] = typed
                print(order.apply_async(**message).id)
        """

    /// - Parameter options: Kombu's transport options, as JSON.
    init(_ server: RedisServer, options: String = "{}") async throws {
        directory = server.directory
        let file = try directory.write("application.py", Self.application)
        command = [Repository.python, file, "redis://127.0.0.1:\(server.port)/3", options]
    }

    /// Sends tasks.
    ///
    /// - Returns: Their ids.
    @discardableResult
    func send(_ messages: [Message]) async throws -> [String] {
        let input = "[\(messages.map(\.json).joined(separator: ","))]"
        let result = try await run(command + ["send"], input: input)
        guard result.status == 0 else { throw LabError("Celery: \(result.errors.suffix(2000))") }
        return result.output.split(separator: "\n").map(String.init)
    }

    /// Starts a worker.
    func work() throws -> Daemon {
        try Daemon(command + ["work"], log: directory.path("worker.log"))
    }

    /// What the worker had to say.
    var log: String { directory.text("worker.log") }
}
