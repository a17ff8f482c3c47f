import Foundation
import Lab

/// The parsers of the Python package `prometheus_client`, of which that for OpenMetrics is the strictest there is.
enum PrometheusClient {
    /// A family as the parser understands it.
    struct Family: Decodable, Equatable {
        let type: String
        let samples: Int
    }

    /// Reads a page, or says what is wrong with it.
    static func families(of page: String, isOpenMetrics: Bool) async throws -> [String: Family] {
        let module = isOpenMetrics ? "prometheus_client.openmetrics.parser" : "prometheus_client.parser"
        let script = """
            import json, sys
            from \(module) import text_string_to_metric_families
            families = {}
            for family in text_string_to_metric_families(sys.stdin.buffer.read().decode()):
                assert family.name not in families, family.name
                families[family.name] = {"type": family.type, "samples": len(family.samples)}
            print(json.dumps(families))
            """
        let result = try await run([try await python.value, "-c", script], input: page)
        guard result.status == 0 else { throw LabError("\(module): \(result.errors.suffix(2000))") }
        return try JSONDecoder().decode([String: Family].self, from: Data(result.output.utf8))
    }

    /// A Python that has the package: the one that `make test` made, or one made here in the same place.
    private static let python = Task {
        if let python = ProcessInfo.processInfo.environment["PROMETHEUS_CLIENT_PYTHON"] { return python }
        let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let home = package.appending(path: ".build/python").path
        let python = "\(home)/bin/python3"
        let isThere = try? await run([python, "-c", "import prometheus_client"]).status == 0
        if isThere == true { return python }
        for command in [
            ["/usr/bin/python3", "-m", "venv", home],
            [python, "-m", "pip", "install", "--quiet", "prometheus_client==0.26.0"],
        ] {
            let result = try await run(command)
            guard result.status == 0 else {
                throw LabError("\(command.joined(separator: " ")): \(result.output)\(result.errors)")
            }
        }
        return python
    }
}
