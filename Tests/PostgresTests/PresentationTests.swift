import Exposition
import Testing

@testable import Postgres

struct PresentationTests {
    private let families = [
        MetricFamily(MetricDescriptor("pg_up", .gauge, "Up."), 1),
        MetricFamily(MetricDescriptor("business_jobs", .gauge, "Jobs."), 2, ["zone": "a"]),
    ]

    private func shown(_ change: (inout PostgresOptions) -> Void) -> [String] {
        var options = PostgresOptions()
        change(&options)
        return lines(Presentation(options).apply(families))
    }

    @Test func byItselfNothingChanges() {
        #expect(shown { _ in } == ["pg_up 1.0", #"business_jobs{zone="a"} 2.0"#])
    }

    @Test func thePrefixReplacesOurOwnAndLeavesOtherNames() {
        #expect(shown { $0.metricPrefix = "postgres" } == ["postgres_up 1.0", #"business_jobs{zone="a"} 2.0"#])
    }

    @Test func constantLabelsStandOnEverySampleAndNeverReplaceOne() {
        #expect(
            shown { $0.constantLabels = [.init(name: "zone", value: "b"), .init(name: "env", value: "test")] } == [
                #"pg_up{env="test",zone="b"} 1.0"#, #"business_jobs{env="test",zone="a"} 2.0"#,
            ])
    }
}
