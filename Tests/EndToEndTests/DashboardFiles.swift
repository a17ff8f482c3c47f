import Foundation
import Lab

/// A dashboard of `dashboards/`, as far as tests ask what is in it.
struct DashboardFile: Decodable, Sendable {
    struct Panel: Decodable, Sendable {
        struct Position: Decodable, Sendable { let x, y, w, h: Int }
        struct Target: Decodable, Sendable {
            let refId: String
            let expr: String
            let instant: Bool?
        }
        struct Fields: Decodable, Sendable {
            struct Defaults: Decodable, Sendable { let unit: String? }
            struct Override: Decodable, Sendable {
                struct Property: Decodable, Sendable { let id: String }
                let properties: [Property]
            }
            let defaults: Defaults
            let overrides: [Override]
        }

        let id: Int
        let type: String
        let title: String?
        let description: String?
        let gridPos: Position
        let targets: [Target]?
        let fieldConfig: Fields?
        /// Those below a row that is folded.
        let panels: [Panel]?
    }

    struct Variable: Decodable, Sendable {
        let name: String
        let type: String
        /// `label_values(pg_up{job=~"$job"}, instance)`; `prometheus` for data sources.
        let query: String
        /// What stands for "All".
        let allValue: String?
    }

    private struct Templating: Decodable, Sendable { let list: [Variable] }
    struct Annotation: Decodable, Sendable {
        let name: String
        let expr: String
    }
    private struct Annotations: Decodable, Sendable { let list: [Annotation] }

    let uid: String
    let title: String
    let tags: [String]
    private let templating: Templating
    private let annotations: Annotations
    /// As they are in the file.
    private let panels: [Panel]

    static let directory = Repository.root.appending(path: "dashboards")

    /// The files, by their names.
    static func files(in directory: URL = directory) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "json" }.sorted { $0.path < $1.path }
    }

    static func all() throws -> [Self] {
        try files().map { try JSONDecoder().decode(Self.self, from: Data(contentsOf: $0)) }
    }

    /// Rows and panels, whether they are folded or not.
    var everything: [Panel] { panels.flatMap { [$0] + ($0.panels ?? []) } }

    /// Those that show something.
    var shown: [Panel] { everything.filter { $0.type != "row" } }

    /// All but the data source.
    var variables: [Variable] { templating.list.filter { $0.type != "datasource" } }
    var sources: [Variable] { templating.list.filter { $0.type == "datasource" } }

    /// Everything that Prometheus is asked for the panels and on them.
    var queries: [PanelQuery] {
        shown.flatMap { panel in
            (panel.targets ?? []).map {
                PanelQuery(
                    dashboard: uid, panel: panel.title ?? "\(panel.id)", refId: $0.refId, expression: $0.expr,
                    isInstant: $0.instant == true)
            }
        }
            + annotations.list.map {
                PanelQuery(
                    dashboard: uid, panel: "annotation", refId: $0.name, expression: $0.expr, isInstant: false)
            }
    }
}

/// A query of a panel.
struct PanelQuery: Hashable, CustomStringConvertible {
    let dashboard: String
    let panel: String
    let refId: String
    let expression: String
    let isInstant: Bool

    /// By which people find it: `stack-exporter-redis / Clients / A`.
    var name: String { "\(dashboard) / \(panel) / \(refId)" }
    var description: String { "\(name): \(expression)" }

    /// Whether it depends on a variable.
    func mentions(_ variable: String) -> Bool { Interpolation.names(in: expression).contains(variable) }
}

extension DashboardFile.Variable {
    /// Which label of which series its values are.
    var labelValues: (selector: String, label: String)? {
        query.wholeMatch(of: /label_values\((.+), *(\w+)\)/).map { (String($0.1), String($0.2)) }
    }
}

/// What Grafana puts into queries in place of variables.
struct Interpolation {
    private var values = ["__rate_interval": "1m", "__interval": "5s", "__range": "1h"]

    /// The variables that are in a text, without Grafana's own and the groups of `label_replace`.
    static func names(in text: String) -> Set<String> {
        Set(text.matches(of: pattern).map { name(in: $0.output) }.filter { !$0.hasPrefix("__") })
    }

    /// Chooses "All" everywhere.
    init(allOf variables: [DashboardFile.Variable]) {
        for variable in variables { values[variable.name] = variable.allValue }
    }

    /// Chooses some values, as Grafana writes them for Prometheus' `=~`.
    mutating func choose(_ chosen: [String], of variable: DashboardFile.Variable) {
        let escaped = chosen.map { $0.replacing(/[\\^$*+?.()|{}\[\]]/) { "\\\\\($0.output)" } }
        values[variable.name] = escaped.count == 1 ? escaped[0] : "(\(escaped.joined(separator: "|")))"
    }

    func callAsFunction(_ text: String) -> String {
        text.replacing(Self.pattern) { values[Self.name(in: $0.output)] ?? String($0.output.0) }
    }

    private typealias Output = (Substring, Substring?, Substring?)
    private static var pattern: Regex<Output> { /\$([A-Za-z_]\w*)|\$\{([A-Za-z_]\w*)(?::\w+)?\}/ }
    private static func name(in match: Output) -> String { String(match.1 ?? match.2 ?? "") }
}
