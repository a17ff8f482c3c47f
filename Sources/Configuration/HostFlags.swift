import Containers

/// What is collected of the host.
extension Option {
    static let host: [Option] = [
        Option(
            "host.node-exporter", nil, default: "off",
            "Whether a node_exporter runs on this host, to which its metrics are left"
        ) {
            settings, value throws(Expected) in
            settings.host.hasNodeExporter = try isOn(value)
        },
        Option(
            "path.rootfs", "DIRECTORY", default: "found by itself", "Where the host's root directory is mounted"
        ) {
            settings, value throws(Expected) in
            guard value.hasPrefix("/") else { throw Expected("a path such as /rootfs") }
            settings.host.rootfs = value
            settings.containers.rootfs = value
        },
    ]
}
