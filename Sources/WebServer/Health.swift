import Exposition
import NIOHTTP1
public import Scraping

/// The paths by which people, orchestrators and load balancers learn how the exporter and what it watches are doing, as
/// JSON.
public enum Health {
    /// A kind of target in what `/health` says.
    private struct Part {
        /// The key in the answer.
        let key: String
        /// As in ``Target/kind``.
        let kind: String
        /// Whether it is there to be told that nothing is configured.
        var isAlwaysShown = true
    }

    private static let parts = [
        Part(key: "database", kind: "postgres"), Part(key: "pgbouncer", kind: "pgbouncer", isAlwaysShown: false),
        Part(key: "redis", kind: "redis"), Part(key: "containers", kind: "containers"),
    ]

    /// A path that asks the targets of a kind.
    private struct Question {
        let path: String
        /// As in ``Target/kind``.
        let kind: String
        /// The longest that an answer may take.
        let limit: Duration
        /// What is said of targets that answer.
        let status: String
        var provider: String?
    }

    private static let questions = [
        Question(path: "/health/db", kind: "postgres", limit: .seconds(5), status: "connected"),
        Question(path: "/health/cache", kind: "redis", limit: .seconds(3), status: "healthy", provider: "redis"),
    ]

    /// `/health`, which never waits for anything, and `/health/db` and `/health/cache`, which ask what is configured.
    ///
    /// - Parameter start: When the exporter was started.
    public static func routes(
        of gatherer: Gatherer, version: String, since start: ContinuousClock.Instant
    ) -> [Route] {
        let checks = HealthChecks()
        let whole = Route("/health") { _ in summary(of: gatherer, version: version, uptime: start.duration(to: .now)) }
        return [whole]
            + questions.map { question in
                Route(question.path) { request in
                    await answer(
                        to: question, about: gatherer.targets, named: QueryParameters(request.query)["target"], checks)
                }
            }
    }

    /// `/readiness`
    static func readiness(_ isReady: @escaping @Sendable () -> Bool) -> Route {
        Route("/readiness") { _ in
            let isReady = isReady()
            return response(isReady ? .ok : .serviceUnavailable, [("ready", .literal("\(isReady)"))])
        }
    }

    // MARK: /health

    private static func summary(of gatherer: Gatherer, version: String, uptime: Duration) -> HTTPResponse {
        let scrapes = gatherer.lastScrapes
        let states = parts.compactMap { part -> (String, String)? in
            let ofKind = scrapes.filter { type(of: $0.target).kind == part.kind }.map(\.outcome)
            guard part.isAlwaysShown || !ofKind.isEmpty else { return nil }
            return (part.key, state(of: ofKind))
        }
        let isDegraded = states.contains { $0.1 == unreachable }
        let head: [(String, JSONValue)] = [
            ("status", .text(isDegraded ? "degraded" : "healthy")), ("version", .text(version)),
            ("uptime", .text(clock(uptime))), ("timestamp", .text(WallClock.utc())),
        ]
        return response(.ok, head + states.map { ($0.0, .text($0.1)) })
    }

    private static let unreachable = "unreachable"

    /// Of several the worst.
    private static func state(of outcomes: [ScrapeOutcome?]) -> String {
        if outcomes.isEmpty { return "not configured" }
        if outcomes.contains(where: { $0?.isUp == false }) { return unreachable }
        // Nobody has scraped it yet.
        return outcomes.contains { $0 == nil } ? "unknown" : "connected"
    }

    /// `12:34:56`
    static func clock(_ duration: Duration) -> String {
        let seconds = max(0, duration.components.seconds)
        return [seconds / 3600, seconds / 60 % 60, seconds % 60].map { WallClock.digits($0) }.joined(separator: ":")
    }

    // MARK: /health/db, /health/cache

    private static func answer(
        to question: Question, about targets: [any Target], named name: String?, _ checks: HealthChecks
    ) async -> HTTPResponse {
        let ofKind = targets.filter { type(of: $0).kind == question.kind }.compactMap { $0 as? any ChecksHealth }
        guard !ofKind.isEmpty else { return response(.notFound, [("status", .text("not configured"))]) }
        let asked = name.map { name in ofKind.filter { $0.name == name } } ?? ofKind
        let results = await withTaskGroup(of: (Int, Result<TargetHealth, CollectorError>).self) { group in
            for (index, target) in asked.enumerated() {
                group.addTask { (index, await checks.check(target, within: question.limit)) }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        // The worst is the first that fails, or else the slowest.
        let failed = results.sorted { $0.0 < $1.0 }.lazy.compactMap { index, result in
            if case .failure(let error) = result { (asked[index].name, error.reason) } else { nil }
        }.first
        if let (name, reason) = failed {
            return response(
                .serviceUnavailable,
                [("status", .text(unreachable)), ("target", .text(name)), ("reason", .text(reason.rawValue))])
        }
        let answers = results.compactMap { index, result in (try? result.get()).map { (asked[index].name, $0) } }
        guard let (name, health) = answers.max(by: { $0.1.latency < $1.1.latency }) else {
            return response(.notFound, [("status", .text("unknown target"))])
        }
        var fields: [(String, JSONValue)] = [("status", .text(question.status)), ("target", .text(name))]
        if let provider = question.provider { fields.append(("provider", .text(provider))) }
        if let database = health.database { fields.append(("database", .text(database))) }
        fields.append(("latency_ms", .number(health.latency.seconds * 1000)))
        if let tables = health.accessibleTables { fields.append(("tables_accessible", .literal("\(tables)"))) }
        if let memory = health.memory { fields.append(("memory_used_mb", .number(memory / 1_048_576))) }
        return response(.ok, fields)
    }

    // MARK: JSON

    private enum JSONValue {
        case text(String)
        /// With three digits behind the point at most.
        case number(Double)
        case literal(String)

        var json: String {
            switch self {
            case .text(let text): text.quotedAsJSON
            case .number(let value): "\((value * 1000).rounded() / 1000)"
            case .literal(let text): text
            }
        }
    }

    private static func response(_ status: HTTPResponseStatus, _ fields: [(String, JSONValue)]) -> HTTPResponse {
        let object = fields.map { "\($0.0.quotedAsJSON):\($0.1.json)" }.joined(separator: ",")
        return HTTPResponse(
            status, contentType: "application/json", body: Array("{\(object)}\n".utf8),
            headers: ["Cache-Control": "no-store"])
    }
}
