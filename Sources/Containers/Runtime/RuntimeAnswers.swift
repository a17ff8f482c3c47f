import Exposition
import Scraping

/// What an engine answers, in Docker's words; Podman's compatible API (4.3 was looked at) uses them too, but for the names
/// of a few states and events.
///
/// Environment variables, commands and mounts are in the answers too, and are not looked at.
enum RuntimeAnswers {
    /// One element of `/containers/json`.
    ///
    /// - Returns: `nil` where it is no container.
    static func listed(
        _ json: JSONText, _ settings: ContainersTarget.Settings
    ) -> (id: String, details: ContainerDetails)? {
        guard let id = json["Id"]?.string, Container.isID(id) else { return nil }
        var details = ContainerDetails()
        // Docker has the aliases of links beside the name: `/other/alias`.
        details.name = json["Names"]?.elements.lazy.compactMap(\.text).compactMap(name).first { !$0.contains("/") }
        // The image's own id stands here once its name was given to another one; the user's word is in the details.
        details.image = json["Image"]?.text.flatMap { $0.hasPrefix("sha256:") ? nil : $0 }
        details.state = json["State"]?.string.flatMap(state)
        details.created = json["Created"]?.number.flatMap { $0 > 0 ? $0 : nil }
        details.network = json["HostConfig"]?["NetworkMode"]?.string.flatMap(network)
        details.take(labels: json["Labels"], settings)
        return (id, details)
    }

    /// `/containers/<id>/json`.
    ///
    /// - Returns: `nil` where it is no container; `parent` is the cgroup that the user wants it in, as he wrote it.
    static func inspected(
        _ json: JSONText, _ settings: ContainersTarget.Settings
    ) -> (id: String, details: ContainerDetails, parent: String?)? {
        guard let id = json["Id"]?.string, Container.isID(id), let state = json["State"] else { return nil }
        let config = json["Config"]
        let host = json["HostConfig"]
        var details = ContainerDetails()
        details.name = json["Name"]?.text.flatMap(name)
        details.image = config?["Image"]?.text
        details.take(labels: config?["Labels"], settings)
        details.created = json["Created"]?.string.flatMap(InternetTime.seconds)
        details.started = state["StartedAt"]?.string.flatMap(InternetTime.seconds)
        details.state = state["Status"]?.string.flatMap(self.state)
        details.restartCount = json["RestartCount"]?.count
        // The engine has 0 here for a run that has not ended.
        switch details.state {
        case .exited, .dead, .restarting, .removing:
            if details.started != nil {
                details.exitCode = state["ExitCode"]?.integer
                details.wasOutOfMemory = state["OOMKilled"]?.boolean
            }
        case .running, .paused:
            // Podman has an empty word where there is no check, Docker `none` or nothing.
            details.health = state["Health"]?["Status"]?.string.flatMap(ContainerDetails.Health.init)
            details.processID = state["Pid"]?.count.flatMap { $0 > 0 ? $0 : nil }
            // It stays for as long as the engine starts the container again by itself; before an end, no says nothing.
            if let wasOut = state["OOMKilled"]?.boolean, wasOut || details.restartCount ?? 0 > 0 {
                details.wasOutOfMemory = wasOut
            }
        case .created, nil: break
        }
        details.network = host?["NetworkMode"]?.string.flatMap(network)
        details.cpuShares = host?["CpuShares"]?.count.flatMap { $0 > 0 ? $0 : nil }
        details.cgroupPath = state["CgroupPath"]?.string.flatMap { $0.hasPrefix("/") ? short($0, 4096) : nil }
        return (id, details, host?["CgroupParent"]?.text.flatMap { $0.isEmpty ? nil : $0 })
    }

    /// An object of `/events`.
    ///
    /// - Returns: The container that it is about, and whether that is no more.
    static func event(_ json: JSONText) -> (id: String, isEnd: Bool)? {
        guard let id = (json["Actor"]?["ID"] ?? json["id"])?.string, Container.isID(id) else { return nil }
        let action = json["Action"]?.string
        return (id, action == "destroy" || action == "remove")
    }

    /// How an engine places containers among the cgroups, from `/info`.
    struct Placement: Equatable, Sendable {
        var isSystemd: Bool
        var isPodman: Bool
        var isRootless: Bool

