/// The names that the kubelet gives to logs, which everybody may list: a link
/// `/var/log/containers/<pod>_<namespace>_<container>-<id>.log` for each container but sandboxes, and a directory
/// `/var/log/pods/<namespace>_<pod>_<uid>` for each pod.
struct KubernetesLogs {
    /// The most names of a directory that are looked at; a node has at most a few hundred pods.
    static let maximumCount = 20_000

    /// A directory, with what its names tell by id or uid.
    private struct Listing {
        let path: String
        let read: @Sendable (String) -> (key: String, pod: ContainerDetails.Pod)?
        var stamp: RegularFile.Stamp?
        var pods: [String: ContainerDetails.Pod] = [:]

        /// What is not known is looked for again where the directory has changed.
        mutating func pod(_ key: String) -> ContainerDetails.Pod? {
            if let pod = pods[key] { return pod }
            let stamp = RegularFile.Stamp(path)
            guard stamp != self.stamp else { return nil }
            self.stamp = stamp
            let names = (try? Directory.names(in: path)) ?? []
            pods = Dictionary(names.prefix(maximumCount).compactMap(read).map { ($0.key, $0.pod) }) { first, _ in first
            }
            return pods[key]
        }
    }

    private var containers: [Listing]
    private var pods: [Listing]

    /// The directories that are listed.
    var paths: [String] { (containers + pods).map(\.path) }

    /// - Parameter roots: Where root directories of hosts may be.
    init(roots: [String]) {
        containers = roots.map { Listing(path: "\($0)/var/log/containers", read: Self.container) }
        pods = roots.map { Listing(path: "\($0)/var/log/pods", read: Self.pod) }
    }

    /// Where a container belongs, by its id.
    mutating func container(_ id: String) -> ContainerDetails.Pod? {
        for index in containers.indices {
            if let pod = containers[index].pod(id) { return pod }
        }
        return nil
    }

    /// What a pod is called, by its uid.
    mutating func pod(_ uid: String) -> ContainerDetails.Pod? {
        for index in pods.indices {
            if let pod = pods[index].pod(uid) { return pod }
        }
        return nil
    }

    /// Names with another number of `_` are not the kubelet's: Kubernetes allows none in what they are made of.
    private static func container(_ name: String) -> (key: String, pod: ContainerDetails.Pod)? {
        guard let stem = name.between("", ".log"), let hyphen = stem.utf8.lastIndex(of: UInt8(ascii: "-")) else {
            return nil
        }
        let parts = stem[..<hyphen].split(separator: "_", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, !parts.contains("") else { return nil }
        let id = String(stem[stem.utf8.index(after: hyphen)...])
        return (id, ContainerDetails.Pod(namespace: parts[1], pod: parts[0], container: parts[2]))
    }

    private static func pod(_ name: String) -> (key: String, pod: ContainerDetails.Pod)? {
        let parts = name.split(separator: "_", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, !parts.contains("") else { return nil }
        return (parts[2], ContainerDetails.Pod(namespace: parts[0], pod: parts[1], container: ""))
    }
}
