import Foundation
import Lab
import Testing

/// The dashboards by themselves: what Grafana makes of them, and whether what they name is there.
struct DashboardTests {
    private let directory = TemporaryDirectory("dashboards")
    /// Their links in people's bookmarks: none may change.
    private static let uids = ["business", "containers", "exporter", "overview", "postgres", "redis", "requests"].map {
        "stack-exporter-\($0)"
    }

    /// Those that come with Grafana, and are not on their way out.
    private static let types: Set = [
        "bargauge", "gauge", "heatmap", "histogram", "piechart", "row", "stat", "state-timeline", "status-history",
        "table", "text", "timeseries", "barchart",
    ]

    @Test func theCommittedOnesAreWhatTheSourceWrites() async throws {
        let source = DashboardFile.directory.appending(path: "source")
        let written = try await run(
            [Repository.python, source.path, directory.path],
            environment: .added(["PYTHONDONTWRITEBYTECODE": "1"]))
        try #require(written.status == 0, "\(written.errors)")
        let names = try DashboardFile.files(in: directory.url).map(\.lastPathComponent)
        #expect(try DashboardFile.files().map(\.lastPathComponent) == names)
        for name in names {
            let isCurrent = FileManager.default.contentsEqual(
                atPath: directory.path(name),
                andPath: DashboardFile.directory.appending(path: name).path)
            #expect(isCurrent, "make dashboards writes \(name) anew")
        }
    }

    /// By the SDKs of the oldest Grafana that takes them, and of later ones.
    @Test(arguments: [("", "10.1.0"), ("grafana-11", "11.6.0"), ("grafana-12", "1769699241")])
    func grafanaKnowsAllThatIsInThem(directory: String, version: String) async throws {
        let files = try DashboardFile.files()
        let result = try await schema(of: files, by: directory)
        #expect(result.status == 0, "\(result.output)\(result.errors)")
        #expect(result.output.hasSuffix("\(version)\n"), "\(result.output)\(result.errors)")
    }

