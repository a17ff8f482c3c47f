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
        let result = try await run([Repository.python, "-c", script], input: page)
        guard result.status == 0 else { throw LabError("\(module): \(result.errors.suffix(2000))") }
        return try JSONDecoder().decode([String: Family].self, from: Data(result.output.utf8))
    }
}
