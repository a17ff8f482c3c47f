import Foundation
import Lab

/// A real Prometheus that scrapes exporters and works out rules.
final class PrometheusServer: Sendable {
    let port: Int
    private let directory = TemporaryDirectory("prometheus")
    private let daemon: Daemon

    /// A rule as it was last worked out.
    struct Rule: Decodable {
        struct Alert: Decodable {
            let state: String
            let labels: [String: String]
            let annotations: [String: String]
        }

        let name: String
        let query: String
        let type: String
        let health: String
        let lastError: String?
        let labels: [String: String]?
        let annotations: [String: String]?
        let alerts: [Alert]?

        var isAlert: Bool { type == "alerting" }
    }

    /// A series of an answer to a query.
    struct Series: Decodable {
        let metric: [String: String]
        /// In the order of time; one where the query is of a moment.
        let values: [Double]

        private enum CodingKeys: CodingKey { case metric, value, values }

        /// A time and what was then.
        private struct Sample: Decodable {
            let value: Double

            init(from decoder: any Decoder) throws {
                var pair = try decoder.unkeyedContainer()
                _ = try pair.decode(Double.self)
                value = Double(try pair.decode(String.self)) ?? .nan
            }
        }

        init(from decoder: any Decoder) throws {
            let body = try decoder.container(keyedBy: CodingKeys.self)
            metric = try body.decode([String: String].self, forKey: .metric)
            let samples = try body.decodeIfPresent([Sample].self, forKey: .values)
            values = try (samples ?? [body.decode(Sample.self, forKey: .value)]).map(\.value)
        }
    }

    /// What is asked of it.
    enum Question {
        case now(String)
        /// Every few seconds since then.
        case since(Date, step: Int, String)
    }

    private struct Answer<Body: Decodable>: Decodable {
        let data: Body
    }

    /// Starts it and waits until it answers.
    ///
    /// - Parameters:
    ///   - ports: The exporters' ports on 127.0.0.1, by the name of their job.
    ///   - alertmanager: The Alertmanager's port on 127.0.0.1.
    init(
        scraping ports: [String: Int] = [:], every interval: String = "1s", rules: [URL], alertmanager: Int? = nil
    )
        async throws
    {
        port = freePort()
        let jobs = ports.map { "{job_name: \($0.key), static_configs: [{targets: ['127.0.0.1:\($0.value)']}]}" }
        let told = alertmanager.map { "[{static_configs: [{targets: ['127.0.0.1:\($0)']}]}]" } ?? "[]"
        let file = try directory.write(
            "prometheus.yml",
            """
            global: {scrape_interval: \(interval), scrape_timeout: \(interval), evaluation_interval: 1s}
            rule_files: [\(rules.map { "'\($0.path)'" }.joined(separator: ", "))]
            scrape_configs: [\(jobs.joined(separator: ", "))]
            alerting: {alertmanagers: \(told)}
            """)
        daemon = try Daemon(
            [
                "prometheus", "--config.file=\(file)",
                "--storage.tsdb.path=\(directory.path)/data", "--web.listen-address=127.0.0.1:\(port)",
            ], log: directory.path("log"))
        let isReady = try await eventually(within: 60) {
            try await run(["curl", "-sf", "http://127.0.0.1:\(port)/-/ready"]).status == 0
        }
        guard isReady else {
            daemon.stop()
            throw LabError("Prometheus does not start: \(log.suffix(2000))")
        }
    }

    deinit {
        daemon.stop()
    }

    var log: String { directory.text("log") }

    /// What a query gives at this moment.
    func series(_ query: String) async throws -> [Series] {
        struct Body: Decodable { let result: [Series] }
        return try await get(Body.self, "query", "--data-urlencode", "query=\(query)").result
    }

    /// The answers to many questions, in their order, for the price of one process; an error where one makes no sense.
    func series(_ questions: [Question]) async throws -> [Result<[Series], LabError>] {
        struct Body: Decodable { let result: [Series] }
        let answers: [Result<Body, LabError>] = try await get(
            questions.map { question in
                switch question {
                case .now(let query):
                    return ("query", [("query", query)])
                case .since(let start, let step, let query):
                    let range = [("start", start), ("end", .now)].map { ($0.0, "\($0.1.timeIntervalSince1970)") }
                    return ("query_range", [("query", query), ("step", "\(step)")] + range)
                }
            })
        return answers.map { $0.map(\.result) }
    }

    /// The values that labels have, of the series that selectors select.
    func values(ofLabels labels: [(label: String, selector: String)]) async throws -> [[String]] {
        let answers: [Result<[String], LabError>] = try await get(
            labels.map { ("label/\($0.label)/values", [("match[]", $0.selector)]) })
        return try answers.map { try $0.get() }
    }

    /// All rules, in the order of their files.
    func rules() async throws -> [Rule] {
        struct Group: Decodable { let rules: [Rule] }
        struct Body: Decodable { let groups: [Group] }
        return try await get(Body.self, "rules").groups.flatMap(\.rules)
    }

    private func get<Body: Decodable>(
        _ requests: [(path: String, parameters: [(String, String)])]
    ) async throws -> [Result<Body, LabError>] {
        let file = requests.map { path, parameters in
            let fields = parameters.map {
                "\($0.0)=\($0.1.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "")"
            }
            return "url = \"http://127.0.0.1:\(port)/api/v1/\(path)?\(fields.joined(separator: "&"))\"\n"
        }
        // Each answer is a line.
        let result = try await run(
            ["curl", "-sS", "-g", "--max-time", "60", "-w", "\n", "-K", "-"], input: file.joined())
        let answers = result.output.split(separator: "\n")
        guard answers.count == requests.count else { throw LabError("Prometheus: \(result.errors)") }
        return answers.map { answer in
            Result { try JSONDecoder().decode(Answer<Body>.self, from: Data(answer.utf8)).data }
                .mapError { LabError("\(answer.prefix(500)): \($0)") }
        }
    }

    private func get<Body: Decodable>(_ body: Body.Type, _ path: String, _ options: String...) async throws -> Body {
        let result = try await run(
            ["curl", "-sS", "--max-time", "60", "-G", "http://127.0.0.1:\(port)/api/v1/\(path)"] + options)
        do {
            return try JSONDecoder().decode(Answer<Body>.self, from: Data(result.output.utf8)).data
        } catch {
            throw LabError("\(path) \(options): \(result.errors)\(result.output.prefix(500)): \(error)")
        }
    }
}
