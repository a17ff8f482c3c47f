import CBuild
import Exposition

/// What was built, from what and with what.
enum BuildInformation {
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

    static func families() -> [MetricFamily] {
        let descriptor = MetricDescriptor(
            "stack_exporter_build_info", .gauge, "Always 1; the labels tell what was built, from what and with what.")
        return [
            MetricFamily(
                descriptor, 1, ["version": version, "revision": revision, "swiftversion": swiftVersion])
        ]
    }
}
