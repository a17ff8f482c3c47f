import Foundation
import Lab
import Testing

/// The alert rules by themselves, against what the exporter serves, and beside a real system.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct RulesTests {
    @Test func everyFileIsWellFormed() async throws {
        let checked = try await run(["promtool", "check", "rules"] + RuleFiles.rules.map(\.path))
        #expect(RuleFiles.rules.count > 5)
        #expect(checked.status == 0, "\(checked.output)\(checked.errors)")
    }

    @Test(arguments: RuleFiles.unitTests.map(\.lastPathComponent))
    func unitTestsPass(of file: String) async throws {
        let tested = try await run([
            "promtool", "test", "rules", Repository.docker.appending(path: "prometheus/rules/tests/\(file)").path,
        ])
        #expect(tested.status == 0, "\(tested.output)\(tested.errors)")
    }

    @Test func everyAlertIsSeenToFireAndNotToFire() async throws {
        var fired: Set<String> = []
        var silent: Set<String> = []
        for file in RuleFiles.unitTests {
            let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            var alert = ""
            for (line, next) in zip(lines, lines.dropFirst() + [""]) {
                if line.hasPrefix("alertname: ") {
                    alert = String(line.dropFirst("alertname: ".count))
                    if next != "exp_alerts:" { silent.insert(alert) }
                } else if line.hasPrefix("- exp_labels:"), let found = line.firstMatch(of: /severity: (\w+)/) {
                    fired.insert("\(alert) \(found.1)")
                }
            }
        }
        let alerts = try await Self.rules.value.filter(\.isAlert)
        #expect(alerts.count >= 45)
        #expect(Set(alerts.map { "\($0.name) \($0.labels?["severity"] ?? "")" }).subtracting(fired) == [])
        #expect(Set(alerts.map(\.name)).subtracting(silent) == [])
    }

    @Test func everyAlertSaysWhatPeopleNeed() async throws {
        for alert in try await Self.rules.value where alert.isAlert {
            let labels = alert.labels ?? [:]
            let annotations = alert.annotations ?? [:]
            #expect(["critical", "warning", "info"].contains(labels["severity"]), "\(alert.name)")
            #expect(labels["priority"]?.wholeMatch(of: /P[0-4]/) != nil, "\(alert.name)")
            #expect((labels["severity"] == "info") == (labels["priority"] == "P4"), "\(alert.name)")
            #expect(annotations["summary"]?.isEmpty == false, "\(alert.name)")
            #expect(annotations["description"]?.contains("{{") == true, "\(alert.name)")
            let component = try #require(labels["component"], "\(alert.name)")
            let anchor = alert.name.lowercased()
            #expect(annotations["runbook_url"] == "docker/runbooks/\(component).md#\(anchor)")
            #expect(try RuleFiles.anchors(of: "\(component).md").contains(anchor), "\(alert.name) has no runbook")
        }
    }

    @Test func noRunbookIsOfAnAlertThatIsNotThere() async throws {
        let alerts = Set(try await Self.rules.value.filter(\.isAlert).map { $0.name.lowercased() })
        for component in Set(try await Self.rules.value.compactMap { $0.labels?["component"] }) {
            let anchors = try RuleFiles.anchors(of: "\(component).md")
            #expect(Set(anchors).subtracting(alerts) == [])
            #expect(anchors.count == Set(anchors).count)
        }
    }

    /// A threshold is one that an alert compares with, of the severity that the alert has, and nothing is compared with
    /// one that is not there.
    @Test func everyThresholdIsUsedAndThere() async throws {
        let rules = try await Self.rules.value
        let defaults = rules.filter { $0.name == "stack:threshold:default" }.compactMap(\.labels)
        let there = Set(defaults.map { #"{alert="\#($0["alert"] ?? "")",level="\#($0["level"] ?? "")"}"# })
        #expect(there.count == defaults.count)
        let used = rules.flatMap { MetricSelector.all(in: $0.query) }.filter { $0.name == "stack:threshold" }
        #expect(Set(used.map(\.matchers)) == there)
        for alert in rules where alert.isAlert {
            let own = MetricSelector.all(in: alert.query).filter {
                $0.name == "stack:threshold" && $0.matchers.contains(#"alert="\#(alert.name)""#)
                    && $0.matchers.contains(/level="(critical|warning|info)"/)
            }
            let severity = alert.labels?["severity"] ?? ""
            #expect(own.allSatisfy { $0.matchers.contains(#"level="\#(severity)""#) }, "\(alert.name) \(severity)")
        }
    }

    @Test func everyNameIsServed() async throws {
        let rules = try await Self.rules.value
        let names = try await ServedNames(also: rules)
        for rule in rules { #expect(names.missing(in: rule.query) == [], "\(rule.name)") }
    }

    @Test func selectorsAreFoundInExpressions() {
        let query = #"""
            sum by (job, le) (rate(a_total{x=~"b{}|\"c",y!="z"}[5m] offset 1h)) * on (job) group_left () d:e
              and f > 14.4 or label_replace({__name__=~"g_.+"}, "h", "$1", "__name__", "g_(.+)") unless max_over_time(i[6h:1m])
            """#
        #expect(
            Set(MetricSelector.all(in: query).map(\.description)) == [
                #"a_total{x=~"b{}|\"c",y!="z"}"#, "d:e", "f", #"{__name__=~"g_.+"}"#, "i",
            ])
    }

    /// As Prometheus understands them.
    private static let rules = Task {
        let prometheus = try await PrometheusServer(rules: RuleFiles.rules)
        return try await prometheus.rules()
    }
}
