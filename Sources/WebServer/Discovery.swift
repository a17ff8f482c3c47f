import Exposition
import NIOHTTP1
import Scraping

/// What Prometheus' `http_sd_configs` asks for: lists of targets with their labels, as JSON.
enum Discovery {
    /// The paths, and who answers them.
    static func routes(_ gatherer: Gatherer) -> [Route] {
        [
            Route("/targets") { request in
                answer(groups(of: gatherer.targets, at: request.headers.first(name: "Host")))
            },
            Route("/discover-cluster-nodes") { _ in
                let nodes = await gatherer.discover()
                guard !nodes.isEmpty else {
                    return HTTPResponse(.badRequest, "No cluster of Redis is configured, or none answers.")
                }
                return answer([Group(targets: nodes, labels: [])])
            },
        ]
    }

    /// Targets that have the same labels.
    struct Group {
        let targets: [String]
        let labels: [(name: String, value: String)]

        var json: String {
            let targets = targets.map(\.quotedAsJSON).joined(separator: ",")
            let labels = labels.map { "\($0.name.quotedAsJSON):\($0.value.quotedAsJSON)" }.joined(separator: ",")
            return "{\"targets\":[\(targets)],\"labels\":{\(labels)}}"
        }
    }

    /// Each target as one of Prometheus' own: this exporter, by the address that the list was asked for at, with the path and
    /// the parameter that bring the one target's page. A job needs no more than
    ///
    ///     http_sd_configs: [{url: "http://exporter:19187/targets"}]
    ///
    /// and no relabelling. Samples then differ by `instance`, the exporter's address, and `target`, as they do on the page of
    /// several targets; `__meta_stack_exporter_kind` is for a job that wants one kind alone.
    ///
    /// Last stands the exporter itself, without a label `target`, since its samples have one.
    static func groups(of targets: [any Target], at host: String?) -> [Group] {
        func group(_ name: String, kind: String, further: [(name: String, value: String)] = []) -> Group {
            Group(
                targets: [host ?? name],
                labels: [
                    ("__metrics_path__", Probe.Path.probe.rawValue), ("__param_target", name),
                    ("__meta_stack_exporter_kind", kind),
                ] + further)
        }
        return targets.map { group($0.name, kind: type(of: $0).kind, further: [("target", $0.name)]) }
            + [group(Gatherer.ownName, kind: Gatherer.ownName)]
    }

    private static func answer(_ groups: [Group]) -> HTTPResponse {
        HTTPResponse(
            .ok, contentType: "application/json", body: Array("[\(groups.map(\.json).joined(separator: ","))]\n".utf8))
    }
}
