import CBuild
import Exposition
import Scraping

/// What was built, from what and with what.
struct BuildInformation: SelfMetrics {
    static let version = "0.1.0"
    static let revision = String(cString: cbuild_revision())

    #if compiler(>=6.4)
    static let swiftVersion = "6.4"
    #elseif compiler(>=6.3)
    static let swiftVersion = "6.3"
    #else
    static let swiftVersion = "6.2"
    #endif

    static let text = "stack-exporter \(version), revision \(revision), Swift \(swiftVersion)"

    private static let entry = CatalogueEntry(
        MetricDescriptor(
            "stack_exporter_build_info", .gauge, "Always 1; the labels tell what was built, from what and with what."),
        labels: ["version", "revision", "swiftversion"], source: "the build")

    static let metrics = [entry]

    func families() -> [MetricFamily] {
        let labels: Labels = ["version": Self.version, "revision": Self.revision, "swiftversion": Self.swiftVersion]
        return [MetricFamily(Self.entry.descriptor, 1, labels)]
    }
}
