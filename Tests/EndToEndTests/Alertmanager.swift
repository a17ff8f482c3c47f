import Foundation
import Lab

/// A real Alertmanager with the routes and the inhibitions of the repository, which tells a receiver at once in place of
/// everybody.
final class Alertmanager: Sendable {
    let port = freePort()
    private let directory = TemporaryDirectory("alertmanager")
    private let daemon: Daemon

    var url: String { "http://127.0.0.1:\(port)" }
    var log: String { directory.text("log") }

    init(telling receiver: WebhookReceiver) async throws {
        let file = Repository.docker.appending(path: "alertmanager/alertmanager.yml")
        let lines = try String(contentsOf: file, encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: false)
        // The sections by their first lines: what is told to whom is replaced.
        var sections: [(name: Substring, lines: [Substring])] = []
        for line in lines where !line.hasPrefix("#") {
            if let match = line.prefixMatch(of: /(\w+):/) { sections.append((match.1, [])) }
            if !sections.isEmpty { sections[sections.count - 1].lines.append(line) }
        }
        let names = sections.first { $0.name == "receivers" }?.lines.compactMap {
            $0.wholeMatch(of: #/  - name: (\S+)/#).map { String($0.1) }
        }
        let receivers = (names ?? []).map {
            "  - {name: \($0), webhook_configs: [{url: 'http://127.0.0.1:\(receiver.port)/\($0)'}]}"
        }
        let kept = sections.filter { ["route", "inhibit_rules"].contains($0.name) }.flatMap(\.lines)
            .joined(separator: "\n").replacing(/group_(wait|interval): \w+/) { "group_\($0.1): 1s" }
        let own = try directory.write(
            "alertmanager.yml", "receivers:\n\(receivers.joined(separator: "\n"))\n\(kept)\n")
        daemon = try Daemon(
            [
                "prometheus-alertmanager", "--config.file=\(own)",
                "--storage.path=\(directory.path)/data", "--web.listen-address=127.0.0.1:\(port)",
                "--cluster.listen-address=",
            ], log: directory.path("log"))
        let isReady = try await eventually(within: 60) {
            try await run(["curl", "-sf", "\(url)/-/ready"]).status == 0
        }
        guard isReady else {
            daemon.stop()
            throw LabError("Alertmanager does not start: \(log)")
        }
    }

    deinit {
        daemon.stop()
    }

    /// The labels of the alerts that Prometheus has told it of.
    func alerts() async throws -> [[String: String]] {
        struct Alert: Decodable { let labels: [String: String] }
        let result = try await run(["curl", "-sS", "--max-time", "60", "\(url)/api/v2/alerts"])
        return try JSONDecoder().decode([Alert].self, from: Data(result.output.utf8)).map(\.labels)
    }
}

/// Writes down what an Alertmanager tells it.
final class WebhookReceiver: Sendable {
    struct Alert: Decodable {
        let status: String
        let labels: [String: String]
        let annotations: [String: String]
    }

    private struct Notification: Decodable {
        struct Body: Decodable { let alerts: [Alert] }
        let path: String
        let body: Body
    }

    let port = freePort()
    let directory = TemporaryDirectory("receiver")
    private let daemon: Daemon

    private static let program = """
        import http.server, json, sys
        class Receiver(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                # In one piece, since several are told at once.
                sys.stdout.write(json.dumps({"path": self.path, "body": body}) + "\\n")
                sys.stdout.flush()
                self.send_response(200)
                self.end_headers()
            def log_message(self, *arguments):
                pass
        http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
        """

    init() async throws {
        daemon = try Daemon(
            ["/usr/bin/python3", "-c", Self.program, "\(port)"], log: directory.path("told"))
    }

    deinit {
        daemon.stop()
    }

    var log: String { directory.text("told") }

    private var notifications: [Notification] {
        log.split(separator: "\n").compactMap { try? JSONDecoder().decode(Notification.self, from: Data($0.utf8)) }
    }

    var alerts: [Alert] { notifications.flatMap(\.body.alerts) }

    /// Waits until these, and no others, were told of an alert.
    func told(_ alert: String, _ status: String, by paths: Set<String>) async throws -> Bool {
        try await eventually(within: 120) {
            let told = notifications.filter {
                $0.body.alerts.contains { $0.labels["alertname"] == alert && $0.status == status }
            }
            return Set(told.map(\.path)) == paths
        }
    }
}
