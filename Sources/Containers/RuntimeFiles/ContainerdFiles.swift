import Scraping

/// What containerd 1.3 and later leave of each task: `/run/containerd/io.containerd.runtime.v2.task/<namespace>/<id>/`
/// with the OCI `config.json`, whose annotations name the pod or nerdctl's container, and `init.pid`; for root alone.
///
/// Docker's, in the namespace `moby`, have no annotations.
struct ContainerdFiles {
    private static let namespaces = ["k8s.io", "default"]

    private let directories: [String]

    /// - Parameter roots: Where root directories of hosts may be.
    init(roots: [String]) {
        directories = roots.flatMap { root in
            ["/run/containerd", "/run/k3s/containerd"].map { "\(root)\($0)/io.containerd.runtime.v2.task" }
        }
    }

    /// - Parameters:
    ///   - id: The container's.
    ///   - parent: The name of what its cgroup is in, which is its namespace with the cgroupfs driver.
    /// - Returns: `nil` where there is no record, or none to be read.
    func details(of id: String, below parent: String?, settings: ContainersTarget.Settings) -> ContainerDetails? {
        let namespaces = Self.namespaces + (parent.map { Self.namespaces.contains($0) ? [] : [$0] } ?? [])
        for directory in directories {
            for namespace in namespaces {
                let path = "\(directory)/\(namespace)/\(id)"
                guard let annotations = RegularFile.json("\(path)/config.json")?["annotations"] else { continue }
                var details = Self.details(annotations, settings: settings)
                details.processID = RegularFile.processID("\(path)/init.pid")
                return details
            }
        }
        return nil
    }

    private static func details(_ annotations: JSONText, settings: ContainersTarget.Settings) -> ContainerDetails {
        var details = ContainerDetails()
        if let namespace = annotations["io.kubernetes.cri.sandbox-namespace"]?.string,
            let pod = annotations["io.kubernetes.cri.sandbox-name"]?.string
        {
            let isSandbox = annotations["io.kubernetes.cri.container-type"]?.string == "sandbox"
            let name = isSandbox ? nil : annotations["io.kubernetes.cri.container-name"]?.string
            details.pod = ContainerDetails.Pod(namespace: namespace, pod: pod, container: name ?? "")
        }
        details.name = annotations["nerdctl/name"]?.string
        details.image = annotations["io.kubernetes.cri.image-name"]?.string
        // nerdctl and ctr repeat a container's labels here.
        for (key, value) in annotations.members
        where settings.allowsLabel(key) && !key.hasPrefix("io.kubernetes.cri.") {
            if let text = value.string { details.labels[key] = details.labels[key] ?? text }
        }
        return details
    }
}