    @Test(arguments: [
        (#""refId": "#, #""refID": "#, "refID: is not known"),
        (#""displayMode": "list""#, #""displayMode": "lst""#, "'lst' is none of ['list', 'table', 'hidden']"),
        (#""mode": "absolute""#, #""mode": "fixed""#, "'fixed' is none of ['absolute', 'percentage']"),
        (#""type": "timeseries""#, #""type": "a-plugin""#, "'a-plugin' is no panel of Grafana's"),
        (#""h": 8"#, #""h": "8""#, "'8' is no int"), (#""id": "organize""#, #""di": "organize""#, "di: is not known"),
        (#""id": "unit""#, #""id": "unti""#, "unti: is not known"),
    ])
    func aMistakeIsFound(_ text: String, _ mistake: String, _ message: String) async throws {
        let right = try String(contentsOf: DashboardFile.directory.appending(path: "exporter.json"), encoding: .utf8)
        try #require(right.contains(text))
        let file = try directory.write("wrong.json", right.replacing(text, with: mistake))
        let result = try await schema(of: [URL(filePath: file)], by: "grafana-11")
        #expect(result.status == 1)
        #expect(result.output.contains(message), "\(result.output)\(result.errors)")
    }

    private func schema(of files: [URL], by directory: String) async throws -> CommandResult {
        let path = directory.isEmpty ? [:] : ["PYTHONPATH": Repository.pythonProgram("../\(directory)")]
        let program = Repository.root.appending(path: "Tests/Lab/grafana-schema").path
        return try await run(
            [Repository.python, program] + files.map(\.path),
            environment: .added(path.merging(["PYTHONDONTWRITEBYTECODE": "1"]) { $1 }))
    }

    @Test func theyHaveTheirNames() throws {
        let dashboards = try DashboardFile.all()
        #expect(dashboards.map(\.uid).sorted() == Self.uids)
        #expect(Set(dashboards.map(\.title)).count == dashboards.count)
        for (file, dashboard) in zip(try DashboardFile.files(), dashboards) {
            #expect("stack-exporter-\(file.deletingPathExtension().lastPathComponent)" == dashboard.uid)
            #expect(dashboard.tags == ["stack-exporter"], "\(dashboard.uid)")
        }
    }

    /// Whoever imports one is asked for nothing but the data source.
    @Test func noDataSourceIsGiven() throws {
        for file in try DashboardFile.files() {
            let dashboard = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any] ?? [:]
            // `__inputs`
            #expect(dashboard.keys.filter { $0.hasPrefix("__") } == [], "\(file.lastPathComponent)")
            var sources = 0
            func look(at value: Any) {
                for element in value as? [Any] ?? [] { look(at: element) }
                for (key, element) in value as? [String: Any] ?? [:] {
                    look(at: element)
                    guard key == "datasource" else { continue }
                    sources += 1
                    let source = element as? [String: String]
                    #expect(
                        source == ["type": "prometheus", "uid": "${datasource}"],
                        "\(file.lastPathComponent): \(element)")
                }
            }
            look(at: dashboard)
            #expect(sources > 5)
        }
        for dashboard in try DashboardFile.all() {
            #expect(dashboard.sources.map(\.name) == ["datasource"], "\(dashboard.uid)")
            #expect(dashboard.sources.map(\.query) == ["prometheus"], "\(dashboard.uid)")
        }
    }

    @Test func everyPanelSaysWhatItShows() throws {
        for dashboard in try DashboardFile.all() {
            #expect(!dashboard.shown.isEmpty)
            #expect(Set(dashboard.everything.map(\.id)).count == dashboard.everything.count, "\(dashboard.uid)")
            for panel in dashboard.everything {
                let here: Comment = "\(dashboard.uid) / \(panel.title ?? "panel \(panel.id)")"
                #expect(panel.title?.isEmpty == false, here)
                #expect(Self.types.contains(panel.type), here)
                guard panel.type != "row" else { continue }
                #expect(panel.description?.isEmpty == false, here)
                let settings = panel.fieldConfig?.overrides.flatMap(\.properties).map(\.id) ?? []
                #expect(panel.fieldConfig?.defaults.unit != nil || settings.contains("unit"), "\(here): no unit")
                let targets = panel.targets ?? []
                #expect(!targets.isEmpty, here)
                #expect(Set(targets.map(\.refId)).count == targets.count, here)
            }
        }
    }

    @Test func panelsLieSideBySide() throws {
        struct Cell: Hashable { let x, y: Int }
        for dashboard in try DashboardFile.all() {
            var taken: Set<Cell> = []
            for panel in dashboard.everything {
                let here: Comment = "\(dashboard.uid) / \(panel.title ?? "")"
                let place = panel.gridPos
                #expect(place.x >= 0 && place.w > 0 && place.h > 0 && place.x + place.w <= 24, here)
                for x in place.x..<place.x + place.w {
                    for y in place.y..<place.y + place.h {
                        let isFree = taken.insert(Cell(x: x, y: y)).inserted
                        #expect(isFree, "\(here) lies on another")
                    }
                }
            }
        }
        let overview = try #require(try DashboardFile.all().first { $0.uid == "stack-exporter-overview" })
        #expect(overview.shown.count <= 15)
        #expect(overview.shown.allSatisfy { $0.gridPos.y + $0.gridPos.h <= 24 })
    }

    @Test func everyVariableIsThereAndUsed() throws {
        for (file, dashboard) in zip(try DashboardFile.files(), try DashboardFile.all()) {
            let named = Set((dashboard.variables + dashboard.sources).map(\.name))
            let mentioned = Interpolation.names(in: try String(contentsOf: file, encoding: .utf8))
            #expect(mentioned.subtracting(named) == [], "\(dashboard.uid)")
            let asked = dashboard.queries.map(\.expression) + dashboard.variables.map(\.query)
            let used = asked.reduce(into: Set(["datasource"])) { $0.formUnion(Interpolation.names(in: $1)) }
            #expect(named.subtracting(used) == [], "\(dashboard.uid)")
            for variable in dashboard.variables {
                #expect(variable.labelValues != nil, "\(dashboard.uid) / \(variable.name): \(variable.query)")
                #expect(variable.allValue == ".*", "\(dashboard.uid) / \(variable.name)")
            }
        }
    }

    @Test func everyLinkLeadsSomewhere() throws {
        var runbooks = 0
        for file in try DashboardFile.files() {
            let text = try String(contentsOf: file, encoding: .utf8)
            for link in text.matches(of: /\/d\/([\w-]+)/) {
                #expect(Self.uids.contains(String(link.1)), "\(file.lastPathComponent): \(link.0)")
            }
            for link in text.matches(of: /docker\/runbooks\/([\w-]+\.md)#([\w-]+)/) {
                runbooks += 1
                #expect(
                    try RuleFiles.anchors(of: String(link.1)).contains(String(link.2)),
                    "\(file.lastPathComponent): \(link.0)")
            }
        }
        #expect(runbooks > 20)
    }

    /// Dashboards do without the rules, but for the alerts that they make.
    @Test func everyNameIsServed() async throws {
        var names = try await ServedNames(also: [])
        let others = ["ALERTS", "ALERTS_FOR_STATE", "scrape_samples_scraped"]
        for name in try others + Self.customNames() { names.insert(name) }
        for dashboard in try DashboardFile.all() {
            let filled = Interpolation(allOf: dashboard.variables)
            let asked =
                dashboard.queries.map { ($0.name, $0.expression) }
                + dashboard.variables.compactMap { variable in
                    variable.labelValues.map { ("\(dashboard.uid) / \(variable.name)", $0.selector) }
                }
            for (name, expression) in asked {
                let selectors = MetricSelector.all(in: filled(expression))
                let isOfNothing = selectors.isEmpty
                #expect(!isOfNothing, "\(name): \(expression)")
                let recorded = selectors.map(\.name).filter { $0.contains(":") }
                #expect(recorded == [], "\(name): \(expression)")
                #expect(names.missing(in: filled(expression)) == [], "\(name): \(expression)")
            }
        }
    }

    /// What the committed custom queries serve.
    private static func customNames() throws -> [String] {
        let text = try Repository.text("docker/queries.yaml")
        var query: Substring = ""
        var names: [String] = []
        for line in text.split(separator: "\n") {
            if let match = line.wholeMatch(of: /(\w+):/) { query = match.1 }
            if let match = line.firstMatch(of: /^ *- (\w+): \{usage: (?:GAUGE|COUNTER)/) {
                names.append("\(query)_\(match.1)")
            }
        }
        try #require(!names.isEmpty)
        return names
    }
}
