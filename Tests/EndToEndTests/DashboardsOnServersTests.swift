import Foundation
import Lab
import Testing

/// The dashboards on a stack that has everything they show.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct DashboardsOnServersTests {
    /// What finds nothing here, and why, by the names of queries.
    private static let absent = [
        "stack-exporter-containers / Growth in 6 hours / A": "no container is that old"
    ]
    /// What finds something now and then.
    private static let seldom = [
        "stack-exporter-containers / File systems / E": "a disk may fill up, or not"
    ]

    /// A query with what was chosen in its dashboard.
    private struct Asked: Hashable {
        let query: PanelQuery
        let choice: Choice
    }

    private enum Choice: Hashable {
        /// "All", which is also what has no such label.
        case all
        /// Every value that there is, one by one: what is shown has the label.
        case each
    }

    @Test(.enabledOnV1) func everyQueryOfEveryPanelFindsData() async throws {
        let dashboards = try DashboardFile.all()
        let queries = dashboards.flatMap(\.queries)
        let excepted = Set(Self.absent.keys).union(Self.seldom.keys)
        #expect(excepted.subtracting(queries.map(\.name)) == [])
        let stack = try await LoadedStack()
        let (prometheus, start) = (stack.prometheus, Date.now)

        var missing: [Asked: String] = [:]
        for query in queries where !excepted.contains(query.name) {
            for choice in [Choice.all, .each] { missing[Asked(query: query, choice: choice)] = "not asked" }
        }
        var unresolved: [String] = []
        let isThere = try await eventually(within: 240) {
            try await stack.askTheExporter()
            unresolved = []
            for dashboard in dashboards {
                let values = try await Self.values(of: dashboard, on: prometheus)
                let all = Interpolation(allOf: dashboard.variables)
                var each = all
                for variable in dashboard.variables {
                    if let there = values[variable.name], !there.isEmpty {
                        each.choose(there, of: variable)
                    } else {
                        unresolved.append("\(dashboard.uid) / \(variable.name): \(variable.query)")
                    }
                }
                let asked = missing.keys.filter { $0.query.dashboard == dashboard.uid }
                let found = try await prometheus.series(
                    asked.map { ($0.choice == .all ? all : each).question($0.query, since: start) })
                // What has found something is no longer asked.
                for (one, result) in zip(asked, found) { missing[one] = Self.nothing(in: result) }
            }
            if missing.isEmpty, unresolved.isEmpty { return true }
            try await Task.sleep(for: .seconds(2))
            return false
        }
        if !isThere {
            let failures = try await stack.exporter.page().failures
            #expect(unresolved == [], "they have no value")
            for (one, reason) in missing { Issue.record("\(one.query) (\(one.choice)): \(reason)") }
            Issue.record("\(failures) \(stack.exporter.log.suffix(1000))")
        }

        for dashboard in dashboards { try await Self.chooseOneByOne(in: dashboard, on: prometheus, since: start) }

        for dashboard in dashboards {
            let all = Interpolation(allOf: dashboard.variables)
            for query in dashboard.queries where Self.absent[query.name] != nil {
                let found = try await prometheus.series([all.question(query, since: start)])
                #expect(found.map(Self.nothing) == ["no series"], "\(query): finds something, and is on the list")
            }
        }
        // What is no answer is seen to be none.
        let wrong = try await prometheus.series(
            [
                .now("nothing_like_it"), .now("vector(0) / 0"), .since(start, step: 5, "sum("),
                .since(start, step: 5, "1"),
            ])
        let reasons = wrong.map(Self.nothing)
        #expect(reasons[0] == "no series" && reasons[1] == "no number" && reasons[3] == nil, "\(reasons)")
        #expect(reasons[2]?.contains("parse error") == true, "\(reasons)")

        for rule in try await prometheus.rules() {
            #expect(rule.health == "ok", "\(rule.name): \(rule.lastError ?? "")")
        }
        var told: Set<String> = []
        let isTold = try await eventually(within: 60) {
            told = Set(try await stack.alertmanager.alerts().compactMap { $0["alertname"] })
            return told.isSuperset(of: ["ContainerOomKill", "ContainerRestarts"])
        }
        #expect(isTold, "\(told)")
        try await stack.stop()
    }

    /// One value of each variable, where the others are left as they are: it can be chosen still, nothing is an error,
    /// and something is shown of it. It is the first, unless that is a container of another test, which may be gone.
    private static func chooseOneByOne(
        in dashboard: DashboardFile, on prometheus: PrometheusServer, since start: Date
    ) async throws {
        let values = try await values(of: dashboard, on: prometheus)
        let queries = dashboard.queries
        for variable in dashboard.variables {
            let here = "\(dashboard.uid) with one \(variable.name)"
            var isShown = false
            for value in values[variable.name] ?? [] where !isShown {
                var filled = Interpolation(allOf: dashboard.variables)
                filled.choose([value], of: variable)
                let again = try await Self.values(of: dashboard, on: prometheus, filled)
                #expect(again[variable.name]?.contains(value) == true, "\(here), \(value)")
                let found = try await prometheus.series(queries.map { filled.question($0, since: start) })
                for (query, result) in zip(queries, found) {
                    #expect(throws: Never.self, "\(here), \(value): \(query)") { try result.get() }
                    if query.mentions(variable.name), nothing(in: result) == nil { isShown = true }
                }
            }
            #expect(isShown, "\(here): none of \(values[variable.name] ?? []) shows anything")
        }
    }

    /// The values that can be chosen, by the names of variables.
    private static func values(
        of dashboard: DashboardFile, on prometheus: PrometheusServer, _ chosen: Interpolation? = nil
    ) async throws -> [String: [String]] {
        let filled = chosen ?? Interpolation(allOf: dashboard.variables)
        let labels = dashboard.variables.compactMap { variable in
            variable.labelValues.map { (variable.name, (label: $0.label, selector: filled($0.selector))) }
        }
        let values = try await prometheus.values(ofLabels: labels.map(\.1))
        return Dictionary(uniqueKeysWithValues: zip(labels.map(\.0), values))
    }

    /// Why an answer is not one: `nil` where there is at least one number.
    private static func nothing(in result: Result<[PrometheusServer.Series], LabError>) -> String? {
        switch result {
        case .failure(let error): error.description
        case .success(let series) where series.isEmpty: "no series"
        case .success(let series): series.contains { $0.values.contains(where: \.isFinite) } ? nil : "no number"
        }
    }
}

extension Interpolation {
    /// What a panel asks, of the moment or of the time since then.
    fileprivate func question(_ query: PanelQuery, since start: Date) -> PrometheusServer.Question {
        query.isInstant ? .now(self(query.expression)) : .since(start, step: 5, self(query.expression))
    }
}
