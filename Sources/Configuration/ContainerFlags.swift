import Containers

/// Which containers are looked at, and what is shown of them.
extension Option {
    static let containers: [Option] = [
        .several(
            "containers.include", "KINDS", default: "all",
            "Whose cgroups are shown, with commas between: \(kinds)", \.containers.included, containerKinds),
        .several(
            "no-containers.include", "KINDS", default: "none", "Whose cgroups are not shown though they are included",
            \.containers.excluded, containerKinds),
        .several(
            "containers.runtime-socket", "PATH", default: "Docker's and Podman's where they are",
            "The socket of an engine that is asked for the names, images and states of containers; may be repeated; none asks nobody",
            addsUp: true, apply: addSockets),
        .several(
            "containers.labels", "KEYS", default: "Compose's project and service",
            "The container labels that become container_label_..., with commas between; * for all",
            \.containers.labels, list),
        Option(
            "containers.container-label", nil, default: "off",
            "Whether containers outside of Kubernetes have their name in the label container too",
            \.containers.hasContainerLabel, isOn),
        Option(
            "containers.kept-descriptors", "COUNT", default: "4096",
            "How many cgroup files are kept open between scrapes, each for 5 KiB of kernel memory; at most half of what the process may open"
        ) {
            settings, value throws(Expected) in
            settings.containers.keptDescriptors = try count(value)
        },
    ]

    /// Adds sockets with commas between to those that are asked.
    @Sendable static func addSocket(_ settings: inout Settings, _ value: String) throws(Expected) {
        try addSockets(&settings, Value.text(value).elements)
    }

    /// Adds sockets to those that are asked; `none` stands for none at all.
    @Sendable private static func addSockets(_ settings: inout Settings, _ values: [String]) throws(Expected) {
        var sockets = settings.containers.runtimeSockets ?? []
        for path in list(values) where path != "none" {
            let plain = path.hasPrefix("unix://") ? String(path.dropFirst("unix://".count)) : path
            guard plain.hasPrefix("/") else {
                throw Expected("the path of a socket such as /var/run/docker.sock, or none")
            }
            if !sockets.contains(plain) { sockets.append(plain) }
        }
        settings.containers.runtimeSockets = sockets
    }

    private static let kinds = ContainerKind.allCases.map(\.rawValue).joined(separator: ",")

    private static func containerKinds(_ values: [String]) throws(Expected) -> Set<ContainerKind> {
        var result: Set<ContainerKind> = []
        for name in list(values) {
            guard let kind = ContainerKind(rawValue: name) else { throw Expected("some of \(kinds)") }
            result.insert(kind)
        }
        return result
    }
}
