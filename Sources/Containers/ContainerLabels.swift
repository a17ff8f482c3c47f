/// What a container or a pod is known by on the page.
enum ContainerLabels {
    /// The most container labels that one container may have on the page: those that come first by their keys.
    static let maximumCount = 64
    /// The longest key in bytes; a label with a longer one is left out, since two that are cut could be the same.
    static let maximumKeyLength = 256

    /// The labels of a container.
    ///
    /// - Parameters:
    ///   - id: The path of its cgroup.
    ///   - container: What that path tells.
    ///   - details: What its runtime tells, where somebody was found who knows it.
    static func pairs(
        id: String, container: Container, details: ContainerDetails?, settings: ContainersTarget.Settings
    ) -> [(String, String)] {
        let name = details?.name.flatMap { $0.isEmpty ? nil : $0 } ?? container.name
        var pairs = [("id", id), ("name", name)]
        if let image = details?.image, !image.isEmpty { pairs.append(("image", image)) }
        if let pod = details?.pod {
            pairs += Self.pairs(of: pod)
        } else if settings.hasContainerLabel, container.podUID == nil {
            pairs.append(("container", name))
        }
        if let labels = details?.labels, !labels.isEmpty { pairs += Self.pairs(of: labels) }
        return pairs
    }

    /// The labels of a pod's own cgroup, which holds what all of its containers use: neither `name` nor `image` nor
    /// `container`, by which rules and panels select what they add up.
    ///
    /// - Parameters:
    ///   - id: The path of its cgroup.
    ///   - pod: Where it belongs, where that is known.
    static func pairs(id: String, pod: ContainerDetails.Pod?) -> [(String, String)] {
        [("id", id)] + (pod.map { [("namespace", $0.namespace), ("pod", $0.pod)] } ?? [])
    }

    /// As the kubelet has them with containerd; a sandbox has no `container`, where dockershim's and CRI-O's had `POD`.
    private static func pairs(of pod: ContainerDetails.Pod) -> [(String, String)] {
        var pairs = [("namespace", pod.namespace), ("pod", pod.pod)]
        if !pod.container.isEmpty { pairs.append(("container", pod.container)) }
        return pairs
    }

    /// Every character but letters, digits and `_` becomes `_`, as with cAdvisor. Of several keys that are one then the
    /// first by its bytes wins, at every scrape (with cAdvisor any of them, each time anew).
    private static func pairs(of labels: [String: String]) -> [(String, String)] {
        var pairs: [(String, String)] = []
        var names: Set<String> = []
        for key in labels.keys.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            guard pairs.count < maximumCount else { break }
            guard let value = labels[key], key.utf8.count <= maximumKeyLength else { continue }
            let name = "container_label_" + String(key.unicodeScalars.map { isLegal($0) ? Character($0) : "_" })
            if names.insert(name).inserted { pairs.append((name, value)) }
        }
        return pairs
    }

    private static func isLegal(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_": true
        default: false
        }
    }
}

extension ContainersTarget.Settings {
    /// Whether a container's label of that key becomes one of its series'.
    func allowsLabel(_ key: String) -> Bool { labels.contains { $0 == key || $0 == "*" } }
}

extension ContainerDetails.Pod {
    /// Where a container belongs, by the labels that dockershim, cri-dockerd and CRI-O give it.
    ///
    /// - Parameter label: The value of a label by its key.
    /// - Returns: `nil` where they say nothing.
    init?(labels label: (String) -> String?) {
        guard let namespace = label("io.kubernetes.pod.namespace"), let pod = label("io.kubernetes.pod.name") else {
            return nil
        }
        let name = label("io.kubernetes.container.name") ?? ""
        self.init(namespace: namespace, pod: pod, container: name == "POD" ? "" : name)
    }

    /// Where a container belongs, by the name that the same give it, in none of whose parts there can be a `_`:
    /// `k8s_<container>_<pod>_<namespace>_<uid>_<attempt>`.
    ///
    /// - Returns: `nil` for every other name.
    init?(runtimeName name: String) {
        let parts = name.split(separator: "_", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 6, parts[0] == "k8s", !parts.contains("") else { return nil }
        self.init(namespace: parts[3], pod: parts[2], container: parts[1] == "POD" ? "" : parts[1])
    }
}
