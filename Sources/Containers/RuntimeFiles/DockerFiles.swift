import Scraping

/// The records of dockerd: `/var/lib/docker/containers/<id>/config.v2.json` and `hostconfig.json`, for root alone.
///
/// They are written when a container is made, renamed, starts and stops. Taken are the parts that stay while it runs;
/// what it is doing and how well is the engine's to tell.
struct DockerFiles {
    /// The directories with one directory per container.
    let directories: [String]

    /// - Parameter roots: Where root directories of hosts may be.
    init(roots: [String]) {
        directories = roots.map { "\($0)/var/lib/docker/containers" }
    }

    /// - Returns: `nil` where there is no record, or none to be read.
    func details(of id: String, settings: ContainersTarget.Settings) -> ContainerDetails? {
        for directory in directories {
            guard let record = RegularFile.json("\(directory)/\(id)/config.v2.json"), record["ID"]?.string == id else {
                continue
            }
            var details = Self.details(record, settings: settings)
            if let host = RegularFile.json("\(directory)/\(id)/hostconfig.json") {
                details.network = host["NetworkMode"]?.string.map(Self.network)
                details.cpuShares = host["CpuShares"]?.number.flatMap { $0 > 0 ? Int(exactly: $0) : nil }
            }
            return details
        }
        return nil
    }

    private static func details(_ record: JSONText, settings: ContainersTarget.Settings) -> ContainerDetails {
        var details = ContainerDetails()
        details.name = record["Name"]?.string.map { $0.hasPrefix("/") ? String($0.dropFirst()) : $0 }
        details.created = record["Created"]?.string.flatMap(InternetTime.seconds)
        details.restartCount = record["RestartCount"]?.number.flatMap { Int(exactly: $0) }
        if let state = record["State"] {
            details.started = state["StartedAt"]?.string.flatMap(InternetTime.seconds)
            details.processID = state["Pid"]?.number.flatMap { $0 > 0 ? Int(exactly: $0) : nil }
        }
        guard let configuration = record["Config"] else { return details }
        details.image = configuration["Image"]?.string
        guard let labels = configuration["Labels"] else { return details }
        details.pod = ContainerDetails.Pod { labels[$0]?.string }
        for (key, value) in labels.members where settings.allowsLabel(key) {
            if let text = value.string { details.labels[key] = details.labels[key] ?? text }
        }
        return details
    }

    private static func network(_ mode: String) -> ContainerDetails.Network {
        if mode == "host" { return .host }
        return mode.between("container:", "").map(ContainerDetails.Network.container) ?? .own
    }
}
