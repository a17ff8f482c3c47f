import Exposition
import Scraping
import Synchronization
import Testing

@testable import WebServer

/// A database that is as the test says.
private final class Database: ChecksHealth {
    static let kind = "postgres"
    static let statusMetrics: [CatalogueEntry] = []
    let name: String
    let collectors: [String] = []
    let openConnections: Int? = nil
    private let health: Result<TargetHealth, CollectorError>

    init(_ name: String, _ health: Result<TargetHealth, CollectorError>) {
        (self.name, self.health) = (name, health)
    }

    func run(_ scrape: Scrape) async { scrape.targetAnswered() }
    func status(of outcome: ScrapeOutcome) -> [MetricFamily] { [] }
    func shutdown() async {}
    func checkHealth(until deadline: Deadline) async throws(CollectorError) -> TargetHealth { try health.get() }
}

@Suite(.timeLimit(.minutes(1)))
struct HealthTests {
    private let fast = Database(
        "fast", .success(.init(latency: .microseconds(1234), database: "a\"b", accessibleTables: 3)))
    private let slow = Database("slow", .success(.init(latency: .milliseconds(20), database: "c", accessibleTables: 0)))
    private let down = Database("down", .failure(.init(.authentication, "db.internal: the password hunter2 is wrong")))

    private func answer(_ path: String, of targets: [any Target]) async throws -> (status: Int, text: String) {
        var result = (status: 0, text: "")
        try await withServer(targets: targets, health: true) { server in
            let answer = try await server.client().get(path)
            result = (answer.status, answer.text)
        }
        return result
    }

    @Test func theSlowestOfThoseThatAreWell() async throws {
        let one = try await answer("/health/db", of: [fast])
        #expect(one.status == 200)
        #expect(
            one.text
                == #"{"status":"connected","target":"fast","database":"a\"b","latency_ms":1.234,"tables_accessible":3}"#
                + "\n")
        let two = try await answer("/health/db", of: [fast, slow])
        #expect(two.status == 200 && two.text.contains(#""target":"slow""#))
    }

    @Test func oneThatFailsIsTheWorst() async throws {
        let all = try await answer("/health/db", of: [fast, down, slow])
        #expect(all.status == 503)
        #expect(all.text == #"{"status":"unreachable","target":"down","reason":"authentication"}"# + "\n")
        #expect(try await answer("/health/db?target=slow", of: [fast, down, slow]).status == 200)
        #expect(try await answer("/health/db?target=down", of: [fast, down, slow]).status == 503)
        #expect(try await answer("/health/db?target=other", of: [fast]).text == "{\"status\":\"unknown target\"}\n")
    }

    @Test func nobodyToAsk() async throws {
        let none = try await answer("/health/cache", of: [fast])
        #expect(none.status == 404 && none.text == "{\"status\":\"not configured\"}\n")
    }

    @Test(arguments: [(0, "00:00:00"), (45_296, "12:34:56"), (360_001, "100:00:01")])
    func upTime(seconds: Int, text: String) {
        #expect(Health.clock(.seconds(seconds)) == text)
    }
}

@Suite(.timeLimit(.minutes(1)))
struct ReloadTests {
    private func answer(
        _ method: String, isEnabled: Bool = true, _ outcome: Lifecycle.Outcome = .reloaded(needRestart: [])
    ) async throws -> (status: Int, text: String, allow: String?, reloads: Int) {
        let reloads = Count()
        let route = Lifecycle.route(isEnabled: isEnabled) {
            reloads.count.withLock { $0 += 1 }
            return outcome
        }
        var result = (status: 0, text: "", allow: String?.none, reloads: 0)
        try await withServer(routes: [route]) { server in
            let client = try server.client()
            await client.send("\(method) /-/reload HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n")
            let answer = try await client.answer()
            result = (answer.status, answer.text, answer.field("Allow"), reloads.count.withLock { $0 })
        }
        return result
    }

    private final class Count: Sendable {
        let count = Mutex(0)
    }

    @Test(arguments: ["POST", "PUT"])
    func itIsDone(method: String) async throws {
        let done = try await answer(method)
        #expect(done.status == 200 && done.text == "Reloaded.\n" && done.reloads == 1)
        let fixed = try await answer(method, .reloaded(needRestart: ["web.listen-address", "web.config.file"]))
        #expect(fixed.text == "Reloaded. This needs a restart: --web.listen-address, --web.config.file.\n")
        let refused = try await answer(method, .refused("x.yml:1:2: this is wrong"))
        #expect(refused.status == 400)
        #expect(refused.text == "x.yml:1:2: this is wrong. Everything goes on as before.\n")
        let off = try await answer(method, isEnabled: false)
        #expect(off.status == 403 && off.reloads == 0)
    }

    @Test func readingIsNoReload() async throws {
        let get = try await answer("GET")
        #expect(get.status == 405 && get.allow == "POST, PUT" && get.reloads == 0)
    }
}