        init?(_ json: JSONText) {
            guard let driver = json["CgroupDriver"]?.string, driver == "systemd" || driver == "cgroupfs" else {
                return nil
            }
            isSystemd = driver == "systemd"
            isPodman = json["BuildahVersion"] != nil
            let options = json["SecurityOptions"]?.elements.compactMap(\.string) ?? []
            isRootless = json["Rootless"]?.boolean ?? options.contains("name=rootless")
        }

        /// The path of a container's cgroup.
        ///
        /// - Parameter parent: As the user wrote it.
        /// - Returns: `nil` where it depends on who runs the engine.
        func path(of id: String, parent: String?) -> String? {
            let name = isPodman ? "libpod-\(id)" : "docker-\(id)"
            guard isSystemd else {
                let parent = parent ?? (isPodman ? "/libpod_parent" : "/docker")
                let last = isPodman ? name : id
                return "/\(parent.drop { $0 == "/" })/\(last)"
            }
            guard !isRootless else { return nil }
            // my-slice.slice is in my.slice.
            var slice = parent ?? (isPodman ? "machine.slice" : "system.slice")
            guard slice.hasSuffix(".slice") else { return nil }
            if let last = slice.split(separator: "/").last { slice = String(last) }
            var path = ""
            var prefix = ""
            for part in slice.dropLast(".slice".count).split(separator: "-", omittingEmptySubsequences: false) {
                prefix += prefix.isEmpty ? part : "-\(part)"
                path += "/\(prefix).slice"
            }
            return "\(path)/\(name).scope"
        }
    }

    private static func name(_ text: String) -> String? {
        let name = text.hasPrefix("/") ? String(text.dropFirst()) : text
        return name.isEmpty ? nil : name
    }

    private static func state(_ word: String) -> ContainerDetails.State? {
        switch word {
        case "configured", "initialized": .created
        case "stopped": .exited
        case "stopping": .running
        default: ContainerDetails.State(rawValue: word)
        }
    }

    private static func network(_ mode: String) -> ContainerDetails.Network? {
        if mode == "host" { return .host }
        // A namespace that somebody else made, and nobody knows of which process.
        if mode.isEmpty || mode.hasPrefix("ns:") { return nil }
        guard mode.hasPrefix("container:") else { return .own }
        let id = String(mode.dropFirst("container:".count))
        return Container.isID(id) ? .container(id) : nil
    }

    /// Cut at a character's edge, so that nobody fills the memory with names.
    fileprivate static func short(_ text: String, _ limit: Int = Labels.maximumValueLength) -> String {
        text.utf8.count <= limit ? text : String(decoding: text.utf8.prefix(limit), as: UTF8.self)
    }
}

extension ContainerDetails {
    /// The most labels that are kept of a container.
    static let maximumLabels = 64

    /// Keeps the labels that are wanted, and those that tell of the pod.
    fileprivate mutating func take(labels json: JSONText?, _ settings: ContainersTarget.Settings) {
        let takesAll = settings.labels.contains("*")
        var pod: [String: String] = [:]
        for (key, value) in json?.members ?? [] {
            if key.hasPrefix("io.kubernetes.") { pod[key] = value.text }
            guard takesAll || settings.labels.contains(key), labels.count < Self.maximumLabels,
                key.utf8.count <= Labels.maximumValueLength
            else { continue }
            labels[key] = value.text
        }
        guard let namespace = pod["io.kubernetes.pod.namespace"], let name = pod["io.kubernetes.pod.name"] else {
            return
        }
        // What a sandbox's container is called is the runtime's own affair.
        let isSandbox = pod["io.kubernetes.docker.type"] == "podsandbox"
        let container = pod["io.kubernetes.container.name"] ?? ""
        self.pod = Pod(namespace: namespace, pod: name, container: isSandbox || container == "POD" ? "" : container)
    }
}

extension JSONText {
    /// A string that is worth keeping, cut where it is too long.
    fileprivate var text: String? { string.map { RuntimeAnswers.short($0) } }

    fileprivate var integer: Int? { isInteger ? number.flatMap { Int(exactly: $0) } : nil }

    fileprivate var count: Int? { integer.flatMap { $0 >= 0 ? $0 : nil } }
}
