import Exposition

extension ContainerCollectors {
    /// Time that was lost waiting for CPU, memory and disks (PSI, "pressure stall information").
    ///
    /// A kernel without it (`psi=0`, the default of some distributions) and a cgroup in which it is switched off
    /// (`cgroup.pressure`) have no such files, or none that can be read, and no series. Beside v1 they are v2's.
    static let pressure = CgroupTable(
        "container_pressure",
        [
            stalls("cpu", "some", "waiting", "in which some process waited for a CPU"),
            stalls("cpu", "full", "stalled", "in which all processes waited for a CPU", versions: "Linux 5.13+"),
            stalls("memory", "some", "waiting", "in which some process waited for memory to be reclaimed or read back"),
            stalls(
                "memory", "full", "stalled", "in which all processes waited for memory to be reclaimed or read back"),
            stalls("io", "some", "waiting", "in which some process waited for a disk"),
            stalls("io", "full", "stalled", "in which all processes waited for a disk"),
        ]
    )

    private static func stalls(
        _ resource: String, _ line: String, _ state: String, _ meaning: String, versions: String = "Linux 4.20+"
    ) -> CgroupMetric {
        CgroupMetric(
            "container_pressure_\(resource)_\(state)_seconds_total", .counter, "Time \(meaning).",
            v2: [.microseconds(CgroupField(stringLiteral: "\(resource).pressure: \(line) total"))],
            rule: .hybrid,
            versions: "\(versions) with PSI, on v2 or beside v1"
        )
    }
}
